package federatedtypes

import (
	"context"
	"fmt"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// ResourceVersion returns the version of the storage now: whatever was
// acknowledged before is in it.
func (s *Server) ResourceVersion(ctx context.Context) (uint64, error) {
	version, err := s.stream.storage.GetCurrentResourceVersion(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask the storage for its version: %w", err)
	}
	return version, nil
}

// WatchAll watches the objects of all kinds that are served, in the order in which
// they were written. Each is turned into something else by convert, which returns
// nil for what the watcher shall not see; for a bookmark, kind is nil. The watch
// ends with the error 410 (Expired) when kinds come or go, and cannot start before
// that: the watcher has to list again. It ends with ctx.
func (s *Server) WatchAll(ctx context.Context, options storage.ListOptions, convert func(*Kind, *typesv1beta1.FederatedObject) (runtime.Object, error)) (watch.Interface, error) {
	changed, since := s.kindsChanged()
	version, err := storage.APIObjectVersioner{}.ParseResourceVersion(options.ResourceVersion)
	if err != nil {
		return nil, err
	}
	if version != 0 && version < since {
		return nil, kindsHaveChanged(strconv.FormatUint(version, 10))
	}
	ctx, cancel := context.WithCancel(ctx)
	source, err := s.stream.watch(ctx, options)
	if err != nil {
		cancel()
		return nil, err
	}
	w := &kindsWatch{server: s, source: source, convert: convert, results: make(chan watch.Event), ctx: ctx, cancel: cancel}
	go w.run(changed)
	return w, nil
}

func kindsHaveChanged(version string) error {
	return apierrors.NewResourceExpired(fmt.Sprintf("the federated types have changed since resource version %s: list again", version))
}

// kindsWatch is a watch of all kinds.
type kindsWatch struct {
	server  *Server
	source  watch.Interface
	convert func(*Kind, *typesv1beta1.FederatedObject) (runtime.Object, error)
	results chan watch.Event
	ctx     context.Context
	cancel  context.CancelFunc
	last    string
}

// Stop ends the watch.
func (w *kindsWatch) Stop() { w.cancel() }

// ResultChan is closed when the watch has ended.
func (w *kindsWatch) ResultChan() <-chan watch.Event { return w.results }

func (w *kindsWatch) run(changed <-chan struct{}) {
	defer close(w.results)
	defer w.source.Stop()
	defer w.cancel()
	for {
		select {
		case <-w.ctx.Done():
			return
		case <-changed:
			w.fail(kindsHaveChanged(w.last))
			return
		case event, open := <-w.source.ResultChan():
			if !open || !w.forward(event) {
				return
			}
		}
	}
}

// forward sends an event on, and reports whether the watch goes on.
func (w *kindsWatch) forward(event watch.Event) bool {
	obj, ok := event.Object.(*typesv1beta1.FederatedObject)
	if !ok {
		w.send(event)
		return event.Type != watch.Error
	}
	w.last = obj.ResourceVersion
	var kind *Kind
	if event.Type != watch.Bookmark {
		if kind, ok = w.server.Kind(obj.Kind); !ok {
			// Another replica may serve a new kind a moment before this one, and a kind
			// that is gone may leave objects. Only a list knows what there is to see.
			w.fail(kindsHaveChanged(obj.ResourceVersion))
			return false
		}
		obj.SetGroupVersionKind(kind.kind)
	}
	converted, err := w.convert(kind, obj)
	if err != nil {
		w.fail(err)
		return false
	}
	return converted == nil || w.send(watch.Event{Type: event.Type, Object: converted})
}

func (w *kindsWatch) fail(err error) {
	status, ok := err.(apierrors.APIStatus)
	if !ok {
		status = apierrors.NewInternalError(err)
	}
	answer := status.Status()
	w.send(watch.Event{Type: watch.Error, Object: &answer})
}

func (w *kindsWatch) send(event watch.Event) bool {
	select {
	case <-w.ctx.Done():
		return false
	case w.results <- event:
		return true
	}
}

// changes tells when kinds last came or went.
type changes struct {
	next  chan struct{}
	since uint64
}

// kindsChanged returns a channel that is closed when kinds come or go, and the
// resource version of the last time that they did.
func (s *Server) kindsChanged() (<-chan struct{}, uint64) {
	current := s.changes.Load()
	return current.next, current.since
}

// announceKinds tells watchers that kinds came or went. mu must be held.
func (s *Server) announceKinds(ctx context.Context) {
	before := s.changes.Load()
	since := before.since
	if s.Loaded() && ctx.Err() == nil {
		// Without an answer nobody can start to watch either.
		if version, err := s.ResourceVersion(ctx); err == nil {
			since = version
		}
	}
	s.changes.Store(&changes{next: make(chan struct{}), since: since})
	close(before.next)
}
