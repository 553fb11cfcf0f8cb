package server

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/admission"
	mutatingadmissionpolicy "k8s.io/apiserver/pkg/admission/plugin/policy/mutating"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericfilters "k8s.io/apiserver/pkg/server/filters"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/rest"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	generatedopenapi "github.com/kubefederation/federation-apiserver/generated/openapi"
	"github.com/kubefederation/federation-apiserver/pkg/admission/authorauthorization"
	"github.com/kubefederation/federation-apiserver/pkg/admission/deniedtargets"
	"github.com/kubefederation/federation-apiserver/pkg/admission/schedulingtarget"
	"github.com/kubefederation/federation-apiserver/pkg/admission/typeconfigprotection"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/proxy"
	"github.com/kubefederation/federation-apiserver/pkg/server/options"
	"github.com/kubefederation/federation-apiserver/pkg/servingcert"
)

const (
	openAPITitle = "federation-apiserver"
	// serviceName is the Service in the system namespace that leads here.
	serviceName = "federation-apiserver"
)

// Config is the configuration of the server before it is complete.
type Config struct {
	// Generic is the configuration of the library's server.
	Generic *genericapiserver.RecommendedConfig
	// Federation is what only this server has.
	Federation FederationConfig
}

// FederationConfig is the configuration that only this server has.
type FederationConfig struct {
	// Namespace of the host cluster that holds member clusters and configuration.
	Namespace string
	// LeaderElect lets one of several replicas run the controllers.
	LeaderElect bool
	// WithheldGroups are groups of the host that its users do not have in members
	// when they reach them through KubeFedCluster/proxy.
	WithheldGroups []string
	// Host is how to reach the host cluster.
	Host *rest.Config
	// ForbiddenMembers are addresses to which no connection to a member is made.
	ForbiddenMembers members.Addresses
	// Storage is the etcd in which everything is stored.
	Storage storagebackend.Config
	// EmbeddedDataDir is the data directory of an etcd in this process, else empty.
	EmbeddedDataDir string
	// HostInformers are those of admission, which run while the server does.
	HostInformers informers.SharedInformerFactory

	// servingCert keeps the serving certificate, if that is the server's to do.
	servingCert *servingcert.Keeper

	// types is filled by New: admission and the handler chain need the federated
	// types before there are any.
	types *lateTypes
	// settings is filled by New too.
	settings *lateSettings
}

