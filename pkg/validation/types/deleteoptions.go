package types

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

var deletionPolicies = []string{
	string(metav1.DeletePropagationBackground), string(metav1.DeletePropagationForeground), string(metav1.DeletePropagationOrphan),
}

// ParseDeleteOptions reads the annotation kubefed.io/deleteoption: delete options
// as JSON. As in KubeFed, only the grace period, the propagation policy and the
// preconditions count, and only they are returned.
func ParseDeleteOptions(annotation string) (metav1.DeleteOptions, error) {
	var given metav1.DeleteOptions
	decoder := json.NewDecoder(strings.NewReader(annotation))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&given); err != nil {
		return metav1.DeleteOptions{}, fmt.Errorf("must be delete options as JSON: %w", err)
	}
	if decoder.More() {
		return metav1.DeleteOptions{}, errors.New("must be one JSON object, and there is more after it")
	}
	if policy := given.PropagationPolicy; policy != nil && !slices.Contains(deletionPolicies, string(*policy)) {
		return metav1.DeleteOptions{}, fmt.Errorf("propagationPolicy must be one of %s, not %q", strings.Join(deletionPolicies, ", "), *policy)
	}
	if period := given.GracePeriodSeconds; period != nil && *period < 0 {
		return metav1.DeleteOptions{}, fmt.Errorf("gracePeriodSeconds must not be negative, is %d", *period)
	}
	return metav1.DeleteOptions{
		GracePeriodSeconds: given.GracePeriodSeconds,
		PropagationPolicy:  given.PropagationPolicy,
		Preconditions:      given.Preconditions,
	}, nil
}

// validateAnnotations checks the annotations that say how copies are removed,
// where they are new or changed. old is nil for a new object.
func validateAnnotations(annotations, old map[string]string, path *field.Path) field.ErrorList {
	value, given := annotations[typesv1beta1.DeleteOptionAnnotation]
	if before, had := old[typesv1beta1.DeleteOptionAnnotation]; !given || had && before == value {
		return nil
	}
	if _, err := ParseDeleteOptions(value); err != nil {
		return field.ErrorList{field.Invalid(path.Key(typesv1beta1.DeleteOptionAnnotation), value, err.Error())}
	}
	return nil
}
