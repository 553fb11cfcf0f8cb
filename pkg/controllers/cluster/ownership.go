package cluster

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/identity"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// Owner says whether the federation may write to members.
type Owner interface {
	// Check looks at one member; the answer holds for the time of promise.
	Check(ctx context.Context, member string, leases identity.Leases, promise time.Duration) (identity.Finding, string, error)
	// Forget drops what is known of a member that has left.
	Forget(member string)
}

// promisedPeriods is for how many periods of probing a look at the owner of a member
// holds: so long a hub that was frozen may write after another has taken over, and
// so long that one waits.
const promisedPeriods = 3

// lookAtOwner finds out whether the member may be written to, and lets the set of
// members know. What was found last stays if the member does not say.
func (p *prober) lookAtOwner(ctx context.Context, member *members.Member, s probing) {
	owner := p.controller.Owner
	if owner == nil {
		return
	}
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	began, promise := time.Now(), promisedPeriods*s.period+s.timeout
	finding, message, err := owner.Check(limited, p.name, member.Lease(p.controller.Namespace, identity.MemberLease), promise)
	if err != nil {
		if ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "Could not find out who owns a member; will try with the next probe", "cluster", p.name)
		}
		return
	}
	if !outweighs(finding, p.finding) {
		klog.FromContext(ctx).V(2).Info("A member that another hub writes to does not tell any more who does; it is not written to", "cluster", p.name, "message", message)
		return
	}
	if finding != p.finding || message != p.ownerMessage {
		klog.FromContext(ctx).V(2).Info("Looked at the owner of a member", "cluster", p.name, "finding", finding, "message", message)
	}
	p.finding, p.ownerMessage = finding, message
	ownership := members.Ownership{Until: began.Add(promise)}
	if !finding.MayWrite() {
		ownership.Message = message
	}
	p.controller.Members.SetOwnership(p.name, ownership)
}

// outweighs says that what was found about a member counts more than what was found
// before: that nobody is allowed to look, as a member may say for a moment when it
// starts, is no evidence that the other hub is gone.
func outweighs(found, before identity.Finding) bool {
	return found != identity.OwnershipUnknown || before.MayWrite()
}

// foundIn is what the conditions of a member say of its owner, as another process
// may have found it.
func foundIn(conditions []corev1beta1.ClusterCondition) (identity.Finding, string) {
	for i := range conditions {
		c := &conditions[i]
		if c.Type == corev1beta1.ClusterNotOwned && c.Status == corev1.ConditionTrue && c.Reason != nil && *c.Reason == corev1beta1.ReasonNotOwner {
			message := ""
			if c.Message != nil {
				message = *c.Message
			}
			return identity.NotOwner, message
		}
	}
	return identity.Owned, ""
}

// ownerConditions say what is wrong with the ownership of the member; none when all
// is well.
func (p *prober) ownerConditions() []corev1beta1.ClusterCondition {
	reasons := map[identity.Finding]string{
		identity.NotOwner:         corev1beta1.ReasonNotOwner,
		identity.TakenOver:        corev1beta1.ReasonTakenOver,
		identity.OwnershipUnknown: corev1beta1.ReasonOwnershipUnknown,
	}
	reason, ok := reasons[p.finding]
	if !ok {
		return nil
	}
	message := p.ownerMessage
	if p.finding == identity.OwnershipUnknown {
		message += "; to give the right: kubectl fed join " + p.name
	}
	return sinceIn(p.status.Conditions, []corev1beta1.ClusterCondition{conditionOf(corev1beta1.ClusterNotOwned, reason, message)}, metav1.Now())
}
