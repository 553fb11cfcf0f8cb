package dns

import (
	"context"
	"maps"

	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// need returns the observers of a namespace, by member, and starts those that are
// missing.
func (r *recordsRun[R]) need(namespace string) map[string]watched {
	r.mu.Lock()
	defer r.mu.Unlock()
	observers, ok := r.observed[namespace]
	if !ok {
		observers = map[string]watched{}
		r.observed[namespace] = observers
		for _, member := range r.Members.List() {
			r.watch(observers, namespace, member)
		}
	}
	return maps.Clone(observers)
}

// release stops the observers of a namespace that has no records any more.
func (r *recordsRun[R]) release(namespace string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Under the lock: whoever needs the observers of a record that is new comes after.
	for _, record := range r.inNamespace(namespace) {
		if record.GetDeletionTimestamp() == nil {
			return
		}
	}
	for _, w := range r.observed[namespace] {
		w.stop()
	}
	delete(r.observed, namespace)
}

// memberChanged follows a member that is new in all namespaces with records, and
// one that went in none.
func (r *recordsRun[R]) memberChanged(event members.Event) {
	name := event.Member.Name()
	r.mu.Lock()
	for namespace, observers := range r.observed {
		w, ok := observers[name]
		if ok && (event.Type == members.Removed || w.member != event.Member) {
			w.stop()
			delete(observers, name)
			ok = false
		}
		if !ok && event.Type != members.Removed {
			r.watch(observers, namespace, event.Member)
		}
	}
	r.mu.Unlock()
	r.enqueueAll("")
}

// watch starts the observer of a namespace of a member. r.mu is held.
func (r *recordsRun[R]) watch(observers map[string]watched, namespace string, member *members.Member) {
	if r.ctx.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(r.ctx)
	observer, runs := r.kind.observe(member.Session, namespace,
		func(name string) {
			key := types.NamespacedName{Namespace: namespace, Name: name}
			if _, found, _ := r.records.GetByKey(key.String()); found {
				r.queue.Add(key)
			}
		},
		func() { r.enqueueNamespace(namespace) },
	)
	for _, run := range runs {
		r.running.Go(func() { run(ctx) })
	}
	observers[member.Name()] = watched{member: member, observer: observer, stop: stop}
}
