package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2/ktesting"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/controllers/propagation"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/test/hollow"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

const (
	wardMembers = 10
	// sickMember is one of them, in the middle of every list.
	sickMember = "m5"
	wardSpace  = "ward"
	patience   = time.Minute
	poll       = 5 * time.Millisecond
)

// ward is a federation in this process, with the real storage, the real connections
// and members that get sick as they are told. No health check helps: who is sick is
// taken for well.
type ward struct {
	t          *testing.T
	fleet      *hollow.Fleet
	members    map[string]*hollow.Member
	set        *members.Set
	controller *propagation.Controller
	kinds      map[string]*federatedtypes.Kind
	configs    map[string]*corev1beta1.FederatedTypeConfig
	client     dynamic.Interface
	ctx        context.Context
	// end ends the controller, as when another replica leads.
	end func() error

	mu sync.Mutex
	// arrived is when each member was first asked for each object.
	arrived map[string]time.Time
}

// newWard returns a ward in which a request may take so long.
func newWard(t *testing.T, count int, requestTimeout time.Duration) *ward {
	t.Helper()
	w := &ward{
		t: t, members: map[string]*hollow.Member{}, arrived: map[string]time.Time{},
		kinds: map[string]*federatedtypes.Kind{}, configs: map[string]*corev1beta1.FederatedTypeConfig{},
	}
	var err error
	w.fleet, err = hollow.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.fleet.Close()) })
	s := typeserver.Start(t, typeserver.Options{
		Host: typeserver.NewHost(t),
		Places: func(context.Context, *federatedtypes.Kind, *typesv1beta1.FederatedObject) []string {
			var names []string
			for _, m := range w.set.List() {
				names = append(names, m.Name())
			}
			return names
		},
	})
	w.client, err = dynamic.NewForConfig(s.Config)
	require.NoError(t, err)

	_, ctx := ktesting.NewTestContext(t)
	var cancel context.CancelFunc
	w.ctx, cancel = context.WithCancel(ctx)
	w.set = members.NewSet(ctx, members.Options{RequestTimeout: requestTimeout, MinBackoff: 50 * time.Millisecond, MaxBackoff: time.Second})
	t.Cleanup(w.set.Close)
	for i := range count {
		w.join(fmt.Sprint("m", i))
	}
	w.set.MarkComplete()
	broadcaster := record.NewBroadcaster()
	t.Cleanup(broadcaster.Shutdown)
	w.controller, err = propagation.New(propagation.Config{
		Members:          pushedMembers{Set: w.set, clusters: s.Federation.CoreV1beta1().KubeFedClusters(typeserver.Namespace)},
		Federation:       s.Federation,
		Settings:         func() propagation.Settings { return propagation.Settings{AdoptResources: true} },
		SystemNamespace:  typeserver.Namespace,
		HostNamespaceUID: func(context.Context, string) (types.UID, error) { return "", nil },
		Events:           broadcaster.NewRecorder(runtime.NewScheme(), corev1.EventSource{}),
		RequestTimeout:   requestTimeout,
	})
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- w.controller.Run(w.ctx) }()
	w.end = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		w.heal()
		require.NoError(t, w.end())
	})
	w.enable(s, "namespaces", "Namespace", corev1beta1.ClusterScoped)
	w.enable(s, "configmaps", "ConfigMap", corev1beta1.NamespaceScoped)
	require.NoError(t, w.create("namespaces", wardSpace, nil))
	w.awaitEverywhere([]string{wardSpace}, "namespaces")
	return w
}

// join adds a member that counts when what arrives.
func (w *ward) join(name string) {
	w.t.Helper()
	m, err := w.fleet.Add(name)
	require.NoError(w.t, err)
	w.members[name] = m
	w.infect(name, nil)
	require.NoError(w.t, w.set.Update(w.cluster(m), &corev1.Secret{Data: map[string][]byte{members.TokenKey: []byte(m.Token())}}))
	w.set.SetReady(name, true, nil)
}

func (w *ward) cluster(m *hollow.Member) *corev1beta1.KubeFedCluster {
	return &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: m.Name()},
		Spec:       corev1beta1.KubeFedClusterSpec{APIEndpoint: m.Endpoint(), CABundle: m.CA()},
	}
}

func (w *ward) enable(s *typeserver.Server, resource, kind string, scope corev1beta1.ResourceScope) {
	w.t.Helper()
	config := &corev1beta1.FederatedTypeConfig{
		ObjectMeta: metav1.ObjectMeta{Namespace: typeserver.Namespace, Name: resource},
		Spec: corev1beta1.FederatedTypeConfigSpec{
			TargetType:    corev1beta1.APIResource{Version: "v1", Kind: kind, PluralName: resource, Scope: scope},
			Propagation:   corev1beta1.PropagationEnabled,
			FederatedType: corev1beta1.APIResource{Group: "types.kubefed.io", Version: "v1beta1", Kind: "Federated" + kind, PluralName: "federated" + resource, Scope: corev1beta1.NamespaceScoped},
		},
	}
	_, err := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).Create(w.ctx, config, metav1.CreateOptions{})
	require.NoError(w.t, err)
	require.Eventually(w.t, func() bool {
		served, ok := s.Types.Kind("federated" + resource)
		w.kinds[resource] = served
		return ok
	}, patience, poll)
	w.configs[resource] = config
	require.NoError(w.t, w.controller.Start(w.ctx, w.kinds[resource], config))
}

