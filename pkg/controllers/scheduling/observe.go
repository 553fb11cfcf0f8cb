package scheduling

import (
	"errors"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// contendedFor is how long it is told that somebody else set the replicas of a
// copy: the propagation puts them back at once.
const contendedFor = 5 * time.Minute

var podsResource = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// observer follows the objects of preferences in the members, as long as there are
// preferences for them: per namespace, and their pods while not all are ready.
type observer struct {
	members *members.Set
	clock   clock.PassiveClock
	// changed is called when something of an object changed; without a name, of any
	// object in the namespace.
	changed func(namespace, name string)

	mu        sync.Mutex
	workloads map[workloadsKey]*workloads
	pods      map[podsKey]*podsOf
}

type workloadsKey struct {
	cluster, namespace string
	resource           schema.GroupVersionResource
}

// workloads are the objects of a type in a namespace of a member.
type workloads struct {
	member    *members.Member
	following *members.Following[workload]
	// users are the preferences by name.
	users map[string]struct{}

	mu        sync.Mutex
	contended map[string]contention
}

// contention says who else set replicas, and when.
type contention struct {
	manager string
	time    time.Time
}

type podsKey struct {
	workloadsKey
	name string
}

type podsOf struct {
	member    *members.Member
	selector  string
	following *members.Following[pod]
}

func newObserver(set *members.Set, c clock.PassiveClock, changed func(namespace, name string)) *observer {
	return &observer{members: set, clock: c, changed: changed, workloads: map[workloadsKey]*workloads{}, pods: map[podsKey]*podsOf{}}
}

// look returns what is known of an object in a member, and begins to observe it if
// that is not yet done.
func (o *observer) look(cluster string, resource schema.GroupVersionResource, object types.NamespacedName) seen {
	member, ok := o.members.Get(cluster)
	if !ok {
		return seen{pending: true}
	}
	key := workloadsKey{cluster: cluster, namespace: object.Namespace, resource: resource}
	w := o.follow(key, member, object.Name)
	synced, err := w.following.Synced()
	if !synced {
		var unavailable *members.NotAvailableError
		return seen{pending: err == nil, failure: err, unavailable: errors.As(err, &unavailable)}
	}
	found, exists := w.following.Get(object)
	if !exists || found.replicas == found.ready {
		o.unfollowPods(podsKey{key, object.Name})
	}
	result := seen{known: true, exists: exists, replicas: found.replicas, ready: found.ready, running: found.replicas}
	if !exists {
		return result
	}
	now := o.clock.Now()
	if c, ok := w.contention(object.Name); ok && now.Before(c.time.Add(contendedFor)) {
		result.manager, result.recheck = c.manager, c.time.Add(contendedFor)
	}
	if found.replicas != found.ready && found.selector != "" {
		o.lookAtPods(&result, podsKey{key, object.Name}, member, found.selector, now)
	}
	return result
}

// lookAtPods counts pods: those that are ready now, and those without a node.
func (o *observer) lookAtPods(result *seen, key podsKey, member *members.Member, selector string, now time.Time) {
	following := o.followPods(key, member, selector)
	if synced, _ := following.Synced(); !synced {
		return // what the object's own status says will do
	}
	sooner := func(t time.Time) {
		if result.recheck.IsZero() || t.Before(result.recheck) {
			result.recheck = t
		}
	}
	result.ready = 0
	var lost int64
	for _, p := range following.All() {
		switch {
		case p.ready:
			result.ready++
		case p.ended:
		case now.Before(p.created.Add(startupGrace)):
			sooner(p.created.Add(startupGrace))
		default:
			lost++
		}
		if p.unschedulable.IsZero() {
			continue
		}
		if end := p.unschedulable.Add(unschedulableAfter); now.Before(end) {
			sooner(end)
		} else {
			result.unschedulable++
		}
	}
	result.running = max(0, result.replicas-lost)
}

func (o *observer) follow(key workloadsKey, member *members.Member, user string) *workloads {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.workloads[key]
	if w == nil || w.member != member {
		next := &workloads{member: member, users: map[string]struct{}{}, contended: map[string]contention{}}
		if w != nil {
			w.following.Stop()
			next.users = w.users
		}
		next.following = members.Follow(member,
			members.Selection{Resource: key.resource, Namespace: key.namespace, Labels: typesv1beta1.ManagedLabel + "=" + typesv1beta1.ManagedLabelValueTrue},
			func(obj *unstructured.Unstructured) workload { return o.reduce(next, obj) },
			func(changed types.NamespacedName) { o.changed(key.namespace, changed.Name) })
		w = next
		o.workloads[key] = w
	}
	w.users[user] = struct{}{}
	return w
}

func (o *observer) reduce(w *workloads, obj *unstructured.Unstructured) workload {
	if manager := contender(obj); manager != "" {
		w.mu.Lock()
		w.contended[obj.GetName()] = contention{manager, o.clock.Now()}
		w.mu.Unlock()
	}
	return workloadOf(obj)
}

func (w *workloads) contention(name string) (contention, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.contended[name]
	return c, ok
}

func (o *observer) followPods(key podsKey, member *members.Member, selector string) *members.Following[pod] {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.pods[key]
	if p != nil && (p.member != member || p.selector != selector) {
		p.following.Stop()
		p = nil
	}
	if p == nil {
		p = &podsOf{member: member, selector: selector}
		p.following = members.Follow(member, members.Selection{Resource: podsResource, Namespace: key.namespace, Labels: selector}, podOf,
			func(types.NamespacedName) { o.changed(key.namespace, key.name) })
		o.pods[key] = p
	}
	return p.following
}

func (o *observer) unfollowPods(key podsKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.pods[key]; p != nil {
		p.following.Stop()
		delete(o.pods, key)
	}
}

// forget ends what was observed for a preference, but for the clusters to keep.
func (o *observer) forget(object types.NamespacedName, keep func(cluster string, resource schema.GroupVersionResource) bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, w := range o.workloads {
		if _, uses := w.users[object.Name]; !uses || key.namespace != object.Namespace || keep(key.cluster, key.resource) {
			continue
		}
		if p := o.pods[podsKey{key, object.Name}]; p != nil {
			p.following.Stop()
			delete(o.pods, podsKey{key, object.Name})
		}
		if delete(w.users, object.Name); len(w.users) == 0 {
			w.following.Stop()
			delete(o.workloads, key)
		}
	}
}

// stop ends all observation.
func (o *observer) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.workloads {
		w.following.Stop()
	}
	for _, p := range o.pods {
		p.following.Stop()
	}
	clear(o.workloads)
	clear(o.pods)
}

