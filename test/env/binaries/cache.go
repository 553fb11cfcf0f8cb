package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kubefederation/federation-apiserver/test/env/filelock"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// recipe changes when the way of building does: it is part of the cache's key.
const recipe = "1"

// cached returns the folder of what is built from a tool module, and calls build with a folder to fill if the cache lacks
// it. what names it to a person.
func (r Repository) cached(ctx context.Context, module, what string, report progress.Reporter, build func(output string) error) (string, error) {
	key, err := cacheKey(ctx, module)
	if err != nil {
		return "", err
	}
	dir := r.Path(".cache", "bin", key)
	if exists(dir) {
		return dir, nil
	}
	lock, err := filelock.Acquire(ctx, dir+".lock", func() { report.Step("waiting for another build of %s", what) })
	if err != nil {
		return "", err
	}
	defer lock.Release()
	if exists(dir) {
		return dir, nil
	}
	report.Step("building %s: minutes once, then cached", what)
	// What a killed build left is of no use: go's own cache holds the expensive part.
	unfinished := dir + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return "", fmt.Errorf("build %s: %w", what, err)
	}
	if err := os.MkdirAll(unfinished, 0o755); err != nil {
		return "", fmt.Errorf("build %s: %w", what, err)
	}
	if err := build(unfinished); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return "", fmt.Errorf("build %s: %w", what, err)
	}
	report.Step("built %s", what)
	return dir, nil
}

// cacheKey changes with everything that the executables are made from.
func cacheKey(ctx context.Context, module string) (string, error) {
	hash := sha256.New()
	hash.Write([]byte(recipe + "\n"))
	files := []string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")}
	// Most modules only name what others wrote; some have a program of their own.
	sources, err := filepath.Glob(filepath.Join(module, "*.go"))
	if err != nil {
		return "", fmt.Errorf("key of the cached executables: %w", err)
	}
	for _, file := range append(files, sources...) {
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("key of the cached executables: %w", err)
		}
		hash.Write([]byte(strconv.Itoa(len(data)) + "\n"))
		hash.Write(data)
	}
	toolchain, err := goCommand(ctx, module, "env", "GOVERSION", "GOOS", "GOARCH").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version of Go: %w", withStderr(err))
	}
	hash.Write(toolchain)
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
