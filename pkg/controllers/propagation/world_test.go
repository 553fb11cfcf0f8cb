package propagation

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/record"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

var (
	simConfigMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	simNamespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

const (
	patience = 3 * time.Minute
	poll     = 5 * time.Millisecond
)

// unlimited lets go whatever is not wanted.
var unlimited = removals.Limits{Interval: time.Minute, ClustersPerObject: intstr.FromString("100%"), Objects: intstr.FromString("100%")}

// world is a federation with the real storage and simulated clusters.
type world struct {
	t      *testing.T
	client dynamic.Interface
	// federation reaches the group core.kubefed.io.
	federation versioned.Interface
	kinds      map[schema.GroupVersionResource]*federatedtypes.Kind
	configs    map[schema.GroupVersionResource]*corev1beta1.FederatedTypeConfig
	clusters   []*simCluster
	settings   Settings
	// cautious says that nobody means a placement to be empty.
	cautious bool
	// lost, if it is not nil, takes what is deleted.
	lost *losses
	// withStatus says that ConfigMaps have a status.
	withStatus bool
	// beforeStatus is called before a status is stored.
	beforeStatus atomic.Pointer[func(*typesv1beta1.FederatedObject)]
	// holdEvents, unless nil, keeps events of the storage back until it is closed.
	holdEvents atomic.Pointer[chan struct{}]

	mu         sync.Mutex
	controller *Controller
	handlers   []func(MemberChange)
	removed    map[string]bool
	// registered are clusters of which the storage says something that is not told yet.
	registered map[string]*Registration
	// placements that each object has had, and reads of each.
	placements map[string][]typesv1beta1.Placement
	reads      map[string][]read
	// stored counts what the controller writes to the storage.
	stored int
	// punctual has watches never be late.
	punctual bool
	// rewrites is Config.StatusRewrites; unreleased has finalizers stay on.
	rewrites   int
	unreleased bool
	// starting says that kinds but that of namespaces are started later.
	starting atomic.Bool
	// reports is Config.ReportInterval.
	reports time.Duration
	// hostUID is the UID of every namespace of the host.
	hostUID types.UID
	ctx     context.Context
	stop    func()
}

// newWorld starts one that runs beside those of other tests, with which it shares
// nothing.
func newWorld(t *testing.T, clusters int) *world {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t), Places: places})
	client, err := dynamic.NewForConfig(s.Config)
	require.NoError(t, err)
	w := &world{
		t: t, client: client, federation: s.Federation, settings: Settings{AdoptResources: true, Removals: unlimited}, reports: 100 * time.Millisecond,
		kinds:      map[schema.GroupVersionResource]*federatedtypes.Kind{},
		configs:    map[schema.GroupVersionResource]*corev1beta1.FederatedTypeConfig{},
		removed:    map[string]bool{},
		registered: map[string]*Registration{},
		placements: map[string][]typesv1beta1.Placement{},
		reads:      map[string][]read{},
	}
	for i := range clusters {
		w.clusters = append(w.clusters, newSimCluster(fmt.Sprintf("c%d", i), w, w.tell))
	}
	w.enable(s, simNamespaces, "Namespace", corev1beta1.ClusterScoped)
	w.enable(s, simConfigMaps, "ConfigMap", corev1beta1.NamespaceScoped)
	t.Cleanup(func() { w.kill() })
	return w
}

// places are what the server knows of where objects go when they are written: all
// that is named, though it may not go there, or now and then nothing.
func places(_ context.Context, _ *federatedtypes.Kind, obj *typesv1beta1.FederatedObject) []string {
	var names []string
	if rand.IntN(4) > 0 {
		for _, cluster := range obj.Spec.Placement.Clusters {
			names = append(names, cluster.Name)
		}
	}
	return names
}

func (w *world) enable(s *typeserver.Server, target schema.GroupVersionResource, kind string, scope corev1beta1.ResourceScope) {
	config := &corev1beta1.FederatedTypeConfig{
		ObjectMeta: metav1.ObjectMeta{Namespace: typeserver.Namespace, Name: target.Resource},
		Spec: corev1beta1.FederatedTypeConfigSpec{
			TargetType:    corev1beta1.APIResource{Version: "v1", Kind: kind, PluralName: target.Resource, Scope: scope},
			Propagation:   corev1beta1.PropagationEnabled,
			FederatedType: corev1beta1.APIResource{Group: "types.kubefed.io", Version: "v1beta1", Kind: "Federated" + kind, PluralName: "federated" + target.Resource, Scope: corev1beta1.NamespaceScoped},
		},
	}
	_, err := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).Create(w.t.Context(), config, metav1.CreateOptions{})
	require.NoError(w.t, err)
	require.Eventually(w.t, func() bool {
		served, ok := s.Types.Kind("federated" + target.Resource)
		if ok {
			w.kinds[target] = served
		}
		return ok
	}, patience, poll)
	w.configs[target] = config
}

