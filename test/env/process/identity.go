// Package process runs the processes of a test environment and knows them again: each one is recorded with its id, its
// start time and the machine's boot, so that whoever ends it later, in another process or after a crash, never signals a
// stranger that was given the same id.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Identity tells one process from every other that this machine has run or will run.
type Identity struct {
	PID int `json:"pid"`
	// StartTicks is the start time in clock ticks since boot, field 22 of /proc/<pid>/stat.
	StartTicks uint64 `json:"startTicks"`
	BootID     string `json:"bootID"`
}

// errNoProcess says that no live process has the id.
var errNoProcess = errors.New("no such process")

// Identify reads the identity of a live process. A zombie is not alive: it holds an id but nothing else.
func Identify(pid int) (Identity, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Identity{}, fmt.Errorf("process %d: %w", pid, errNoProcess)
	}
	stat, err := parseStat(data)
	if err != nil {
		return Identity{}, fmt.Errorf("process %d: %w", pid, err)
	}
	if stat.ended() {
		return Identity{}, fmt.Errorf("process %d: %w", pid, errNoProcess)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, fmt.Errorf("read the boot id: %w", err)
	}
	return Identity{PID: pid, StartTicks: stat.startTicks, BootID: strings.TrimSpace(string(boot))}, nil
}

// Alive says whether this very process still runs.
func (i Identity) Alive() bool {
	current, err := Identify(i.PID)
	return err == nil && current == i
}

// signal delivers a signal to this very process. Between the check and the signal the process handle is held, so the id
// cannot pass to another process in between.
func (i Identity) signal(signal os.Signal) error {
	handle, err := os.FindProcess(i.PID)
	if err != nil {
		return fmt.Errorf("process %d: %w", i.PID, errNoProcess)
	}
	defer func() { _ = handle.Release() }()
	if !i.Alive() {
		return fmt.Errorf("process %d: %w", i.PID, errNoProcess)
	}
	if err := handle.Signal(signal); err != nil {
		if errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("process %d: %w", i.PID, errNoProcess)
		}
		return fmt.Errorf("signal process %d: %w", i.PID, err)
	}
	return nil
}

// stat is what is of interest in /proc/<pid>/stat.
type stat struct {
	state      byte
	threads    uint64
	startTicks uint64
}

// ended says that nothing of the process is left but its id. While the first thread is a zombie others may still be
// dying, and the ports they listen on are not free before the last is gone.
func (s stat) ended() bool {
	return (s.state == 'Z' || s.state == 'X') && s.threads <= 1
}

// parseStat reads the text of /proc/<pid>/stat. The second field is the command in parentheses and may itself hold spaces
// and parentheses, so fields are counted from the last closing one.
func parseStat(data []byte) (stat, error) {
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("malformed stat %q", data)
	}
	fields := strings.Fields(string(data[end+1:]))
	// proc(5) numbers them 3, 20 and 22.
	const stateField, threadsField, startField = 0, 17, 19
	if len(fields) <= startField {
		return stat{}, fmt.Errorf("malformed stat %q", data)
	}
	threads, err := strconv.ParseUint(fields[threadsField], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("malformed stat %q: %w", data, err)
	}
	startTicks, err := strconv.ParseUint(fields[startField], 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("malformed stat %q: %w", data, err)
	}
	return stat{state: fields[stateField][0], threads: threads, startTicks: startTicks}, nil
}
