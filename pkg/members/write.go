package members

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/retry"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Apply makes the object in the member as body says, by a forced server-side
// apply of the field manager federation-apiserver. body is the JSON of the whole
// intent; it must carry the label kubefed.io/managed for the copy to be observed.
// Its apiVersion may be another one of the resource than the observed: the member
// is written to in that. The result is what Get returns from now on.
func (t *Type) Apply(ctx context.Context, key types.NamespacedName, body []byte) (Observed, error) {
	resource, err := t.resourceOf(body)
	if err != nil {
		return Observed{}, err
	}
	force := true
	// To validate fields means to parse the body a second time for keys that are in it twice, which JSON that was encoded from
	// a map does not have. A field that the member's schema has not fails an apply all the same.
	options := metav1.PatchOptions{FieldManager: typesv1beta1.FieldManager, Force: &force, FieldValidation: metav1.FieldValidationIgnore}
	return t.requestTo(ctx, resource, key, func(ctx context.Context, conn *connection) (Observed, error) {
		if detail := t.Detail(); detail != Metadata {
			return observedIn(detail)(objectsOf(conn, resource, key.Namespace).Patch(ctx, key.Name, types.ApplyPatchType, body, options))
		}
		return observedMetadata(clientOf(conn, resource, key.Namespace).Patch(ctx, key.Name, types.ApplyPatchType, body, options))
	})
}

// observedIn reduces the answer to a request for a whole object.
func observedIn(detail Detail) func(*unstructured.Unstructured, error) (Observed, error) {
	return func(obj *unstructured.Unstructured, err error) (Observed, error) {
		if err != nil {
			return Observed{}, err
		}
		return observeObject(obj, detail)
	}
}

// observedMetadata reduces the answer to a request for metadata.
func observedMetadata(meta *metav1.PartialObjectMetadata, err error) (Observed, error) {
	if err != nil {
		return Observed{}, err
	}
	return observe(&meta.ObjectMeta), nil
}

// resourceOf returns the resource in the group and version of an object.
func (t *Type) resourceOf(body []byte) (schema.GroupVersionResource, error) {
	// Keys are in order, so this is how nearly all begin.
	if bytes.HasPrefix(body, []byte(`{"apiVersion":"`+t.resource.GroupVersion().String()+`",`)) {
		return t.resource, nil
	}
	var object metav1.TypeMeta
	if err := json.Unmarshal(body, &object); err != nil {
		return t.resource, fmt.Errorf("the object to apply is not JSON: %w", err)
	}
	if object.APIVersion == "" {
		return t.resource, nil
	}
	gv, err := schema.ParseGroupVersion(object.APIVersion)
	if err != nil {
		return t.resource, fmt.Errorf("the object to apply: %w", err)
	}
	return gv.WithResource(t.resource.Resource), nil
}

// GetLive asks the member for the object, labelled or not; found is false when
// there is none.
func (t *Type) GetLive(ctx context.Context, key types.NamespacedName) (observed Observed, found bool, err error) {
	observed, err = t.request(ctx, key, func(ctx context.Context, client metadata.ResourceInterface) (*metav1.PartialObjectMetadata, error) {
		return client.Get(ctx, key.Name, metav1.GetOptions{})
	})
	if apierrors.IsNotFound(err) && !isUnserved(err) {
		return Observed{}, false, nil
	}
	return observed, err == nil, err
}

// Unmanage leaves the object to the member: the label kubefed.io/managed goes, if
// its value is true, and with it our ownership of fields; no other field changes.
// An object that is not there, or not ours, is left alone.
func (t *Type) Unmanage(ctx context.Context, key types.NamespacedName) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		_, err := t.request(ctx, key, func(ctx context.Context, client metadata.ResourceInterface) (*metav1.PartialObjectMetadata, error) {
			live, err := client.Get(ctx, key.Name, metav1.GetOptions{})
			if err != nil {
				return nil, err
			}
			patch, err := releasing(&live.ObjectMeta)
			if patch == nil || err != nil {
				return live, err
			}
			return client.Patch(ctx, key.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: typesv1beta1.FieldManager})
		})
		if apierrors.IsNotFound(err) && !isUnserved(err) {
			return nil
		}
		return err
	})
}

