package propagation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// pass is one look of an object worker at one object.
type pass struct {
	c   *Controller
	k   *kind
	key objectKey
	obj *typesv1beta1.FederatedObject
	decision
	members map[string]Member
	// moments of the members when they were looked at.
	moments map[string]moment

	// weighed is what may be removed, nil where nothing was weighed.
	weighed *weighing
	// results by cluster; requests are the clusters whose copies need a request.
	results  map[string]result
	requests []string
	// rendering is what renderer returns, nil until it is asked for.
	rendering *rendering
	// unsettled says that something is to be expected soon; remaining, that there
	// are copies, or may be.
	unsettled, remaining bool
	// absent are copies that a deletion cannot remove because their members are not
	// ready; they are not among the remaining ones.
	absent []absentCopy
}

// sync brings one object further: it says what its members have to do, and
// writes what is known to its status.
func (c *Controller) sync(ctx context.Context, key objectKey) error {
	k := c.kind(key.kind)
	if k == nil {
		return nil
	}
	leave, ok := k.enter()
	if !ok {
		return nil
	}
	defer leave()
	ctx, cancel := k.within(ctx)
	defer cancel()

	obj := c.ledger.current(key, func() *typesv1beta1.FederatedObject { return k.get(key.NamespacedName) })
	if obj == nil {
		c.ledger.forget(key)
		c.pacer.forget(key)
		return nil
	}
	if !hasFinalizer(&obj.ObjectMeta) {
		if obj.DeletionTimestamp != nil {
			return nil
		}
		return c.addFinalizer(ctx, k, obj)
	}

	clusters, byName := c.clusters()
	p := &pass{c: c, k: k, key: key, obj: obj, members: byName, moments: map[string]moment{}, results: map[string]result{}}
	p.decision = c.decide(k, obj, clusters)
	if p.parked {
		return nil
	}
	taken := c.ledger.snapshot(key, obj.UID, c.now())
	if !p.frozen {
		elsewhere, err := p.supersede(ctx)
		if err != nil {
			return err
		}
		concerned := p.concerned()
		if err := p.examineAll(ctx, concerned.Difference(elsewhere)); err != nil {
			return err
		}
		for cluster := range taken.numbers {
			if !concerned.Has(cluster) {
				// It was selected for a moment, and no task will end there that settles it.
				c.ledger.settle(key, cluster)
			}
		}
		// As long as it was not known what this object claims, nothing was done there.
		for cluster := range elsewhere {
			c.resumeIn(cluster, key)
		}
	}
	if obj.DeletionTimestamp != nil && !p.remaining {
		if released, err := p.release(ctx); err != nil || released {
			return err
		}
	}
	if err := p.report(ctx, taken); err != nil {
		return err
	}
	if p.overtaken() {
		c.objects.Add(key)
	}
	return nil
}

// addFinalizer is for objects that came to the storage without it. The event of
// this write brings the object back.
func (c *Controller) addFinalizer(ctx context.Context, k *kind, obj *typesv1beta1.FederatedObject) error {
	next := *obj
	next.Finalizers = append(append([]string(nil), obj.Finalizers...), typesv1beta1.SyncFinalizer)
	if _, err := k.source.Update(ctx, &next); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		return fmt.Errorf("add the finalizer: %w", err)
	}
	return nil
}

// concerned returns the clusters where there is, was or shall be a copy.
func (p *pass) concerned() sets.Set[string] {
	concerned := sets.KeySet(recordedClusters(p.obj)).Union(p.selected)
	if p.handsOff {
		return concerned
	}
	name := p.k.inMember(p.key.NamespacedName)
	for cluster, member := range p.members {
		if concerned.Has(cluster) {
			continue
		}
		observed, exists := member.Copies(p.k.resource, p.k.namespaced).Get(name)
		if exists && observed.Managed == typesv1beta1.ManagedLabelValueTrue {
			concerned.Insert(cluster)
		}
	}
	return concerned
}

// examineAll finds out what each copy needs, and first which of those that are not
// wanted may go: of one copy alone that cannot be told.
func (p *pass) examineAll(ctx context.Context, concerned sets.Set[string]) error {
	clusters := sets.List(concerned)
	views := make(map[string]*copyView, len(clusters))
	for _, cluster := range clusters {
		p.moments[cluster] = p.c.moment(cluster)
		v, err := p.c.look(ctx, p.k, p.obj, &p.decision, cluster, p.members[cluster], p.renderer)
		if err != nil {
			return err
		}
		views[cluster] = v
	}
	p.weighed = p.weigh(views)
	if p.c.ledger.grant(p.key, p.obj, p.weighed.Granted, p.weighed.gone) && p.k.namespaces {
		p.c.resyncNamespaced(p.obj.Namespace)
	}
	deleted := p.obj.DeletionTimestamp != nil && !p.c.confirms(p.k, p.obj)
	for _, cluster := range clusters {
		v := views[cluster]
		v.granted = deleted || p.weighed.Granted.Has(cluster)
		v.paused = p.weighed.Paused != nil && slices.Contains(p.weighed.Paused.Clusters, cluster)
		if p.weighed.deferred.Has(cluster) || p.weighed.reserved.Has(cluster) {
			p.await(cluster, nil)
			continue
		}
		if err := p.examine(ctx, cluster, v); err != nil {
			return err
		}
	}
	return nil
}

