package commands

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

func newBuild() *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Build the control planes into the cache, if they are not there",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			place, err := locate()
			if err != nil {
				return err
			}
			_, err = place.repository.ControlPlane(command.Context(), progress.NewWriter(os.Stderr))
			return err
		},
	}
}
