package propagation

import (
	"context"
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
)

// source is a kind whose watch is late now and then, as on a busy machine, and
// whose reads are known.
type source struct {
	*federatedtypes.Kind
	w      *world
	target schema.GroupVersionResource
}

// read is when an object was read, and the index of the oldest placement that it
// may have had then.
type read struct {
	at    time.Time
	index int
}

func (s *source) Get(ctx context.Context, namespace, name string) (*typesv1beta1.FederatedObject, error) {
	s.w.mu.Lock()
	id := s.target.Resource + " " + namespace + "/" + name
	s.w.reads[id] = append(s.w.reads[id], read{time.Now(), max(0, len(s.w.placements[id])-2)})
	s.w.mu.Unlock()
	return s.Kind.Get(ctx, namespace, name)
}

func (s *source) UpdateStatus(ctx context.Context, obj *typesv1beta1.FederatedObject) (*typesv1beta1.FederatedObject, error) {
	s.count()
	if before := s.w.beforeStatus.Load(); before != nil {
		(*before)(obj)
	}
	return s.Kind.UpdateStatus(ctx, obj)
}

func (s *source) RemoveFinalizer(ctx context.Context, obj *typesv1beta1.FederatedObject, finalizer string) error {
	s.count()
	s.w.mu.Lock()
	unreleased := s.w.unreleased
	s.w.mu.Unlock()
	if unreleased {
		return errLost
	}
	return s.Kind.RemoveFinalizer(ctx, obj, finalizer)
}

func (s *source) TargetStatus() (has, known bool) {
	return s.w.withStatus && s.target == simConfigMaps, true
}

func (s *source) count() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.w.stored++
}

func (s *source) ListerWatcher() cache.ListerWatcher {
	inner := cache.ToListerWatcherWithContext(s.Kind.ListerWatcher())
	return &cache.ListWatch{
		ListWithContextFunc: inner.ListWithContext,
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			events, err := inner.WatchWithContext(ctx, options)
			if err != nil {
				return nil, err
			}
			return watch.Filter(events, func(event watch.Event) (watch.Event, bool) {
				if !s.w.punctual && rand.IntN(10) == 0 {
					time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
				}
				if hold := s.w.holdEvents.Load(); hold != nil {
					<-*hold
				}
				return event, true
			}), nil
		},
	}
}