// infect has a member suffer from a fault, nil for none.
func (w *ward) infect(name string, fault hollow.Injector) {
	w.members[name].Inject(func(r *http.Request) *hollow.Fault {
		if r.Method == http.MethodPatch {
			w.mu.Lock()
			key := name + "/" + r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
			if _, again := w.arrived[key]; !again {
				w.arrived[key] = time.Now()
			}
			w.mu.Unlock()
		}
		if fault == nil {
			return nil
		}
		return fault(r)
	})
}

func (w *ward) heal() {
	for name := range w.members {
		w.infect(name, nil)
	}
}

func (w *ward) create(resource, name string, data map[string]any) error {
	spec := map[string]any{"placement": map[string]any{"clusterSelector": map[string]any{}}}
	if data != nil {
		spec["template"] = map[string]any{"data": data}
	}
	kind := w.kinds[resource]
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1", "kind": kind.GroupVersionKind().Kind,
		"metadata": map[string]any{"namespace": wardSpace, "name": name}, "spec": spec,
	}}
	_, err := w.client.Resource(kind.Resource()).Namespace(wardSpace).Create(w.ctx, obj, metav1.CreateOptions{})
	return err
}

// arrivedIn returns when a member was asked for objects, and how many it was not.
func (w *ward) arrivedIn(member string, names []string) (at map[string]time.Time, missing int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at = map[string]time.Time{}
	for _, name := range names {
		if when, ok := w.arrived[member+"/"+name]; ok {
			at[name] = when
		} else {
			missing++
		}
	}
	return at, missing
}

func (w *ward) others() []string {
	var names []string
	for name := range w.members {
		if name != sickMember {
			names = append(names, name)
		}
	}
	return names
}

// round writes objects, a few at a time, and returns in what time each of them came
// to each of the other members.
func (w *ward) round(names []string) []time.Duration {
	w.t.Helper()
	written := make([]time.Time, len(names))
	group := errgroup.Group{}
	group.SetLimit(4)
	for i, name := range names {
		group.Go(func() error {
			written[i] = time.Now()
			return w.create("configmaps", name, map[string]any{"content": strings.Repeat("x", 1<<10)})
		})
	}
	require.NoError(w.t, group.Wait())
	var took []time.Duration
	for _, member := range w.others() {
		var at map[string]time.Time
		require.Eventually(w.t, func() bool {
			var missing int
			at, missing = w.arrivedIn(member, names)
			return missing == 0
		}, patience, poll, "%s does not get all objects", member)
		for i, name := range names {
			took = append(took, at[name].Sub(written[i]))
		}
	}
	return took
}

// status of an object in a member, and whether there is any.
func (w *ward) status(name, member string) (typesv1beta1.PropagationStatus, bool) {
	obj, err := w.kinds["configmaps"].Get(w.ctx, wardSpace, name)
	if err != nil {
		return "", false
	}
	i := slices.IndexFunc(obj.Status.Clusters, func(c typesv1beta1.ClusterStatus) bool { return c.Name == member })
	if i < 0 || obj.Status.ObservedGeneration != obj.Generation {
		return "", false
	}
	return obj.Status.Clusters[i].Status, true
}

// awaitReported waits until the statuses say that the others have the objects.
func (w *ward) awaitReported(names []string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		for _, name := range names {
			for _, member := range w.others() {
				if status, known := w.status(name, member); !known || status != typesv1beta1.ClusterPropagationOK {
					return false
				}
			}
		}
		return true
	}, patience, 10*poll, "what the others have is not reported")
}

func (w *ward) awaitEverywhere(names []string, resource string) {
	w.t.Helper()
	kind := w.kinds[resource]
	require.Eventually(w.t, func() bool {
		for _, name := range names {
			obj, err := kind.Get(w.ctx, wardSpace, name)
			if err != nil || len(obj.Status.Clusters) != len(w.members) || obj.Status.ObservedGeneration != obj.Generation ||
				slices.ContainsFunc(obj.Status.Clusters, func(c typesv1beta1.ClusterStatus) bool { return c.Status != typesv1beta1.ClusterPropagationOK }) {
				return false
			}
		}
		return true
	}, patience, 10*poll, "not all is everywhere")
}

func mean(durations []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range durations {
		sum += d
	}
	return sum / time.Duration(max(1, len(durations)))
}
