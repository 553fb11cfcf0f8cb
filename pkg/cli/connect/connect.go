// Package connect reaches the host of a federation and its members as the
// commands of "kubectl fed" name them: by kubectl's own flags, and by contexts of
// the kubeconfig.
package connect

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// DefaultNamespace is the system namespace unless another one is given.
const DefaultNamespace = "kube-federation-system"

// userAgent is how clusters know the commands in their audit logs.
const userAgent = "kubectl-fed"

// Flags say where the federation is, and as whom it is asked.
type Flags struct {
	// kubectl holds the flags of kubectl itself. They are about the host.
	kubectl *genericclioptions.ConfigFlags
	// HostContext is the context of the host cluster; empty: that of --context, or
	// else the current one.
	HostContext string
	// SystemNamespace is the namespace of the federation in the host and in members.
	SystemNamespace string
}

// NewFlags returns the flags with their defaults. Warnings of the host go to
// warnings, each once.
func NewFlags(warnings io.Writer) *Flags {
	handler := rest.NewWarningWriter(warnings, rest.WarningWriterOptions{Deduplicate: true})
	kubectl := genericclioptions.NewConfigFlags(true)
	kubectl.WrapConfigFn = func(config *rest.Config) *rest.Config {
		config.UserAgent = userAgent
		// A screenful needs a request per type, and nobody waits for more than that.
		config.QPS, config.Burst = 100, 200
		config.WarningHandler = handler
		return config
	}
	return &Flags{kubectl: kubectl, SystemNamespace: DefaultNamespace}
}

// AddTo registers the flags. The short form -s of kubectl's --server is left to
// "federate --skip-api-resources", which KubeFed called so.
func (f *Flags) AddTo(flags *pflag.FlagSet) {
	own := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.kubectl.AddFlags(own)
	own.Lookup("server").Shorthand = ""
	own.VisitAll(flags.AddFlag)
	flags.StringVar(&f.HostContext, "host-cluster-context", f.HostContext, "Context of the host cluster, through which the federation is reached. Default: the current context.")
	flags.StringVar(&f.SystemNamespace, "kubefed-namespace", f.SystemNamespace, "System namespace of the federation, in the host and in the members.")
}

// settled returns kubectl's flags with the context of the host.
func (f *Flags) settled() *genericclioptions.ConfigFlags {
	if f.HostContext != "" {
		f.kubectl.Context = &f.HostContext
	}
	return f.kubectl
}

// ToRESTConfig returns how the host is reached.
func (f *Flags) ToRESTConfig() (*rest.Config, error) { return f.settled().ToRESTConfig() }

// ToDiscoveryClient returns what the host serves, as remembered.
func (f *Flags) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return f.settled().ToDiscoveryClient()
}

// ToRESTMapper returns what maps names of types, short ones too. It asks the host
// again when it does not know a name.
func (f *Flags) ToRESTMapper() (meta.RESTMapper, error) { return f.settled().ToRESTMapper() }

// ToRawKubeConfigLoader returns the kubeconfig with the flags.
func (f *Flags) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return f.settled().ToRawKubeConfigLoader()
}

// Namespace returns the namespace that objects are looked for in: that of
// --namespace, or else that of the context. given says that it was the flag's.
func (f *Flags) Namespace() (namespace string, given bool, err error) {
	if namespace, given, err = f.ToRawKubeConfigLoader().Namespace(); err != nil {
		return "", false, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return namespace, given, nil
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
	kubectl := f.settled()
	cluster, err := describe(kubectl.ToRawKubeConfigLoader(), *kubectl.Context)
	if err != nil {
		return nil, err
	}
	// With the flags of kubectl, such as --as, which are about the host.
	if cluster.Config, err = kubectl.ToRESTConfig(); err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", cluster.Context, err)
	}
	return cluster, nil
}

// Cluster returns the cluster of a context.
func (f *Flags) Cluster(context string) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = *f.kubectl.KubeConfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
	cluster, err := describe(loader, context)
	if err != nil {
		return nil, err
	}
	if cluster.Config, err = loader.ClientConfig(); err != nil {
		return nil, fmt.Errorf("context %q of the kubeconfig: %w", context, err)
	}
	cluster.Config.UserAgent = userAgent
	return cluster, nil
}

// KubeconfigPath is the path that --kubeconfig names; empty: that of the
// environment, or the default.
func (f *Flags) KubeconfigPath() string { return *f.kubectl.KubeConfig }

// Contexts returns the names of the contexts of the kubeconfig.
func (f *Flags) Contexts() ([]string, error) {
	raw, err := f.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	return slices.Sorted(maps.Keys(raw.Contexts)), nil
}

// describe finds a context, or the current one, and the address of its cluster.
func describe(loader clientcmd.ClientConfig, context string) (*Cluster, error) {
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
	return &Cluster{Context: context, Entry: *entry}, nil
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