// examine finds out what the copy in one cluster needs.
func (p *pass) examine(ctx context.Context, cluster string, v *copyView) error {
	verdict := judge(v)
	if absent := v.absence(cluster, &verdict.result); absent != nil {
		p.absent = append(p.absent, *absent)
		p.results[cluster] = verdict.result
		p.c.ledger.settle(p.key, cluster)
		return nil
	}
	switch verdict.action {
	case actNone:
		p.settle(cluster, verdict.result)
	case actWait:
		p.await(cluster, &verdict.result)
	case actUnknown:
		p.await(cluster, nil)
	case actRelease:
		registered, err := p.c.config.Members.Registered(ctx, cluster)
		if err != nil {
			return fmt.Errorf("find out whether cluster %s is still a member: %w", cluster, err)
		}
		if registered != nil {
			p.await(cluster, nil)
			return nil
		}
		p.settle(cluster, result{generation: p.obj.Generation, gone: true})
	default:
		p.request(cluster, verdict.action)
		if r, ok := p.results[cluster]; ok {
			r.copy = v.observation() // the request did not see more than this
			p.results[cluster] = r
		}
	}
	return nil
}

// settle takes a result as the last word. It does not say what was done to come
// to it; that is known if it was done just now.
func (p *pass) settle(cluster string, r result) {
	if noted, ok := p.c.ledger.get(p.key, p.obj.UID, cluster); ok && noted.known && noted.result.fingerprint == r.fingerprint {
		r.operation = noted.result.operation
	}
	p.results[cluster] = r
	p.remaining = p.remaining || !r.gone
	p.c.ledger.settle(p.key, cluster)
}

// await takes a result, if there is one, as that of a copy about which more is to
// come.
func (p *pass) await(cluster string, r *result) {
	if r != nil {
		p.results[cluster] = *r
	}
	p.remaining, p.unsettled = true, true
	p.c.ledger.wait(p.key, p.obj.UID, cluster)
}

// request takes the result of the last try, if there was one, and sees to it that
// there is another.
func (p *pass) request(cluster string, action action) {
	noted, ok := p.c.ledger.get(p.key, p.obj.UID, cluster)
	if ok && noted.known && noted.result.generation == p.obj.Generation {
		switch last := noted.result; {
		case last.gone && action == actConfirmGone:
			p.results[cluster] = last
			return
		case last.gone, last.status == typesv1beta1.ClusterPropagationOK:
		case last.status == typesv1beta1.WaitingForRemoval && action == actDelete && last.operation == opDelete:
			p.await(cluster, &last)
			return
		default:
			p.results[cluster] = last
			p.unsettled = p.unsettled || !noted.settled
			p.remaining = true
			p.requests = append(p.requests, cluster)
			return
		}
	}
	p.unsettled, p.remaining = true, true
	p.requests = append(p.requests, cluster)
}

// enqueue hands the requests to the members. What nobody waits for goes behind
// what somebody does.
func (p *pass) enqueue() {
	interactive := p.obj.DeletionTimestamp != nil || p.obj.Status.ObservedGeneration != p.obj.Generation
	for _, cluster := range p.requests {
		worker := p.c.worker(cluster)
		// Without a worker it has just left; that event brings the object back.
		if worker == nil || !p.c.ledger.request(p.key, p.obj, cluster, p.c.now()) {
			continue
		}
		p.shareRendering()
		if interactive {
			worker.queue.Forget(p.key) // what failed before was something else
			worker.queue.Add(p.key)
		} else {
			worker.queue.AddBackground(p.key)
		}
	}
}