// workload is what is kept of an object with replicas.
type workload struct {
	replicas, ready int64
	// selector of its pods, empty if it has none that is usable.
	selector string
}

func workloadOf(obj *unstructured.Unstructured) workload {
	w := workload{}
	// A field of another form is as good as none.
	w.replicas, _, _ = unstructured.NestedInt64(obj.Object, "spec", "replicas")
	w.ready, _, _ = unstructured.NestedInt64(obj.Object, "status", "readyReplicas")
	raw, found, err := unstructured.NestedMap(obj.Object, "spec", "selector")
	if !found || err != nil {
		return w
	}
	selector, err := selectorOf(raw)
	if err != nil {
		return w
	}
	if parsed, err := metav1.LabelSelectorAsSelector(selector); err == nil && !parsed.Empty() {
		w.selector = parsed.String()
	}
	return w
}

// contender returns the field manager of an autoscaler, or of whoever else set
// spec.replicas by the subresource scale, if that took the field from us. What a
// person does with kubectl is put back and forgotten.
func contender(obj *unstructured.Unstructured) string {
	manager := ""
	for _, entry := range obj.GetManagedFields() {
		if !members.OwnsReplicas(entry.FieldsV1) {
			continue
		}
		switch {
		case entry.Manager == typesv1beta1.FieldManager, entry.Manager == members.ReplicasFieldManager:
			return ""
		case entry.Subresource == "scale" && !strings.HasPrefix(entry.Manager, "kubectl"):
			manager = entry.Manager
		}
	}
	return manager
}

// pod is what is kept of a pod.
type pod struct {
	// ready says that it is Ready; ended that it has ended or is about to.
	ready, ended bool
	created      time.Time
	// unschedulable is since when no node was found for it; zero if there is one.
	unschedulable time.Time
}
