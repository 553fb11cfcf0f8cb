package binaries

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// build is one run of go build.
type build struct {
	// title names the work to a person.
	title string
	// dir is the folder of the module.
	dir string
	// env is added to the environment.
	env      []string
	flags    []string
	packages []string
	// output is a folder, or a file for a single package.
	output string
}

func (b build) run(ctx context.Context, report progress.Reporter) error {
	report.Status("%s: looking at the packages", b.title)
	list, err := b.command(ctx, append([]string{"list", "-deps"}, b.packages...)...).Output()
	if err != nil {
		return fmt.Errorf("%s: go list: %w", b.title, withStderr(err))
	}
	total := bytes.Count(list, []byte("\n"))

	args := append([]string{"build", "-v", "-buildvcs=false"}, b.flags...)
	args = append(append(args, "-o", b.output), b.packages...)
	command := b.command(ctx, args...)
	stderr, err := command.StderrPipe()
	if err != nil {
		return fmt.Errorf("%s: %w", b.title, err)
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("%s: %w", b.title, err)
	}
	compiled := 0
	var complaints []string
	for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
		line := scanner.Text()
		// With -v a lone word is a package that was compiled; everything else is for the person.
		if strings.HasPrefix(line, "go: downloading ") {
			report.Status("%s: downloading %s", b.title, strings.TrimPrefix(line, "go: downloading "))
			continue
		}
		if line != "" && !strings.ContainsAny(line, " \t:") {
			compiled++
			report.Status("%s: compiled %d packages of at most %d", b.title, compiled, total)
			continue
		}
		complaints = append(complaints, line)
	}
	if err := command.Wait(); err != nil {
		return fmt.Errorf("%s: go build: %w\n%s", b.title, err, strings.Join(complaints, "\n"))
	}
	return nil
}

func (b build) command(ctx context.Context, args ...string) *exec.Cmd {
	command := goCommand(ctx, b.dir, args...)
	command.Env = append(command.Env, b.env...)
	return command
}

// goCommand runs go without a workspace, so that each module is built as it is pinned. When the context ends so does the whole group: go starts compilers and linkers.
func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off")
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	return command
}

func withStderr(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}
