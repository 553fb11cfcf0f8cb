package members

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/health"
)

// Observed is what is kept of an object in a member.
type Observed struct {
	// UID of the object: a copy that was deleted and made again has another one.
	UID types.UID
	// ResourceVersion of the object in its member.
	ResourceVersion string
	// Generation of the object; 0 where the kind has none.
	Generation int64
	// Deleting says that the object has a deletionTimestamp.
	Deleting bool
	// Managed is the value of the label kubefed.io/managed; empty without it.
	Managed string
	// Owned is a short hash of the fields that the federation applied and still
	// owns, and of when it did: when someone else changes or removes one of them, it
	// changes, and so it does when the federation applies something else, which it
	// need not know of after its store was restored from a backup. Empty when the
	// federation owns nothing.
	Owned string
	// Status is what the object says of itself; nil unless that is observed. It is
	// shared and never changed.
	Status *Status
}

// Status is what is kept of the status of an object in a member.
type Status struct {
	health.Copy
	// Raw is the status as JSON with sorted keys; empty where it is not asked for,
	// and where the object has none.
	Raw string
}

// bytes is the length of the status.
func (o Observed) bytes() int {
	if o.Status == nil {
		return 0
	}
	return len(o.Status.Raw)
}

// sameStatus says whether two observations say the same of the status.
func (o Observed) sameStatus(other Observed) bool {
	if o.Status == nil || other.Status == nil {
		return o.Status == other.Status
	}
	return *o.Status == *other.Status
}

// Detail says how much of the objects of a type is observed.
type Detail int

const (
	// Metadata is enough for a type whose objects have no status. Status is nil.
	Metadata Detail = iota
	// Statuses has health and replicas in Status.
	Statuses
	// RawStatuses has the status itself too.
	RawStatuses
)

// observeObject reduces a whole object.
func observeObject(obj *unstructured.Unstructured, detail Detail) (Observed, error) {
	o := Observed{
		UID:             obj.GetUID(),
		ResourceVersion: obj.GetResourceVersion(),
		Generation:      obj.GetGeneration(),
		Deleting:        obj.GetDeletionTimestamp() != nil,
		Managed:         unique.Make(obj.GetLabels()[typesv1beta1.ManagedLabel]).Value(),
	}
	var err error
	if o.Owned, err = ownedHashOf(obj); err != nil {
		return o, err
	}
	status := Status{Copy: health.OfCopy(obj)}
	if raw, ok := obj.Object["status"]; ok && raw != nil && detail == RawStatuses {
		text, err := json.Marshal(raw)
		if err != nil {
			return o, fmt.Errorf("the status of %s: %w", obj.GetName(), err)
		}
		status.Raw = string(text)
	}
	if status.Raw == "" {
		o.Status = statuses.of(status)
	} else {
		o.Status = &status
	}
	return o, nil
}

// ownedHashOf is ownedHash for an object whose fields went through a map, which
// lost their order: that of the library is put back.
func ownedHashOf(obj *unstructured.Unstructured) (string, error) {
	entries, _, err := unstructured.NestedFieldNoCopy(obj.Object, "metadata", "managedFields")
	if err != nil {
		return "", fmt.Errorf("the metadata of %s: %w", obj.GetName(), err)
	}
	list, _ := entries.([]any)
	for _, item := range list {
		content, ok := item.(map[string]any)
		if !ok || content["manager"] != typesv1beta1.FieldManager {
			continue
		}
		var entry metav1.ManagedFieldsEntry
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &entry); err != nil {
			return "", fmt.Errorf("the managedFields of %s: %w", obj.GetName(), err)
		}
		if !isOurs(&entry) || content["fieldsV1"] == nil {
			continue
		}
		text, err := json.Marshal(content["fieldsV1"])
		if err != nil {
			return "", fmt.Errorf("the managedFields of %s: %w", obj.GetName(), err)
		}
		var fields fieldpath.Set
		if err := fields.FromJSON(bytes.NewReader(text)); err != nil {
			return "", fmt.Errorf("the managedFields of %s: %w", obj.GetName(), err)
		}
		if text, err = fields.ToJSON(); err != nil {
			return "", fmt.Errorf("the managedFields of %s: %w", obj.GetName(), err)
		}
		return hashOf(&entry, text), nil
	}
	return "", nil
}

// observe reduces the metadata of an object.
func observe(meta *metav1.ObjectMeta) Observed {
	return Observed{
		UID:             meta.UID,
		ResourceVersion: meta.ResourceVersion,
		Generation:      meta.Generation,
		Deleting:        meta.DeletionTimestamp != nil,
		Managed:         unique.Make(meta.Labels[typesv1beta1.ManagedLabel]).Value(),
		Owned:           ownedHash(meta.ManagedFields),
	}
}

// isOurs says whether an entry is that of our own applies.
func isOurs(entry *metav1.ManagedFieldsEntry) bool {
	return entry.Manager == typesv1beta1.FieldManager &&
		entry.Operation == metav1.ManagedFieldsOperationApply &&
		entry.Subresource == ""
}

// jsonEscapes turns the escapes that encoding/json writes for <, > and & back:
// the same fields come escaped in JSON and plain in protobuf.
var jsonEscapes = []struct{ escaped, plain []byte }{
	{[]byte(`\u003c`), []byte("<")},
	{[]byte(`\u003e`), []byte(">")},
	{[]byte(`\u0026`), []byte("&")},
}

// ownedHash hashes our entry of managedFields.
func ownedHash(entries []metav1.ManagedFieldsEntry) string {
	for i := range entries {
		entry := &entries[i]
		if !isOurs(entry) || entry.FieldsV1 == nil {
			continue
		}
		return hashOf(entry, entry.FieldsV1.GetRawBytes())
	}
	return ""
}

// hashOf hashes apiVersion, time and fields of an entry. An apply that changes
// nothing leaves the time as it is.
func hashOf(entry *metav1.ManagedFieldsEntry, fields []byte) string {
	if bytes.Contains(fields, []byte(`\u00`)) {
		for _, e := range jsonEscapes {
			fields = bytes.ReplaceAll(fields, e.escaped, e.plain)
		}
	}
	hash := sha256.New()
	hash.Write([]byte(entry.APIVersion))
	hash.Write([]byte{0})
	if entry.Time != nil {
		hash.Write([]byte(entry.Time.UTC().Format(time.RFC3339)))
	}
	hash.Write([]byte{0})
	hash.Write(fields)
	return base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:12])
}
