// Package overrides makes the object for one member cluster out of the template
// of a federated object and the overrides for that cluster.
//
// The work is done by json-patch v4 on purpose: its replace sets a missing key
// of an existing map, which is part of KubeFed's contract. What KubeFed did
// wrong is mended: annotations of the template are propagated, an error
// concerns one cluster only, a null value survives, and the identity of the
// object (kind, name, namespace) cannot be overridden. The apiVersion can, as in
// KubeFed.
package overrides

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Target is the identity of the object in the members.
type Target struct {
	// APIVersion of the target type, such as v1 or apps/v1.
	APIVersion string
	// Kind of the target type.
	Kind string
	// Namespace of the object, empty for a cluster-scoped target.
	Namespace string
	// Name of the object.
	Name string
}

// isNamespace reports whether the target is a Namespace.
func (t Target) isNamespace() bool {
	return t.Kind == "Namespace" && t.APIVersion == "v1"
}

// Rendered is an object as it shall be in one member.
type Rendered struct {
	// JSON is the object with sorted keys: the same for the same content. It is
	// shared between clusters and must not be changed.
	JSON []byte
	// Hash of JSON, in hexadecimal.
	Hash string
	// APIVersion of the object: the target's, unless overridden.
	APIVersion string
}

// Renderer makes the objects of one federated object for all its clusters. It
// is safe for concurrent use.
type Renderer struct {
	target   Target
	identity identity
	entries  entries
	// base is the object before overrides, nil where there are none.
	base []byte
	// plain is the object for clusters without overrides.
	plain *Rendered
	// retaining is plain for copies that exist, without spec.replicas; nil if
	// replicas are not to be retained.
	retaining *Rendered
}

// NewRenderer decodes the template of obj once for all clusters. The error is a
// *ComputeError: the template is not an object that can be propagated.
func NewRenderer(obj *typesv1beta1.FederatedObject, target Target) (*Renderer, error) {
	content, labels, err := base(obj, target)
	if err != nil {
		return nil, &ComputeError{Err: err}
	}
	r := &Renderer{target: target}
	if len(obj.Spec.Overrides) > 0 {
		if r.identity, err = identityOf(target); err != nil {
			return nil, &ComputeError{Err: err}
		}
		if r.base, err = json.Marshal(content); err != nil {
			return nil, &ComputeError{Err: err}
		}
		r.entries = entriesOf(obj.Spec.Overrides)
	}

	labels[typesv1beta1.ManagedLabel] = typesv1beta1.ManagedLabelValueTrue
	content["metadata"].(map[string]any)["labels"] = labels
	if r.plain, err = rendered(content, target.APIVersion); err != nil {
		return nil, &ComputeError{Err: err}
	}
	if obj.Spec.RetainReplicas != nil && *obj.Spec.RetainReplicas {
		r.retaining = r.plain
		if spec, ok := content["spec"].(map[string]any); ok {
			delete(spec, "replicas")
			if r.retaining, err = rendered(content, target.APIVersion); err != nil {
				return nil, &ComputeError{Err: err}
			}
		}
	}
	return r, nil
}

// Render makes the object for one cluster. The overrides that name it or select it
// apply in the order of the list, so that the last one wins. exists says that the
// cluster has a copy already: with retainReplicas, spec.replicas is then left out,
// unless an override for the cluster is about it. The error is an *ApplyError.
func (r *Renderer) Render(cluster Cluster, exists bool) (*Rendered, error) {
	entries, err := r.entries.of(cluster)
	if err != nil {
		return nil, &ApplyError{Cluster: cluster.Name, Index: -1, Err: err}
	}
	return r.render(cluster.Name, entries, exists)
}

// RenderEntries makes the object as it is with some of the overrides, whatever they
// are for: entries are indices in spec.overrides, in ascending order. It is for
// who checks overrides without clusters. The error is an *ApplyError that names no
// cluster.
func (r *Renderer) RenderEntries(indices ...int) (*Rendered, error) {
	chosen := make([]*entry, len(indices))
	for i, index := range indices {
		chosen[i] = r.entries.all[index]
	}
	return r.render("", chosen, false)
}

func (r *Renderer) render(cluster string, entries []*entry, exists bool) (*Rendered, error) {
	patch, err := compile(cluster, entries)
	if err != nil {
		return nil, err
	}
	retain := exists && r.retaining != nil
	switch {
	case len(patch.operations) == 0 && retain:
		return r.retaining, nil
	case len(patch.operations) == 0:
		return r.plain, nil
	}
	patched, err := patch.apply(r.base)
	if err != nil {
		return nil, err
	}
	object, err := r.finish(patched, retain && !patch.setsReplicas)
	if err != nil {
		return nil, patch.fault(-1, err)
	}
	return object, nil
}

// Render makes the object of obj for one cluster; see Renderer, which spares
// work when there are several. The error is a *ComputeError or an *ApplyError.
func Render(obj *typesv1beta1.FederatedObject, target Target, cluster Cluster, exists bool) (*Rendered, error) {
	r, err := NewRenderer(obj, target)
	if err != nil {
		return nil, err
	}
	return r.Render(cluster, exists)
}

// finish checks that the identity outlived the overrides, sets the managed
// label and drops once more what members shall not get. It decodes no deeper
// than that needs: doc is canonical already.
func (r *Renderer) finish(doc []byte, dropReplicas bool) (*Rendered, error) {
	var content, metadata map[string]json.RawMessage
	if err := json.Unmarshal(doc, &content); err != nil {
		return nil, fmt.Errorf("the result is not an object: %w", err)
	}
	if err := json.Unmarshal(content["metadata"], &metadata); err != nil {
		return nil, fmt.Errorf("metadata of the result is not an object: %w", err)
	}
	if err := r.identity.check(content, metadata); err != nil {
		return nil, err
	}
	var apiVersion string
	if err := json.Unmarshal(content["apiVersion"], &apiVersion); err != nil || apiVersion == "" {
		return nil, errors.New("apiVersion of the result must be a string that is not empty")
	}

	labels, err := propagatedStrings(metadata, "labels", isTrackingLabel)
	if err != nil {
		return nil, err
	}
	if labels == nil {
		labels = map[string]json.RawMessage{}
	}
	labels[typesv1beta1.ManagedLabel] = json.RawMessage(`"` + typesv1beta1.ManagedLabelValueTrue + `"`)
	annotations, err := propagatedStrings(metadata, "annotations", isTrackingAnnotation)
	if err != nil {
		return nil, err
	}
	if err := setRaw(metadata, "labels", labels); err != nil {
		return nil, err
	}
	if err := setRaw(metadata, "annotations", annotations); err != nil {
		return nil, err
	}
	if err := setRaw(content, "metadata", metadata); err != nil {
		return nil, err
	}

	dropped := ""
	switch {
	case dropReplicas:
		dropped = "replicas"
	case r.target.isNamespace():
		dropped = "finalizers"
	}
	if err := dropFromSpec(content, dropped); err != nil {
		return nil, err
	}
	return rendered(content, apiVersion)
}

// rendered encodes content, whose maps encoding/json sorts by key.
func rendered[V any](content map[string]V, apiVersion string) (*Rendered, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the object: %w", err)
	}
	sum := sha256.Sum256(raw)
	return &Rendered{JSON: raw, Hash: hex.EncodeToString(sum[:hashBytes]), APIVersion: apiVersion}, nil
}

// hashBytes is how much of the SHA-256 sum a hash keeps. It tells versions of one
// object apart, and stands in its status once per cluster.
const hashBytes = 8
