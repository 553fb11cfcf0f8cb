package propagation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/clientset/versioned"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

var (
	simConfigMaps = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	simNamespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

const (
	patience = time.Minute
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

func (w *world) HasSynced() bool { return true }

func (w *world) Registered(_ context.Context, name string) (*Registration, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if live, ok := w.registered[name]; ok {
		return live, nil
	}
	for _, c := range w.clusters {
		if c.name == name && !w.removed[name] {
			return &Registration{Labels: c.Labels()}, nil
		}
	}
	return nil, nil
}

func (w *world) Get(name string) Member {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.clusters {
		if c.name == name && !w.removed[name] {
			return c
		}
	}
	return nil
}

func (w *world) List() []Member {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []Member
	for _, c := range w.clusters {
		if !w.removed[c.name] {
			list = append(list, c)
		}
	}
	return list
}

func (w *world) AddHandler(handle func(MemberChange)) {
	w.mu.Lock()
	w.handlers = append(w.handlers, handle)
	w.mu.Unlock()
	for _, member := range w.List() {
		handle(MemberChange{Name: member.Name(), Added: true})
	}
}

func (w *world) tell(change MemberChange) {
	w.mu.Lock()
	handlers := slices.Clone(w.handlers)
	w.mu.Unlock()
	for _, handle := range handlers {
		handle(change)
	}
}

// leave takes a cluster out of the federation.
func (w *world) leave(cluster string) {
	w.mu.Lock()
	w.removed[cluster] = true
	w.mu.Unlock()
	w.tell(MemberChange{Name: cluster, Removed: true})
}

// join brings a cluster back that has left.
func (w *world) join(cluster string) {
	w.mu.Lock()
	delete(w.removed, cluster)
	w.mu.Unlock()
	w.tell(MemberChange{Name: cluster, Added: true})
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

// asWanted says what is not as the objects in the storage say.
func (w *world) asWanted(target schema.GroupVersionResource, key types.NamespacedName) error {
	obj, err := w.kinds[target].Get(w.t.Context(), key.Namespace, key.Name)
	exists := err == nil
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	inMember := key
	if target == simNamespaces {
		inMember.Namespace = ""
	}
	for _, cluster := range w.clusters {
		copy, found := cluster.of(target).copy(inMember)
		wanted := exists && w.isSelected(obj, target, cluster.name)
		if w.Get(cluster.name) == nil {
			continue
		}
		switch {
		case found != wanted:
			return fmt.Errorf("%s %s in %s: found %t, wanted %t", target.Resource, key, cluster.name, found, wanted)
		case !wanted:
			continue
		case copy.deleting:
			return fmt.Errorf("%s %s in %s is being deleted", target.Resource, key, cluster.name)
		}
		kind := map[schema.GroupVersionResource]string{simConfigMaps: "ConfigMap", simNamespaces: "Namespace"}[target]
		rendered, err := overrides.Render(obj, overrides.Target{APIVersion: "v1", Kind: kind, Namespace: inMember.Namespace, Name: key.Name},
			overrides.Cluster{Name: cluster.name, Labels: cluster.Labels()}, true)
		if err != nil {
			return err
		}
		if copy.body != string(rendered.JSON) || copy.drift != 0 {
			return fmt.Errorf("%s %s in %s: is %s (drift %d), not %s", target.Resource, key, cluster.name, copy.body, copy.drift, rendered.JSON)
		}
	}
	if !exists {
		return nil
	}
	if obj.DeletionTimestamp != nil {
		return fmt.Errorf("%s %s is being deleted", target.Resource, key)
	}
	ready := condition(obj, typesv1beta1.ReadyCondition)
	if ready == nil || ready.Status != corev1.ConditionTrue || ready.ObservedGeneration != obj.Generation {
		return fmt.Errorf("%s %s is not ready: %+v, %+v", target.Resource, key, obj.Status.Conditions, obj.Status.Clusters)
	}
	for _, entry := range obj.Status.Clusters {
		if !w.isSelected(obj, target, entry.Name) {
			return fmt.Errorf("%s %s still names %s", target.Resource, key, entry.Name)
		}
	}
	return nil
}

func (w *world) isSelected(obj *typesv1beta1.FederatedObject, target schema.GroupVersionResource, cluster string) bool {
	candidates := []placement.Cluster{{Name: cluster}}
	selected, err := placement.Select(obj.Spec.Placement, candidates)
	if err != nil || !selected.Has(cluster) || w.Get(cluster) == nil {
		return false
	}
	if target == simNamespaces {
		return true
	}
	namespace, err := w.kinds[simNamespaces].Get(w.t.Context(), obj.Namespace, obj.Namespace)
	if err != nil {
		return false
	}
	selected, err = placement.Select(namespace.Spec.Placement, candidates)
	return err == nil && selected.Has(cluster)
}

// awaitWanted waits until all is as the storage says.
func (w *world) awaitWanted(keys map[schema.GroupVersionResource][]types.NamespacedName) {
	w.t.Helper()
	var last error
	if !assert.Eventually(w.t, func() bool {
		last = nil
		for target, names := range keys {
			for _, name := range names {
				last = errors.Join(last, w.asWanted(target, name))
			}
		}
		return last == nil
	}, patience, 20*poll) {
		require.NoError(w.t, last)
	}
}

// awaitIdle waits until the controller has nothing more to do, and nothing in mind.
func (w *world) awaitIdle() {
	w.t.Helper()
	quiet, left := 0, ""
	defer func() {
		if w.t.Failed() {
			w.t.Log(left)
		}
	}()
	require.Eventually(w.t, func() bool {
		c := w.controller
		busy := c.objects.Len() + c.pacer.len() + c.pending.Len()
		c.mu.RLock()
		for _, worker := range c.workers {
			busy += worker.queue.Len()
		}
		c.mu.RUnlock()
		left = fmt.Sprintf("%d objects, %d to be rewritten, %d removals", c.objects.Len(), c.pacer.len(), c.pending.Len())
		c.ledger.mu.Lock()
		for key, r := range c.ledger.records {
			if r.written == nil && len(r.copies) == 0 && r.due.IsZero() {
				continue // what may be removed stays known until it is
			}
			busy++
			left += fmt.Sprintf("; %s: written %t, due %s, granted %v, %d copies", key, r.written != nil, r.due, r.granted, len(r.copies))
			for cluster, copied := range r.copies {
				left += fmt.Sprintf(", %s: %+v", cluster, *copied)
			}
		}
		c.ledger.mu.Unlock()
		if quiet++; busy > 0 {
			quiet = 0
		}
		return quiet > 20
	}, patience, poll, "there is something left in the queues or in the ledger")
}

func (w *world) writes() int {
	sum := 0
	for _, c := range w.clusters {
		c.mu.Lock()
		sum += c.writes
		c.mu.Unlock()
	}
	return sum
}

// askedInVain counts the questions for copies whose end the answers to deletions
// told.
func (w *world) askedInVain() int {
	sum := 0
	for _, c := range w.clusters {
		c.mu.Lock()
		sum += c.askedInVain
		c.mu.Unlock()
	}
	return sum
}

func (w *world) versions(keys map[schema.GroupVersionResource][]types.NamespacedName) map[string]string {
	versions := map[string]string{}
	for target, names := range keys {
		for _, name := range names {
			if obj, err := w.kinds[target].Get(w.t.Context(), name.Namespace, name.Name); err == nil {
				versions[target.Resource+" "+name.String()] = obj.ResourceVersion
			}
		}
	}
	return versions
}
