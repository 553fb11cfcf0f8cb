// Package options turns command line flags into the configuration of the
// server: options → complete → validate.
package options

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"

	"github.com/kubefederation/federation-apiserver/pkg/admission/authorauthorization"
	"github.com/kubefederation/federation-apiserver/pkg/admission/deniedtargets"
	"github.com/kubefederation/federation-apiserver/pkg/admission/schedulingtarget"
	"github.com/kubefederation/federation-apiserver/pkg/admission/typeconfigprotection"
	"github.com/kubefederation/federation-apiserver/pkg/etcd"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

const etcdPrefix = "/federation"

// Options are what the flags set.
type Options struct {
	// Recommended are the options of an aggregated API server: etcd, serving,
	// delegated authentication and authorization, audit, admission, tracing.
	Recommended *genericoptions.RecommendedOptions
	// ServerRun are the options of every API server: limits, timeouts, shutdown,
	// feature gates.
	ServerRun *genericoptions.ServerRunOptions
	// Logs are the options of logging.
	Logs *logs.Options
	// EmbeddedEtcd runs an etcd in this process where no other is named.
	EmbeddedEtcd EmbeddedEtcdOptions
	// Federation are the options that only this server has.
	Federation FederationOptions
	// Policy says what may be federated, and by whom.
	Policy PolicyOptions
}

// EmbeddedEtcdOptions configure the etcd inside this process.
type EmbeddedEtcdOptions struct {
	// Enabled is set by Complete: there are no --etcd-servers.
	Enabled bool
	// Config is the configuration of the etcd.
	Config etcd.Config
}

// FederationOptions are the options that only this server has.
type FederationOptions struct {
	// Namespace of the host cluster is where member clusters, type configurations
	// and the KubeFedConfig are read from.
	Namespace string
	// LeaderElect lets one of several replicas run the controllers.
	LeaderElect bool
	// WithheldGroups are groups of the host that its users do not have in members
	// when they reach them through KubeFedCluster/proxy.
	WithheldGroups []string
	// SelfManagedServingCert keeps the serving certificate in a Secret of the
	// namespace, and its authority in the APIServices.
	SelfManagedServingCert bool
	// ForbiddenMemberAddresses are ranges of IP addresses to which no connection to a
	// member is made.
	ForbiddenMemberAddresses []string
}

// NewOptions returns options with their defaults. The codec encodes the static
// API groups for storage.
func NewOptions(codec runtime.Codec) *Options {
	registry := registerComponent()
	o := &Options{
		Recommended: genericoptions.NewRecommendedOptions(etcdPrefix, codec),
		ServerRun:   genericoptions.NewServerRunOptionsForComponent(ComponentName, registry),
		Logs:        logs.NewOptions(),
		EmbeddedEtcd: EmbeddedEtcdOptions{
			Config: etcd.Config{DataDir: "/var/lib/federation-apiserver", QuotaBytes: etcd.DefaultQuotaBytes},
		},
		Federation: FederationOptions{
			Namespace: "kube-federation-system", LeaderElect: true,
			ForbiddenMemberAddresses: strings.Split(members.DefaultForbidden, ","),
		},
		Policy: newPolicyOptions(),
	}
	// The kube-apiserver forwards the user's UID in this header.
	o.Recommended.Authentication.RequestHeader.UIDHeaders = []string{"X-Remote-Uid"}
	// Without it a shutdown waits a minute for watches that nobody ends.
	o.ServerRun.ShutdownWatchTerminationGracePeriod = 10 * time.Second
	// A certificate that is not given is made in memory, not written to a directory.
	o.Recommended.SecureServing.ServerCert.CertDirectory = ""

	admission := o.Recommended.Admission
	authorauthorization.Register(admission.Plugins)
	deniedtargets.Register(admission.Plugins)
	schedulingtarget.Register(admission.Plugins)
	typeconfigprotection.Register(admission.Plugins)
	admission.RecommendedPluginOrder = append(admission.RecommendedPluginOrder,
		deniedtargets.PluginName, schedulingtarget.PluginName, typeconfigprotection.PluginName, authorauthorization.PluginName)
	return o
}

