package types

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

const (
	// maxRequestBytes is the size of a request that etcd accepts by default.
	maxRequestBytes = 3 * 512 * 1024
	// requestOverhead is left for the key, which is in a request several times,
	// and for what encryption at rest adds.
	requestOverhead = 4 * 1024
	// MaxObjectBytes is the size of an object in JSON that can be stored.
	MaxObjectBytes = maxRequestBytes - requestOverhead
)

// ExceedsLimit reports whether obj is too large to be stored, and its size in
// bytes of JSON. The error says that it cannot be encoded at all.
func ExceedsLimit(obj *typesv1beta1.FederatedObject) (size int, exceeds bool, err error) {
	raw, err := json.Marshal(obj)
	if err != nil {
		return 0, false, fmt.Errorf("cannot encode the object: %w", err)
	}
	return len(raw), len(raw) > MaxObjectBytes, nil
}

// validateSize refuses an object that etcd would refuse, with the numbers. One
// that is stored already (old is not nil) and does not grow passes: it must be
// possible to make it smaller step by step, and to delete it.
func validateSize(obj, old *typesv1beta1.FederatedObject) field.ErrorList {
	path := field.NewPath("spec")
	size, exceeds, err := ExceedsLimit(obj)
	if err != nil {
		return field.ErrorList{field.Invalid(path, field.OmitValueType{}, err.Error())}
	}
	if !exceeds {
		return nil
	}
	if old != nil {
		if oldSize, _, err := ExceedsLimit(old); err == nil && size <= oldSize {
			return nil
		}
	}
	tooLong := field.TooLong(path, "", MaxObjectBytes)
	tooLong.Detail = fmt.Sprintf("the object takes %d bytes; it must not take more than %d, its metadata and status included", size, MaxObjectBytes)
	return field.ErrorList{tooLong}
}
