// Package progress tells what a command does: on a terminal what is under way
// is shown and then replaced by what was done, elsewhere there is one plain line
// for each thing done.
package progress

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// Reporter writes progress.
type Reporter struct {
	out      io.Writer
	terminal bool
	// green and yellow are what goes before a mark; plain is what goes after it.
	green, yellow, plain string
	pending              bool
}

// New returns a reporter on out.
func New(out io.Writer) *Reporter {
	file, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return &Reporter{out: out}
	}
	return onTerminal(out, os.Getenv("NO_COLOR") == "")
}

func onTerminal(out io.Writer, color bool) *Reporter {
	r := &Reporter{out: out, terminal: true}
	if color {
		r.green, r.yellow, r.plain = "\x1b[32m", "\x1b[33m", "\x1b[0m"
	}
	return r
}

// clear is what puts the cursor back to an empty line.
const clear = "\r\x1b[K"

// Doing says what is under way.
func (r *Reporter) Doing(format string, args ...any) {
	if !r.terminal {
		return
	}
	fmt.Fprintf(r.out, clear+"  "+format+" ...", args...)
	r.pending = true
}

// Done says what was done.
func (r *Reporter) Done(format string, args ...any) {
	if !r.terminal {
		fmt.Fprintf(r.out, format+"\n", args...)
		return
	}
	fmt.Fprintf(r.out, clear+r.green+"✓"+r.plain+" "+format+"\n", args...)
	r.pending = false
}

// Note says what was left, or what is to be known.
func (r *Reporter) Note(format string, args ...any) {
	if !r.terminal {
		fmt.Fprintf(r.out, format+"\n", args...)
		return
	}
	fmt.Fprintf(r.out, clear+r.yellow+"!"+r.plain+" "+format+"\n", args...)
	r.pending = false
}

// Close takes away what was shown as under way, as before an error message.
func (r *Reporter) Close() {
	if r.pending {
		fmt.Fprint(r.out, clear)
		r.pending = false
	}
}
