package propagation

import (
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// observation is how a copy fares in its member, which changes without anybody
// asking for anything. The zero value says that nothing new is known.
type observation struct {
	health  typesv1beta1.CopyHealth
	message string
	// replicas, nil where the kind has none or they cannot be seen.
	replicas *typesv1beta1.ReplicaCounts
	// raw is the status of the copy, empty where it is not collected or there is none.
	raw string
	// seen is when a member that cannot be looked at was last found ready.
	seen time.Time
}

// detailOf says how much of the copies of a kind is to be observed. Without a
// schema of the target it is not known whether they have a status: it is looked
// for. What a namespace says of itself is of no use to anybody.
func (c *Controller) detailOf(k *kind) members.Detail {
	has, known := k.source.TargetStatus()
	switch {
	case known && !has:
		return members.Metadata
	case k.collects && c.config.Settings().RawStatusCollection:
		return members.RawStatuses
	case k.namespaces:
		return members.Metadata
	}
	return members.Statuses
}

// awaitsStatus says that a copy of the kind is not done before its member has
// reported a status, as in KubeFed. There, types that have none were never done.
func (c *Controller) awaitsStatus(k *kind) bool {
	has, known := k.source.TargetStatus()
	return has && known && c.detailOf(k) == members.RawStatuses
}

// Refresh has the copies of all kinds observed as the settings and the schemas of
// their targets say now. To be called when one of them has changed. It does not
// wait.
func (c *Controller) Refresh() {
	select {
	case c.refreshing <- struct{}{}:
	default: // it has not been looked at yet
	}
}

func (c *Controller) refresh() {
	c.changing.Lock()
	defer c.changing.Unlock()
	for _, k := range c.allKinds() {
		detail := c.detailOf(k)
		if k.observes(detail) {
			continue
		}
		for _, member := range c.config.Members.List() {
			member.Observe(k.resource, k.namespaced, detail)
		}
		c.resync(k, "")
	}
}

// observes notes how much of the copies is observed from now on, and reports
// whether it was so before.
func (k *kind) observes(detail members.Detail) bool {
	return k.detail.Swap(int32(detail)) == int32(detail)
}

// observation returns what there is to say of the copy. What cannot be looked at
// is not claimed, except that an interrupted watch says nothing new.
func (v *copyView) observation() observation {
	switch {
	case v.registered && !v.ready:
		return observation{health: typesv1beta1.CopyUnknown, seen: v.lastSeen}
	case !v.registered, v.state == CopiesFailed:
		return observation{health: typesv1beta1.CopyUnknown}
	case v.state == CopiesSyncing:
		return observation{}
	case v.state == CopiesNotAvailable, !v.exists, v.observed.Managed != typesv1beta1.ManagedLabelValueTrue:
		return observation{health: typesv1beta1.CopyNotFound}
	}
	return observationOf(v.observed, v.detail)
}

// observationOf returns what an object in a member says of itself.
func observationOf(o members.Observed, detail members.Detail) observation {
	status := o.Status
	if detail == members.Metadata {
		status = &members.Status{}
		status.Health = typesv1beta1.CopyCurrent
	}
	switch {
	case o.Deleting:
		return observation{health: typesv1beta1.CopyTerminating}
	case status == nil: // it has just been asked for
		return observation{health: typesv1beta1.CopyUnknown}
	}
	found := observation{health: status.Health, message: status.Message, raw: status.Raw}
	if status.HasReplicas {
		found.replicas = &status.Replicas
	}
	return found
}

// differs says that an entry does not have what is observed.
func (o *observation) differs(entry *typesv1beta1.ClusterStatus) bool {
	if o.health == "" {
		return false
	}
	next := *entry
	o.enter(&next)
	return !equality.Semantic.DeepEqual(entry, &next)
}

// enter puts what is observed into the entry of a cluster, whose status is there
// already.
func (o *observation) enter(entry *typesv1beta1.ClusterStatus) {
	if o.health == "" {
		return
	}
	entry.Health, entry.Replicas, entry.RemoteStatus, entry.LastSeenTime = o.health, nil, nil, nil
	if !o.seen.IsZero() {
		seen := metav1.NewTime(o.seen).Rfc3339Copy()
		entry.LastSeenTime = &seen
	}
	if o.replicas != nil {
		entry.Replicas = o.replicas.DeepCopy()
	}
	if o.raw != "" {
		entry.RemoteStatus = &runtime.RawExtension{Raw: []byte(o.raw)}
	}
	if entry.Status == typesv1beta1.ClusterPropagationOK {
		entry.Message = o.message
	}
}

// sumOf adds up the replicas of all copies.
func sumOf(clusters []typesv1beta1.ClusterStatus) typesv1beta1.ReplicaCounts {
	var sum typesv1beta1.ReplicaCounts
	for i := range clusters {
		if counts := clusters[i].Replicas; counts != nil {
			sum.DesiredReplicas += counts.DesiredReplicas
			sum.Replicas += counts.Replicas
			sum.ReadyReplicas += counts.ReadyReplicas
			sum.AvailableReplicas += counts.AvailableReplicas
			sum.UpdatedReplicas += counts.UpdatedReplicas
		}
	}
	return sum
}

// sameButObserved says that two statuses differ in nothing but how copies fare.
func sameButObserved(a, b *typesv1beta1.FederatedObjectStatus) bool {
	return equality.Semantic.DeepEqual(withoutObserved(a), withoutObserved(b))
}

func withoutObserved(status *typesv1beta1.FederatedObjectStatus) *typesv1beta1.FederatedObjectStatus {
	stripped := &typesv1beta1.FederatedObjectStatus{
		ObservedGeneration: status.ObservedGeneration,
		PausedRemoval:      status.PausedRemoval, ApprovedRemovals: status.ApprovedRemovals, RecentRemovals: status.RecentRemovals,
	}
	for _, c := range status.Conditions {
		if c.Type == typesv1beta1.PropagationCondition || c.Type == typesv1beta1.RemovalPausedCondition {
			c.LastUpdateTime = metav1.Time{}
			stripped.Conditions = append(stripped.Conditions, c)
		}
	}
	for _, entry := range status.Clusters {
		entry.Health, entry.Replicas, entry.RemoteStatus, entry.LastSeenTime = "", nil, nil, nil
		if entry.Status == typesv1beta1.ClusterPropagationOK {
			entry.Message = ""
		}
		stripped.Clusters = append(stripped.Clusters, entry)
	}
	return stripped
}
