package propagation

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
)

// weighing is what comes of weighing the removals of an object.
type weighing struct {
	removals.Verdict
	// deferred are the clusters about whose copies nothing is decided yet.
	deferred sets.Set[string]
	// reserved are the clusters whose copies may go as soon as the status has them as
	// recent removals: a removal that is forgotten, as the process was killed or the
	// user changed his mind meanwhile, would be missing in the budget.
	reserved sets.Set[string]
	// spent are the clusters whose copies went, or are going, at the expense of the
	// budgets, and which the status still names.
	spent sets.Set[string]
	// gone are the clusters that the status still names though no copy is left there,
	// or only one on its way out.
	gone sets.Set[string]
	// isApproved says whether the removal from a cluster has been approved.
	isApproved func(cluster string) bool
	// interval of the budgets.
	interval time.Duration
	// message of the condition, if something is paused.
	message string
}

// standing says whether there is something that a removal would take away.
type standing int

const (
	// standsUnknown: the member does not show its copies, and no write was recorded.
	standsUnknown standing = iota
	// standsThere: there is a copy, or has been when last seen.
	standsThere
	// standsGone: there is none of ours any more, or it is on its way out.
	standsGone
)

// standing of a copy that is not wanted. That of the host's own namespace loses
// only a label, but with it goes what is federated into it.
func (v *copyView) standing() standing {
	ours := v.exists && v.observed.Managed == typesv1beta1.ManagedLabelValueTrue
	switch {
	case ours && v.observed.Deleting && !v.hostNamespace:
		return standsGone
	case ours:
		return standsThere
	case v.state == CopiesSynced || v.state == CopiesNotAvailable:
		return standsGone
	case v.fingerprint != "":
		return standsThere
	}
	return standsUnknown
}

// weigh decides which of the copies that are not wanted may go now.
func (p *pass) weigh(views map[string]*copyView) *weighing {
	limits := p.c.config.Settings().Removals
	w := &weighing{deferred: sets.New[string](), reserved: sets.New[string](), spent: sets.New[string](), gone: sets.New[string](), interval: limits.Interval}
	recent := recentRemovals(p.obj, p.c.now(), limits.Interval)
	c := &removals.Case{
		UID: p.obj.UID, Pending: sets.New[string](), Spent: sets.New(recent...),
		Empty: p.selected.Len() == 0, AllowEmpty: p.obj.Spec.Placement.AllowEmpty,
		Deleted: p.obj.DeletionTimestamp != nil, Confirm: p.c.confirms(p.k, p.obj),
		Paused: p.obj.Status.PausedRemoval, Approved: p.obj.Status.ApprovedRemovals,
		Approval: p.obj.Annotations[typesv1beta1.ApproveRemovalAnnotation],
	}
	w.isApproved = c.IsApproved
	if c.Deleted && !c.Confirm {
		return w // that is a reason of its own, see isGranted
	}
	free, had := sets.New[string](), sets.New(recent...)
	for cluster, v := range views {
		if v.wantedAs != "" {
			continue
		}
		if v.exists || v.fingerprint != "" {
			had.Insert(cluster)
		}
		if v.selected && !v.deleting || !v.registered || v.handsOff {
			continue
		}
		switch v.standing() {
		case standsUnknown:
			// Nothing happens there before more is known, unless the deletion of the
			// object is carried out when it has gone.
			if c.Deleted && c.Confirm && !v.orphan {
				c.Pending.Insert(cluster)
			}
		case standsThere:
			if v.orphan || p.goesWithNamespace(cluster) && p.namespaceGoes(cluster) {
				free.Insert(cluster)
			} else {
				c.Pending.Insert(cluster)
			}
		case standsGone:
			if recordedCluster(p.obj, cluster) != nil {
				w.gone.Insert(cluster)
			}
			if !v.orphan && !c.Deleted && !c.IsApproved(cluster) && p.wasRemoved(cluster) {
				w.spent.Insert(cluster)
			}
		}
	}
	c.Spent = c.Spent.Union(w.spent)
	c.Had = had.Union(c.Pending).Union(c.Spent).Len()
	if w.spent.Len() > 0 {
		p.c.window.Note(p.obj.UID, p.c.now())
	}
	if c.Pending.Len() > 0 && !p.c.knowsRemovals() {
		w.deferred, w.Granted = c.Pending, free
		w.Paused, w.Approved = c.Paused, c.Approved
		return w
	}
	w.Verdict = removals.Decide(c, &limits, func() bool {
		return p.c.window.Admit(p.obj.UID, p.c.now(), limits.Interval, limits.Total(p.c.countObjects()))
	}, p.c.now())
	if w.Paused != nil {
		w.message = pausedMessage(p.k, p.obj, w.Paused, &limits)
	}
	if w.Counted {
		w.reserved = w.Granted.Difference(sets.New(w.Approved...)).Difference(sets.New(recent...))
	}
	w.Granted = w.Granted.Difference(w.reserved).Union(free)
	for _, cluster := range sets.List(w.gone) {
		if c.IsApproved(cluster) {
			// Until the status names it no longer, it would be taken for one that counts.
			w.Approved = append(w.Approved, cluster)
		}
	}
	slices.Sort(w.Approved)
	return w
}

