package server

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubefederation/federation-apiserver/test/env"
)

func TestHelpDocumentsEveryFlag(t *testing.T) {
	help, _, err := run(t, "--help")
	require.NoError(t, err)
	for _, group := range []string{"Federation", "Embedded etcd", "Etcd", "Secure serving", "Authentication", "Authorization", "Auditing", "Features", "Host cluster", "Admission", "Traces", "Logs", "Generic", "Global"} {
		assert.Contains(t, help, "\n"+group+" flags:\n")
	}
	flag := regexp.MustCompile(`(?m)^\s+(?:-\w, |    )--([a-z0-9-]+)(.*)$`)
	var names []string
	for _, found := range flag.FindAllStringSubmatch(help, -1) {
		names = append(names, found[1])
		assert.Regexp(t, `\s{3}\S`, found[2], "--%s is not described", found[1])
	}
	for _, name := range []string{"data-dir", "etcd-servers", "kubeconfig", "audit-policy-file", "audit-webhook-config-file", "tls-cert-file", "feature-gates", "kubefed-namespace", "shutdown-watch-termination-grace-period", "tracing-config-file"} {
		assert.Contains(t, names, name)
	}

	version, _, err := run(t, "--version")
	require.NoError(t, err)
	assert.Regexp(t, `^federation-apiserver \S+.* \(go1\..*, linux/\w+\)\n$`, version)
}

func TestWrongFlagsAreNamed(t *testing.T) {
	kubeconfig := "--kubeconfig=" + hostKubeconfig(env.Shared(t))
	dir := t.TempDir()
	rubbish := filepath.Join(dir, "rubbish")
	require.NoError(t, os.WriteFile(rubbish, []byte("{{{"), 0o600))
	data := "--data-dir=" + filepath.Join(dir, "data")
	for _, test := range []struct {
		name string
		args []string
		says []string
	}{
		{"unknown flag", []string{"--no-such-flag"}, []string{"--no-such-flag"}},
		{"argument", []string{"serve"}, []string{`"serve"`}},
		{"no kubeconfig", []string{data}, []string{"--kubeconfig"}},
		{"missing kubeconfig", []string{data, "--kubeconfig=/no/such/file"}, []string{"--kubeconfig", "/no/such/file"}},
		{"kubeconfig that is none", []string{data, "--kubeconfig=" + rubbish}, []string{"--kubeconfig", rubbish}},
		{"missing certificate", []string{data, kubeconfig, "--tls-cert-file=/no/cert", "--tls-private-key-file=/no/key"}, []string{"--tls-cert-file", "--tls-private-key-file"}},
		{"missing audit policy", []string{data, kubeconfig, "--audit-policy-file=/no/policy"}, []string{"--audit-policy-file"}},
		{"missing client CA", []string{data, kubeconfig, "--client-ca-file=/no/ca"}, []string{"--client-ca-file"}},
		{"missing encryption configuration", []string{data, kubeconfig, "--encryption-provider-config=/no/config"}, []string{"--encryption-provider-config"}},
		{"etcd certificate without a key", []string{kubeconfig, "--etcd-servers=https://127.0.0.1:1", "--etcd-certfile=" + rubbish}, []string{"--etcd-certfile", "--etcd-keyfile"}},
		{"port zero", []string{data, kubeconfig, "--secure-port=0"}, []string{"--secure-port"}},
		{"port out of range", []string{data, kubeconfig, "--secure-port=99999"}, []string{"--secure-port"}},
		{"port that is a word", []string{"--secure-port=https"}, []string{"--secure-port"}},
		{"namespace that is no name", []string{data, kubeconfig, "--kubefed-namespace=A_B"}, []string{"--kubefed-namespace", "A_B"}},
		{"negative quota", []string{data, kubeconfig, "--embedded-etcd-quota-bytes=-1"}, []string{"--embedded-etcd-quota-bytes"}},
		{"unknown gate", []string{data, kubeconfig, "--feature-gates=NoSuchGate=true"}, []string{"--feature-gates", "NoSuchGate"}},
		{"unknown log format", []string{data, kubeconfig, "--logging-format=xml"}, []string{"logging-format", "xml"}},
		{"unknown plugin", []string{data, kubeconfig, "--enable-admission-plugins=NoSuch"}, []string{"enable-admission-plugins", "NoSuch"}},
		{"data directory too deep for a socket", []string{kubeconfig, "--data-dir=" + filepath.Join(dir, strings.Repeat("d", 100))}, []string{"data directory", "at most"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, stderr, err := run(t, test.args...)
			require.Error(t, err, stderr)
			for _, text := range test.says {
				assert.Contains(t, stderr, text)
			}
			assert.NotContains(t, stderr, "goroutine", "no panic")
			assert.NotContains(t, stderr, "Usage:", "the usage does not help with a wrong value")
		})
	}
}
