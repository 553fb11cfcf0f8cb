package federatedtypes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

const (
	// storageReadyTimeout is how long a new kind waits for its watch cache before
	// it is served anyway: the cache goes on, requests wait for it themselves.
	storageReadyTimeout = 10 * time.Second
	storageReadyPoll    = 2 * time.Millisecond
	// drainTimeout is how long requests of a kind that goes may take. It is longer
	// than the server lets any request take.
	drainTimeout = 40 * time.Second
)

// Enable serves the federated type of config, or changes how it is served, and
// returns its kind. It is called again whenever config changes; what does not
// change costs nothing. A *NotServedError says that the type cannot be served.
func (s *Server) Enable(ctx context.Context, config *corev1beta1.FederatedTypeConfig) (*Kind, error) {
	notServable := servable(config.Spec.FederatedType)
	if kind, ok := s.enabledBy(config.Name); ok && (notServable != nil || !kind.is(config.Spec.FederatedType)) {
		s.Disable(ctx, config.Name)
	}
	if notServable != nil {
		return nil, notServable
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if kind, ok := s.enabledBy(config.Name); ok {
		return kind, s.reconfigure(ctx, kind, config)
	}
	if err := s.conflict(config); err != nil {
		return nil, err
	}
	return s.enable(ctx, config)
}

// enable opens storage and routes for a new kind, and lets requests in when both
// are ready.
func (s *Server) enable(ctx context.Context, config *corev1beta1.FederatedTypeConfig) (*Kind, error) {
	federated := config.Spec.FederatedType
	kind := &Kind{
		resource:   typesv1beta1.SchemeGroupVersion.WithResource(federated.PluralName),
		kind:       typesv1beta1.SchemeGroupVersion.WithKind(federated.Kind),
		namespaced: isNamespaced(federated),
		done:       make(chan struct{}),
	}
	kind.typeConfig.Store(config)
	target, hostErr := s.ask(ctx, config)
	storage, err := newKindStorage(kind, namesOf(federated.Kind, target), &s.config)
	if err != nil {
		return nil, err
	}
	kind.storage = storage
	served, err := s.serve(kind, target, hostErr)
	if err != nil {
		storage.destroy()
		return nil, err
	}
	kind.served.Store(served)
	if err := storage.waitReady(ctx); err != nil {
		storage.destroy()
		return nil, err
	}
	s.swap(ctx, func(kinds map[string]*Kind) { kinds[federated.PluralName] = kind })
	klog.FromContext(ctx).Info("Serving a federated type", "resource", kind.resource.Resource, "kind", kind.kind.Kind, "schema", served.state.Reason)
	return kind, nil
}

// Disable stops serving the federated type of the FederatedTypeConfig with the
// name. Requests under way end first, watches are ended. Stored objects stay and
// are served again when the type is enabled again.
func (s *Server) Disable(ctx context.Context, name string) {
	s.mu.Lock()
	kind, ok := s.enabledBy(name)
	if ok {
		s.swap(ctx, func(kinds map[string]*Kind) { delete(kinds, kind.resource.Resource) })
	}
	s.mu.Unlock()
	if ok {
		kind.end(ctx)
		klog.FromContext(ctx).Info("Stopped serving a federated type", "resource", kind.resource.Resource, "kind", kind.kind.Kind)
	}
}

// end waits for requests, then closes the storage. The kind is in no map any more.
func (k *Kind) end(ctx context.Context) {
	close(k.done)
	drained := make(chan struct{})
	go func() {
		k.inflight.Wait()
		close(drained)
	}()
	select {
	case <-drained:
	case <-ctx.Done():
	case <-time.After(drainTimeout):
	}
	k.storage.destroy()
}

// reconfigure takes over what may change while a kind is served.
func (s *Server) reconfigure(ctx context.Context, kind *Kind, config *corev1beta1.FederatedTypeConfig) error {
	before := kind.TypeConfig()
	kind.typeConfig.Store(config)
	if before.Spec.TargetType == config.Spec.TargetType && ownsAtomically(before) == ownsAtomically(config) {
		return nil
	}
	return s.reload(ctx, kind)
}

// refresh loads the schema again of every kind with a target in gv.
func (s *Server) refresh(ctx context.Context, gv schema.GroupVersion) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range s.Kinds() {
		if targetKind(kind.TypeConfig().Spec.TargetType).GroupVersion() != gv {
			continue
		}
		if err := s.reload(ctx, kind); err != nil {
			klog.FromContext(ctx).Error(err, "Could not load the schema of a target type again", "resource", kind.resource.Resource)
			continue
		}
		if s.schemaChanged != nil {
			s.schemaChanged(kind.TypeConfig().Name)
		}
	}
}

