package health

import (
	"unicode/utf8"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// mostMessage bounds the message of a copy, in bytes: one is kept for every copy.
const mostMessage = 200

// Copy is what an object in a member says of itself.
type Copy struct {
	// Health of the object, never empty.
	Health typesv1beta1.CopyHealth
	// Message says why Health is not Current, in at most 200 bytes.
	Message string
	// HasReplicas says that the kind has replicas; Replicas are their counts.
	HasReplicas bool
	Replicas    typesv1beta1.ReplicaCounts
}

// OfCopy reads the health of an object by the rules of kstatus
// (github.com/fluxcd/cli-utils), which Flux and kubectl-like tools share, and its
// replicas. obj is not changed.
func OfCopy(obj *unstructured.Unstructured) Copy {
	copy := Copy{}
	copy.Replicas, copy.HasReplicas = replicasOf(obj)
	result, err := status.Compute(obj)
	switch {
	case err != nil:
		copy.Health, copy.Message = typesv1beta1.CopyUnknown, err.Error()
	case result.Status == status.CurrentStatus:
		copy.Health = typesv1beta1.CopyCurrent
	default:
		copy.Health, copy.Message = healthOf(result.Status), result.Message
	}
	copy.Message = clip(copy.Message)
	return copy
}

func healthOf(s status.Status) typesv1beta1.CopyHealth {
	switch s {
	case status.InProgressStatus:
		return typesv1beta1.CopyInProgress
	case status.FailedStatus:
		return typesv1beta1.CopyFailed
	case status.TerminatingStatus:
		return typesv1beta1.CopyTerminating
	case status.NotFoundStatus:
		return typesv1beta1.CopyNotFound
	default:
		return typesv1beta1.CopyUnknown
	}
}

// replicasOf reads the counts of Deployments and of everything that is made in
// their image: spec.replicas, or status.replicas, is a whole number. A DaemonSet
// says the same in other words.
func replicasOf(obj *unstructured.Unstructured) (typesv1beta1.ReplicaCounts, bool) {
	if gvk := obj.GroupVersionKind(); gvk.Group == "apps" && gvk.Kind == "DaemonSet" {
		desired, _ := count(obj, "status", "desiredNumberScheduled")
		current, _ := count(obj, "status", "currentNumberScheduled")
		ready, _ := count(obj, "status", "numberReady")
		available, _ := count(obj, "status", "numberAvailable")
		updated, _ := count(obj, "status", "updatedNumberScheduled")
		return typesv1beta1.ReplicaCounts{DesiredReplicas: desired, Replicas: current, ReadyReplicas: ready, AvailableReplicas: available, UpdatedReplicas: updated}, true
	}
	desired, asked := count(obj, "spec", "replicas")
	current, told := count(obj, "status", "replicas")
	if !asked && !told {
		return typesv1beta1.ReplicaCounts{}, false
	}
	ready, _ := count(obj, "status", "readyReplicas")
	available, _ := count(obj, "status", "availableReplicas")
	updated, _ := count(obj, "status", "updatedReplicas")
	return typesv1beta1.ReplicaCounts{DesiredReplicas: desired, Replicas: current, ReadyReplicas: ready, AvailableReplicas: available, UpdatedReplicas: updated}, true
}

func count(obj *unstructured.Unstructured, path ...string) (int64, bool) {
	value, found, err := unstructured.NestedInt64(obj.Object, path...)
	return value, found && err == nil
}

// clip shortens a message, not within a character.
func clip(message string) string {
	if len(message) <= mostMessage {
		return message
	}
	end := mostMessage - len("...")
	for end > 0 && !utf8.RuneStart(message[end]) {
		end--
	}
	return message[:end] + "..."
}
