package authorauthorization

import (
	"context"
	"fmt"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// labelForPlacement is the verb, on kubefedclusters, for the labels by which
// clusters are selected.
const labelForPlacement = "label-for-placement"

// checkPreference is about a preference for replicas: it has placement and overrides
// of the federated object written for its author, and so copies made and changed.
func (w *write) checkPreference(ctx context.Context, preference *scheduling.ReplicaSchedulingPreference) error {
	config, ok := w.kinds.TypeConfigOfKind(preference.Spec.TargetKind)
	if !ok {
		return apierrors.NewServiceUnavailable("the federated types are being loaded")
	}
	if config == nil {
		return w.refuse("spec.targetKind: no FederatedTypeConfig enables %q, so that nobody can tell whose replicas the preference is about", preference.Spec.TargetKind)
	}
	federated := question{
		resource:  resource{Group: typesv1beta1.SchemeGroupVersion.Group, Resource: config.Spec.FederatedType.PluralName},
		namespace: preference.Namespace, name: preference.Name,
	}
	const why = "the preference has it written for its author"
	if err := w.needs(ctx, federated, why, "update"); err != nil {
		return err
	}
	target := targetOf(config)
	return w.needs(ctx, question{resource: target.resource, namespace: preference.Namespace, name: preference.Name}, why, "update", "create")
}

// checkCluster is about the labels of a cluster: they attract the objects of others.
func (w *write) checkCluster(ctx context.Context, cluster, old *core.KubeFedCluster) error {
	var before map[string]string
	if old != nil {
		before = old.Labels
	}
	if maps.Equal(before, cluster.Labels) {
		return nil
	}
	asked := question{resource: w.resource, namespace: cluster.Namespace, name: cluster.Name}
	return w.needs(ctx, asked, fmt.Sprintf("metadata.labels of a cluster select it for the objects of everybody, which is more than the right to change %s", w.resource), labelForPlacement)
}
