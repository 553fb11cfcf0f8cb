// Package join is the command "kubectl fed join".
package join

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/connect"
	"github.com/kubefederation/federation-apiserver/pkg/cli/membership"
	"github.com/kubefederation/federation-apiserver/pkg/cli/progress"
)

// Options are those of the command line.
type Options struct {
	*connect.Flags
	Streams genericiooptions.IOStreams
	// Cluster is the name that the member gets.
	Cluster string
	// ClusterContext is the context of the member; empty: the name of the member.
	ClusterContext string
	// HostName is the name of the host in the member; empty: that of its context.
	HostName string
	// SecretName is the name of the Secret in the host; empty: one is made up.
	SecretName string
	// ErrorOnExisting refuses to take over what join did not make.
	ErrorOnExisting bool
	// AllowProxy lets the federation act as users of the host in the member.
	AllowProxy bool
	// TakeOver takes the cluster from another hub.
	TakeOver bool
	// DryRun prints the objects and changes nothing.
	DryRun bool
	// MemberRights are those of the federation in the member: rightsTypes or rightsAll.
	MemberRights string
	// TokenLifetime is how long a token for the member lives before another one must
	// have been made; 0: forever.
	TokenLifetime time.Duration
	// Wait bounds the wait for the member to be found ready; 0: no wait.
	Wait time.Duration

	// given says whether a flag was given; nil: all were.
	given func(flag string) bool
}

const example = `  # Let the cluster of the context cluster1 join under that name
  kubectl fed join cluster1

  # The context has another name, and the host is not the current context
  kubectl fed join cluster2 --cluster-context=admin@second --host-cluster-context=host --host-cluster-name=host

  # See what would be created, in the member and in the host
  kubectl fed join cluster3 --dry-run

  # Give the federation the rights for types that were enabled since
  kubectl fed join cluster1`

// Values of --member-rights.
const (
	rightsTypes = "types"
	rightsAll   = corev1beta1.MemberRightsAll
)

const (
	// defaultTokenLifetime leaves a federation that is down for a weekend the time to
	// come back: tokens are renewed at two thirds of it.
	defaultTokenLifetime = 7 * 24 * time.Hour
	// minTokenLifetime is the least that a Kubernetes API server gives.
	minTokenLifetime = 10 * time.Minute
)

// New returns the command.
func New(where *connect.Flags, streams genericiooptions.IOStreams) *cobra.Command {
	o := &Options{Flags: where, Streams: streams}
	command := &cobra.Command{
		Use:   "join NAME",
		Short: "Let a cluster join the federation",
		Long: `Let a cluster join the federation under a name.

In the cluster this creates the system namespace, a service account, and the
rights of the federation: to write the types that are enabled now, and to look
at what scheduling and DNS need. In the host it creates a Secret with a token
of that account, which the federation renews by itself, and a KubeFedCluster.

What is there already from an earlier join is brought up to date: join again
to give the federation the rights for types that were enabled since. Of
--member-rights, --allow-proxy and --token-lifetime those that are not given
stay as they were.

A cluster to which another federation writes is refused, unless it is taken over
with --take-over.`,
		Example: example,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			o.Cluster = args[0]
			o.given = command.Flags().Changed
			return o.Run(command.Context())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.ClusterContext, "cluster-context", "", "Context of the cluster that joins. Default: NAME.")
	flags.StringVar(&o.HostName, "host-cluster-name", "", "Name of the host cluster, for names of objects in the cluster that joins. Default: the host's context.")
	flags.StringVar(&o.SecretName, "secret-name", "", "Name of the Secret in the host with the token for the cluster. Default: NAME and a random suffix.")
	flags.BoolVar(&o.ErrorOnExisting, "error-on-existing", true, "Fail when an object exists that join did not make, or when NAME belongs to a cluster with another address. With false such objects are taken over.")
	flags.BoolVar(&o.AllowProxy, "allow-proxy", false, "Let users of the host reach the cluster under their own names through KubeFedCluster/proxy: the federation gets the right to impersonate any user, group and service account of the cluster.")
	flags.BoolVar(&o.TakeOver, "take-over", false, "Take the cluster from another federation that writes there: it stops as soon as it notices, and this one begins when it has.")
	flags.BoolVar(&o.DryRun, "dry-run", false, "Print the objects as YAML and change nothing.")
	flags.StringVar(&o.MemberRights, "member-rights", rightsTypes, "Rights of the federation in the cluster: types are those for the types that are enabled now; all are those of a cluster administrator, as KubeFed had them.")
	flags.DurationVar(&o.TokenLifetime, "token-lifetime", defaultTokenLifetime, "How long a token of the federation for the cluster lives; it is renewed after two thirds of that. The cluster may give less. 0 makes one that lives forever, as KubeFed had them.")
	flags.DurationVar(&o.Wait, "wait", 30*time.Second, "How long to wait until the federation finds the cluster ready; 0 does not wait.")
	return command
}

// validate checks what the flags say.
func (o *Options) validate() error {
	if o.MemberRights != rightsTypes && o.MemberRights != rightsAll {
		return fmt.Errorf("--member-rights %q: must be %s or %s", o.MemberRights, rightsTypes, rightsAll)
	}
	if o.TokenLifetime != 0 && o.TokenLifetime < minTokenLifetime {
		return fmt.Errorf("--token-lifetime %s: must be at least %s, or 0 for a token that lives forever", o.TokenLifetime, minTokenLifetime)
	}
	return nil
}

// Run joins the cluster.
func (o *Options) Run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	if o.ClusterContext == "" {
		o.ClusterContext = o.Cluster
	}
	hostCluster, err := o.Host()
	if err != nil {
		return err
	}
	memberCluster, err := o.Flags.Cluster(o.ClusterContext)
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
	registration, err := registrationOf(m, memberCluster)
	if err != nil {
		return err
	}

	report := progress.New(o.Streams.ErrOut)
	if !o.DryRun {
		report = progress.New(o.Streams.Out)
	}
	defer report.Close()

	host, err := newHost(hostCluster, o, report)
	if err != nil {
		return err
	}
	if m.Scope, err = host.scope(ctx); err != nil {
		return err
	}
	existing, secret, err := host.earlier(ctx)
	if err != nil {
		return err
	}
	o.inherit(existing, secret)
	m.AllowProxy = o.AllowProxy
	if m.Rights, err = host.rights(ctx); err != nil {
		return err
	}
	registration.Annotations = map[string]string{corev1beta1.MemberRightsAnnotation: m.Rights.String()}
	if m.AllowProxy {
		registration.Annotations[corev1beta1.MemberProxyAnnotation] = "true"
	}
	if o.DryRun {
		return o.printObjects(m, registration)
	}
	if err := host.check(ctx, existing, registration); err != nil {
		return err
	}
	member, err := newMember(memberCluster, m, o.ErrorOnExisting, report)
	if err != nil {
		return err
	}
	if err := member.own(ctx, host.kube, o.TakeOver); err != nil {
		return fmt.Errorf("in cluster %s: %w", o.Cluster, err)
	}
	token, err := member.prepare(ctx, o.TokenLifetime)
	if err != nil {
		return fmt.Errorf("in cluster %s: %w", o.Cluster, err)
	}
	if err := host.register(ctx, m, registration, existing, token); err != nil {
		return err
	}
	if err := member.retireToken(ctx, o.TokenLifetime); err != nil {
		return fmt.Errorf("in cluster %s: %w", o.Cluster, err)
	}
	return nil
}
