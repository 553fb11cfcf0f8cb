package settings

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/tools/cache"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
)

// InForce follows the configuration in force.
type InForce struct {
	factory externalversions.SharedInformerFactory
	synced  cache.InformerSynced

	now atomic.Pointer[Settings]

	// mu is held while handlers are called.
	mu       sync.Mutex
	handlers []*func(*Settings)
}

// Follow returns what follows the configuration of the system namespace, with the
// defaults until Run has read it. federation reaches this server.
func Follow(federation versioned.Interface, namespace string) (*InForce, error) {
	f := &InForce{
		factory: externalversions.NewSharedInformerFactoryWithOptions(federation, 0, externalversions.WithNamespace(namespace)),
	}
	f.now.Store(Of(nil))
	registration, err := f.factory.Core().V1beta1().KubeFedConfigs().Informer().AddEventHandler(cache.FilteringResourceEventHandler{
		FilterFunc: func(obj any) bool {
			name, err := cache.DeletionHandlingObjectToName(obj)
			return err == nil && name.Name == ConfigName
		},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    f.stored,
			UpdateFunc: func(_, obj any) { f.stored(obj) },
			DeleteFunc: func(any) { f.apply(Of(nil)) },
		},
	})
	if err != nil {
		return nil, fmt.Errorf("follow the KubeFedConfig: %w", err)
	}
	f.synced = registration.HasSynced
	return f, nil
}

// Run follows the configuration until ctx ends.
func (f *InForce) Run(ctx context.Context) error {
	f.factory.StartWithContext(ctx)
	<-ctx.Done()
	f.factory.Shutdown()
	return nil
}

// Wait waits until the configuration has been read for the first time.
func (f *InForce) Wait(ctx context.Context) error {
	if !cache.WaitForCacheSync(ctx.Done(), f.synced) {
		return fmt.Errorf("ended before the KubeFedConfig was read: %w", context.Cause(ctx))
	}
	return nil
}

// Get returns the settings in force.
func (f *InForce) Get() *Settings { return f.now.Load() }

// OnChange calls handle with the settings in force now, and again whenever they
// have changed, one call at a time and in order, until the returned function is
// called. handle must return soon, and must not call OnChange.
func (f *InForce) OnChange(handle func(*Settings)) (forget func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handlers = append(f.handlers, &handle)
	handle(f.now.Load())
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.handlers = slices.DeleteFunc(f.handlers, func(h *func(*Settings)) bool { return h == &handle })
	}
}

// While runs run as long as the settings hold says so: the context of run ends
// when they stop to do so, and run is called again when they do so again. While
// returns when ctx ends, or when run ends before its context did, with the error
// of run; nothing of run goes on after that.
func (f *InForce) While(ctx context.Context, holds func(*Settings) bool, run func(context.Context) error) error {
	changed := make(chan bool, 1)
	defer f.OnChange(func(s *Settings) {
		select {
		case <-changed: // superseded
		default:
		}
		changed <- holds(s)
	})()

	var ended chan error
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case <-ctx.Done():
			stop()
			if ended == nil {
				return nil
			}
			return <-ended
		case err := <-ended:
			if ctx.Err() == nil && err == nil {
				err = errors.New("ended unexpectedly")
			}
			return err
		case wanted := <-changed:
			switch {
			case wanted && ended == nil:
				running, cancel := context.WithCancel(ctx)
				done := make(chan error, 1)
				go func() { done <- run(running) }()
				stop, ended = cancel, done
			case !wanted && ended != nil:
				stop()
				err := <-ended
				ended = nil
				if err != nil {
					return err
				}
			}
		}
	}
}

func (f *InForce) stored(obj any) {
	if config, ok := obj.(*corev1beta1.KubeFedConfig); ok {
		f.apply(Of(config))
	}
}

func (f *InForce) apply(next *Settings) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if reflect.DeepEqual(f.now.Load(), next) {
		return
	}
	f.now.Store(next)
	for _, handle := range f.handlers {
		(*handle)(next)
	}
}
