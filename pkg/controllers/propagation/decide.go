package propagation

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/placement"
)

// decision says where an object shall be.
type decision struct {
	// selected are the clusters that shall have a copy.
	selected sets.Set[string]
	// own are those that the object's own placement selects, where its namespace
	// does not count.
	own sets.Set[string]
	// withNamespace says that copies in other ones go because their namespace does.
	withNamespace bool
	// impediment, nil if there is none.
	impediment *impediment
	// parked says that it is not known yet where the object shall be: nothing is
	// done and nothing is said.
	parked bool
	// frozen says that it cannot be known: nothing is done, and the impediment is
	// reported.
	frozen bool
	// handsOff says that the target is never touched.
	handsOff bool
}

// federation says what is known of the FederatedNamespace of an object.
type federation struct {
	// needed says that the object goes only where its namespace goes.
	needed bool
	// parked says that it is not known yet.
	parked bool
	// disabled says that FederatedNamespaces are not propagated, so that it cannot
	// be known.
	disabled bool
	// object is the FederatedNamespace, nil if there is none.
	object *typesv1beta1.FederatedObject
	// confined says that the control plane is confined to the system namespace:
	// FederatedNamespaces limit placements and nothing else.
	confined bool
	// stays says that the namespace stays in a cluster for the time being, though its
	// placement may not select it: so does what is in it. nil if none does.
	stays func(cluster string) bool
}

// decide evaluates the placement of obj over clusters, by what the caches say.
func (c *Controller) decide(k *kind, obj *typesv1beta1.FederatedObject, clusters []placement.Cluster) decision {
	return decide(k, obj, c.federationOf(k, obj.Namespace), clusters, c.config.SystemNamespace)
}

func decide(k *kind, obj *typesv1beta1.FederatedObject, namespace federation, clusters []placement.Cluster, systemNamespace string) decision {
	none := sets.New[string]()
	if k.namespaces {
		if impediment := invalidName(obj); impediment != nil {
			return decision{selected: none, impediment: impediment, handsOff: true}
		}
		if namespace.confined || isProtected(obj.Name, systemNamespace) {
			return decision{selected: none, handsOff: true}
		}
	}
	if isRootCA(k, obj) {
		return decision{selected: none, handsOff: true}
	}
	if obj.DeletionTimestamp != nil {
		return decision{selected: none}
	}
	switch {
	case namespace.confined && obj.Namespace != systemNamespace:
		return decision{selected: none, frozen: true, impediment: &impediment{
			reason:  typesv1beta1.ReasonNamespaceNotFederated,
			message: "the control plane is confined to the namespace " + systemNamespace + ", as the scope of the KubeFedConfig is Namespaced",
		}}
	case namespace.parked:
		return decision{parked: true}
	case namespace.disabled:
		return decision{selected: none, frozen: true, impediment: &impediment{
			reason:  typesv1beta1.ReasonNamespaceNotFederated,
			message: "namespaces are not propagated: the FederatedTypeConfig namespaces is missing or disabled; copies are left as they are",
		}}
	case namespace.object != nil && namespace.object.DeletionTimestamp != nil:
		// Its copies go with the namespaces, or stay; what is right is known when the
		// FederatedNamespace is gone.
		return decision{parked: true}
	}

	var allowed *typesv1beta1.Placement
	if namespace.object != nil {
		allowed = &namespace.object.Spec.Placement
	}
	decided, err := placement.Decide(obj.Spec.Placement, namespace.needed, allowed, clusters)
	if err != nil {
		return decision{selected: none, frozen: true, impediment: &impediment{
			reason: typesv1beta1.ReasonComputePlacementFailed, message: err.Error(), stalled: true}}
	}
	d := decision{selected: decided.Clusters, own: decided.Own}
	d.withNamespace = namespace.object != nil && !isOrphaning(namespace.object) && !isProtected(obj.Namespace, systemNamespace)
	if namespace.stays != nil {
		for name := range d.own {
			if !d.selected.Has(name) && namespace.stays(name) {
				d.selected.Insert(name)
			}
		}
	}
	if decided.NamespaceNotFederated {
		d.impediment = &impediment{
			reason:  typesv1beta1.ReasonNamespaceNotFederated,
			message: fmt.Sprintf("the namespace %s has no FederatedNamespace", obj.Namespace),
		}
	}
	return d
}

