package propagation

import (
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// rendering is the renderer of an object at one generation, or why there is none.
type rendering struct {
	generation int64
	renderer   *overrides.Renderer
	err        error
	// shared says that the ledger has it.
	shared bool
}

// render returns the renderer of obj, which is kept as long as there is work on
// this generation.
func (l *ledger) render(key objectKey, obj *typesv1beta1.FederatedObject, target overrides.Target) (*overrides.Renderer, error) {
	l.mu.Lock()
	r := l.records[key]
	if r != nil && r.uid == obj.UID && r.rendering != nil && r.rendering.generation == obj.Generation {
		defer l.mu.Unlock()
		return r.rendering.renderer, r.rendering.err
	}
	l.mu.Unlock()

	renderer, err := overrides.NewRenderer(obj, target)
	l.keep(key, obj, &rendering{generation: obj.Generation, renderer: renderer, err: err})
	return renderer, err
}

// keep keeps a renderer of obj if there is work on it.
func (l *ledger) keep(key objectKey, obj *typesv1beta1.FederatedObject, made *rendering) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.records[key]; r != nil && r.uid == obj.UID {
		r.rendering = made
	}
}

// renderer returns the renderer of the object, which is made once for all clusters.
func (p *pass) renderer() (*overrides.Renderer, error) {
	if p.rendering == nil {
		renderer, err := p.c.ledger.render(p.key, p.obj, p.k.identity(p.obj))
		p.rendering = &rendering{generation: p.obj.Generation, renderer: renderer, err: err}
	}
	return p.rendering.renderer, p.rendering.err
}

// shareRendering lets the members use what was made here. There is work on the
// object.
func (p *pass) shareRendering() {
	if p.rendering != nil && !p.rendering.shared {
		p.c.ledger.keep(p.key, p.obj, p.rendering)
		p.rendering.shared = true
	}
}
