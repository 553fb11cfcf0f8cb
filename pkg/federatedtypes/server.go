package federatedtypes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/registry/generic"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/kube-openapi/pkg/common"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

// Config is what the server of the federated types needs from its surroundings.
type Config struct {
	// RESTOptionsGetter opens storage. Codec and prefix are replaced per kind.
	RESTOptionsGetter generic.RESTOptionsGetter
	// Definitions are the generated OpenAPI definitions.
	Definitions common.GetOpenAPIDefinitions
	// Targets tells about target types. Required.
	Targets TargetSource
	// NudgeHost makes the host read our discovery and OpenAPI documents again at
	// once. Without it the host looks once a minute.
	NudgeHost func(context.Context) error
	// Admission and Authorizer are those of the server's other groups.
	Admission  admission.Interface
	Authorizer authorizer.UnconditionalAuthorizer
	// Clusters returns the labels of the members by name, for warnings; nil while
	// they are not known. Optional.
	Clusters func() map[string]map[string]string
	// Places returns the names of the members that an object of a kind is for, as
	// far as is known without asking anybody. They are recorded in the status with
	// the write that asks for them, so that nothing else needs to be written before
	// the members are. Optional: the propagation records what is not.
	Places func(ctx context.Context, kind *Kind, obj *typesv1beta1.FederatedObject) []string
	// MinRequestTimeout is how long a watch lasts at least.
	MinRequestTimeout time.Duration
	// MaxRequestBodyBytes limits request bodies; 0 is no limit.
	MaxRequestBodyBytes int64
	// MaxObjectBytes is etcd's limit, for messages. Default: etcd's default.
	MaxObjectBytes int
}

// Server serves the group types.kubefed.io.
type Server struct {
	config      Config
	definitions *definitions
	publisher   *publisher

	// mu is held to change the kinds; requests only read the map.
	mu         sync.Mutex
	byResource atomic.Pointer[map[string]*Kind]
	changes    atomic.Pointer[changes]
	stream     *stream

	loaded     chan struct{}
	loadedOnce sync.Once

	schemaChanged func(typeConfig string)
	expected      func(ctx context.Context, resource string) bool
}

// New checks config and makes a server without kinds.
func New(config Config) (*Server, error) {
	switch {
	case config.RESTOptionsGetter == nil:
		return nil, errors.New("federated types: RESTOptionsGetter is required")
	case config.Definitions == nil:
		return nil, errors.New("federated types: OpenAPI definitions are required")
	case config.Targets == nil:
		return nil, errors.New("federated types: a source of target types is required")
	}
	if config.MaxObjectBytes == 0 {
		config.MaxObjectBytes = validation.MaxObjectBytes
	}
	definitions, err := newDefinitions(config.Definitions)
	if err != nil {
		return nil, fmt.Errorf("federated types: %w", err)
	}
	s := &Server{config: config, definitions: definitions, loaded: make(chan struct{})}
	s.byResource.Store(&map[string]*Kind{})
	s.changes.Store(&changes{next: make(chan struct{})})
	if s.stream, err = newStream(config.RESTOptionsGetter); err != nil {
		return nil, fmt.Errorf("federated types: %w", err)
	}
	if s.publisher, err = newPublisher(s); err != nil {
		return nil, fmt.Errorf("federated types: %w", err)
	}
	return s, nil
}

// Install mounts the group into server, which is not prepared yet: paths,
// discovery, readiness, and the work that goes on while it runs. The server is
// not ready before MarkLoaded.
func (s *Server) Install(server *genericapiserver.GenericAPIServer) error {
	handler := newGroupHandler(s)
	server.Handler.NonGoRestfulMux.Handle(groupPath, handler)
	server.Handler.NonGoRestfulMux.HandlePrefix(groupPath+"/", handler)
	server.DiscoveryGroupManager.AddGroup(apiGroup())
	s.publisher.attach(server)

	if err := server.RegisterMuxAndDiscoveryCompleteSignal("FederatedTypesLoaded", s.loaded); err != nil {
		return fmt.Errorf("install the federated types: %w", err)
	}
	ready := healthz.NamedCheck("federated-types-loaded", func(*http.Request) error {
		if !s.Loaded() {
			return errors.New("the federated types are being loaded")
		}
		return nil
	})
	if err := server.AddReadyzChecks(ready); err != nil {
		return fmt.Errorf("install the federated types: %w", err)
	}
	server.RegisterDestroyFunc(s.destroy)
	return server.AddPostStartHook("federated-types", func(hook genericapiserver.PostStartHookContext) error {
		go s.publisher.run(hook)
		go s.config.Targets.Run(hook, func(gv schema.GroupVersion) { s.refresh(hook, gv) })
		return nil
	})
}

// MarkLoaded says that every FederatedTypeConfig has been seen once. Before, all
// requests for the group are answered with 503.
func (s *Server) MarkLoaded() {
	s.loadedOnce.Do(func() {
		// Whoever sees that the kinds are loaded must find them in discovery.
		s.publisher.publishDiscovery()
		close(s.loaded)
	})
	s.publisher.changed()
}

// OnSchemaChange makes the server call changed with the name of a
// FederatedTypeConfig whenever the schema of its target has been read again. It
// must return at once, and be set before the server runs.
func (s *Server) OnSchemaChange(changed func(typeConfig string)) {
	s.schemaChanged = changed
}

// OnUnknown makes the server ask whether a resource that it does not serve is one
// that it will serve in a moment, as another replica may do already. Requests for
// such a one are to be repeated; it does not look as if it did not exist. It must
// be set before the server runs.
func (s *Server) OnUnknown(expected func(ctx context.Context, resource string) bool) {
	s.expected = expected
}

// Loaded reports whether MarkLoaded was called. Before, discovery does not have
// the kinds, and must not be answered: the host ends a namespace in which it knows
// of no resources that are left.
func (s *Server) Loaded() bool {
	select {
	case <-s.loaded:
		return true
	default:
		return false
	}
}

// swap replaces the map of kinds. mu must be held.
func (s *Server) swap(ctx context.Context, change func(map[string]*Kind)) {
	next := maps.Clone(*s.byResource.Load())
	change(next)
	s.byResource.Store(&next)
	s.announceKinds(ctx)
	s.publisher.changed()
}

// destroy closes all storage when the process ends. Stored objects stay.
func (s *Server) destroy() {
	s.mu.Lock()
	defer s.mu.Unlock()
	kinds := s.Kinds()
	ended, end := context.WithCancel(context.Background())
	end()
	s.swap(ended, func(kinds map[string]*Kind) { clear(kinds) })
	for _, kind := range kinds {
		kind.end(context.Background())
	}
	s.stream.destroy()
}

// CountObjects returns how many objects of the federated type of a
// FederatedTypeConfig are stored; none if the type is not served on its behalf.
// The error says that it is not known yet, or that the storage did not answer.
func (s *Server) CountObjects(ctx context.Context, typeConfig string) (int64, error) {
	if !s.Loaded() {
		return 0, errors.New("the federated types are being loaded")
	}
	for _, kind := range s.Kinds() {
		if kind.TypeConfig().Name == typeConfig {
			return kind.Count(ctx)
		}
	}
	return 0, nil
}
