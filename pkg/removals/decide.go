package removals

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Case is what is known of the removals of one object.
type Case struct {
	// UID of the federated object.
	UID types.UID
	// Pending are the clusters with a copy that would go.
	Pending sets.Set[string]
	// Spent are the clusters whose copies went within the interval, or are on their
	// way, without an approval.
	Spent sets.Set[string]
	// Had is how many clusters had a copy, the pending and spent ones included.
	Had int
	// Empty says that the placement selects no cluster, AllowEmpty that this is
	// meant.
	Empty, AllowEmpty bool
	// Deleted says that the object itself is deleted.
	Deleted bool
	// Confirm says that each removal of the type is to be approved.
	Confirm bool
	// Paused and Approved are as last recorded in the status.
	Paused   *typesv1beta1.PausedRemoval
	Approved []string
	// Approval is the hash that was given as approval, if any.
	Approval string
}

// Verdict is what comes of a Case.
type Verdict struct {
	// Granted are the pending clusters whose copies may go now.
	Granted sets.Set[string]
	// Paused lists the other ones, nil if there are none.
	Paused *typesv1beta1.PausedRemoval
	// Approved are those of the granted ones that were approved, by name.
	Approved []string
	// Counted says that the object loses copies at the expense of the budgets.
	Counted bool
}

// Decide says which of the pending copies may go. Those that are not approved go
// or stay together. admit takes the object into the budget of all objects, and
// says whether there was room; it is called at most once, and last.
//
// A pause lasts until its list is approved or empty, or the author of the object
// says that it is to be in no cluster; time alone does not end it, as nobody may
// have looked yet.
func Decide(c *Case, limits *Limits, admit func() bool, now time.Time) Verdict {
	approved := c.Pending.Intersection(sets.New(c.Approved...))
	sticky := c.Paused
	if c.Approves() {
		approved = approved.Union(c.Pending.Intersection(sets.New(c.Paused.Clusters...)))
		sticky = nil
	}
	rest := c.Pending.Difference(approved)
	v := Verdict{Granted: approved, Approved: sets.List(approved)}
	if len(v.Approved) == 0 {
		v.Approved = nil
	}
	if rest.Len() == 0 {
		return v
	}
	reason := c.objection(rest, limits)
	if reason == "" && sticky != nil && !c.Deleted && (!c.Empty || !c.AllowEmpty) {
		reason = sticky.Reason
	}
	if reason == "" && !c.Deleted {
		if admit() {
			v.Counted = true
		} else {
			reason = typesv1beta1.ReasonGlobalBudgetExceeded
		}
	}
	if reason == "" {
		v.Granted = v.Granted.Union(rest)
		return v
	}
	since := metav1.NewTime(now).Rfc3339Copy()
	if sticky != nil {
		since = sticky.Since
	}
	clusters := sets.List(rest)
	v.Paused = &typesv1beta1.PausedRemoval{Reason: reason, Clusters: clusters, Since: since, Hash: Hash(c.UID, clusters, since.Time)}
	return v
}

// Approves says that the approval is that of the list which is paused.
func (c *Case) Approves() bool {
	return c.Paused != nil && c.Approval != "" && c.Approval == c.Paused.Hash &&
		c.Approval == Hash(c.UID, c.Paused.Clusters, c.Paused.Since.Time)
}

// IsApproved says whether the removal from a cluster has been approved.
func (c *Case) IsApproved(cluster string) bool {
	return slices.Contains(c.Approved, cluster) || c.Approves() && slices.Contains(c.Paused.Clusters, cluster)
}

// objection returns why the copies in some clusters must not go together, as far
// as the object itself says; empty if they may.
func (c *Case) objection(rest sets.Set[string], limits *Limits) string {
	switch {
	case c.Confirm:
		return typesv1beta1.ReasonConfirmationRequired
	case c.Deleted, c.Empty && c.AllowEmpty:
		return ""
	case c.Empty && rest.Len() > 1:
		return typesv1beta1.ReasonEmptyPlacement
	case rest.Union(c.Spent).Len() > limits.Clusters(c.Had):
		return typesv1beta1.ReasonBlastRadiusExceeded
	}
	return ""
}
