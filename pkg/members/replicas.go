package members

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// ReplicasFieldManager owns spec.replicas of objects whose replicas are left to
// the member, until somebody there changes them.
const ReplicasFieldManager = typesv1beta1.FieldManager + "-replicas"

// scaled is what is read of an object with replicas.
type scaled struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metav1.ObjectMeta `json:"metadata"`
	Spec       struct {
		Replicas *int64 `json:"replicas"`
	} `json:"spec"`
}

// HandOverReplicas makes it safe to leave spec.replicas out of the next Apply: if
// it is our Apply alone that holds the field, leaving it out would take it off the
// object, which would get the default. Another field manager takes it over at its
// present value; an autoscaler takes it from that one when it first writes. An
// object without replicas, or that is not there, is left alone.
func (t *Type) HandOverReplicas(ctx context.Context, key types.NamespacedName) error {
	if err := t.check(key); err != nil {
		return err
	}
	conn, err := t.member.connection()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, t.member.options.RequestTimeout)
	defer cancel()
	raw, err := answerOf(conn.rest.Get().AbsPath(t.path(key)...).SetHeader("Accept", "application/json").Do(limited))
	if apierrors.IsNotFound(err) && !isUnserved(err) {
		return nil
	}
	if err != nil {
		return conn.errorOf(ctx, t.resource, err)
	}
	var live scaled
	if err := json.Unmarshal(raw, &live); err != nil {
		return fmt.Errorf("member %s: reading the replicas of %s %q: %w", t.member.name, t.resource.Resource, key, err)
	}
	if live.Spec.Replicas == nil || !holdsReplicasAlone(live.Metadata.ManagedFields) {
		return nil
	}

	patch, err := json.Marshal(map[string]any{
		"apiVersion": live.APIVersion,
		"kind":       live.Kind,
		"metadata":   map[string]any{"name": key.Name, "uid": live.Metadata.UID},
		"spec":       map[string]any{"replicas": *live.Spec.Replicas},
	})
	if err != nil {
		return fmt.Errorf("encoding the replicas of %s %q: %w", t.resource.Resource, key, err)
	}
	force := true
	_, err = t.request(ctx, key, func(ctx context.Context, client metadata.ResourceInterface) (*metav1.PartialObjectMetadata, error) {
		return client.Patch(ctx, key.Name, types.ApplyPatchType, patch, metav1.PatchOptions{FieldManager: ReplicasFieldManager, Force: &force})
	})
	return err
}

// holdsReplicasAlone says that our Apply owns spec.replicas, and nobody else does.
func holdsReplicasAlone(entries []metav1.ManagedFieldsEntry) bool {
	ours, others := false, false
	for i := range entries {
		if !OwnsReplicas(entries[i].FieldsV1) {
			continue
		}
		if isOurs(&entries[i]) {
			ours = true
		} else {
			others = true
		}
	}
	return ours && !others
}

// OwnsReplicas says whether fields of an object have its spec.replicas.
func OwnsReplicas(fields *metav1.FieldsV1) bool {
	if fields == nil {
		return false
	}
	var owned struct {
		Spec map[string]json.RawMessage `json:"f:spec"`
	}
	if err := json.Unmarshal(fields.GetRawBytes(), &owned); err != nil {
		return false
	}
	_, ok := owned.Spec["f:replicas"]
	return ok
}
