package process

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// spawn starts the process and returns its id.
func (s *Supervisor) spawn(spec Spec) (int, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	command := exec.Command(spec.Path, spec.Args...)
	command.Env = append(os.Environ(), spec.Env...)
	command.Dir = spec.Dir
	command.Stdout = log
	command.Stderr = log
	if s.lifetime == Detached {
		command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	} else {
		// A group of its own keeps an interrupt typed at the terminal from reaching it before its owner ends it in order.
		command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	}
	started := make(chan error, 1)
	s.children.Add(1)
	go func() {
		defer s.children.Done()
		// The kernel sends the death signal when the thread that started the process ends, not the whole program: the
		// thread has to stay for as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			// How it ended shows in its log and in the state; the wait is for the kernel to let go of it.
			_ = command.Wait()
		}
	}()
	if err := <-started; err != nil {
		return 0, err
	}
	return command.Process.Pid, nil
}