// report writes the status if there is enough to say, sets the time to write it
// at the latest if there is not, and lets the requests go.
func (p *pass) report(ctx context.Context, taken snapshot) error {
	next := &report{selected: p.selected, impediment: p.impediment, results: p.results, awaitsStatus: p.c.awaitsStatus(p.k), brevity: p.k.brevityOf(p.obj), removal: p.weighed, now: p.c.now()}
	if p.frozen {
		next.selected = sets.KeySet(recordedClusters(p.obj))
	}
	status, changed := nextStatus(p.obj, next)
	if p.unsettled {
		p.c.ledger.began(p.key, p.obj.UID, next.now)
	}

	observed := changed && sameButObserved(&p.obj.Status, status)
	if observed && !taken.due && !p.mustRecord() {
		p.c.reportLater(p.key, p.obj)
	} else if p.mustRecord() || !p.unsettled || taken.due && !p.postponed(taken, next.now) {
		if changed {
			written, err := p.write(ctx, status)
			if err != nil || written == nil {
				return err
			}
			p.c.announce(p, status)
			p.countRemovals(status)
			if p.k.namespaces && !maps.Equal(namespaceIn(p.obj), namespaceIn(written)) {
				p.c.resyncNamespaced(p.obj.Namespace) // our own write is no event
			}
			p.obj = written
		}
		p.c.ledger.reported(p.key, p.obj.UID, taken)
		if changed && !observed && !p.unsettled && status.Conditions[0].Reason == "" {
			propagationSeconds.WithLabelValues(p.k.name).Observe(next.now.Sub(taken.since).Seconds())
		}
	} else if changed {
		p.c.reportLater(p.key, p.obj)
	}
	if p.weighed != nil && p.weighed.reserved.Len() > 0 {
		p.c.objects.Add(p.key) // they may go now
	}
	if p.weighed != nil && p.weighed.deferred.Len() > 0 {
		p.c.reportLater(p.key, p.obj) // by then it may be known what else was removed
	}
	p.enqueue()
	return nil
}

// reportLater has an object looked at when its report is due. It is queued even if
// it was so before: the queue may have taken an earlier time for that one, which is
// over.
func (c *Controller) reportLater(key objectKey, obj *typesv1beta1.FederatedObject) {
	c.objects.AddAfter(key, c.ledger.arm(key, obj.UID, c.now(), c.reportInterval(obj)))
}

// mustRecord says that there are selected clusters that the status does not name
// yet, or removals that count which it does not have: it must before anything is
// written there.
func (p *pass) mustRecord() bool {
	if p.weighed != nil && p.weighed.reserved.Len() > 0 {
		return true
	}
	return len(p.selected) > 0 && len(p.selected.Difference(sets.KeySet(recordedClusters(p.obj)))) > 0
}

// fewStuck is that of so many copies that are waited for one may be in a member that
// does not work.
const fewStuck = 10

// postponed says that a report is better made a little later: nearly everything that
// is missing waits in the queues of members that work. That spares a write for
// every object of a burst. The time counts from the first result that is not
// written: work on an object can have waited long behind that on others.
func (p *pass) postponed(taken snapshot, now time.Time) bool {
	if now.Sub(taken.unreported) > p.c.longestReportInterval(p.obj) {
		return false
	}
	within := p.c.reportInterval(p.obj)
	waiting, stuck := 0, 0
	for cluster := range taken.numbers {
		noted, ok := p.c.ledger.get(p.key, p.obj.UID, cluster)
		if !ok || noted.settled {
			continue
		}
		waiting++
		worker := p.c.worker(cluster)
		if !noted.outstanding || noted.known && noted.result.generation == p.obj.Generation || worker == nil || !worker.isProgressing(now, within) {
			stuck++
		}
	}
	return stuck*fewStuck <= waiting
}

// write stores a status. It returns nil without an error if the object has
// changed in the meantime, and is to be looked at again.
func (p *pass) write(ctx context.Context, status *typesv1beta1.FederatedObjectStatus) (*typesv1beta1.FederatedObject, error) {
	var dropped []string
	kept := make(map[string]struct{}, len(status.Clusters))
	for i := range status.Clusters {
		kept[status.Clusters[i].Name] = struct{}{}
	}
	for cluster := range recordedClusters(p.obj) {
		if _, ok := kept[cluster]; !ok {
			dropped = append(dropped, cluster)
		}
	}
	if len(dropped) > 0 {
		if !p.c.ledger.drop(p.key, p.obj.UID, dropped) {
			return nil, nil // the request that is under way ends with another look
		}
		defer p.c.ledger.dropped(p.key)
	}

	next := *p.obj
	next.Status = *status
	written, err := p.k.source.UpdateStatus(ctx, &next)
	recordStatusWrite(p.k.name, err)
	switch {
	case err == nil:
		p.c.ledger.wrote(p.key, written)
		return written, nil
	case apierrors.IsNotFound(err):
		return nil, nil
	case apierrors.IsConflict(err):
		live, err := p.k.source.Get(ctx, p.obj.Namespace, p.obj.Name)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the object after a conflict: %w", err)
		}
		p.c.ledger.wrote(p.key, live)
		p.c.objects.Add(p.key)
		return nil, nil
	case isTooLarge(err) && p.k.briefer(p.obj):
		p.c.objects.Add(p.key)
		return nil, nil
	default:
		return nil, fmt.Errorf("write the status: %w", err)
	}
}
