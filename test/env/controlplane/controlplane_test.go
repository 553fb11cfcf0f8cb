package controlplane

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestConfig(dir string) Config {
	return Config{Name: "one", Dir: filepath.Join(dir, "one"), LogDir: dir, Binaries: "/binaries", Port: 4711}
}

func TestWriteMakesEveryFileThatTheProcessesName(t *testing.T) {
	config := newTestConfig(t.TempDir())
	config.Nodes = []Node{{Name: "node"}}
	extra := filepath.Join(config.Dir, "extra.kubeconfig")
	config.Users = []User{{Name: "extra", Kubeconfig: extra}}
	c := New(config)
	require.NoError(t, c.Write())
	assert.FileExists(t, extra)
	info, err := os.Stat(config.Dir)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())

	for _, spec := range c.Specs() {
		require.NoError(t, spec.Validate())
		assert.DirExists(t, spec.Dir)
		for _, arg := range spec.Args {
			_, value, _ := strings.Cut(arg, "=")
			if strings.HasPrefix(value, config.Dir) && filepath.Ext(value) != "" && filepath.Ext(value) != ".log" {
				assert.FileExists(t, value, arg)
			}
		}
	}
}

func TestWithoutNodesThereIsNothingToSchedule(t *testing.T) {
	config := newTestConfig(t.TempDir())
	assert.Equal(t, []string{"one-etcd", "one-kube-apiserver", "one-kube-controller-manager"}, New(config).Processes())
	config.Nodes = []Node{{Name: "node"}}
	assert.Equal(t, []string{"one-etcd", "one-kube-apiserver", "one-kube-controller-manager", "one-kube-scheduler", "one-kwok"}, New(config).Processes())
}

func TestADirectoryTooDeepForASocketIsRefused(t *testing.T) {
	config := newTestConfig("/" + strings.Repeat("deep/", 30))
	assert.ErrorContains(t, New(config).Write(), "shorter path")
}
