package propagation

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

// copyView is all that is known, without a request, of the copy of an object in
// one cluster.
type copyView struct {
	// generation of the federated object that the view is about.
	generation int64
	// deleting says that the federated object has a deletionTimestamp.
	deleting bool
	// selected says that the placement selects the cluster.
	selected bool
	// handsOff says that the target is never created, changed or deleted.
	handsOff bool
	// recorded says that status.clusters has the cluster.
	recorded bool
	// fingerprint and version as last recorded.
	fingerprint, version string

	// registered says that the cluster is a member; ready that it is to be worked with.
	registered, ready bool
	// lastSeen is when a member that is not ready was last found so, and until is when
	// a deletion waits for it no longer; zero where that is not known, or never.
	lastSeen, until time.Time
	// wantedAs is the name of another member that is the same cluster and shall have the
	// copy, empty if there is none: what is there is that one's.
	wantedAs string
	// held says why nothing may be written to the member, nil if it may be.
	held *members.HeldError
	// state of the observation of the target in the member, and why.
	state    CopiesState
	stateErr error
	// versions that the member serves, if that of the target is not among them.
	target   schema.GroupVersionResource
	versions []string
	// observed is the copy, if exists.
	observed members.Observed
	exists   bool
	// detail in which the copies are observed.
	detail members.Detail

	// render makes the object as it shall be.
	render func() (*overrides.Rendered, error)
	// namespaceMissing says that the namespace of the copy is known not to be in
	// the member yet.
	namespaceMissing bool
	// hostNamespace says that the copy is the namespace of the host itself.
	hostNamespace bool
	// adopt says that an object that is there already is taken over.
	adopt bool
	// orphan says that copies are kept when they are not wanted any more.
	orphan bool
	// deleteOptionsErr says that it is not known how to delete.
	deleteOptionsErr error
	// granted says that a copy that is not wanted may go now; paused, that it is
	// known to stay until somebody approves its removal.
	granted, paused bool
}

// action is what a copy needs.
type action int

const (
	// actNone: nothing, the result is final.
	actNone action = iota
	// actWait: nothing, until an event; the result says for what.
	actWait
	// actUnknown: nothing, until the copies of the member are listed; there is no
	// result.
	actUnknown
	// actApply: the copy is to be applied.
	actApply
	// actProbe: the member is to be asked whether there is an object that is not
	// ours, and then the copy is to be applied.
	actProbe
	// actDelete: the copy is to be deleted.
	actDelete
	// actUnmanage: the label is to be taken off the copy.
	actUnmanage
	// actConfirmGone: the member is to be asked whether the copy is gone.
	actConfirmGone
	// actRelease: the storage is to be asked whether the cluster is gone.
	actRelease
)

// isRequest says that the action needs a request to the member.
func (a action) isRequest() bool {
	return a >= actApply && a <= actConfirmGone
}

// verdict is an action and, if it is not a request, a result.
type verdict struct {
	action action
	result result
}

// judge compares a copy with what it shall be, and keeps back what needs a request
// to a member that is not written to.
func judge(v *copyView) verdict {
	verdict := assess(v)
	if v.held != nil && verdict.action.isRequest() {
		held := judgeHeld(v.held)
		held.result.generation, held.result.copy = v.generation, v.observation()
		return held
	}
	return verdict
}

// judgeHeld answers for a copy that needs a request which must not be made. That it
// may be made is an event.
func judgeHeld(held *members.HeldError) verdict {
	if held.Reason == members.HoldUnchecked {
		return verdict{action: actUnknown}
	}
	return final(heldStatus(held), held.Message)
}

func heldStatus(held *members.HeldError) typesv1beta1.PropagationStatus {
	switch held.Reason {
	case members.HoldRecovery:
		return typesv1beta1.RecoveryPending
	case members.HoldNotOwner:
		return typesv1beta1.NotOwner
	}
	return typesv1beta1.Pending
}

// assess compares a copy with what it shall be.
func assess(v *copyView) verdict {
	var verdict verdict
	switch {
	case v.handsOff:
		verdict.result.gone = true
	case !v.registered:
		verdict = waitingForRemoval("the cluster is not a member any more")
		verdict.action = actRelease
	case v.selected && !v.deleting:
		verdict = judgeWanted(v)
	case v.wantedAs != "":
		verdict.result.gone = true
	default:
		verdict = judgeUnwanted(v)
	}
	verdict.result.generation, verdict.result.copy = v.generation, v.observation()
	return verdict
}

