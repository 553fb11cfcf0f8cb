package cli_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestKubectlFindsThePlugin runs the binary by its three names.
func TestKubectlFindsThePlugin(t *testing.T) {
	f := setup(t)
	bin := t.TempDir()
	for _, name := range []string{"kubectl-fed", "kubectl_complete-fed", "kubefedctl"} {
		require.NoError(t, os.Symlink(filepath.Join(f.Bin(), "kubectl-fed"), filepath.Join(bin, name)))
	}
	run := func(name string, args ...string) string {
		t.Helper()
		command := f.Command(f.ctx, name, args...)
		command.Env = append(command.Env, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s %v\n%s", name, args, output)
		return string(output)
	}
	require.Contains(t, run("kubectl", "fed", "render", "--help"), "\n  kubectl fed render TYPE NAME")
	require.Contains(t, run(filepath.Join(bin, "kubefedctl"), "enable", "--help"), "\n  kubefedctl enable ")
	f.eventually("the names of clusters", func() error {
		if words := run("kubectl", "__complete", "fed", "unjoin", ""); !strings.Contains(words, "cluster1\ncluster2\ncluster3\n") {
			return errors.New(words)
		}
		return nil
	})
}
