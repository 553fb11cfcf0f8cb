package propagation

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// handlerOf returns the handler for changes of the federated objects of a kind.
func (c *Controller) handlerOf(k *kind) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(added any, isInInitialList bool) {
			obj := added.(*typesv1beta1.FederatedObject)
			k.objects.Add(1)
			c.noteRemovals(obj)
			if isInInitialList {
				c.objects.AddBackground(k.keyOf(obj))
				return
			}
			c.objects.Add(k.keyOf(obj))
			if k.namespaces {
				c.resyncNamespaced(obj.Namespace)
			}
		},
		UpdateFunc: func(before, after any) {
			old, obj := before.(*typesv1beta1.FederatedObject), after.(*typesv1beta1.FederatedObject)
			if c.ledger.delivered(k.keyOf(obj), obj) {
				return
			}
			c.objects.Add(k.keyOf(obj))
			if old.UID != obj.UID || old.Generation != obj.Generation {
				k.forgetSize(old)
			}
			if old.Annotations[typesv1beta1.RecreateImmutableAnnotation] != obj.Annotations[typesv1beta1.RecreateImmutableAnnotation] {
				c.retryUpdates(k, obj)
			}
			if k.namespaces && (old.UID != obj.UID || old.Generation != obj.Generation || (old.DeletionTimestamp == nil) != (obj.DeletionTimestamp == nil)) {
				c.resyncNamespaced(obj.Namespace)
			}
		},
		DeleteFunc: func(deleted any) {
			if unknown, ok := deleted.(cache.DeletedFinalStateUnknown); ok {
				deleted = unknown.Obj
			}
			obj, ok := deleted.(*typesv1beta1.FederatedObject)
			if !ok {
				return
			}
			key := k.keyOf(obj)
			k.objects.Add(-1)
			c.window.Forget(obj.UID)
			c.ledger.forget(key)
			c.objects.Add(key) // whoever is at work on it may note something once more
			k.forgetSize(obj)
			c.checkLeftovers(k, key)
			for _, removal := range c.removals.of(key) {
				c.resumeRemoval(removal) // as long as the object was there, this was its own
			}
			if k.namespaces {
				c.resyncNamespaced(obj.Namespace)
			}
		},
	}
}

// checkLeftovers has a look at copies of an object that has gone, which there are
// if somebody took the finalizer off.
func (c *Controller) checkLeftovers(k *kind, key objectKey) {
	if c.isOutOfScope(k) {
		return
	}
	name := k.inMember(key.NamespacedName)
	for _, member := range c.config.Members.List() {
		if _, exists := member.Copies(k.resource, k.namespaced).Get(name); !exists {
			continue
		}
		if w := c.worker(member.Name()); w != nil {
			w.queue.Add(key)
		}
	}
}

// kindSynced has a look at everything that could not be judged before the objects
// of a kind were known.
func (c *Controller) kindSynced(k *kind) {
	k.synced.Store(true)
	for _, member := range c.config.Members.List() {
		if w := c.worker(member.Name()); w != nil && !c.isOutOfScope(k) {
			w.resyncCopies(k, member.Copies(k.resource, k.namespaced))
		}
	}
	for _, item := range c.removals.informer.GetStore().List() {
		if removal := item.(*corev1beta1.PendingRemoval); removal.Spec.Target.TypeConfig == k.name {
			c.resumeRemoval(removal)
		}
	}
	if k.namespaces {
		c.resyncNamespaced("")
	}
}

// resyncNamespaced looks at all objects that go where their namespace goes: in one
// namespace, or in all if that is empty.
func (c *Controller) resyncNamespaced(namespace string) {
	for _, k := range c.allKinds() {
		if k.namespaced {
			c.resync(k, namespace)
		}
	}
}

// resync looks at all objects of a kind, behind what users wait for.
func (c *Controller) resync(k *kind, namespace string) {
	k.each(namespace, func(obj *typesv1beta1.FederatedObject) { c.objects.AddBackground(k.keyOf(obj)) })
}

// memberChanged takes members in and out of work, and looks at what a change of
// one may have made different.
func (c *Controller) memberChanged(change MemberChange) {
	c.changing.Lock()
	defer c.changing.Unlock()
	if c.ctx == nil || c.ctx.Err() != nil {
		return
	}
	if change.Removed {
		c.removeWorker(change.Name)
		for _, k := range c.allKinds() {
			c.resync(k, "")
		}
		for _, removal := range c.removals.in(change.Name) {
			c.pending.Add(removal.Name)
		}
		return
	}
	member := c.config.Members.Get(change.Name)
	if member == nil {
		return // it has left already, and that is told next
	}
	w := c.worker(change.Name)
	if w == nil || change.Added {
		c.removeWorker(change.Name)
		w = c.newMemberWorker(c.ctx, member)
		c.mu.Lock()
		c.workers[change.Name] = w
		c.mu.Unlock()
		for _, k := range c.allKinds() {
			c.attach(k, w, member)
			c.resync(k, "")
		}
		if member.Ready() {
			w.resumeRemovals()
		}
		return
	}
	if labels := member.Labels(); !maps.Equal(labels, w.labels) {
		w.labels = maps.Clone(labels)
		for _, k := range c.allKinds() {
			c.resync(k, "")
		}
	}
	if ready := member.Ready(); ready != w.ready {
		w.ready = ready
		if ready {
			w.restartListings()
			w.resumeRemovals()
		}
	}
	held := member.Held() != nil
	for _, k := range c.allKinds() {
		w.resyncRecorded(k)
		if w.held && !held && !c.isOutOfScope(k) {
			w.resyncCopies(k, member.Copies(k.resource, k.namespaced))
		}
	}
	if w.held && !held {
		w.resumeRemovals()
	}
	w.held = held
}

