// Package progress tells a person what a long run is doing.
package progress

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Reporter takes news of a run.
type Reporter interface {
	// Step reports something done; it stays visible.
	Step(format string, args ...any)
	// Status reports something under way; the next report replaces it.
	Status(format string, args ...any)
}

// Discard reports nothing.
var Discard Reporter = discard{}

type discard struct{}

func (discard) Step(string, ...any)   {}
func (discard) Status(string, ...any) {}

// quiet is how often a status is repeated where it cannot be replaced.
const quiet = 20 * time.Second

// Writer reports lines with the elapsed time. On a terminal a status replaces the one before; elsewhere it is a line, and
// a rare one.
type Writer struct {
	out      io.Writer
	terminal bool
	begin    time.Time

	mu      sync.Mutex
	pending bool
	spoke   time.Time
}

// NewWriter reports to out.
func NewWriter(out io.Writer) *Writer {
	now := time.Now()
	return &Writer{out: out, terminal: isTerminal(out), begin: now, spoke: now}
}

// Step prints a line.
func (w *Writer) Step(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clear()
	w.spoke = time.Now()
	w.print("%s %s\n", w.elapsed(), fmt.Sprintf(format, args...))
}

// Status prints what is going on.
func (w *Writer) Status(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if w.terminal {
		w.clear()
		w.pending = true
		w.print("%s %s ", w.elapsed(), text)
		return
	}
	if time.Since(w.spoke) < quiet {
		return
	}
	w.spoke = time.Now()
	w.print("%s ... %s\n", w.elapsed(), text)
}

func (w *Writer) clear() {
	if w.pending {
		w.pending = false
		w.print("\r\x1b[K")
	}
}

// print drops errors: a run does not fail because nobody can read of its progress.
func (w *Writer) print(format string, args ...any) {
	_, _ = fmt.Fprintf(w.out, format, args...)
}

func (w *Writer) elapsed() string {
	return fmt.Sprintf("[%4ds]", int(time.Since(w.begin).Seconds()))
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