// reload replaces what depends on the target's schema. Storage and watches stay.
// If the host does not answer, the schema that there is stays.
func (s *Server) reload(ctx context.Context, kind *Kind) error {
	target, hostErr := s.ask(ctx, kind.TypeConfig())
	if hostErr != nil && kind.Schema().Typed {
		return hostErr
	}
	served, err := s.serve(kind, target, hostErr)
	if err != nil {
		return err
	}
	kind.served.Store(served)
	s.publisher.changed()
	return nil
}

func (s *Server) ask(ctx context.Context, config *corev1beta1.FederatedTypeConfig) (TargetInfo, error) {
	target := config.Spec.TargetType
	info, err := s.config.Targets.Target(ctx, targetResource(target), targetKind(target))
	if err != nil {
		return TargetInfo{}, fmt.Errorf("ask the host for the schema of %s: %w", targetKind(target).GroupKind(), err)
	}
	return info, nil
}

// enabledBy returns the kind that a FederatedTypeConfig enables.
func (s *Server) enabledBy(name string) (*Kind, bool) {
	for _, kind := range *s.byResource.Load() {
		if kind.TypeConfig().Name == name {
			return kind, true
		}
	}
	return nil, false
}

// is reports whether the kind is this federated type, in identity and scope.
func (k *Kind) is(federated corev1beta1.APIResource) bool {
	return k.resource.Resource == federated.PluralName && k.kind.Kind == federated.Kind && k.namespaced == isNamespaced(federated)
}

func servable(federated corev1beta1.APIResource) error {
	gv := schema.GroupVersion{Group: federated.Group, Version: federated.Version}
	if gv != typesv1beta1.SchemeGroupVersion {
		return &NotServedError{Reason: ReasonUnsupportedGroup,
			Message: fmt.Sprintf("spec.federatedType is of %s; only types of %s are served", gv, typesv1beta1.SchemeGroupVersion)}
	}
	if problems := validation.IsDNS1035Label(federated.PluralName); len(problems) > 0 {
		return &NotServedError{Reason: ReasonInvalidName, Message: fmt.Sprintf("spec.federatedType.pluralName %q: %s", federated.PluralName, problems[0])}
	}
	if federated.Kind == "" {
		return &NotServedError{Reason: ReasonInvalidName, Message: "spec.federatedType.kind must not be empty"}
	}
	return nil
}

// conflict refuses a plural or a kind that another FederatedTypeConfig has.
func (s *Server) conflict(config *corev1beta1.FederatedTypeConfig) error {
	federated := config.Spec.FederatedType
	for _, kind := range s.Kinds() {
		var what string
		switch {
		case kind.resource.Resource == federated.PluralName:
			what = fmt.Sprintf("plural %q", federated.PluralName)
		case kind.kind.Kind == federated.Kind:
			what = fmt.Sprintf("kind %q", federated.Kind)
		default:
			continue
		}
		return &NotServedError{Reason: ReasonConflict,
			Message: fmt.Sprintf("the FederatedTypeConfig %q has the federated %s already", kind.TypeConfig().Name, what)}
	}
	return nil
}

// waitReady waits for the watch cache to be filled for the first time.
func (s *kindStorage) waitReady(ctx context.Context) error {
	err := wait.PollUntilContextTimeout(ctx, storageReadyPoll, storageReadyTimeout, true, func(context.Context) (bool, error) {
		return s.main.ReadinessCheck() == nil, nil
	})
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return nil
	}
	return err
}
