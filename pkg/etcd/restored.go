package etcd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// markRestored leaves a note in a store that it was made from a backup.
func markRestored(store string) error {
	if err := os.WriteFile(restoredFile(store), nil, 0o600); err != nil {
		return fmt.Errorf("mark the store as restored: %w", err)
	}
	return nil
}

// WasRestored says whether the store of a data directory was made by Restore, and
// nobody has called ForgetRestored since.
func WasRestored(dataDir string) (bool, error) {
	_, err := os.Stat(restoredFile(storeDir(dataDir)))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find out whether the store was restored: %w", err)
	}
	return true, nil
}

// ForgetRestored makes the store one like others.
func ForgetRestored(dataDir string) error {
	if err := os.Remove(restoredFile(storeDir(dataDir))); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("forget that the store was restored: %w", err)
	}
	return nil
}

func restoredFile(store string) string { return filepath.Join(store, "restored") }