func judgeWanted(v *copyView) verdict {
	if !v.ready {
		return final(typesv1beta1.ClusterNotReady, "the cluster is not ready")
	}
	if verdict, unknown := judgeState(v); unknown {
		return verdict
	}
	if v.state == CopiesNotAvailable {
		return final(typesv1beta1.TypeNotAvailable, "the cluster does not serve the type")
	}
	rendered, err := v.render()
	if err != nil {
		status := typesv1beta1.ComputeResourceFailed
		if apply := (*overrides.ApplyError)(nil); errors.As(err, &apply) {
			status = typesv1beta1.ApplyOverridesFailed
		}
		return final(status, err.Error())
	}
	if message := v.notServed(rendered.APIVersion); message != "" {
		return final(typesv1beta1.TypeNotAvailable, message)
	}
	switch {
	case v.exists && v.observed.Managed == typesv1beta1.ManagedLabelValueFalse:
		return final(typesv1beta1.ManagedLabelFalse, fmt.Sprintf(
			"the object in the cluster has the label %s=%s: it is not to be managed", typesv1beta1.ManagedLabel, typesv1beta1.ManagedLabelValueFalse))
	case v.exists && v.observed.Deleting && !v.hostNamespace:
		return wait(typesv1beta1.Pending, "the copy is being deleted in the cluster, and will be made again")
	case v.exists && v.fingerprint == fingerprint(rendered.Hash, v.observed):
		return verdict{result: result{version: v.version, fingerprint: v.fingerprint}}
	case !v.exists && v.namespaceMissing:
		return wait(typesv1beta1.Pending, "the namespace does not exist in the cluster yet")
	case !v.exists && !v.adopt && v.fingerprint == "":
		return verdict{action: actProbe}
	default:
		return verdict{action: actApply}
	}
}

// absenceMessage says since when a member is not ready, and until when a deletion
// waits for it.
func (v *copyView) absenceMessage() string {
	if v.lastSeen.IsZero() {
		return "the cluster is not ready"
	}
	message := "the cluster is not ready, since " + v.lastSeen.UTC().Format(time.RFC3339)
	if v.deleting && !v.until.IsZero() {
		message += "; from " + v.until.UTC().Format(time.RFC3339) + " on the deletion waits for it no longer, and a PendingRemoval is kept"
	}
	return message
}

// notServed says why the member cannot be written to in a version, empty if it
// can, as far as is known. An object cannot be converted here: whether its fields
// mean the same in another version, only its author can tell.
func (v *copyView) notServed(apiVersion string) string {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err != nil || gv.Group != v.target.Group || len(v.versions) == 0 || slices.Contains(v.versions, gv.Version) {
		return ""
	}
	return fmt.Sprintf("the cluster serves %s in %s, not in %s: an override of /apiVersion for the cluster selects one that it serves",
		v.target.GroupResource(), strings.Join(v.versions, ", "), gv.Version)
}

func judgeUnwanted(v *copyView) verdict {
	ours := v.exists && v.observed.Managed == typesv1beta1.ManagedLabelValueTrue
	gone := verdict{result: result{gone: true}}
	if !v.recorded && !ours {
		return gone
	}
	if v.paused {
		return removalPaused()
	}
	if !v.ready {
		return waitingForRemoval(v.absenceMessage())
	}
	if verdict, unknown := judgeState(v); unknown {
		return verdict
	}
	switch {
	case v.state == CopiesNotAvailable, !v.exists:
		return verdict{action: actConfirmGone}
	case !ours:
		return gone
	case v.orphan, v.hostNamespace && v.granted:
		return verdict{action: actUnmanage}
	case v.observed.Deleting && !v.hostNamespace:
		return wait(typesv1beta1.WaitingForRemoval, "the copy is being deleted in the cluster")
	case !v.granted:
		return removalPaused()
	case v.deleteOptionsErr != nil:
		return final(typesv1beta1.DeletionFailed, refused+v.deleteOptionsErr.Error())
	default:
		return verdict{action: actDelete}
	}
}

// judgeState answers for a member whose copies are not known.
func judgeState(v *copyView) (_ verdict, unknown bool) {
	switch v.state {
	case CopiesSyncing:
		return verdict{action: actUnknown}, true
	case CopiesFailed:
		return final(typesv1beta1.CachedRetrievalFailed, "the objects in the cluster cannot be listed: "+stableMessage(v.stateErr)), true
	}
	return verdict{}, false
}

func final(status typesv1beta1.PropagationStatus, message string) verdict {
	return verdict{result: result{status: status, message: message}}
}

func wait(status typesv1beta1.PropagationStatus, message string) verdict {
	return verdict{action: actWait, result: result{status: status, message: message}}
}

// removalPaused is for a copy that must not go yet, as far as is known.
func removalPaused() verdict {
	return final(typesv1beta1.RemovalPaused, "the copy stays until its removal is approved, see the condition RemovalPaused")
}

// waitingForRemoval is final: it can last, and the status is to say so.
func waitingForRemoval(message string) verdict {
	return final(typesv1beta1.WaitingForRemoval, message)
}
