package propagation

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/removals"
)

// pausedMessage says which copies stay, why, and how to let them go.
func pausedMessage(k *kind, obj *typesv1beta1.FederatedObject, paused *typesv1beta1.PausedRemoval, limits *removals.Limits) string {
	names := strings.Join(paused.Clusters[:min(len(paused.Clusters), namedClusters)], ", ")
	if more := len(paused.Clusters) - namedClusters; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	copies := "the copies in %d clusters stay (%s): "
	if len(paused.Clusters) == 1 {
		copies = "the copy in %d cluster stays (%s): "
	}
	var why string
	switch paused.Reason {
	case typesv1beta1.ReasonEmptyPlacement:
		why = "the placement selects no cluster any more, and spec.placement.allowEmpty does not say that this is meant"
	case typesv1beta1.ReasonBlastRadiusExceeded:
		why = fmt.Sprintf("the placement does not select them any more, and the object may lose %s of its copies in %s without an approval",
			limits.ClustersPerObject.String(), limits.Interval)
	case typesv1beta1.ReasonGlobalBudgetExceeded:
		why = fmt.Sprintf("the placement does not select them any more, and as many objects as may (%s) have lost copies in the last %s",
			limits.Objects.String(), limits.Interval)
	default:
		why = fmt.Sprintf("every removal of %s is to be confirmed", k.name)
	}
	why += lastChanged(obj, paused)
	where := ""
	if obj.Namespace != "" {
		where = " -n " + obj.Namespace
	}
	return fmt.Sprintf(copies, len(paused.Clusters), names) + why +
		fmt.Sprintf("; to let go what is listed in status.pausedRemoval: kubectl fed approve %s %s%s, or annotate the object with %s=%s",
			k.name, obj.Name, where, typesv1beta1.ApproveRemovalAnnotation, paused.Hash)
}

// atOnceAfter is how soon after a change a pause begins that the change caused.
const atOnceAfter = time.Minute

// lastChanged says who may have caused a pause: a change of the object, or else one
// of what decides with it where the object goes.
func lastChanged(obj *typesv1beta1.FederatedObject, paused *typesv1beta1.PausedRemoval) string {
	change := obj.Status.LastChange
	if change == nil {
		return ""
	}
	user, at := truncate(strconv.Quote(change.User), mostUser), change.Time.UTC().Format(time.RFC3339)
	if paused.Since.Sub(change.Time.Time) > atOnceAfter {
		return fmt.Sprintf("; the object itself was changed last by %s at %s, so see what else decides: labels of clusters, the FederatedNamespace, a ReplicaSchedulingPreference", user, at)
	}
	return fmt.Sprintf("; the object was changed last by %s at %s", user, at)
}

// mostUser bounds the name of a user in a message.
const mostUser = 100
