package core

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
)

// pendingRemovals are removals that wait for clusters.
func pendingRemovals() static.Kind[*core.PendingRemoval] {
	type column = table.Column[*core.PendingRemoval]
	return static.Kind[*core.PendingRemoval]{
		Version:     v1beta1.SchemeGroupVersion,
		Resource:    "pendingremovals",
		Singular:    "pendingremoval",
		New:         func() *core.PendingRemoval { return &core.PendingRemoval{} },
		NewList:     func() runtime.Object { return &core.PendingRemovalList{} },
		Desired:     func(removal *core.PendingRemoval) any { return removal.Spec },
		KeepDesired: func(to, from *core.PendingRemoval) { to.Spec = from.Spec },
		KeepStatus:  func(to, from *core.PendingRemoval) { to.Status = from.Status },
		// There can be very many, which wait for the same: to be true, this needs no
		// further write of each.
		Begin: func(removal *core.PendingRemoval, now metav1.Time) {
			removal.Status.ObservedGeneration = 1
			removal.Status.Conditions = []metav1.Condition{{
				Type: v1beta1.PendingRemovalReady, Status: metav1.ConditionFalse, ObservedGeneration: 1, LastTransitionTime: now,
				Reason: v1beta1.ReasonClustersNotReady, Message: "waits until the clusters are ready",
			}}
		},

		Validate:       validation.ValidatePendingRemoval,
		ValidateUpdate: validation.ValidatePendingRemovalUpdate,
		ValidateStatus: validation.ValidatePendingRemovalStatus,

		Columns: []column{
			{
				Name: "Type", Description: "The FederatedTypeConfig of the copies.",
				Cell: func(removal *core.PendingRemoval) string { return removal.Spec.Target.TypeConfig },
			},
			{
				Name: "Target", Description: "The namespace and the name of the copies.",
				Cell: removalTarget,
			},
			{
				Name: "Clusters", Description: "Where the copies are still to be removed.",
				Cell: removalClusters,
			},
			{
				Name: "Expires", Description: "In how long the removal is given up.",
				Cell: removalExpires,
			},
			{
				Name: "Requested By", Description: "Who deleted the federated object.", Priority: table.Wide,
				Cell: func(removal *core.PendingRemoval) string {
					if removal.Spec.RequestedBy == nil {
						return ""
					}
					return removal.Spec.RequestedBy.User
				},
			},
		},
	}
}

func removalTarget(removal *core.PendingRemoval) string {
	if removal.Spec.Target.Namespace == "" {
		return removal.Spec.Target.Name
	}
	return removal.Spec.Target.Namespace + "/" + removal.Spec.Target.Name
}

func removalClusters(removal *core.PendingRemoval) string {
	names := make([]string, 0, len(removal.Spec.Clusters))
	for _, cluster := range removal.Spec.Clusters {
		names = append(names, cluster.Name)
	}
	return strings.Join(names, ",")
}

func removalExpires(removal *core.PendingRemoval) string {
	if removal.Spec.ExpiresAt == nil {
		return "never"
	}
	return duration.HumanDuration(max(0, time.Until(removal.Spec.ExpiresAt.Time)))
}