// removeWorker ends the work in a member. c.changing is held.
func (c *Controller) removeWorker(cluster string) {
	c.mu.Lock()
	w := c.workers[cluster]
	delete(c.workers, cluster)
	c.mu.Unlock()
	if w != nil {
		w.stop()
		c.ledger.forgetCluster(cluster)
		forgetMemberMetrics(cluster)
	}
}

// attach has the changes of the copies of a kind in a member looked at.
func (c *Controller) attach(k *kind, w *memberWorker, member Member) {
	if c.isOutOfScope(k) {
		return
	}
	copies := member.Observe(k.resource, k.namespaced, members.Detail(k.detail.Load()))
	copies.AddHandler(
		func(name types.NamespacedName) { w.copyChanged(k, copies, name) },
		func(name types.NamespacedName) { w.statusChanged(k, name) },
		func() { w.stateChanged(k, copies) })
	w.stateChanged(k, copies)
}

// copyChanged looks at one copy at once, unless it is known that its member does
// not take our writes for the time being.
func (w *memberWorker) copyChanged(k *kind, copies Copies, name types.NamespacedName) {
	if state, _ := copies.State(); state != CopiesSynced {
		return // the change of the state has all copies looked at
	}
	key := k.ofMember(name)
	if _, exists := copies.Get(name); exists && w.queue.NumRequeues(key) > 0 {
		return
	}
	w.queue.Add(key)
	if k.namespaces {
		w.wakeContents(name.Name)
	}
}

// statusChanged has the status of an object written within its interval,
// together with whatever else changes until then: a rollout changes it with every
// pod.
func (w *memberWorker) statusChanged(k *kind, name types.NamespacedName) {
	key := k.ofMember(name)
	obj := k.get(key.NamespacedName)
	if obj == nil {
		return
	}
	w.c.reportLater(key, obj)
}

// stateChanged looks at all copies when it is known what there is.
func (w *memberWorker) stateChanged(k *kind, copies Copies) {
	state, _ := copies.State()
	w.watchListing(k, state)
	if state == CopiesSyncing {
		return
	}
	if state == CopiesSynced {
		w.resyncCopies(k, copies)
	}
	w.resyncRecorded(k)
}

// resyncCopies looks at all copies that the member shows.
func (w *memberWorker) resyncCopies(k *kind, copies Copies) {
	for _, name := range copies.Keys() {
		w.queue.AddBackground(k.ofMember(name))
	}
}

// resyncRecorded looks at all copies that objects have, or shall have, in the
// member. One that is not ready may hold up its workers with requests that it does
// not answer; to report that takes none of them.
func (w *memberWorker) resyncRecorded(k *kind) {
	w.moments.Add(1)
	member := w.c.config.Members.Get(w.name)
	lost := member != nil && !member.Ready()
	k.each("", func(obj *typesv1beta1.FederatedObject) {
		key := k.keyOf(obj)
		under := w.c.ledger.has(key, w.name)
		switch {
		case recordedCluster(obj, w.name) == nil && !w.c.ledger.knows(key, w.name):
		case !lost:
			w.queue.AddBackground(key)
		case under || obj.DeletionTimestamp != nil || obj.Status.ObservedGeneration != obj.Generation:
			w.c.objects.AddBackground(key)
		default:
			w.c.pacer.addIfStale(key)
		}
	})
}

// isStale says that the status of an object has other members as lost than are.
func (c *Controller) isStale(key objectKey) bool {
	k := c.kind(key.kind)
	if k == nil {
		return false
	}
	obj := c.ledger.current(key, func() *typesv1beta1.FederatedObject { return k.get(key.NamespacedName) })
	return obj != nil && slices.ContainsFunc(obj.Status.Clusters, func(entry typesv1beta1.ClusterStatus) bool {
		member := c.config.Members.Get(entry.Name)
		return member != nil && member.Ready() == (entry.LastSeenTime != nil || entry.Status == typesv1beta1.ClusterNotReady)
	})
}

// wakeContents tries again at once what waits for a namespace of the member.
func (w *memberWorker) wakeContents(namespace string) {
	w.moments.Add(1)
	for _, k := range w.c.allKinds() {
		if !k.namespaced {
			continue
		}
		k.each(namespace, func(obj *typesv1beta1.FederatedObject) {
			key := k.keyOf(obj)
			entry := recordedCluster(obj, w.name)
			if entry != nil && entry.Status != typesv1beta1.ClusterPropagationOK || w.c.ledger.knows(key, w.name) {
				w.queue.Forget(key)
				w.queue.Add(key)
			}
		})
	}
}
