package propagation

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/klog/v2"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// memberWorker does the work in one member, as many requests at a time as it bears.
type memberWorker struct {
	c       *Controller
	name    string
	queue   *lane[objectKey]
	flow    *members.Flow
	repairs *repairs[objectKey]
	// ctx ends with the work in the member.
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	// hands are goroutines that wait for a task.
	hands chan func()
	// done is when a task was last finished, in nanoseconds since 1970.
	done atomic.Int64
	// labels as last seen; c.mu is held.
	labels map[string]string
	// ready as last seen; c.changing is held.
	ready bool
	// held says that the member was not to be written to, as last seen; c.changing is held.
	held     bool
	listings listings
	moments  atomic.Int64
}

func (c *Controller) newMemberWorker(ctx context.Context, member Member) *memberWorker {
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, klog.FromContext(ctx).WithValues("cluster", member.Name())))
	w := &memberWorker{
		c: c, name: member.Name(), flow: member.Flow(), ctx: ctx, cancel: cancel, ready: member.Ready(), held: member.Held() != nil, listings: listings{of: map[*kind]*listing{}}, hands: make(chan func()), repairs: newRepairs[objectKey](), labels: maps.Clone(member.Labels()),
		queue: newLane[objectKey]("propagation_member_"+member.Name(), c.config.MinBackoff, c.config.MaxBackoff),
	}
	context.AfterFunc(ctx, w.queue.ShutDown)
	w.running.Go(func() { w.run(ctx) })
	return w
}

// stop ends the work and waits for it.
func (w *memberWorker) stop() {
	w.cancel()
	w.queue.ShutDown()
	w.endListing(nil)
	w.running.Wait()
}

// isProgressing says that the member has finished a task within a time.
func (w *memberWorker) isProgressing(now time.Time, within time.Duration) bool {
	return now.UnixNano()-w.done.Load() < int64(within)
}

// run takes tasks out of the queue as the member bears them. They stay there until
// then, so that what somebody waits for goes first.
func (w *memberWorker) run(ctx context.Context) {
	defer w.drain()
	for w.flow.Await(ctx) == nil {
		key, shutdown := w.queue.Get()
		if shutdown {
			return
		}
		if w.flow.Await(ctx) != nil { // it may have been long since
			w.queue.Done(key)
			return
		}
		started := w.c.starts.begin(ctx)
		if started == nil {
			w.queue.Done(key)
			return
		}
		end := w.flow.Begin()
		w.hand(ctx, func() {
			defer w.queue.Done(key)
			defer started()
			defer end()
			w.work(ctx, key)
			w.done.Store(w.c.now().UnixNano())
		})
	}
}

// handsRest is how long a goroutine waits for another task. The stack of a new one would have to grow for every task.
const handsRest = 50 * time.Millisecond

// hand gives a task to a goroutine that has ended one, or to a new one.
func (w *memberWorker) hand(ctx context.Context, task func()) {
	select {
	case w.hands <- task:
		return
	default:
	}
	w.running.Go(func() {
		rest := time.NewTimer(handsRest)
		defer rest.Stop()
		for {
			task()
			rest.Reset(handsRest)
			select {
			case task = <-w.hands:
			case <-rest.C:
				return
			case <-ctx.Done():
				return
			}
		}
	})
}

// drain empties the queue when the work has ended, for its metrics.
func (w *memberWorker) drain() {
	for {
		key, shutdown := w.queue.Get()
		if shutdown {
			return
		}
		w.queue.Done(key)
	}
}