// configure changes the settings in force.
func (w *world) configure(change func(*Settings)) {
	w.mu.Lock()
	change(&w.settings)
	controller := w.controller
	w.mu.Unlock()
	if controller != nil {
		controller.Refresh()
	}
}

// run starts a controller, as a process that leads.
func (w *world) run() {
	broadcaster := record.NewBroadcaster()
	controller, err := New(Config{
		Members: w, Federation: w.federation, Settings: w.settingsInForce, SystemNamespace: typeserver.Namespace,
		HostNamespaceUID: func(context.Context, string) (types.UID, error) { return w.hostUID, nil },
		Events:           broadcaster.NewRecorder(runtime.NewScheme(), corev1.EventSource{}),
		MinBackoff:       5 * time.Millisecond, MaxBackoff: 100 * time.Millisecond,
		ReportInterval: w.reports, RequestTimeout: 5 * time.Second,
		StatusRewrites: w.rewrites, AllStarted: func() bool { return !w.starting.Load() },
	})
	require.NoError(w.t, err)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan error, 1)
	w.mu.Lock()
	w.controller, w.ctx = controller, ctx
	w.stop = func() {
		cancel()
		assert.NoError(w.t, <-ended)
		broadcaster.Shutdown()
	}
	w.mu.Unlock()
	go func() { ended <- controller.Run(ctx) }()
	for target := range w.kinds {
		if !w.starting.Load() || target == simNamespaces {
			w.startKind(target)
		}
	}
}

func (w *world) settingsInForce() Settings {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settings
}

func (w *world) startKind(target schema.GroupVersionResource) {
	w.t.Helper()
	require.NoError(w.t, w.controller.Start(w.ctx, &source{Kind: w.kinds[target], w: w, target: target}, w.configs[target]))
}

// kill ends the controller and all that it remembers.
func (w *world) kill() {
	w.mu.Lock()
	stop := w.stop
	w.stop = nil
	w.mu.Unlock()
	if stop == nil {
		return
	}
	stop()
	w.mu.Lock()
	w.handlers = nil
	w.mu.Unlock()
	for _, c := range w.clusters {
		c.forgetObservers()
	}
}

// put creates or changes an object.
func (w *world) put(target schema.GroupVersionResource, key types.NamespacedName, value string, clusters ...string) error {
	p := typesv1beta1.Placement{Clusters: []typesv1beta1.ClusterReference{}}
	references := make([]any, 0, len(clusters))
	for _, cluster := range clusters {
		p.Clusters = append(p.Clusters, typesv1beta1.ClusterReference{Name: cluster})
		references = append(references, map[string]any{"name": cluster})
	}
	spec := map[string]any{"placement": map[string]any{"clusters": references, "allowEmpty": !w.cautious}}
	if target == simConfigMaps {
		spec["template"] = map[string]any{"data": map[string]any{"value": value}}
	}
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1", "kind": w.kinds[target].GroupVersionKind().Kind,
		"metadata": map[string]any{"namespace": key.Namespace, "name": key.Name}, "spec": spec,
	}}
	// Known before it is stored: requests may follow at once.
	w.mu.Lock()
	name := target.Resource + " " + key.String()
	w.placements[name] = append(w.placements[name], p)
	w.mu.Unlock()
	objects := w.client.Resource(w.kinds[target].Resource()).Namespace(key.Namespace)
	ctx := context.WithoutCancel(w.t.Context())
	_, err := objects.Create(ctx, obj, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		return err
	}
	raw, err := json.Marshal(map[string]any{"spec": spec})
	if err != nil {
		return err
	}
	_, err = objects.Patch(ctx, key.Name, types.MergePatchType, raw, metav1.PatchOptions{})
	if apierrors.IsNotFound(err) {
		return nil // its deletion has just ended
	}
	return err
}

func (w *world) delete(target schema.GroupVersionResource, key types.NamespacedName) error {
	// Without its FederatedNamespace an object goes nowhere.
	w.mu.Lock()
	id := target.Resource + " " + key.String()
	w.placements[id] = append(w.placements[id], typesv1beta1.Placement{Clusters: []typesv1beta1.ClusterReference{}})
	w.mu.Unlock()
	err := w.client.Resource(w.kinds[target].Resource()).Namespace(key.Namespace).Delete(context.WithoutCancel(w.t.Context()), key.Name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