// NewConfig turns options into a configuration. It reads certificates and
// policies, and asks the host what it serves; the storage must be running.
func NewConfig(ctx context.Context, o options.CompletedOptions) (*Config, error) {
	host, err := hostConfig(o.Recommended.CoreAPI.CoreAPIKubeconfigPath)
	if err != nil {
		return nil, err
	}
	forbidden, err := members.ParseAddresses(o.Federation.ForbiddenMemberAddresses)
	if err != nil {
		return nil, fmt.Errorf("--forbidden-member-addresses: %w", err)
	}
	config := &Config{
		Generic: genericapiserver.NewRecommendedConfig(Codecs),
		Federation: FederationConfig{
			Namespace:   o.Federation.Namespace,
			LeaderElect: o.Federation.LeaderElect,
			Host:        host,
			types:       &lateTypes{},

			ForbiddenMembers: forbidden,
			WithheldGroups:   o.Federation.WithheldGroups,
			settings:         &lateSettings{},
		},
	}
	generic := config.Generic
	namer := openapi.NewDefinitionNamer(Scheme)
	generic.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(generatedopenapi.GetOpenAPIDefinitions, namer)
	generic.OpenAPIConfig.Info.Title = openAPITitle
	generic.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(generatedopenapi.GetOpenAPIDefinitions, namer)
	generic.OpenAPIV3Config.Info.Title = openAPITitle
	generic.BuildHandlerChainFunc = config.Federation.buildHandlerChain
	// Requests to members may be watches, or commands in a container.
	generic.LongRunningFunc = genericfilters.BasicLongRunningRequestCheck(sets.NewString("watch"), sets.NewString(proxy.Subresource))
	if err := o.ServerRun.ApplyTo(&generic.Config); err != nil {
		return nil, fmt.Errorf("apply server options: %w", err)
	}
	// The library asks for its own gates; this server's component has none of them.
	generic.FeatureGate = utilfeature.DefaultFeatureGate

	recommended := *o.Recommended
	recommended.Admission, err = admissionFor(ctx, host, recommended.Admission)
	if err != nil {
		return nil, err
	}
	recommended.ExtraAdmissionInitializers = func(*genericapiserver.RecommendedConfig) ([]admission.PluginInitializer, error) {
		return config.Federation.admissionInitializers(&o.Policy)
	}
	if err := recommended.ApplyTo(generic); err != nil {
		return nil, fmt.Errorf("apply options: %w", err)
	}
	config.Federation.Storage = recommended.Etcd.StorageConfig
	if o.EmbeddedEtcd.Enabled {
		config.Federation.EmbeddedDataDir = o.EmbeddedEtcd.Config.DataDir
	}
	config.Federation.HostInformers = generic.SharedInformerFactory
	if o.Federation.SelfManagedServingCert {
		if err := config.keepServingCert(ctx); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// keepServingCert serves with a certificate that the server makes and renews.
func (c *Config) keepServingCert(ctx context.Context) error {
	var registrations []string
	for _, version := range append(Scheme.PrioritizedVersionsAllGroups(), typesv1beta1.SchemeGroupVersion) {
		if strings.HasSuffix(version.Group, ".kubefed.io") {
			registrations = append(registrations, version.Version+"."+version.Group)
		}
	}
	keeper, err := servingcert.New(servingcert.Options{
		Host: c.Federation.Host, Namespace: c.Federation.Namespace, Service: serviceName, APIServices: registrations,
	})
	if err != nil {
		return err
	}
	if err := keeper.Load(ctx); err != nil {
		return err
	}
	c.Generic.SecureServing.Cert = keeper
	c.Federation.servingCert = keeper
	return nil
}

// admissionInitializers give this server's plugins what they need.
func (f *FederationConfig) admissionInitializers(o *options.PolicyOptions) ([]admission.PluginInitializer, error) {
	types, err := deniedtargets.ParseTypes(o.DeniedTargetTypes)
	if err != nil {
		return nil, fmt.Errorf("--denied-target-types: %w", err)
	}
	return []admission.PluginInitializer{
		typeconfigprotection.Initializer{Namespace: f.Namespace, Counter: f.types},
		schedulingtarget.Initializer{Kinds: f.types},
		authorauthorization.Initializer{Policy: authorauthorization.Policy(o.AuthorAuthorization), Kinds: f.types},
		deniedtargets.Initializer{Rules: deniedtargets.Rules{
			Types:             types,
			SystemNamespace:   f.Namespace,
			AllowedNamespaces: sets.New(o.AllowedSystemNamespaces...),
			Confined:          f.settings.confined,
		}},
	}, nil
}

// admissionFor switches off admission by MutatingAdmissionPolicies on a host
// that does not serve them, unless they were asked for: waiting for them would
// refuse all writes.
func admissionFor(ctx context.Context, host *rest.Config, o *genericoptions.AdmissionOptions) (*genericoptions.AdmissionOptions, error) {
	if sets.New(o.EnablePlugins...).Has(mutatingadmissionpolicy.PluginName) {
		return o, nil
	}
	served, err := hostServes(ctx, host, schema.GroupVersionResource{
		Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingadmissionpolicies",
	})
	if err != nil || served {
		return o, err
	}
	adapted := *o
	adapted.DefaultOffPlugins = o.DefaultOffPlugins.Clone().Insert(mutatingadmissionpolicy.PluginName)
	return &adapted, nil
}

// Complete derives what was not given.
func (c *Config) Complete() CompletedConfig {
	return CompletedConfig{completedConfig: &completedConfig{
		Generic:    c.Generic.Complete(),
		Federation: &c.Federation,
	}}
}

// CompletedConfig is a configuration that only Complete can make.
type CompletedConfig struct {
	// An unexported pointer keeps other packages from making one.
	*completedConfig
}

type completedConfig struct {
	Generic    genericapiserver.CompletedConfig
	Federation *FederationConfig
}
