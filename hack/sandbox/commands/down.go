package commands

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// downLimit is ample: processes are killed, not asked.
const downLimit = 2 * time.Minute

func newDown() *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the sandbox and remove everything that it wrote, but for the cache",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(command.Context(), downLimit)
			defer cancel()
			place, err := locate()
			if err != nil {
				return err
			}
			lock, err := place.lock(ctx)
			if err != nil {
				return err
			}
			defer lock.Release()
			if err := env.Remove(ctx, place.dir); err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), "The sandbox is gone.")
			return err
		},
	}
}
