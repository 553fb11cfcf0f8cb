// Package connect reaches clusters by the contexts of a kubeconfig, as the
// commands of "kubectl fed" name them.
package connect

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// DefaultNamespace is the system namespace unless another one is given.
const DefaultNamespace = "kube-federation-system"

// Flags say where the federation is.
type Flags struct {
	// Kubeconfig is a file, instead of those of the environment.
	Kubeconfig string
	// HostContext is the context of the host cluster; empty: the current one.
	HostContext string
	// Namespace is the system namespace.
	Namespace string
}

// AddTo registers the flags, with their defaults.
func (f *Flags) AddTo(flags *pflag.FlagSet) {
	flags.StringVar(&f.Kubeconfig, "kubeconfig", f.Kubeconfig, "Path of the kubeconfig file. Default: $KUBECONFIG, or ~/.kube/config.")
	flags.StringVar(&f.HostContext, "host-cluster-context", f.HostContext, "Context of the host cluster, through which the federation is reached. Default: the current context.")
	flags.StringVar(&f.Namespace, "kubefed-namespace", DefaultNamespace, "System namespace of the federation, in the host and in the members.")
}

// Cluster is a cluster as a context of a kubeconfig describes it.
type Cluster struct {
	// Context is the name of the context.
	Context string
	// Config is for requests to the cluster as the user of the context.
	Config *rest.Config
	// Entry is the address of the cluster in the kubeconfig.
	Entry clientcmdapi.Cluster
}

// Host returns the host cluster.
func (f *Flags) Host() (*Cluster, error) {
	return f.Cluster(f.HostContext)
}

// Cluster returns the cluster of a context; empty is the current context.
func (f *Flags) Cluster(context string) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = f.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	if context == "" {
		context = raw.CurrentContext
	}
	if context == "" {
		return nil, errors.New("the kubeconfig has no current context: name the host's with --host-cluster-context")
	}
	named, ok := raw.Contexts[context]
	if !ok {
		return nil, fmt.Errorf("the kubeconfig has no context %q; it has: %s", context, strings.Join(slices.Sorted(maps.Keys(raw.Contexts)), ", "))
	}
	entry, ok := raw.Clusters[named.Cluster]
	if !ok {
		return nil, fmt.Errorf("the kubeconfig has no cluster %q, which its context %q names", named.Cluster, context)
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", context, err)
	}
	config.UserAgent = "kubectl-fed"
	return &Cluster{Context: context, Config: config, Entry: *entry}, nil
}

// CABundle returns the certificates that the kubeconfig trusts the cluster by;
// none means those of the system.
func (c *Cluster) CABundle() ([]byte, error) {
	if len(c.Entry.CertificateAuthorityData) > 0 || c.Entry.CertificateAuthority == "" {
		return c.Entry.CertificateAuthorityData, nil
	}
	data, err := os.ReadFile(c.Config.CAFile)
	if err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: reading its certificate authority: %w", c.Context, err)
	}
	return data, nil
}
