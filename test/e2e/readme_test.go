package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/test/env/binaries"
)

// TestReadmeWorks runs the commands of the README's first five minutes, on the example that "make up" leaves.
func TestReadmeWorks(t *testing.T) {
	f := setup(t)
	f.quiet()
	repository, err := binaries.FindRepository()
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			f.dump("hello")
		}
		f.kubectlAfter("delete", "namespace", "hello", "--ignore-not-found", "--wait=false")
		f.kubectlAfter("label", "kubefedclusters", "-n", "kube-federation-system", cluster3, "tier-")
		f.kubectlAfter("delete", "federatedtypeconfig", "-n", "kube-federation-system", "cronjobs.batch", "--ignore-not-found")
	})
	f.kubectl("apply", "-f", repository.Path("hack", "sandbox", "example"))
	f.awaitReady(federatedDeployments, "hello", "hello")

	commands := readmeCommands(t, repository.Path("README.md"))
	require.Greater(t, len(commands), 10, "the README has commands to try")
	for _, command := range commands {
		t.Log("$ " + command)
		if strings.HasSuffix(command, "# is refused") {
			r := f.run("", "sh", "-c", command)
			assert.Error(t, r.err, r.stdout)
			continue
		}
		// What one command begins may take a moment that a person takes to type the next.
		f.eventually(command, func() error {
			if r := f.run("", "sh", "-c", command); r.err != nil {
				return fmt.Errorf("%w: %s%s", r.err, r.stdout, r.stderr)
			}
			return nil
		})
	}
	for _, cluster := range []string{cluster1, cluster2, cluster3} {
		f.awaitGone(cluster, namespaces, "", "hello")
	}
}

// readmeCommands returns the commands of the section for kubectl, each with its here-document.
func readmeCommands(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Clean(path))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(data), "\n## The first five minutes\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var commands []string
	for _, block := range regexp.MustCompile("(?s)\n```\n(.*?)```\n").FindAllStringSubmatch(section, -1) {
		document := ""
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSuffix(line, "\n")
			if document != "" {
				commands[len(commands)-1] += "\n" + line
				if line == document {
					document = ""
				}
				continue
			}
			if !strings.HasPrefix(line, "kubectl ") {
				continue // the sandbox and the shell: the test has its own
			}
			commands = append(commands, line)
			_, document, _ = strings.Cut(line, "<<")
		}
		require.Empty(t, document, "a here-document has no end")
	}
	return commands
}
