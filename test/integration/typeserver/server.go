// Package typeserver runs the serving part of the federation in a test: a real
// API server with its etcd, the core group, the federated types and the
// controller that enables them, without members.
package typeserver

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	genericoptions "k8s.io/apiserver/pkg/server/options"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/util/compatibility"
	"k8s.io/client-go/rest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubefederation/federation-apiserver/apis/core/install"
	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	generatedopenapi "github.com/kubefederation/federation-apiserver/generated/openapi"
	"github.com/kubefederation/federation-apiserver/pkg/admission/typeconfigprotection"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/typeconfig"
	"github.com/kubefederation/federation-apiserver/pkg/etcd"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/hostschema"
	registry "github.com/kubefederation/federation-apiserver/pkg/registry/core"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/settings"
)

// Namespace is the system namespace.
const Namespace = "kube-federation-system"

// schemaInterval is how often the host is asked for changed schemas.
const schemaInterval = 50 * time.Millisecond

// Options of a server.
type Options struct {
	// Host publishes schemas. Required.
	Host *Host
	// DataDir of etcd. Default: one of the test's own.
	DataDir string
	// HoldLoading keeps the controller from starting until Load is called.
	HoldLoading bool
	// Standby keeps the controller from leading until Lead is called.
	Standby bool
	// Places is that of federatedtypes.Config.
	Places func(context.Context, *federatedtypes.Kind, *typesv1beta1.FederatedObject) []string
}

// Server is a running server.
type Server struct {
	// Config reaches the server with all rights.
	Config *rest.Config
	// Federation is a client of the core group.
	Federation *versioned.Clientset
	// Types serves the federated types.
	Types *federatedtypes.Server
	// Propagation records what shall be propagated.
	Propagation *Propagation
	// Nudges counts how often the host was told to look again.
	Nudges atomic.Int64

	load func()
	lead func()
	stop func()
}

// Start runs a server until the test ends or Stop is called.
func Start(t testing.TB, options Options) *Server {
	t.Helper()
	if options.DataDir == "" {
		options.DataDir = t.TempDir()
	}
	store, err := etcd.Start(t.Context(), etcd.Config{DataDir: options.DataDir, UnsafeNoFsync: true})
	require.NoError(t, err)

	s := &Server{Propagation: NewPropagation()}
	scheme, codecs := newScheme()
	protection := typeconfigprotection.New()
	config := newConfig(t, scheme, codecs, options.DataDir, protection)
	completed := config.Complete(nil)
	generic, err := completed.New("typeserver", genericapiserver.NewEmptyDelegate())
	require.NoError(t, err)
	s.Types, err = federatedtypes.New(federatedtypes.Config{
		RESTOptionsGetter:   completed.RESTOptionsGetter,
		Definitions:         generatedopenapi.GetOpenAPIDefinitions,
		Targets:             hostschema.New(options.Host.Client(t), schemaInterval),
		NudgeHost:           func(context.Context) error { s.Nudges.Add(1); return nil },
		Places:              options.Places,
		Admission:           completed.AdmissionControl,
		Authorizer:          generic.Authorizer,
		MinRequestTimeout:   time.Duration(completed.MinRequestTimeout) * time.Second,
		MaxRequestBodyBytes: completed.MaxRequestBodyBytes,
	})
	require.NoError(t, err)
	require.NoError(t, s.Types.Install(generic))
	group, err := registry.NewGroup(static.Provider{Scheme: scheme, Codecs: codecs, RESTOptionsGetter: completed.RESTOptionsGetter})
	require.NoError(t, err)
	registry.AddViews(group, s.Types)
	require.NoError(t, generic.InstallAPIGroups(group))
	protection.SetObjectCounter(Namespace, s.Types)

	s.Config = rest.CopyConfig(generic.LoopbackClientConfig)
	s.Config.QPS = -1
	s.Federation, err = versioned.NewForConfig(s.Config)
	require.NoError(t, err)
	inForce, err := settings.Follow(s.Federation, Namespace)
	require.NoError(t, err)
	controller, err := typeconfig.New(typeconfig.Options{
		Namespace: Namespace, Federation: s.Federation, Types: s.Types, Propagation: s.Propagation, Settings: inForce,
	})
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	failed := make(chan error, 4)
	running.Go(func() { failed <- generic.PrepareRun().RunWithContext(ctx) })
	s.lead = sync.OnceFunc(func() {
		running.Go(func() { failed <- controller.Lead(ctx) })
	})
	s.load = sync.OnceFunc(func() {
		running.Go(func() { failed <- inForce.Run(ctx) })
		running.Go(func() { failed <- controller.Run(ctx) })
		if !options.Standby {
			s.lead()
		}
	})
	s.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		close(failed)
		for err := range failed {
			require.NoError(t, err)
		}
		require.NoError(t, store.Stop())
	})
	t.Cleanup(s.stop)
	if !options.HoldLoading {
		s.Load()
		s.waitFor(t, "/readyz")
	} else {
		s.waitFor(t, "/livez")
	}
	return s
}