// work brings one copy further, with at most one write.
func (w *memberWorker) work(ctx context.Context, key objectKey) {
	k := w.c.kind(key.kind)
	if k == nil {
		return
	}
	leave, ok := k.enter()
	if !ok {
		return
	}
	defer leave()
	ctx, cancel := k.within(ctx)
	defer cancel()
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithValues("kind", k.federated.Kind, "object", klog.KRef(key.Namespace, key.Name)))

	member := w.c.config.Members.Get(w.name)
	if member == nil {
		return
	}
	obj := w.c.ledger.current(key, func() *typesv1beta1.FederatedObject { return k.get(key.NamespacedName) })
	removal := w.pendingHere(key, obj)
	if obj == nil {
		if removal != nil {
			w.carryOut(ctx, k, key, nil, removal, member)
			return
		}
		w.releaseLeftover(ctx, k, key, member)
		return
	}
	began := w.c.ledger.number(key, obj.UID, w.name)
	d := w.c.decide(k, obj, []placement.Cluster{{Name: w.name, Labels: member.Labels()}})
	if d.parked || d.frozen {
		if _, asked := w.c.ledger.idle(key, obj.UID, w.name, began); asked {
			w.c.objects.Add(key)
		}
		return
	}
	if removal != nil {
		if d.selected.Has(w.name) || recordedCluster(obj, w.name) != nil {
			// First the removal is superseded.
			w.c.ledger.finish(key, obj.UID, w.name, nil, false, false)
			w.c.objects.Add(key)
			return
		}
		w.carryOut(ctx, k, key, obj, removal, member)
		return
	}
	v, err := w.c.look(ctx, k, obj, &d, w.name, member, func() (*overrides.Renderer, error) { return w.c.ledger.render(key, obj, k.identity(obj)) })
	if err != nil {
		klog.FromContext(ctx).Error(err, "Cannot tell what a copy needs")
		w.queue.AddRateLimited(key)
		return
	}
	verdict := judge(v)
	if !verdict.action.isRequest() {
		w.conclude(key, obj, verdict, began)
		return
	}
	if noted, ok := w.c.ledger.get(key, obj.UID, w.name); ok && verdict.action == actConfirmGone && noted.isGone(obj) {
		// The end of what was removed here, seen in the watch.
		w.queue.Forget(key)
		if all, asked := w.c.ledger.idle(key, obj.UID, w.name, began); all || asked {
			w.c.objects.Add(key)
		}
		return
	}
	if v.selected && !v.deleting && !v.recorded {
		// Nothing is written to a cluster before it is recorded. This task ends, so
		// that the next look at the object asks for another.
		w.c.ledger.finish(key, obj.UID, w.name, nil, false, false)
		w.c.objects.Add(key)
		return
	}
	if !w.c.ledger.begin(key, obj.UID, w.name) {
		w.queue.AddAfter(key, w.c.config.MinBackoff)
		return
	}
	asked, _ := w.c.ledger.get(key, obj.UID, w.name)
	o := w.request(ctx, &task{k: k, key: key, obj: obj, v: v, member: member, copies: member.Copies(k.resource, k.namespaced)}, verdict.action)
	w.c.ledger.end(key, obj.UID, w.name)
	if ctx.Err() != nil {
		return // the end of the work is no result
	}
	memberRequests.WithLabelValues(w.name, actionName(verdict.action, v.exists), requestResult(o.err)).Inc()
	if !asked.asked.IsZero() && o.isDone() {
		copySeconds.WithLabelValues(w.name).Observe(w.c.now().Sub(asked.asked).Seconds())
	}
	w.note(ctx, k, key, obj, o)
}

// conclude ends a task that needed no request; the record of the copy had the number
// began when it did.
func (w *memberWorker) conclude(key objectKey, obj *typesv1beta1.FederatedObject, verdict verdict, began int) {
	w.queue.Forget(key)
	has, asked := w.c.ledger.has(key, w.name), false
	switch {
	case verdict.action == actNone:
		_, asked = w.c.ledger.idle(key, obj.UID, w.name, began)
	case has: // an event brings it back
		w.c.ledger.finish(key, obj.UID, w.name, nil, false, false)
	}
	if verdict.action == actUnknown {
		return
	}
	if asked || verdict.action == actRelease || differs(recordedCluster(obj, w.name), obj, &verdict.result) || w.c.ledger.has(key, w.name) {
		if !has && isRewrite(recordedCluster(obj, w.name), obj, &verdict.result) {
			w.c.pacer.add(key)
			return
		}
		w.c.objects.Add(key)
	}
}

// isRewrite says that a result differs from the status only because the member was
// lost or found, or is held: so do those of all its objects.
func isRewrite(recorded *typesv1beta1.ClusterStatus, obj *typesv1beta1.FederatedObject, r *result) bool {
	return recorded != nil && !r.gone && obj.DeletionTimestamp == nil && obj.Status.ObservedGeneration == obj.Generation &&
		(isOfMember(recorded.Status) || isOfMember(r.status))
}

// isOfMember says that a status is one of the member rather than of the copy.
func isOfMember(status typesv1beta1.PropagationStatus) bool {
	switch status {
	case typesv1beta1.ClusterNotReady, typesv1beta1.CachedRetrievalFailed, typesv1beta1.RecoveryPending, typesv1beta1.NotOwner:
		return true
	}
	return false
}

// differs says that the status does not have a result.
func differs(recorded *typesv1beta1.ClusterStatus, obj *typesv1beta1.FederatedObject, r *result) bool {
	if recorded == nil {
		return !r.gone
	}
	return r.gone || r.copy.differs(recorded) || obj.Status.ObservedGeneration != obj.Generation || recorded.Status != r.status ||
		r.fingerprint != "" && recorded.Fingerprint != r.fingerprint
}

// note keeps the outcome of a request, and sees to what comes next.
func (w *memberWorker) note(ctx context.Context, k *kind, key objectKey, obj *typesv1beta1.FederatedObject, o outcome) {
	again := o.retry != retryNever
	all := w.c.ledger.finish(key, obj.UID, w.name, o.result, o.settled, again)
	switch o.retry {
	case retryNever:
		w.queue.Forget(key)
	case retryBackoff:
		w.queue.AddRateLimited(key)
	case retryAfter:
		w.queue.AddAfter(key, o.after)
	}
	if o.err != nil {
		klog.FromContext(ctx).V(2).Info("A request to a member failed", "err", o.err)
	}
	if k.namespaces && o.result != nil && o.result.status == typesv1beta1.ClusterPropagationOK && !o.result.gone {
		w.wakeContents(key.Name)
	}
	if all {
		w.c.objects.Add(key)
	} else {
		w.c.reportLater(key, obj)
	}
}
