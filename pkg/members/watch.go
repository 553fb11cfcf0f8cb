package members

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// run observes the type until it is stopped.
func (t *Type) run() {
	delay := t.backoff()
	address, detail, resource := "", Metadata, t.resource
	var reflector *cache.Reflector
	for {
		conn, err := t.member.await(t.ctx)
		if err != nil {
			return // stopped
		}
		ctx, cancel, now := t.during(conn)
		if reflector == nil || conn.address != address {
			t.forget(conn)
			reflector = nil
		}
		if reflector == nil || now != detail || t.observed() != resource {
			reflector = t.newReflector()
		}
		address, detail, resource = conn.address, now, t.observed()
		ctx, lie := t.disbelieving(ctx, cancel)
		var following sync.WaitGroup
		following.Go(func() { t.followVersions(ctx, conn, cancel) })
		// How watches fare is the business of State; the reflector would tell of each.
		quiet := klog.NewContext(ctx, klog.FromContext(ctx).V(reflectorVerbosity))
		err = reflector.ListAndWatchWithContext(quiet)
		misbehaved := lie()
		replaced := ctx.Err() != nil && misbehaved == nil
		if misbehaved != nil {
			err = misbehaved
			reflector = nil // nothing that it said is gone on from
		}
		cancel()
		following.Wait()
		if t.ctx.Err() != nil {
			return
		}
		if t.Detail() != detail {
			continue // asked for, and no interruption
		}
		if !replaced && t.isNotAvailable(conn, err) {
			// Without an answer it is as it was.
			_, _ = t.resolve(t.ctx, conn)
		}
		if t.observed() != resource {
			t.setState(Syncing, nil) // in another version, from which all have to be judged anew
			continue
		}
		if t.interrupted(conn, err) {
			delay = t.backoff() // it worked before
		}
		if replaced {
			continue
		}
		// A change of the member's state ends the wait: it may have come back.
		if pause(t.ctx, t.member.changes(), delay.Step()) != nil {
			return
		}
	}
}

// disbelieving returns a context for the observation, and lets end be called when
// the member says what it cannot mean. lie returns that, nil if there was nothing.
func (t *Type) disbelieving(ctx context.Context, end context.CancelFunc) (_ context.Context, lie func() error) {
	var told atomic.Pointer[MisbehavedError]
	misbehaved := func(detail string) {
		told.CompareAndSwap(nil, &MisbehavedError{Member: t.member.name, Detail: detail})
		end()
	}
	t.view.mu.Lock()
	defer t.view.mu.Unlock()
	t.view.misbehaved = misbehaved
	return telling(ctx, misbehaved), func() error {
		if err := told.Load(); err != nil {
			return err
		}
		return nil
	}
}

func (t *Type) backoff() *wait.Backoff {
	o := t.member.options
	return &wait.Backoff{Duration: o.MinBackoff, Factor: 2, Jitter: 0.2, Steps: 32, Cap: o.MaxBackoff}
}

// during returns a context that ends with the type, with the connection, and when
// another detail is asked for than the one that it returns.
func (t *Type) during(conn *connection) (context.Context, context.CancelFunc, Detail) {
	ctx, cancel := context.WithCancel(conn.ctx)
	stop := context.AfterFunc(t.ctx, cancel)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.restart = cancel
	return ctx, func() { stop(); cancel() }, t.detail
}

// reflectorVerbosity is the level of what reflectors log as of general interest.
const reflectorVerbosity = 2

func (t *Type) newReflector() *cache.Reflector {
	logger := klog.FromContext(t.ctx).V(reflectorVerbosity)
	return cache.NewReflectorWithOptions(
		&cache.ListWatch{ListWithContextFunc: t.list, WatchFuncWithContext: t.watch},
		nil, following{t.view, t}, cache.ReflectorOptions{
			Logger:          &logger,
			Name:            t.member.name,
			TypeDescription: t.resource.String(),
			Backoff:         t.backoff(),
		})
}

// following is the view as the reflector sees it: a complete list makes the type synced.
type following struct {
	*view
	of *Type
}

func (f following) Replace(objs []any, resourceVersion string) error {
	if err := f.view.Replace(objs, resourceVersion); err != nil {
		return err
	}
	f.of.listed()
	return nil
}

func (t *Type) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	conn, err := t.member.connection()
	if err != nil {
		return nil, err
	}
	if options.Continue == "" {
		t.view.listing(options.ResourceVersion == "")
	}
	options.LabelSelector = typesv1beta1.ManagedLabel
	ctx, cancel := context.WithTimeout(ctx, 2*t.member.options.RequestTimeout)
	defer cancel()
	return t.listThrough(ctx, conn, options)
}

func (t *Type) listThrough(ctx context.Context, conn *connection, options metav1.ListOptions) (runtime.Object, error) {
	if t.Detail() == Metadata {
		list, err := conn.metadata.Resource(t.observed()).Namespace(t.within).List(ctx, options)
		if err != nil {
			return nil, err // a typed nil would be a list
		}
		return list, nil
	}
	list, err := conn.objects.Resource(t.observed()).Namespace(t.within).List(ctx, options)
	if err != nil {
		return nil, err
	}
	return list, nil
}

func (t *Type) watchThrough(ctx context.Context, conn *connection, options metav1.ListOptions) (watch.Interface, error) {
	if t.Detail() == Metadata {
		return conn.metadata.Resource(t.observed()).Namespace(t.within).Watch(ctx, options)
	}
	return conn.objects.Resource(t.observed()).Namespace(t.within).Watch(ctx, options)
}

// watch opens a watch. One that goes on from where another ended waits for the
// member to come back: then nothing has to be listed again.
func (t *Type) watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	options.LabelSelector = typesv1beta1.ManagedLabel
	if options.SendInitialEvents != nil {
		conn, err := t.member.connection()
		if err != nil {
			return nil, err
		}
		t.view.listing(options.ResourceVersion == "")
		return t.watchThrough(ctx, conn, options)
	}
	delay := t.backoff()
	for {
		conn, err := t.member.await(ctx)
		if err != nil {
			return nil, err
		}
		w, err := t.watchThrough(ctx, conn, options)
		var status apierrors.APIStatus
		switch {
		case err == nil:
			t.resumed()
			return w, nil
		case errors.As(err, &status) || ctx.Err() != nil:
			return nil, err
		}
		t.interrupted(conn, err)
		if err := pause(ctx, t.member.changes(), delay.Step()); err != nil {
			return nil, err
		}
	}
}
