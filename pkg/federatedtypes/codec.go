package federatedtypes

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// storageCodec writes objects in the format of the storage, and reads them without
// asking what kind they are: all of them have the one Go type and the one version.
// That saves a second pass over every object, and lets a type that is federated
// again under another kind have its objects back.
type storageCodec struct {
	runtime.Codec
	kind schema.GroupVersionKind
}

func (c storageCodec) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	if into == nil {
		into = &typesv1beta1.FederatedObject{}
	}
	obj, ok := into.(*typesv1beta1.FederatedObject)
	if !ok {
		return c.Codec.Decode(data, defaults, into)
	}
	if err := decodeStored(data, obj); err != nil {
		return nil, nil, fmt.Errorf("decode a stored %s: %w", c.kind.Kind, err)
	}
	obj.TypeMeta = metav1.TypeMeta{}
	return obj, &c.kind, nil
}
