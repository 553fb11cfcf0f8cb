package describe

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/cli/plan"
	"github.com/kubefederation/federation-apiserver/pkg/cli/secret"
)

// Report is what is told of a federated object.
type Report struct {
	Kind               string                      `json:"kind"`
	Type               string                      `json:"type"`
	Namespace          string                      `json:"namespace,omitempty"`
	Name               string                      `json:"name"`
	Generation         int64                       `json:"generation"`
	ObservedGeneration int64                       `json:"observedGeneration"`
	Created            time.Time                   `json:"created"`
	Deleting           *time.Time                  `json:"deleting,omitempty"`
	Orphaning          bool                        `json:"orphaningDeletion"`
	Impediment         string                      `json:"impediment,omitempty"`
	Conditions         []typesv1beta1.Condition    `json:"conditions,omitempty"`
	Replicas           *typesv1beta1.ReplicaCounts `json:"replicas,omitempty"`
	Clusters           []Cluster                   `json:"clusters"`
	Events             []Event                     `json:"events,omitempty"`
}

// Cluster is what is told of one cluster.
type Cluster struct {
	Name   string   `json:"name"`
	Placed bool     `json:"placed"`
	Why    []string `json:"why"`
	// Ready says whether the cluster is; nil if it is no member.
	Ready     *bool      `json:"clusterReady,omitempty"`
	Overrides []Override `json:"overrides,omitempty"`
	// RenderError says why there is no object for the cluster.
	RenderError string `json:"renderError,omitempty"`
	// Status of the copy; "InSync", or "None" if there is none and shall be none.
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
	// Since is when the condition Propagation last changed, for a copy that is not
	// in sync: its trouble is not older than that.
	Since  *time.Time              `json:"since,omitempty"`
	Health typesv1beta1.CopyHealth `json:"health,omitempty"`
	// LastSeen is when a cluster that is not ready was last found so.
	LastSeen *time.Time                  `json:"lastSeen,omitempty"`
	Version  string                      `json:"version,omitempty"`
	Replicas *typesv1beta1.ReplicaCounts `json:"replicas,omitempty"`
}

// Override is one override for a cluster.
type Override struct {
	Where   string   `json:"where"`
	Reason  string   `json:"reason"`
	Op      string   `json:"op"`
	Path    string   `json:"path"`
	Changes []string `json:"changes"`
	Error   string   `json:"error,omitempty"`
}

// Event is something that happened to the object.
type Event struct {
	Type    string    `json:"type"`
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Count   int32     `json:"count"`
	Last    time.Time `json:"last"`
}

// States of copies that have none in the status of the object.
const (
	stateInSync  = "InSync"
	stateNone    = "None"
	stateUnknown = "NotReported"
)

// reportOf puts a plan into a report. clusters restricts it; none means all.
func reportOf(made *plan.Plan, clusters []string, showSecrets bool) *Report {
	object := made.Object
	r := &Report{
		Kind: object.Kind, Type: made.Type.Name, Namespace: object.Namespace, Name: object.Name,
		Generation: object.Generation, ObservedGeneration: object.Status.ObservedGeneration,
		Created:    object.CreationTimestamp.Time,
		Orphaning:  object.Annotations[typesv1beta1.OrphanAnnotation] == "true",
		Impediment: made.Impediment,
		Conditions: object.Status.Conditions,
	}
	if object.DeletionTimestamp != nil {
		r.Deleting = &object.DeletionTimestamp.Time
	}
	if object.Status.ReplicaCounts != (typesv1beta1.ReplicaCounts{}) {
		r.Replicas = &object.Status.ReplicaCounts
	}
	since := changed(object.Status.Conditions)
	for i := range made.Clusters {
		c := &made.Clusters[i]
		if len(clusters) == 0 || slices.Contains(clusters, c.Name) {
			r.Clusters = append(r.Clusters, clusterOf(made, c, since, showSecrets))
		}
	}
	return r
}

// changed is when the condition Propagation did; nil if it is unknown.
func changed(conditions []typesv1beta1.Condition) *time.Time {
	for _, condition := range conditions {
		if condition.Type == typesv1beta1.PropagationCondition && !condition.LastTransitionTime.IsZero() {
			return &condition.LastTransitionTime.Time
		}
	}
	return nil
}

func clusterOf(made *plan.Plan, c *plan.Cluster, since *time.Time, showSecrets bool) Cluster {
	told := Cluster{Name: c.Name, Placed: c.Selected, Why: c.Why, Status: stateNone}
	if c.Member != nil {
		ready := false
		for _, condition := range c.Member.Status.Conditions {
			ready = ready || condition.Type == "Ready" && condition.Status == "True"
		}
		told.Ready = &ready
	}
	if c.Err != nil {
		told.RenderError = c.Err.Error()
	}
	isSecret := made.Type.Spec.TargetType.Group == secret.Kind.Group && made.Type.Spec.TargetType.Kind == secret.Kind.Kind
	for _, effect := range made.Effects(c) {
		override := Override{Where: effect.Where, Reason: effect.Reason, Op: effect.Op, Path: effect.Path, Changes: []string{}}
		if effect.Err != nil {
			override.Error = effect.Err.Error()
		}
		changes := effect.Changes
		if isSecret && !showSecrets {
			changes = secret.MaskChanges(changes)
		}
		for _, change := range changes {
			override.Changes = append(override.Changes, change.String())
		}
		told.Overrides = append(told.Overrides, override)
	}
	if c.Recorded == nil {
		if c.Selected {
			told.Status = stateUnknown
		}
		return told
	}
	told.Status, told.Message = string(c.Recorded.Status), c.Recorded.Message
	told.Health, told.Version, told.Replicas = c.Recorded.Health, c.Recorded.Version, c.Recorded.Replicas
	if seen := c.Recorded.LastSeenTime; seen != nil {
		told.LastSeen = &seen.Time
	}
	if c.Recorded.Status == typesv1beta1.ClusterPropagationOK {
		told.Status = stateInSync
		return told
	}
	told.Since = since
	return told
}

// eventTime is when an event last happened.
func eventTime(last, micro, created metav1.Time) time.Time {
	for _, at := range []metav1.Time{last, micro, created} {
		if !at.IsZero() {
			return at.Time
		}
	}
	return time.Time{}
}
