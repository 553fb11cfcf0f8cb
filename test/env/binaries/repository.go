package binaries

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const modulePath = "github.com/kubefederation/federation-apiserver"

// Repository is the root folder of this project's source.
type Repository string

// FindRepository looks for the project's root from the working directory upwards: tests run in their package's folder.
func FindRepository() (Repository, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the working directory: %w", err)
	}
	for {
		data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && declares(string(data), modulePath) {
			return Repository(dir), nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("look for the repository: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("not inside a checkout of %s", modulePath)
		}
		dir = parent
	}
}

// Path joins elements to the root.
func (r Repository) Path(elements ...string) string {
	return filepath.Join(append([]string{string(r)}, elements...)...)
}

func declares(goMod, module string) bool {
	for line := range strings.Lines(goMod) {
		if strings.TrimSpace(line) == "module "+module {
			return true
		}
	}
	return false
}
