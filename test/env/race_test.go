package env

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADataRaceInALogIsFound(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	require.NoError(t, findRace(dir))
	write("host.log", "a line\nanother\n")
	require.NoError(t, findRace(dir))
	write("server.log", "a line\n==================\nWARNING: DATA RACE\nRead at 0x01 by goroutine 7:\n")
	require.EqualError(t, findRace(dir), "server.log:\nWARNING: DATA RACE\nRead at 0x01 by goroutine 7:\n")
}
