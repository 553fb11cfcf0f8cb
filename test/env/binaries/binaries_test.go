package binaries

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFindRepository(t *testing.T) {
	repository, err := FindRepository()
	require.NoError(t, err)
	assert.FileExists(t, repository.Path("test", "env", "binaries", "repository.go"))

	t.Chdir(t.TempDir())
	_, err = FindRepository()
	assert.ErrorContains(t, err, "not inside a checkout")
}

func TestCacheKeyChangesWithThePins(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("go.mod", "module x\n")
	write("go.sum", "a\n")
	first, err := cacheKey(context.Background(), dir)
	require.NoError(t, err)
	same, err := cacheKey(context.Background(), dir)
	require.NoError(t, err)
	assert.Equal(t, first, same)

	write("go.sum", "b\n")
	second, err := cacheKey(context.Background(), dir)
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
}

func TestVersionFlags(t *testing.T) {
	flags := versionFlags("v1.37.1")
	assert.Contains(t, flags, "-X k8s.io/component-base/version.gitVersion=v1.37.1")
	assert.Contains(t, flags, "-X k8s.io/client-go/pkg/version.gitMinor=37")
}
