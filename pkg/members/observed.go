package members

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
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
	// owns: when someone else changes or removes one of them, it changes. Empty
	// when the federation owns nothing.
	Owned string
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

// ownedHash hashes our entry of managedFields: its apiVersion and fields, not its time.
func ownedHash(entries []metav1.ManagedFieldsEntry) string {
	for i := range entries {
		entry := &entries[i]
		if !isOurs(entry) || entry.FieldsV1 == nil {
			continue
		}
		raw := entry.FieldsV1.GetRawBytes()
		if bytes.Contains(raw, []byte(`\u00`)) {
			for _, e := range jsonEscapes {
				raw = bytes.ReplaceAll(raw, e.escaped, e.plain)
			}
		}
		hash := sha256.New()
		hash.Write([]byte(entry.APIVersion))
		hash.Write([]byte{0})
		hash.Write(raw)
		return base64.RawURLEncoding.EncodeToString(hash.Sum(nil)[:12])
	}
	return ""
}