// releasing returns the merge patch that takes our mark and our ownership off an
// object, provided that it is still the same; nil when it has neither.
func releasing(live *metav1.ObjectMeta) ([]byte, error) {
	meta := map[string]any{"uid": live.UID, "resourceVersion": live.ResourceVersion}
	labelled := live.Labels[typesv1beta1.ManagedLabel] == typesv1beta1.ManagedLabelValueTrue
	if labelled {
		meta["labels"] = map[string]any{typesv1beta1.ManagedLabel: nil}
	}
	others := []metav1.ManagedFieldsEntry{}
	for i := range live.ManagedFields {
		if !isOurs(&live.ManagedFields[i]) && live.ManagedFields[i].Manager != ReplicasFieldManager {
			others = append(others, live.ManagedFields[i])
		}
	}
	owned := len(others) < len(live.ManagedFields)
	if owned {
		if len(others) == 0 {
			// An empty list would mean "as before"; one empty entry means "none".
			others = append(others, metav1.ManagedFieldsEntry{})
		}
		meta["managedFields"] = others
	}
	if !labelled && !owned {
		return nil, nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": meta})
	if err != nil {
		return nil, fmt.Errorf("encoding the patch that releases %s: %w", live.Name, err)
	}
	return patch, nil
}

// request sends what send does to the member, within the time for a request, and
// merges the answer into what is known.
func (t *Type) request(ctx context.Context, key types.NamespacedName,
	send func(context.Context, metadata.ResourceInterface) (*metav1.PartialObjectMetadata, error)) (Observed, error) {
	resource := t.observed()
	return t.requestTo(ctx, resource, key, func(ctx context.Context, conn *connection) (Observed, error) {
		return observedMetadata(send(ctx, clientOf(conn, resource, key.Namespace)))
	})
}

// requestTo is request for a resource in a version that is not the observed one.
func (t *Type) requestTo(ctx context.Context, resource schema.GroupVersionResource, key types.NamespacedName,
	send func(context.Context, *connection) (Observed, error)) (Observed, error) {
	if err := t.check(key); err != nil {
		return Observed{}, err
	}
	conn, err := t.member.connection()
	if err != nil {
		return Observed{}, err
	}
	limited, cancel := context.WithTimeout(ctx, t.member.options.RequestTimeout)
	defer cancel()
	observed, err := send(limited, conn)
	if err != nil {
		return Observed{}, conn.errorOf(ctx, resource, err)
	}
	t.wrote(conn, func() { t.view.wrote(key, observed) })
	return observed, nil
}

// check holds a key against the scope of the resource: a name becomes part of a path.
func (t *Type) check(key types.NamespacedName) error {
	if t.namespaced != (key.Namespace != "") {
		return fmt.Errorf("%s %q: a namespace must be given for a namespaced resource, and for no other", t.resource.Resource, key)
	}
	for _, part := range []string{key.Name, key.Namespace} {
		if problems := content.IsPathSegmentName(part); len(problems) > 0 {
			return fmt.Errorf("%s %q: %s", t.resource.Resource, key, problems[0])
		}
	}
	if key.Name == "" {
		return errors.New("a name must be given")
	}
	return nil
}

func clientOf(conn *connection, resource schema.GroupVersionResource, namespace string) metadata.ResourceInterface {
	if namespace == "" {
		return conn.metadata.Resource(resource)
	}
	return conn.metadata.Resource(resource).Namespace(namespace)
}

func objectsOf(conn *connection, resource schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return conn.objects.Resource(resource)
	}
	return conn.objects.Resource(resource).Namespace(namespace)
}