// goesWithNamespace says that a copy goes because its namespace does, whose removal
// was weighed for both.
func (p *pass) goesWithNamespace(cluster string) bool {
	return p.withNamespace && p.own.Has(cluster)
}

// namespaceGoes says that the namespace does go from a cluster that its placement
// does not select. One that is not ours, or was let go, stays, and nobody has weighed
// what is in it.
func (p *pass) namespaceGoes(cluster string) bool {
	namespaces, member := p.c.kind(namespacesName), p.members[cluster]
	if namespaces == nil || member == nil {
		return false
	}
	object := p.c.namespaceObject(namespaces, p.obj.Namespace)
	if object == nil {
		return false
	}
	key := namespaces.keyOf(object)
	if recordedCluster(object, cluster) != nil && p.c.ledger.leaving(key, object).Has(cluster) {
		noted, ok := p.c.ledger.get(key, object.UID, cluster)
		return !ok || !noted.known || noted.result.operation != opUnmanage
	}
	observed, exists := member.Copies(namespaces.resource, namespaces.namespaced).Get(namespaces.inMember(key.NamespacedName))
	return exists && observed.Deleting && observed.Managed == typesv1beta1.ManagedLabelValueTrue
}

// wasRemoved says that a copy that is not there went as the placement did not
// select its cluster. Where the namespace has no FederatedNamespace any more, it
// went with the namespace, unless we know better.
func (p *pass) wasRemoved(cluster string) bool {
	if p.goesWithNamespace(cluster) {
		return false
	}
	if noted, ok := p.c.ledger.get(p.key, p.obj.UID, cluster); ok && noted.known && noted.result.operation == opDelete {
		return true
	}
	entry := recordedCluster(p.obj, cluster)
	return entry != nil && entry.Fingerprint != "" && !p.own.Has(cluster)
}

// knowsRemovals says that all recent removals are known that objects have in their
// status.
func (c *Controller) knowsRemovals() bool {
	if !c.settled.Load() && !c.config.AllStarted() {
		return false
	}
	return !slices.ContainsFunc(c.allKinds(), func(k *kind) bool { return !k.synced.Load() })
}

// countObjects returns how many federated objects there are.
func (c *Controller) countObjects() int {
	sum := int64(0)
	for _, k := range c.allKinds() {
		sum += k.objects.Load()
	}
	return int(sum)
}

// noteRemovals takes the recent removals of an object into account.
func (c *Controller) noteRemovals(obj *typesv1beta1.FederatedObject) {
	for i := range obj.Status.RecentRemovals {
		c.window.Note(obj.UID, obj.Status.RecentRemovals[i].Time.Time)
	}
}

// recentRemovals names the clusters that the status has as recently left.
func recentRemovals(obj *typesv1beta1.FederatedObject, now time.Time, interval time.Duration) []string {
	var names []string
	for i := range obj.Status.RecentRemovals {
		if r := &obj.Status.RecentRemovals[i]; now.Sub(r.Time.Time) < interval {
			names = append(names, r.Name)
		}
	}
	return names
}

// enter writes what is known of removals into the next status of obj, whose
// clusters are there already.
func (w *weighing) enter(obj *typesv1beta1.FederatedObject, next *typesv1beta1.FederatedObjectStatus, now time.Time) {
	next.PausedRemoval, next.ApprovedRemovals = w.Paused, nil
	for _, cluster := range w.Approved {
		if !w.gone.Has(cluster) || hasCluster(next, cluster) {
			next.ApprovedRemovals = append(next.ApprovedRemovals, cluster)
		}
	}
	for _, cluster := range sets.List(w.spent.Union(w.reserved)) {
		if !w.reserved.Has(cluster) && (hasCluster(next, cluster) || recordedCluster(obj, cluster) == nil) {
			continue
		}
		next.RecentRemovals = slices.DeleteFunc(slices.Clone(next.RecentRemovals), func(r typesv1beta1.RecentRemoval) bool { return r.Name == cluster })
		next.RecentRemovals = append(next.RecentRemovals, typesv1beta1.RecentRemoval{Name: cluster, Time: metav1.NewTime(now).Rfc3339Copy()})
	}
}

func hasCluster(status *typesv1beta1.FederatedObjectStatus, cluster string) bool {
	return slices.ContainsFunc(status.Clusters, func(c typesv1beta1.ClusterStatus) bool { return c.Name == cluster })
}

// prune drops the removals that do not count any more from a status that is
// written anyway.
func (w *weighing) prune(next *typesv1beta1.FederatedObjectStatus, now time.Time) {
	next.RecentRemovals = slices.DeleteFunc(slices.Clone(next.RecentRemovals), func(r typesv1beta1.RecentRemoval) bool {
		return now.Sub(r.Time.Time) >= w.interval
	})
	if len(next.RecentRemovals) == 0 {
		next.RecentRemovals = nil
	}
}
