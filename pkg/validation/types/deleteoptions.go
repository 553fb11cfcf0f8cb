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
	"github.com/kubefederation/federation-apiserver/pkg/removals"
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
	var errs field.ErrorList
	if value, changed := changedAnnotation(annotations, old, typesv1beta1.DeleteOptionAnnotation); changed {
		if _, err := ParseDeleteOptions(value); err != nil {
			errs = append(errs, field.Invalid(path.Key(typesv1beta1.DeleteOptionAnnotation), value, err.Error()))
		}
	}
	if value, changed := changedAnnotation(annotations, old, typesv1beta1.ApproveRemovalAnnotation); changed && !removals.IsHash(value) {
		errs = append(errs, field.Invalid(path.Key(typesv1beta1.ApproveRemovalAnnotation), value,
			"must be the hash in status.pausedRemoval, which has the form "+removals.HashPattern))
	}
	return errs
}

// changedAnnotation returns an annotation that is there and was not, or was another
// one.
func changedAnnotation(annotations, old map[string]string, name string) (value string, changed bool) {
	value, given := annotations[name]
	before, had := old[name]
	return value, given && (!had || before != value)
}

// ApprovalWarnings tells of an approval of removals that is not for what is paused.
// old is nil for a new object.
func ApprovalWarnings(obj, old *typesv1beta1.FederatedObject) []string {
	var before map[string]string
	if old != nil {
		before = old.Annotations
	}
	value, changed := changedAnnotation(obj.Annotations, before, typesv1beta1.ApproveRemovalAnnotation)
	if !changed {
		return nil
	}
	path := field.NewPath("metadata", "annotations").Key(typesv1beta1.ApproveRemovalAnnotation).String()
	switch paused := obj.Status.PausedRemoval; {
	case paused == nil:
		return []string{path + ": approves nothing, as no removal is paused"}
	case paused.Hash != value:
		return []string{fmt.Sprintf("%s: approves nothing, as what is paused has the hash %s", path, paused.Hash)}
	}
	return nil
}