// isRootCA says that obj stands for the ConfigMap that each cluster writes itself.
func isRootCA(k *kind, obj *typesv1beta1.FederatedObject) bool {
	return k.target.Group == "" && k.target.Kind == "ConfigMap" && obj.Name == typesv1beta1.RootCAConfigMap
}

// federationOf returns what the caches know of the FederatedNamespace of the
// objects of a kind in a namespace.
func (c *Controller) federationOf(k *kind, namespace string) federation {
	confined := c.config.Settings().Namespaced
	if !k.namespaced {
		return federation{confined: confined}
	}
	namespaces := c.kind(namespacesName)
	switch {
	case namespaces == nil && confined:
		return federation{confined: true}
	case namespaces == nil:
		return federation{needed: true, parked: !c.settled.Load(), disabled: c.settled.Load()}
	case !namespaces.informer.HasSynced():
		return federation{needed: true, parked: true, confined: confined}
	}
	object := c.namespaceObject(namespaces, namespace)
	return federation{needed: object != nil || !confined, object: object, confined: confined, stays: c.staying(namespaces, object)}
}

// staying returns what says where the namespace of a FederatedNamespace stays until
// its removal is granted; nil if that is not ours to say.
func (c *Controller) staying(namespaces *kind, object *typesv1beta1.FederatedObject) func(string) bool {
	if object == nil || isProtected(object.Name, c.config.SystemNamespace) {
		return nil
	}
	leaving := c.ledger.leaving(namespaces.keyOf(object), object)
	return func(cluster string) bool {
		return recordedCluster(object, cluster) != nil && !leaving.Has(cluster)
	}
}

// isOutOfScope says that nothing of a kind is looked at in members: namespaces, in
// a control plane that is confined to one and may have no rights beyond it.
func (c *Controller) isOutOfScope(k *kind) bool {
	return k.namespaces && c.config.Settings().Namespaced
}

// isExcluded asks the storage whether obj, as it is now, is not for a cluster, as
// that is now, under no name under which it is a member. uid is that of the copy. It
// is the evidence that a removal needs: a cache can be behind.
func (c *Controller) isExcluded(ctx context.Context, k *kind, obj *typesv1beta1.FederatedObject, cluster string, uid types.UID) (bool, error) {
	live, err := k.source.Get(ctx, obj.Namespace, obj.Name)
	if err != nil {
		return false, fmt.Errorf("read the object before a removal: %w", err)
	}
	// Annotations do not count in the generation.
	if live.UID != obj.UID || live.Generation != obj.Generation || isOrphaning(live) != isOrphaning(obj) {
		return false, nil
	}
	located, err := c.locate(ctx, k, obj, cluster, uid)
	if err != nil || len(located) == 0 {
		return false, err
	}
	confined := c.config.Settings().Namespaced
	namespace := federation{confined: confined}
	if k.namespaced {
		namespaces := c.kind(namespacesName)
		switch {
		case namespaces == nil && !confined:
			return false, nil
		case namespaces != nil:
			object, err := namespaces.source.Get(ctx, obj.Namespace, obj.Namespace)
			if err != nil && !apierrors.IsNotFound(err) {
				return false, fmt.Errorf("read the FederatedNamespace before a removal: %w", err)
			}
			if err != nil {
				object = nil
			}
			namespace = federation{needed: object != nil || !confined, object: object, confined: confined, stays: c.staying(namespaces, object)}
		}
	}
	d := decide(k, live, namespace, located, c.config.SystemNamespace)
	return !d.parked && !d.frozen && !d.handsOff && d.selected.Len() == 0, nil
}
