package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// peakMemory is the most resident memory that a process has had: VmHWM of
// proc_pid_status(5).
func peakMemory(pid int) (int64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	_, after, _ := bytes.Cut(data, []byte("VmHWM:"))
	fields := bytes.Fields(after)
	if len(fields) < 2 {
		return 0, fmt.Errorf("read the memory of a process: no VmHWM in its status")
	}
	kib, err := strconv.ParseInt(string(fields[0]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	return kib << 10, nil
}

// ticksPerSecond is the unit of times in /proc on Linux.
const ticksPerSecond = 100

// cpuTime is what a process has used so far: fields 14 and 15 of proc_pid_stat(5).
func cpuTime(pid int) (time.Duration, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, fmt.Errorf("read the times of a process: %w", err)
	}
	// The name of the program may have spaces; the fields after it begin with the third.
	fields := bytes.Fields(data[bytes.LastIndexByte(data, ')')+1:])
	return sum(fields[11:13])
}

// machineIdle is what the machine's processors have idled so far, added up, waiting
// for disks included: fields 4 and 5 of the first line of proc_stat(5).
func machineIdle() (time.Duration, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("read the times of the machine: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 6 {
		return 0, fmt.Errorf("read the times of the machine: no idle time in %q", line)
	}
	return sum(fields[4:6])
}

// sum adds up times in ticks.
func sum(fields [][]byte) (time.Duration, error) {
	var ticks int64
	for _, field := range fields {
		n, err := strconv.ParseInt(string(field), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read times in /proc: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}
