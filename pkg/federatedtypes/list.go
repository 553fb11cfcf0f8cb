package federatedtypes

import (
	"context"

	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// List lists the objects of the kind in a namespace, or with an empty one all of
// them, with the resource version, limit and continue token of options. Objects
// may be shared with the watch cache: do not change them.
func (k *Kind) List(ctx context.Context, namespace string, options *metainternalversion.ListOptions) (*typesv1beta1.FederatedObjectList, error) {
	list, err := k.storage.main.List(withNamespace(ctx, namespace), options)
	if err != nil {
		return nil, err
	}
	return list.(*typesv1beta1.FederatedObjectList), nil
}
