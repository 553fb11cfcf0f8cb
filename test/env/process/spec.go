package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Spec says how to start a process.
type Spec struct {
	// Name is unique in an environment; the log file carries it too.
	Name string   `json:"name"`
	Path string   `json:"path"`
	Args []string `json:"args,omitempty"`
	// Env is added to the environment of the process that starts it.
	Env []string `json:"env,omitempty"`
	Dir string   `json:"dir,omitempty"`
	// Log takes both output streams; a restart appends.
	Log string `json:"log"`
}

// Validate says what is missing.
func (s Spec) Validate() error {
	switch {
	case s.Name == "" || strings.ContainsAny(s.Name, "/\\ "):
		return fmt.Errorf("invalid process name %q", s.Name)
	case !filepath.IsAbs(s.Path):
		return fmt.Errorf("process %s: path %q is not absolute", s.Name, s.Path)
	case !filepath.IsAbs(s.Log):
		return fmt.Errorf("process %s: log %q is not absolute", s.Name, s.Log)
	}
	return nil
}

// ExitError says that a process that should run does not, and shows what it last said.
type ExitError struct {
	Name string
	Log  string
	Tail string
}

// Error names the process, its log and the log's last lines.
func (e *ExitError) Error() string {
	if e.Tail == "" {
		return fmt.Sprintf("process %s ended without a word (log %s)", e.Name, e.Log)
	}
	return fmt.Sprintf("process %s ended; the last lines of %s:\n%s", e.Name, e.Log, e.Tail)
}

// tailBytes bounds how much of a log is read for its last lines.
const tailBytes = 16 << 10

// Tail returns the last lines of a file, or the first ones of a crash at its end, or nothing if it cannot be read: it serves error messages only.
func Tail(path string, lines int) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil && info.Size() > tailBytes {
		if _, err := file.Seek(-tailBytes, io.SeekEnd); err != nil {
			return ""
		}
	}
	data, err := io.ReadAll(io.LimitReader(file, tailBytes))
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	// Of a crash the first lines say what happened; the stacks after them may be long.
	if crash := slices.IndexFunc(all, isCrash); crash >= 0 && len(all)-crash > lines {
		return strings.Join(all[crash:crash+lines], "\n")
	}
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	return strings.Join(all, "\n")
}

func isCrash(line string) bool {
	return strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
}