// Complete derives what was not given.
func (o *Options) Complete() (CompletedOptions, error) {
	if err := o.ServerRun.Complete(); err != nil {
		return CompletedOptions{}, fmt.Errorf("complete server options: %w", err)
	}
	transport := &o.Recommended.Etcd.StorageConfig.Transport
	if len(transport.ServerList) == 0 {
		dataDir, err := filepath.Abs(o.EmbeddedEtcd.Config.DataDir)
		if err != nil {
			return CompletedOptions{}, fmt.Errorf("--data-dir %q: %w", o.EmbeddedEtcd.Config.DataDir, err)
		}
		o.EmbeddedEtcd.Enabled = true
		o.EmbeddedEtcd.Config.DataDir = dataDir
		transport.ServerList = []string{etcd.Endpoint(dataDir)}
		// One process is all that can use an embedded etcd: it always leads.
		o.Federation.LeaderElect = false
	}
	// One kubeconfig for the host is enough, if its user has the rights.
	kubeconfig := o.Recommended.CoreAPI.CoreAPIKubeconfigPath
	if authentication := o.Recommended.Authentication; authentication.RemoteKubeConfigFile == "" {
		authentication.RemoteKubeConfigFile = kubeconfig
	}
	if authorization := o.Recommended.Authorization; authorization.RemoteKubeConfigFile == "" {
		authorization.RemoteKubeConfigFile = kubeconfig
	}
	if serving := o.Recommended.SecureServing; !o.Federation.SelfManagedServingCert &&
		serving.ServerCert.CertKey.CertFile == "" && serving.ServerCert.CertKey.KeyFile == "" {
		names := []string{"federation-apiserver." + o.Federation.Namespace + ".svc", "localhost"}
		if err := serving.MaybeDefaultWithSelfSignedCerts("localhost", names, []net.IP{net.IPv4(127, 0, 0, 1)}); err != nil {
			return CompletedOptions{}, fmt.Errorf("make a self-signed serving certificate: %w", err)
		}
	}
	return CompletedOptions{completedOptions: &completedOptions{Options: o}}, nil
}

// CompletedOptions are options that only Complete can make.
type CompletedOptions struct {
	// An unexported pointer keeps other packages from making one.
	*completedOptions
}

type completedOptions struct {
	*Options
}

// Validate returns every fault of the options; each error names its flag.
func (o CompletedOptions) Validate() error {
	errs := append(o.Recommended.Validate(), o.ServerRun.Validate()...)
	errs = append(errs, logsapi.Validate(o.Logs, utilfeature.DefaultFeatureGate, nil).ToAggregate())
	errs = append(errs, o.validateServing()...)
	errs = append(errs, o.Policy.validate()...)
	errs = append(errs, o.validateFiles()...)
	for _, message := range validation.IsDNS1123Label(o.Federation.Namespace) {
		errs = append(errs, fmt.Errorf("--kubefed-namespace %q: %s", o.Federation.Namespace, message))
	}
	if _, err := members.ParseAddresses(o.Federation.ForbiddenMemberAddresses); err != nil {
		errs = append(errs, fmt.Errorf("--forbidden-member-addresses: %w", err))
	}
	if o.EmbeddedEtcd.Enabled && o.EmbeddedEtcd.Config.QuotaBytes < 0 {
		errs = append(errs, fmt.Errorf("--embedded-etcd-quota-bytes %d: must not be negative", o.EmbeddedEtcd.Config.QuotaBytes))
	}
	return utilerrors.NewAggregate(errs)
}

func (o CompletedOptions) validateServing() []error {
	var errs []error
	if o.Recommended.SecureServing.BindPort == 0 && o.Recommended.SecureServing.Listener == nil {
		errs = append(errs, fmt.Errorf("--secure-port 0: the API is served over TLS only, so the port must be from 1 to 65535"))
	}
	if files := o.Recommended.SecureServing.ServerCert.CertKey; o.Federation.SelfManagedServingCert && (files.CertFile != "" || files.KeyFile != "") {
		errs = append(errs, fmt.Errorf("--self-managed-serving-certificate and --tls-cert-file exclude each other: the certificate is either kept by the server or given"))
	}
	return errs
}

// validateFiles names the flag of a file that is missing; the library's own
// errors name only the file.
func (o CompletedOptions) validateFiles() []error {
	transport := o.Recommended.Etcd.StorageConfig.Transport
	files := []struct{ flag, path string }{
		{"--kubeconfig", o.Recommended.CoreAPI.CoreAPIKubeconfigPath},
		{"--authentication-kubeconfig", o.Recommended.Authentication.RemoteKubeConfigFile},
		{"--authorization-kubeconfig", o.Recommended.Authorization.RemoteKubeConfigFile},
		{"--tls-cert-file", o.Recommended.SecureServing.ServerCert.CertKey.CertFile},
		{"--tls-private-key-file", o.Recommended.SecureServing.ServerCert.CertKey.KeyFile},
		{"--client-ca-file", o.Recommended.Authentication.ClientCert.ClientCA},
		{"--audit-policy-file", o.Recommended.Audit.PolicyFile},
		{"--audit-webhook-config-file", o.Recommended.Audit.WebhookOptions.ConfigFile},
		{"--admission-control-config-file", o.Recommended.Admission.ConfigFile},
		{"--encryption-provider-config", o.Recommended.Etcd.EncryptionProviderConfigFilepath},
		{"--etcd-cafile", transport.TrustedCAFile},
		{"--etcd-certfile", transport.CertFile},
		{"--etcd-keyfile", transport.KeyFile},
	}
	var errs []error
	for _, file := range files {
		if file.path == "" {
			continue
		}
		if _, err := os.Stat(file.path); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", file.flag, err))
		}
	}
	if (transport.CertFile == "") != (transport.KeyFile == "") {
		errs = append(errs, fmt.Errorf("--etcd-certfile and --etcd-keyfile must be given together"))
	}
	return errs
}
