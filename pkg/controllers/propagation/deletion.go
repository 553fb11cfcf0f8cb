package propagation

import (
	"bytes"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// deleteOptionAnnotation on a federated object has the options with which its
// copies are deleted, as JSON.
const deleteOptionAnnotation = "kubefed.io/deleteoption"

// deleteOptions returns the options for the deletion of the copies of obj. Only
// the grace period, the propagation policy and the preconditions are looked at.
func deleteOptions(obj *typesv1beta1.FederatedObject) (metav1.DeleteOptions, error) {
	raw, ok := obj.Annotations[deleteOptionAnnotation]
	if !ok {
		return metav1.DeleteOptions{}, nil
	}
	invalid := func(err error) error {
		return fmt.Errorf("annotation %s must hold delete options as JSON: %w", deleteOptionAnnotation, err)
	}
	var given metav1.DeleteOptions
	decoder := json.NewDecoder(bytes.NewReader([]byte(raw)))
	if err := decoder.Decode(&given); err != nil {
		return metav1.DeleteOptions{}, invalid(err)
	}
	if decoder.More() {
		return metav1.DeleteOptions{}, invalid(fmt.Errorf("there is more after the object"))
	}
	if given.PropagationPolicy != nil {
		switch *given.PropagationPolicy {
		case metav1.DeletePropagationOrphan, metav1.DeletePropagationBackground, metav1.DeletePropagationForeground:
		default:
			return metav1.DeleteOptions{}, invalid(fmt.Errorf("propagationPolicy must be Orphan, Background or Foreground, not %q", *given.PropagationPolicy))
		}
	}
	if given.GracePeriodSeconds != nil && *given.GracePeriodSeconds < 0 {
		return metav1.DeleteOptions{}, invalid(fmt.Errorf("gracePeriodSeconds must not be negative, is %d", *given.GracePeriodSeconds))
	}
	return metav1.DeleteOptions{
		GracePeriodSeconds: given.GracePeriodSeconds,
		PropagationPolicy:  given.PropagationPolicy,
		Preconditions:      given.Preconditions,
	}, nil
}

// isOrphaning says that copies of obj are kept when they are not wanted any more.
func isOrphaning(obj *typesv1beta1.FederatedObject) bool {
	return obj.Annotations[typesv1beta1.OrphanAnnotation] == "true"
}
