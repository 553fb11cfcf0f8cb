package kubefed

import (
	"context"
	"fmt"
	"sync"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
)

// watched records what happens to objects of the member at any moment.
type watched struct {
	m      *migration
	mu     sync.Mutex
	faults []string
}

// watchMember watches the namespace, the Deployment and the pods in the member
// until the test ends.
func (m *migration) watchMember() *watched {
	m.Helper()
	w := &watched{m: m}
	ctx, cancel := context.WithCancel(m.Context())
	factory := dynamicinformer.NewDynamicSharedInformerFactory(m.member, 0)
	for _, resource := range []schema.GroupVersionResource{namespaces, deployments, pods} {
		informer := factory.ForResource(resource).Informer()
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			UpdateFunc: func(_, object any) { w.look(resource, object) },
			DeleteFunc: func(object any) { w.note("deleted: %s %v", resource.Resource, object) },
		})
		require.NoError(m, err)
	}
	factory.Start(ctx.Done())
	for resource, synced := range factory.WaitForCacheSync(m.Context().Done()) {
		require.True(m, synced, "%s", resource)
	}
	m.Cleanup(func() {
		cancel()
		factory.Shutdown()
	})
	return w
}

func (w *watched) look(resource schema.GroupVersionResource, object any) {
	updated, ok := object.(*unstructured.Unstructured)
	if !ok || updated.GetNamespace() != shop && updated.GetName() != shop {
		return
	}
	if updated.GetDeletionTimestamp() != nil {
		w.note("being deleted: %s %s", resource.Resource, updated.GetName())
	}
	if resource != pods && updated.GetLabels()["kubefed.io/managed"] != "true" {
		w.note("let go: %s %s", resource.Resource, updated.GetName())
	}
}

func (w *watched) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// requireUndisturbed fails if an object was deleted or let go at any moment.
func (w *watched) requireUndisturbed() {
	w.m.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	require.Empty(w.m, w.faults)
}
