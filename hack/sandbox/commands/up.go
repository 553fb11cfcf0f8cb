package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const defaultMembers = "3"

func newUp() *cobra.Command {
	var members string
	command := &cobra.Command{
		Use:   "up",
		Short: "Start a federation of real control planes and join its members",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return up(command.Context(), members, progress.NewWriter(os.Stdout))
		},
	}
	command.Flags().StringVar(&members, "members", "", "how many members, or their names separated by commas (default "+defaultMembers+")")
	return command
}

func up(ctx context.Context, members string, report progress.Reporter) error {
	place, err := locate()
	if err != nil {
		return err
	}
	lock, err := place.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Release()

	environment, err := existing(ctx, place, members, report)
	if err != nil {
		return place.explain(err)
	}
	if environment == nil {
		if environment, err = start(ctx, place, members, report); err != nil {
			return place.explain(err)
		}
		if err := showExample(ctx, place, environment, report); err != nil {
			return place.explain(err)
		}
	}
	return printNextSteps(os.Stdout, environment)
}

func start(ctx context.Context, place location, members string, report progress.Reporter) (*env.Environment, error) {
	if members == "" {
		members = defaultMembers
	}
	names, err := parseMembers(members)
	if err != nil {
		return nil, err
	}
	return env.Start(ctx, env.Options{Dir: place.dir, Members: names, Detached: true, Progress: report})
}

// existing returns the sandbox that is there already, with every process running. What a failed run left is removed.
func existing(ctx context.Context, place location, members string, report progress.Reporter) (*env.Environment, error) {
	environment, err := env.TakeOver(place.dir, report)
	switch {
	case errors.Is(err, env.ErrNoEnvironment):
		return nil, env.Remove(ctx, place.dir)
	case err != nil:
		return nil, err
	case !environment.Complete():
		report.Step("removing what an unfinished run left")
		return nil, env.Remove(ctx, place.dir)
	}
	if err := sameMembers(environment, members); err != nil {
		return nil, err
	}
	if environment.Running(ctx) == nil {
		report.Step("the sandbox is up already")
		return environment, nil
	}
	report.Step("starting again what has ended")
	return environment, environment.Resume(ctx)
}

func sameMembers(environment *env.Environment, members string) error {
	if members == "" {
		return nil
	}
	wanted, err := parseMembers(members)
	if err != nil {
		return err
	}
	if present := memberNames(environment); !slices.Equal(present, wanted) {
		return fmt.Errorf("the sandbox has the members %s, not %s: run \"make down\" first",
			strings.Join(present, ", "), strings.Join(wanted, ", "))
	}
	return nil
}

func memberNames(environment *env.Environment) []string {
	var names []string
	for _, member := range environment.Members() {
		names = append(names, member.Name())
	}
	return names
}

// explain adds where to look.
func (l location) explain(err error) error {
	return fmt.Errorf("%w\nlogs: %s; \"make down\" removes what is there", err, l.repository.Path(".sandbox", "logs"))
}
