// Package unjoin is the command "kubectl fed unjoin".
package unjoin

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/federation"
	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
	"github.com/kubefederation/federation-apiserver/pkg/cli/progress"
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// Cluster is the name of the member.
	Cluster string
	// ClusterContext is the context of the member; empty: the name of the member.
	ClusterContext string
	// HostName is the name of the host in the member; empty: that of its context.
	HostName string
	// Force goes on when the member cannot be reached.
	Force bool
	// Policy says what becomes of the copies: PolicyOrphan or PolicyRemove.
	Policy string
	// IncludingData has PolicyRemove delete what holds data too.
	IncludingData bool
	// Yes confirms PolicyRemove.
	Yes bool
	// DryRun says what would be deleted and changes nothing.
	DryRun bool
}

const example = `  # Let the cluster cluster1 leave the federation
  kubectl fed unjoin cluster1

  # ... and delete what the federation has written there
  kubectl fed unjoin cluster1 --policy=remove

  # The cluster is gone for good
  kubectl fed unjoin cluster2 --force`

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "unjoin NAME",
		Short: "Let a cluster leave the federation",
		Long: `Let a cluster leave the federation.

Deletes what join made: the KubeFedCluster and its Secret in the host, and the
service account and the rights of the federation in the cluster. The system
namespace in the cluster goes when join made it and nothing else is in it.
What the federation has propagated to the cluster stays there, without the
federation's label, or is deleted with --policy=remove: a namespace only when
nothing else is in it, PersistentVolumeClaims and CustomResourceDefinitions only
with --including-data.`,
		Example: example,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			o.Cluster = args[0]
			return o.Run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.ClusterContext, "cluster-context", "", "Context of the cluster that leaves. Default: NAME.")
	flags.StringVar(&o.HostName, "host-cluster-name", "", "Name of the host cluster, as given to join. Default: the host's context.")
	flags.BoolVar(&o.Force, "force", false, "Go on when the cluster cannot be reached; what join made there is then left.")
	flags.StringVar(&o.Policy, "policy", PolicyOrphan, "What becomes of the copies in the cluster: orphan keeps them and takes the federation's label off, remove deletes them.")
	flags.BoolVar(&o.IncludingData, "including-data", false, "With --policy=remove: delete PersistentVolumeClaims and CustomResourceDefinitions too, and with them what is in volumes and all objects of the types.")
	flags.BoolVar(&o.Yes, "yes", false, "With --policy=remove: do not ask.")
	flags.BoolVar(&o.DryRun, "dry-run", false, "Say what would be deleted and change nothing.")
	return command
}

// Run lets the cluster leave. The host comes first, so that the federation stops
// its work before it loses its rights; but when the member cannot be reached,
// nothing is done at all without Force.
func (o *Options) Run(ctx context.Context) error {
	if err := o.checkPolicy(); err != nil {
		return err
	}
	if o.ClusterContext == "" {
		o.ClusterContext = o.Cluster
	}
	hostCluster, err := o.Host()
	if err != nil {
		return err
	}
	if o.HostName == "" {
		o.HostName = hostCluster.Context
	}
	m := membership.Membership{Cluster: o.Cluster, Host: o.HostName, Namespace: o.SystemNamespace}
	if err := m.Validate(); err != nil {
		return err
	}
	report := progress.New(o.Streams.Out)
	defer report.Close()
	del := deletion{dryRun: o.DryRun, report: report}

	host, err := newHost(hostCluster, m, del)
	if err != nil {
		return err
	}
	hostUID, err := host.namespaceUID(ctx)
	if err != nil {
		return fmt.Errorf("in the host: %w", err)
	}
	member, unreachable := o.reach(ctx, m, del)
	if unreachable != nil && !o.Force {
		return fmt.Errorf("%w\nNothing was changed. If the cluster is gone for good, use --force", unreachable)
	}
	client, err := federation.NewForConfig(o.Flags, hostCluster.Config)
	if err != nil {
		return err
	}
	var copies []copied
	var owners membership.Owners
	if unreachable == nil {
		if owners, err = m.Owners(ctx, host.kube, member.kube); err != nil {
			return fmt.Errorf("%w\nNothing was changed", err)
		}
		if owners.Another() != nil && o.Policy == PolicyRemove {
			return fmt.Errorf("another federation, %s, writes to cluster %s: what is there is its work, and is not removed with --policy=%s\nNothing was changed", owners.Member.HubID, o.Cluster, PolicyRemove)
		}
	}
	switch {
	case unreachable != nil:
	case owners.Another() != nil:
		report.Note("%s: copies are left as they are: another federation, %s, writes there", o.Cluster, owners.Member.HubID)
	default:
		copies, err = o.copies(ctx, client, member)
		switch {
		case err != nil && o.Force:
			report.Note("%s: copies are left as they are: %v", o.Cluster, err)
		case err != nil:
			return fmt.Errorf("looking for the copies in cluster %s: %w\nNothing was changed", o.Cluster, err)
		}
		if err := o.confirm(copies); err != nil {
			return err
		}
	}
	if err := host.unregister(ctx); err != nil {
		return fmt.Errorf("in the host: %w", err)
	}
	if unreachable != nil {
		report.Note("%s: left as it is: %v", o.Cluster, unreachable)
		return nil
	}
	// Without its rights the federation cannot write the copies again.
	if err = member.cleanRights(ctx); err == nil {
		err = o.apply(ctx, client, member, copies)
	}
	if err == nil {
		err = member.release(ctx, owners)
	}
	if err == nil {
		err = member.cleanNamespace(ctx, hostUID)
	}
	if err != nil && o.Force {
		report.Note("%s: not all was deleted: %v", o.Cluster, err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("in cluster %s: %w", o.Cluster, err)
	}
	return nil
}

// reach returns the member when it can be reached.
func (o *Options) reach(ctx context.Context, m membership.Membership, del deletion) (*member, error) {
	cluster, err := o.Flags.Cluster(o.ClusterContext)
	if err != nil {
		return nil, err
	}
	member, err := newMember(cluster, m, del)
	if err != nil {
		return nil, err
	}
	if err := member.ping(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("cluster %s cannot be reached", o.Cluster), err)
	}
	return member, nil
}
