package server

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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

// sicknesses are what may ail a member.
var sicknesses = []struct {
	name  string
	fault hollow.Injector
}{
	{"hangs", func(*http.Request) *hollow.Fault { return &hollow.Fault{Hang: true} }},
	{"is slow", func(*http.Request) *hollow.Fault { return &hollow.Fault{Delay: time.Second} }},
	{"has too many requests", func(*http.Request) *hollow.Fault {
		return &hollow.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Second}
	}},
	{"has too many requests and does not say for how long", answers(http.StatusTooManyRequests)},
	{"has an internal error", answers(http.StatusInternalServerError)},
	{"is unavailable", answers(http.StatusServiceUnavailable)},
	{"flaps", flapping()},
	{"says what is no JSON", says(`{"kind":[[[{{`)},
	{"says what is nothing", says(``)},
	{"has versions of the future", says(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"ward","uid":"x","resourceVersion":"18446744073709551615","labels":{"kubefed.io/managed":"true"}}}`)},
	{"sends events of no type", says(strings.Repeat(`{"type":"UPSET","object":{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"ward","uid":"x","resourceVersion":"7"}}}`+"\n", 50))},
}

func answers(code int) hollow.Injector {
	return func(*http.Request) *hollow.Fault { return &hollow.Fault{Status: code} }
}

func says(text string) hollow.Injector {
	return func(*http.Request) *hollow.Fault { return &hollow.Fault{Body: []byte(text)} }
}

// flapping answers every other request, and cuts the others off.
func flapping() hollow.Injector {
	var requests atomic.Int64
	return func(*http.Request) *hollow.Fault {
		if requests.Add(1)%2 == 0 {
			return nil
		}
		return &hollow.Fault{Lose: true}
	}
}

// gauge counts requests for copies to the sick member.
type gauge struct {
	mu            sync.Mutex
	inFlight, max int
	tries         map[string]int
}

func (g *gauge) watch(fault hollow.Injector) hollow.Injector {
	return func(r *http.Request) *hollow.Fault {
		if r.Method == http.MethodPatch {
			g.mu.Lock()
			g.inFlight++
			g.max = max(g.max, g.inFlight)
			g.tries[r.URL.Path]++
			g.mu.Unlock()
			context.AfterFunc(r.Context(), func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				g.inFlight--
			})
		}
		return fault(r)
	}
}

// One of ten members is sick, and taken for well: objects come to the others as they
// do without it, their statuses say so, and it is not asked more than it bears.
func TestOneSickMemberSlowsNobody(t *testing.T) {
	const objects, mostRounds = 10, 16
	w := newWard(t, wardMembers, 30*time.Second)
	for i, sickness := range sicknesses {
		t.Run(sickness.name, func(t *testing.T) {
			w.t = t
			g := &gauge{tries: map[string]int{}}
			names := func(round int, kind string) (list []string) {
				for object := range objects {
					list = append(list, fmt.Sprintf("%s-%d-%d-%d", kind, i, round, object))
				}
				return list
			}
			var without, with []time.Duration
			for round := range mostRounds {
				well := names(round, "well")
				without = append(without, w.round(well)...)
				w.awaitEverywhere(well, "configmaps")

				began := time.Now()
				w.infect(sickMember, g.watch(sickness.fault))
				ill := names(round, "ill")
				with = append(with, w.round(ill)...)
				w.awaitReported(ill)
				w.heal()
				w.awaitEverywhere(ill, "configmaps")
				took := time.Since(began)

				g.mu.Lock()
				most, tries := g.max, 0
				for _, count := range g.tries {
					tries = max(tries, count)
				}
				g.mu.Unlock()
				require.LessOrEqual(t, most, 32, "requests in flight to the sick member")
				// Tries of one copy are 200 ms, 400 ms, 800 ms ... apart.
				allowed := 3
				for wait := 100 * time.Millisecond; wait < took; wait *= 2 {
					allowed++
				}
				require.LessOrEqual(t, tries, allowed, "tries of one copy in the sick member in %s", took)

				// On a machine that others use too, it takes some rounds until what is the same
				// looks the same.
				if mean(with) <= 2*mean(without) {
					t.Logf("with: %s, without: %s", mean(with), mean(without))
					return
				}
			}
			t.Fatalf("with a member that %s it takes %s until objects come to the others, and %s without", sickness.name, mean(with), mean(without))
		})
	}
}

// A member that does not answer holds up nothing that comes and goes: a request to
// it may take longer than this test.
func TestAHungMemberHoldsUpNoChanges(t *testing.T) {
	hang := func(*http.Request) *hollow.Fault { return &hollow.Fault{Hang: true} }
	soon := func(t *testing.T, what string, do func()) {
		t.Helper()
		done := make(chan struct{})
		go func() {
			defer close(done)
			do()
		}()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatalf("%s waits for a member that does not answer", what)
		}
	}
	w := newWard(t, 3, time.Hour)
	const hung = "m1"
	busy := func(name string) {
		t.Helper()
		w.infect(hung, hang)
		require.NoError(t, w.create("configmaps", name, map[string]any{}))
		require.Eventually(t, func() bool {
			_, missing := w.arrivedIn(hung, []string{name})
			return missing == 0
		}, patience, poll)
	}

	busy("first")
	soon(t, "the end of a kind", func() { w.controller.Stop("configmaps") })
	soon(t, "the start of a kind", func() {
		require.NoError(t, w.controller.Start(w.ctx, w.kinds["configmaps"], w.configs["configmaps"]))
	})
	w.heal()
	w.awaitEverywhere([]string{"first"}, "configmaps")

	busy("second")
	soon(t, "a change of another member", func() {
		changed := w.cluster(w.members["m0"])
		changed.Labels = map[string]string{"changed": "true"}
		require.NoError(t, w.set.Update(changed, &corev1.Secret{Data: map[string][]byte{members.TokenKey: []byte(w.members["m0"].Token())}}))
	})
	soon(t, "another member that joins", func() { w.join("m3") })
	soon(t, "the removal of the member itself", func() { w.set.Remove(hung) })
	delete(w.members, hung)
	require.NoError(t, w.create("configmaps", "third", map[string]any{}))
	w.awaitEverywhere([]string{"second", "third"}, "configmaps")

	w.join("m4")
	w.awaitEverywhere([]string{"third"}, "configmaps")
	w.infect("m4", hang)
	require.NoError(t, w.create("configmaps", "fourth", map[string]any{}))
	require.Eventually(t, func() bool {
		_, missing := w.arrivedIn("m4", []string{"fourth"})
		return missing == 0
	}, patience, poll)
	soon(t, "another leader", func() { require.NoError(t, w.end()) })
}
