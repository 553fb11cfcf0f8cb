package scheduling

import (
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	"github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
	"github.com/kubefederation/federation-apiserver/pkg/registry/table"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/scheduling"
)

// replicaSchedulingPreferences share replicas out over clusters.
func replicaSchedulingPreferences() static.Kind[*scheduling.ReplicaSchedulingPreference] {
	type preference = *scheduling.ReplicaSchedulingPreference
	return static.Kind[preference]{
		Version:     v1alpha1.SchemeGroupVersion,
		Resource:    "replicaschedulingpreferences",
		Singular:    "replicaschedulingpreference",
		ShortNames:  []string{"rsp"},
		New:         func() preference { return &scheduling.ReplicaSchedulingPreference{} },
		NewList:     func() runtime.Object { return &scheduling.ReplicaSchedulingPreferenceList{} },
		Desired:     func(p preference) any { return p.Spec },
		KeepDesired: func(to, from preference) { to.Spec = from.Spec },
		KeepStatus:  func(to, from preference) { to.Status = from.Status },
		Begin:       func(p preference, now metav1.Time) { p.Status.Conditions = static.Unseen(now) },

		Validate:       validation.ValidateReplicaSchedulingPreference,
		ValidateUpdate: validation.ValidateReplicaSchedulingPreferenceUpdate,
		Warnings:       validation.Warnings,

		Columns: []table.Column[preference]{
			{
				Name: "Target", Description: "The federated kind of the object whose replicas are scheduled.",
				Cell: func(p preference) string { return p.Spec.TargetKind },
			},
			{
				Name: "Total", Description: "The replicas that are asked for.",
				Cell: func(p preference) string { return strconv.FormatInt(int64(ptr.Deref(p.Spec.TotalReplicas, 0)), 10) },
			},
			{
				Name: "Planned", Description: "The replicas that are planned.",
				Cell: func(p preference) string { return strconv.FormatInt(p.Status.Planned, 10) },
			},
			{
				Name: "Ready", Description: "The replicas that are ready.",
				Cell: func(p preference) string { return strconv.FormatInt(p.Status.Ready, 10) },
			},
			{
				Name: "Scheduled", Description: "Whether the federated object asks for what is planned.",
				Cell: func(p preference) string {
					if condition := meta.FindStatusCondition(p.Status.Conditions, scheduling.ScheduledCondition); condition != nil {
						return string(condition.Status)
					}
					return "Unknown"
				},
			},
		},
	}
}
