package command

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
	"github.com/kubefederation/federation-apiserver/pkg/server/options"
)

// standardStream in place of a file is the standard input or output: the server's
// image has nothing that could copy a file out of a pod or into it.
const standardStream = "-"

func newBackup(dataDir string) *cobra.Command {
	var source etcd.Source
	command := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write all that is stored to a file",
		Long: "Write all that a running server has stored, as of one moment, to a new file that only its owner may read, or to the standard output if FILE is -. " +
			"It is etcd's snapshot format. What is encrypted in the store is encrypted in the backup.",
		Args: cobra.ExactArgs(1), SilenceErrors: true, SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			if len(source.Endpoints) == 0 {
				absolute, err := filepath.Abs(dataDir)
				if err != nil {
					return fmt.Errorf("--data-dir %q: %w", dataDir, err)
				}
				source.Endpoints = []string{etcd.Endpoint(absolute)}
			}
			ctx := genericapiserver.SetupSignalContext()
			if args[0] == standardStream {
				return etcd.Backup(ctx, source, command.OutOrStdout())
			}
			return etcd.BackupFile(ctx, source, args[0])
		},
	}
	flags := command.Flags()
	flags.StringVar(&dataDir, "data-dir", dataDir, "The directory of the embedded etcd.")
	flags.StringSliceVar(&source.Endpoints, "etcd-servers", nil, "The servers of an external etcd, in place of an embedded one.")
	flags.StringVar(&source.CAFile, "etcd-cafile", "", "The certificate authority of the external etcd.")
	flags.StringVar(&source.CertFile, "etcd-certfile", "", "The client certificate for the external etcd.")
	flags.StringVar(&source.KeyFile, "etcd-keyfile", "", "The key of the client certificate.")
	return command
}

func newRestore(dataDir string) *cobra.Command {
	command := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the embedded etcd anew from a backup",
		Long: "Make the embedded etcd of a data directory anew from a backup in FILE, or from the standard input if FILE is -, while no server uses it. " +
			"What was there is kept beside it. An external etcd is restored with etcdutl.",
		Args: cobra.ExactArgs(1), SilenceErrors: true, SilenceUsage: true,
		RunE: func(command *cobra.Command, args []string) error {
			path := args[0]
			if path == standardStream {
				received, err := receive(command.InOrStdin(), dataDir)
				if err != nil {
					return err
				}
				defer os.Remove(received) //nolint:errcheck // the backup is elsewhere too
				path = received
			}
			restored, err := etcd.Restore(dataDir, path, time.Now())
			if err != nil {
				return err
			}
			fmt.Fprintf(command.OutOrStdout(), "Restored the backup of revision %d; the store goes on at revision %d.\n", restored.Backup, restored.Revision)
			if restored.Previous != "" {
				fmt.Fprintf(command.OutOrStdout(), "The store of before is in %s.\n", restored.Previous)
			}
			return nil
		},
	}
	command.Flags().StringVar(&dataDir, "data-dir", dataDir, "The directory of the embedded etcd.")
	return command
}

// receive stores what comes in beside the store, where there is room for it.
func receive(in io.Reader, dataDir string) (path string, err error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return "", fmt.Errorf("--data-dir: %w", err)
	}
	file, err := os.CreateTemp(dataDir, "received-*.db")
	if err != nil {
		return "", fmt.Errorf("store the backup: %w", err)
	}
	defer file.Close()
	if _, err := io.Copy(file, in); err != nil {
		_ = os.Remove(file.Name())
		return "", fmt.Errorf("store the backup: %w", err)
	}
	return file.Name(), nil
}

// addStoreCommands adds what works on the store and not on the API.
func addStoreCommands(command *cobra.Command, o *options.Options) {
	for _, child := range []*cobra.Command{newBackup(o.EmbeddedEtcd.Config.DataDir), newRestore(o.EmbeddedEtcd.Config.DataDir)} {
		// The server's help is about the server's flags.
		child.SetHelpFunc(func(child *cobra.Command, _ []string) {
			fmt.Fprintf(child.OutOrStdout(), "%s\n\nUsage:\n  %s\n\nFlags:\n%s", child.Long, child.UseLine(), child.Flags().FlagUsages())
		})
		child.SetUsageFunc(func(child *cobra.Command) error {
			fmt.Fprintf(child.OutOrStderr(), "Usage:\n  %s\n", child.UseLine())
			return nil
		})
		command.AddCommand(child)
	}
}
