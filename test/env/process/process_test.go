package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	text := func(command, state, threads, ticks string) string {
		return "12 (" + command + ") " + state + " 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 " + threads + " 0 " + ticks + " 1000 10"
	}
	for name, test := range map[string]struct {
		text  string
		want  stat
		ended bool
	}{
		"plain":                    {text: text("etcd", "S", "9", "4711"), want: stat{state: 'S', threads: 9, startTicks: 4711}},
		"command with brackets":    {text: text("a) R (b) c", "T", "1", "4711"), want: stat{state: 'T', threads: 1, startTicks: 4711}},
		"zombie":                   {text: text("etcd", "Z", "1", "4711"), want: stat{state: 'Z', threads: 1, startTicks: 4711}, ended: true},
		"zombie with live threads": {text: text("etcd", "Z", "3", "4711"), want: stat{state: 'Z', threads: 3, startTicks: 4711}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(test.text))
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.ended, got.ended())
		})
	}
	for name, malformed := range map[string]string{
		"short":                   "12 (etcd) S 1 2",
		"no command":              "12 etcd S 1 1",
		"start time not a number": text("etcd", "S", "9", "x"),
		"threads not a number":    text("etcd", "S", "x", "4711"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseStat([]byte(malformed))
			assert.Error(t, err)
		})
	}
}

func TestIdentityIsNotFooledByAnotherProcessOfTheSameID(t *testing.T) {
	self, err := Identify(os.Getpid())
	require.NoError(t, err)
	assert.True(t, self.Alive())

	older := self
	older.StartTicks--
	assert.False(t, older.Alive())
	require.ErrorIs(t, older.signal(os.Kill), errNoProcess, "must not reach the test itself")

	otherBoot := self
	otherBoot.BootID = "another"
	assert.False(t, otherBoot.Alive())
}

func sleeper(t *testing.T, dir, name string) Spec {
	t.Helper()
	path, err := exec.LookPath("sleep")
	require.NoError(t, err)
	return Spec{Name: name, Path: path, Args: []string{"300"}, Log: filepath.Join(dir, name+".log")}
}

func processState(t *testing.T, pid int) byte {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	require.NoError(t, err)
	parsed, err := parseStat(data)
	require.NoError(t, err)
	return parsed.state
}

func TestSupervisorLifecycle(t *testing.T) {
	for name, lifetime := range map[string]Lifetime{"bound": Bound, "detached": Detached} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			dir := t.TempDir()
			stateFile := filepath.Join(dir, "processes.json")
			s, err := NewSupervisor(stateFile, lifetime)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, s.KillAll(context.Background())) })

			require.NoError(t, s.Define(sleeper(t, dir, "one")))
			require.Error(t, s.Check("one"), "defined is not started")
			require.NoError(t, s.Start(ctx, "one"))
			require.NoError(t, s.Check("one"))
			first, err := s.lookup("one")
			require.NoError(t, err)
			require.NoError(t, s.Start(ctx, "one"))
			again, err := s.lookup("one")
			require.NoError(t, err)
			assert.Equal(t, first.Identity, again.Identity, "a running process is left alone")

			require.NoError(t, s.Freeze(ctx, "one"))
			assert.Eventually(t, func() bool { return processState(t, first.Identity.PID) == 'T' }, 5*time.Second, pollInterval)
			require.NoError(t, s.Thaw(ctx, "one"))
			assert.Eventually(t, func() bool { return processState(t, first.Identity.PID) == 'S' }, 5*time.Second, pollInterval)

			// Someone else reads the state file and ends the process, even a frozen one.
			require.NoError(t, s.Freeze(ctx, "one"))
			other, err := NewSupervisor(stateFile, Detached)
			require.NoError(t, err)
			assert.Equal(t, []string{"one"}, other.Names())
			require.NoError(t, other.Stop(ctx, "one"))
			require.Error(t, s.Check("one"))
			require.NoError(t, s.Stop(ctx, "one"), "ending what has ended is no error")
			require.Error(t, s.Freeze(ctx, "one"))

			require.NoError(t, s.Start(ctx, "one"))
			require.NoError(t, s.Kill(ctx, "one"))
			assert.Error(t, s.Check("one"))
		})
	}
}

func TestCheckShowsTheLastWordsOfAProcess(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s, err := NewSupervisor(filepath.Join(dir, "processes.json"), Bound)
	require.NoError(t, err)
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	spec := Spec{Name: "talker", Path: shell, Args: []string{"-c", "echo first; echo flag provided but not defined; exit 2"}, Log: filepath.Join(dir, "talker.log")}
	require.NoError(t, s.Define(spec))
	if err := s.Start(ctx, "talker"); err == nil {
		require.Eventually(t, func() bool { return s.Check("talker") != nil }, 10*time.Second, pollInterval)
	}
	var exit *ExitError
	require.Eventually(t, func() bool {
		return assert.ErrorAs(t, s.Check("talker"), &exit) && strings.Contains(exit.Tail, "not defined")
	}, 10*time.Second, pollInterval)
	assert.Contains(t, exit.Error(), "process talker ended")
	assert.Contains(t, exit.Error(), "first\nflag provided but not defined")
	require.NoError(t, s.KillAll(ctx))
}

func TestSpecIsValidated(t *testing.T) {
	for _, spec := range []Spec{
		{Path: "/bin/true", Log: "/tmp/x"},
		{Name: "../x", Path: "/bin/true", Log: "/tmp/x"},
		{Name: "x", Path: "true", Log: "/tmp/x"},
		{Name: "x", Path: "/bin/true"},
	} {
		assert.Error(t, spec.Validate(), "%+v", spec)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 2*tailBytes)+"\none\ntwo\n"), 0o600))
	assert.Equal(t, "one\ntwo", Tail(path, 2))
	assert.Empty(t, Tail(path+"-missing", 2))

	require.NoError(t, os.WriteFile(path, []byte("one\npanic: no such gate\n\ngoroutine 1\nmain.main()\n"), 0o600))
	assert.Equal(t, "panic: no such gate\n", Tail(path, 2))
}
