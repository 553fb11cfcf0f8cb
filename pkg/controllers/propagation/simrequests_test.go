package propagation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

var errLost = errors.New("connection reset by peer")

// begin lets a request fail before it takes effect.
func (t *simType) begin(ctx context.Context) error {
	c := t.cluster
	c.mu.Lock()
	ready, hung := c.ready, c.hung
	c.mu.Unlock()
	if hung != nil {
		select {
		case <-hung:
		case <-ctx.Done():
			return &members.TimeoutError{Member: c.name, Err: ctx.Err()}
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !ready:
		return &members.NotReadyError{Member: c.name, Err: errLost}
	case c.expired.Load():
		c.unauthorized.Add(1)
		return apierrors.NewUnauthorized("the token has expired")
	case c.chance(0.1):
		return errLost
	}
	return nil
}

// end loses the answer of a request that took effect.
func (t *simType) end(ctx context.Context) error {
	if t.cluster.chance(0.1) {
		return &members.TimeoutError{Member: t.cluster.name, Err: context.DeadlineExceeded}
	}
	return ctx.Err()
}

// beginWrite is begin for a write.
func (t *simType) beginWrite(ctx context.Context) error {
	t.cluster.mu.Lock()
	held := t.cluster.held
	if held != nil {
		t.cluster.refused++
	}
	t.cluster.mu.Unlock()
	if held != nil {
		return held
	}
	return t.begin(ctx)
}

func (t *simType) next() int {
	t.cluster.mu.Lock()
	defer t.cluster.mu.Unlock()
	t.cluster.version++
	return t.cluster.version
}

func (t *simType) wrote() {
	t.cluster.mu.Lock()
	defer t.cluster.mu.Unlock()
	t.cluster.writes++
}

func (t *simType) hasNamespace(namespace string) bool {
	if namespace == "" {
		return true
	}
	namespaces := t.cluster.of(simNamespaces)
	namespaces.mu.Lock()
	defer namespaces.mu.Unlock()
	object := namespaces.objects[types.NamespacedName{Name: namespace}]
	return object != nil && !object.deleting
}

func (t *simType) Apply(ctx context.Context, key types.NamespacedName, body []byte) (members.Observed, error) {
	if err := t.beginWrite(ctx); err != nil {
		return members.Observed{}, err
	}
	if !t.hasNamespace(key.Namespace) {
		return members.Observed{}, apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, key.Namespace)
	}
	t.cluster.watcher.applying(t.cluster.name, t.resource, key)
	t.wrote()
	version := t.next()
	t.mu.Lock()
	object := t.objects[key]
	if object == nil {
		object = &simObject{uid: types.UID(fmt.Sprintf("%s-%d", t.cluster.name, version))}
		t.objects[key] = object
	}
	object.version, object.managed, object.body, object.drift = version, "true", string(body), 0
	if t.detail != members.Metadata && object.status == nil {
		object.status = &members.Status{}
		object.status.Health = typesv1beta1.CopyCurrent
	}
	observed := object.observed()
	t.mu.Unlock()
	t.show(key)
	if err := t.end(ctx); err != nil {
		return members.Observed{}, err
	}
	t.mu.Lock()
	t.seen[key] = observed
	t.mu.Unlock()
	return observed, nil
}

func (t *simType) HandOverReplicas(ctx context.Context, _ types.NamespacedName) error {
	return t.beginWrite(ctx)
}

func (t *simType) GetLive(ctx context.Context, key types.NamespacedName) (members.Observed, bool, error) {
	if err := t.begin(ctx); err != nil {
		return members.Observed{}, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if object := t.objects[key]; object != nil {
		return object.observed(), true, nil
	}
	if t.removed[key] {
		t.cluster.mu.Lock()
		t.cluster.askedInVain++
		t.cluster.mu.Unlock()
	}
	return members.Observed{}, false, nil
}

func (t *simType) Delete(ctx context.Context, key types.NamespacedName, uid types.UID, _ metav1.DeleteOptions) (bool, error) {
	if err := t.beginWrite(ctx); err != nil {
		return false, err
	}
	t.cluster.watcher.removing(t.cluster.name, t.resource, key, true)
	t.wrote()
	t.mu.Lock()
	object := t.objects[key]
	switch {
	case object == nil:
		delete(t.seen, key)
		t.mu.Unlock()
		return true, nil
	case object.uid != uid:
		t.mu.Unlock()
		return false, &members.NotOursError{Member: t.cluster.name, Key: key, UID: uid}
	}
	slow := t.resource == simNamespaces || t.cluster.keepFinalizing.Load() != nil || rand.IntN(4) == 0
	if slow {
		object.deleting = true
	} else {
		delete(t.objects, key)
		t.removed[key] = true
	}
	t.mu.Unlock()
	if slow {
		t.show(key)
		go t.finalize(key, uid)
	} else if rand.IntN(2) == 0 {
		t.show(key) // the event overtakes the answer
	}
	if err := t.end(ctx); err != nil {
		t.show(key)
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slow {
		delete(t.seen, key)
	} else if object := t.objects[key]; object != nil && object.uid == uid {
		t.seen[key] = object.observed()
	}
	return !slow, nil
}

// finalize ends a deletion that takes a while; a namespace takes its contents
// with it.
func (t *simType) finalize(key types.NamespacedName, uid types.UID) {
	time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	if keep := t.cluster.keepFinalizing.Load(); keep != nil {
		<-*keep
	}
	if t.resource == simNamespaces {
		contents := t.cluster.of(simConfigMaps)
		contents.mu.Lock()
		var gone []types.NamespacedName
		for name := range contents.objects {
			if name.Namespace == key.Name {
				delete(contents.objects, name)
				gone = append(gone, name)
			}
		}
		contents.mu.Unlock()
		for _, name := range gone {
			if t.cluster.chance(0.5) {
				contents.show(name) // this watch may be behind that of namespaces
			} else {
				contents.deliver(name)
			}
		}
	}
	t.mu.Lock()
	if object := t.objects[key]; object != nil && object.uid == uid {
		delete(t.objects, key)
	}
	t.mu.Unlock()
	t.show(key)
}

func (t *simType) Unmanage(ctx context.Context, key types.NamespacedName) error {
	if err := t.beginWrite(ctx); err != nil {
		return err
	}
	t.cluster.watcher.removing(t.cluster.name, t.resource, key, false)
	t.wrote()
	t.mu.Lock()
	if object := t.objects[key]; object != nil && object.managed == "true" {
		object.managed, object.body = "", ""
	}
	delete(t.seen, key)
	t.mu.Unlock()
	return t.end(ctx)
}
