package typeserver

import (
	"context"
	"sync"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

// Propagation has no members to propagate to; it records what it is asked for.
type Propagation struct {
	mu      sync.Mutex
	running map[string]*federatedtypes.Kind
}

// NewPropagation returns one that propagates nothing yet.
func NewPropagation() *Propagation {
	return &Propagation{running: map[string]*federatedtypes.Kind{}}
}

// Start records kind.
func (p *Propagation) Start(_ context.Context, kind *federatedtypes.Kind, config *corev1beta1.FederatedTypeConfig) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running[config.Name] = kind
	return nil
}

// Stop forgets it.
func (p *Propagation) Stop(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.running, name)
}

// Refresh implements typeconfig.Propagation; there is nothing to observe.
func (p *Propagation) Refresh() {}

// Running reports whether it was started and not stopped.
func (p *Propagation) Running(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running[name] != nil
}
