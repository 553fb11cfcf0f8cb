// Package commands holds the commands of the sandbox.
package commands

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubefederation/federation-apiserver/test/env/binaries"
	"github.com/kubefederation/federation-apiserver/test/env/filelock"
)

// New returns the root command.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:           "sandbox",
		Short:         "Federations of real control planes on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newBuild(), newUp(), newDown(), newRun())
	return root
}

// location is where the sandbox of a checkout lives.
type location struct {
	repository binaries.Repository
	// dir is the sandbox itself; nothing of it is left after "down".
	dir string
}

func locate() (location, error) {
	repository, err := binaries.FindRepository()
	if err != nil {
		return location{}, err
	}
	return location{repository: repository, dir: repository.Path(".sandbox")}, nil
}

// lock keeps two runs of "up" or "down" apart. It lies outside of the sandbox, which "down" removes.
func (l location) lock(ctx context.Context) (*filelock.Lock, error) {
	return filelock.Acquire(ctx, l.repository.Path(".cache", "sandbox.lock"), func() {
		fmt.Fprintln(os.Stderr, "waiting for another run of the sandbox in this checkout")
	})
}

// parseMembers reads a number of members or a list of their names.
func parseMembers(text string) ([]string, error) {
	if count, err := strconv.Atoi(text); err == nil {
		if count < 0 || count > maxMembers {
			return nil, fmt.Errorf("members: %d is not between 0 and %d", count, maxMembers)
		}
		names := make([]string, count)
		for i := range names {
			names[i] = "cluster" + strconv.Itoa(i+1)
		}
		return names, nil
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return names, nil
}

// maxMembers is far beyond what one machine carries.
const maxMembers = 100
