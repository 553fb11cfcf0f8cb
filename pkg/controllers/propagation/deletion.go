package propagation

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	validation "github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

// deleteOptions returns the options for the deletion of the copies of obj.
func deleteOptions(obj *typesv1beta1.FederatedObject) (metav1.DeleteOptions, error) {
	raw, ok := obj.Annotations[typesv1beta1.DeleteOptionAnnotation]
	if !ok {
		return metav1.DeleteOptions{}, nil
	}
	options, err := validation.ParseDeleteOptions(raw)
	if err != nil {
		return metav1.DeleteOptions{}, fmt.Errorf("annotation %s: %w", typesv1beta1.DeleteOptionAnnotation, err)
	}
	return options, nil
}

// isOrphaning says that copies of obj are kept when they are not wanted any more.
func isOrphaning(obj *typesv1beta1.FederatedObject) bool {
	return obj.Annotations[typesv1beta1.OrphanAnnotation] == "true"
}