// Stop ends the server and its etcd in order.
func (s *Server) Stop() { s.stop() }

// Load lets the controller start.
func (s *Server) Load() { s.load() }

// Lead lets the controller lead.
func (s *Server) Lead() { s.lead() }

// HTTP is a client for plain requests to the server.
func (s *Server) HTTP(t testing.TB) *http.Client {
	t.Helper()
	client, err := rest.HTTPClientFor(s.Config)
	require.NoError(t, err)
	return client
}

func (s *Server) waitFor(t testing.TB, path string) {
	t.Helper()
	client := s.HTTP(t)
	require.Eventually(t, func() bool {
		response, err := client.Get(s.Config.Host + path)
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		return response.StatusCode == http.StatusOK
	}, time.Minute, 10*time.Millisecond, "%s does not say ok", path)
}

func newScheme() (*runtime.Scheme, serializer.CodecFactory) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	unversioned := schema.GroupVersion{Version: "v1"}
	metav1.AddToGroupVersion(scheme, unversioned)
	scheme.AddUnversionedTypes(unversioned, &metav1.Status{}, &metav1.APIVersions{}, &metav1.APIGroupList{}, &metav1.APIGroup{}, &metav1.APIResourceList{})
	return scheme, serializer.NewCodecFactory(scheme)
}

func newConfig(t testing.TB, scheme *runtime.Scheme, codecs serializer.CodecFactory, dataDir string, plugin admission.Interface) *genericapiserver.Config {
	t.Helper()
	config := genericapiserver.NewConfig(codecs)
	config.EffectiveVersion = compatibility.DefaultBuildEffectiveVersion()
	namer := openapi.NewDefinitionNamer(scheme)
	config.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(generatedopenapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIConfig.Info.Title = "typeserver"
	config.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(generatedopenapi.GetOpenAPIDefinitions, namer)
	config.OpenAPIV3Config.Info.Title = "typeserver"
	config.AdmissionControl = plugin
	config.Authorization.Authorizer = authorizerfactory.NewAlwaysAllowAuthorizer()
	config.Authentication.Authenticator = authenticator.RequestFunc(func(*http.Request) (*authenticator.Response, bool, error) {
		return &authenticator.Response{User: &user.DefaultInfo{Name: "tester", UID: "tester-uid", Groups: []string{user.SystemPrivilegedGroup}}}, true, nil
	})
	config.BuildHandlerChainFunc = func(handler http.Handler, c *genericapiserver.Config) http.Handler {
		return federatedtypes.BehindAggregation(genericapiserver.DefaultBuildHandlerChain(handler, c))
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	config.ExternalAddress = listener.Addr().String()
	serving := genericoptions.NewSecureServingOptions().WithLoopback()
	serving.Listener = listener
	serving.BindAddress = net.IPv4(127, 0, 0, 1)
	serving.BindPort = listener.Addr().(*net.TCPAddr).Port
	serving.ServerCert.CertDirectory = t.TempDir()
	require.NoError(t, serving.MaybeDefaultWithSelfSignedCerts("localhost", nil, []net.IP{serving.BindAddress}))
	require.NoError(t, serving.ApplyTo(&config.SecureServing, &config.LoopbackClientConfig))

	storage := genericoptions.NewEtcdOptions(storagebackend.NewDefaultConfig("/registry/federation", codecs.LegacyCodec(corev1beta1.SchemeGroupVersion)))
	storage.StorageConfig.Transport.ServerList = []string{etcd.Endpoint(dataDir)}
	require.NoError(t, storage.ApplyTo(config))
	return config
}
