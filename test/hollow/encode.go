package hollow

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
)

// form is how objects are answered.
type form int

const (
	// whole objects, as JSON.
	whole form = iota
	// metadataJSON and metadataProtobuf are PartialObjectMetadata.
	metadataJSON
	metadataProtobuf
)

const (
	jsonType     = "application/json"
	protobufType = "application/vnd.kubernetes.protobuf"
)

// formOf returns the first form that a request accepts and that there is.
func formOf(r *http.Request) (form, bool) {
	accept := r.Header.Get("Accept")
	if accept == "" {
		return whole, true
	}
	for clause := range strings.SplitSeq(accept, ",") {
		mediaType, parameters, err := mime.ParseMediaType(clause)
		if err != nil {
			continue
		}
		partial := strings.HasPrefix(parameters["as"], "PartialObjectMetadata")
		switch {
		case parameters["as"] != "" && !partial:
		case mediaType == protobufType && partial:
			return metadataProtobuf, true
		case mediaType == jsonType && partial:
			return metadataJSON, true
		case mediaType == jsonType, mediaType == "*/*", mediaType == "application/*":
			return whole, true
		}
	}
	return whole, false
}

func (f form) contentType() string {
	if f == metadataProtobuf {
		return protobufType
	}
	return jsonType
}

func formatVersion(version uint64) string { return strconv.FormatUint(version, 10) }

// appendJSON appends the object. Names are of characters that JSON has as they are.
func (o *object) appendJSON(b []byte, as form) []byte {
	apiVersion, kind := o.content.apiVersion, o.content.kind
	if as == metadataJSON {
		apiVersion, kind = "meta.k8s.io/v1", "PartialObjectMetadata"
	}
	b = append(b, `{"apiVersion":"`...)
	b = append(b, apiVersion...)
	b = append(b, `","kind":"`...)
	b = append(b, kind...)
	b = append(b, `","metadata":{"name":"`...)
	b = append(b, o.key.Name...)
	if o.key.Namespace != "" {
		b = append(b, `","namespace":"`...)
		b = append(b, o.key.Namespace...)
	}
	b = append(b, `","uid":"`...)
	b = append(b, o.uid.String()...)
	b = append(b, `","resourceVersion":"`...)
	b = strconv.AppendUint(b, o.version, 10)
	b = append(b, `","creationTimestamp":"`...)
	b = appendTime(b, o.created)
	b = append(b, '"')
	if o.generation != 0 {
		b = append(b, `,"generation":`...)
		b = strconv.AppendInt(b, o.generation, 10)
	}
	if o.deleting != 0 {
		b = append(b, `,"deletionTimestamp":"`...)
		b = appendTime(b, o.deleting)
		b = append(b, `","deletionGracePeriodSeconds":0`...)
	}
	if o.content.metaJSON != "" {
		b = append(append(b, ','), o.content.metaJSON...)
	}
	b = o.appendManagers(b)
	b = append(b, '}')
	if as == whole {
		if o.content.rest != "" {
			b = append(append(b, ','), o.content.rest...)
		}
		b = o.appendStatus(b)
	}
	return append(b, '}')
}

func appendTime(b []byte, seconds int64) []byte {
	return metav1.Unix(seconds, 0).UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
}

func (o *object) appendManagers(b []byte) []byte {
	for i, m := range o.managers {
		if i == 0 {
			b = append(b, `,"managedFields":[`...)
		} else {
			b = append(b, ',')
		}
		e := m.entry.Value()
		b = append(b, `{"manager":`...)
		b = appendQuoted(b, e.name)
		b = append(b, `,"operation":"`...)
		b = append(b, e.operation...)
		b = append(b, `","apiVersion":"`...)
		b = append(b, e.apiVersion...)
		if m.time != 0 {
			b = append(b, `","time":"`...)
			b = appendTime(b, m.time)
		}
		b = append(b, `","fieldsType":"FieldsV1","fieldsV1":`...)
		b = append(b, e.fields...)
		if e.subresource != "" {
			b = append(b, `,"subresource":`...)
			b = appendQuoted(b, e.subresource)
		}
		b = append(b, '}')
	}
	if len(o.managers) > 0 {
		b = append(b, ']')
	}
	return b
}

func appendQuoted(b []byte, text string) []byte {
	quoted, err := json.Marshal(text)
	if err != nil {
		quoted = []byte(`""`) // no string is refused
	}
	return append(b, quoted...)
}

// appendStatus makes workloads ready, for which nobody else would.
func (o *object) appendStatus(b []byte) []byte {
	if o.content.hasStatus || !slices.Contains([]string{"Deployment", "ReplicaSet"}, o.content.kind) {
		return b
	}
	replicas := strconv.FormatInt(o.content.replicas, 10)
	b = append(b, `,"status":{"observedGeneration":`...)
	b = strconv.AppendInt(b, o.generation, 10)
	for _, field := range []string{"replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "fullyLabeledReplicas"} {
		if o.content.replicas == 0 || (o.content.kind == "Deployment") == (field == "fullyLabeledReplicas") || o.content.kind == "ReplicaSet" && field == "updatedReplicas" {
			continue
		}
		b = append(b, `,"`...)
		b = append(b, field...)
		b = append(b, `":`...)
		b = append(b, replicas...)
	}
	if o.content.kind == "Deployment" {
		b = append(b, `,"conditions":[{"type":"Available","status":"True","reason":"MinimumReplicasAvailable"},`+
			`{"type":"Progressing","status":"True","reason":"NewReplicaSetAvailable"}]`...)
	}
	return append(b, '}')
}

var binary0 = protobuf.NewSerializer(runtime.NewScheme(), runtime.NewScheme())

// appendProtobuf appends an object of the library's, as its own encoder has it.
func appendProtobuf(b []byte, obj runtime.Object) ([]byte, error) {
	buffer := bytes.NewBuffer(b)
	if err := binary0.Encode(obj, buffer); err != nil {
		return nil, fmt.Errorf("encode %T: %w", obj, err)
	}
	return buffer.Bytes(), nil
}

func (o *object) partial() *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"},
		ObjectMeta: o.metadata(),
	}
}

// appendObject appends the object in a form.
func (o *object) appendObject(b []byte, as form) ([]byte, error) {
	if as == metadataProtobuf {
		return appendProtobuf(b, o.partial())
	}
	return o.appendJSON(b, as), nil
}

// appendList appends a list of objects.
func appendList(b []byte, k *kind, objects []*object, version uint64, next string, as form) ([]byte, error) {
	if as == metadataProtobuf {
		list := &metav1.PartialObjectMetadataList{
			TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"},
			ListMeta: metav1.ListMeta{ResourceVersion: formatVersion(version), Continue: next},
			Items:    make([]metav1.PartialObjectMetadata, 0, len(objects)),
		}
		for _, o := range objects {
			list.Items = append(list.Items, *o.partial())
		}
		return appendProtobuf(b, list)
	}
	apiVersion, kind := k.apiVersion(), k.Kind+"List"
	if as == metadataJSON {
		apiVersion, kind = "meta.k8s.io/v1", "PartialObjectMetadataList"
	}
	b = fmt.Appendf(b, `{"apiVersion":%q,"kind":%q,"metadata":{"resourceVersion":"%d"`, apiVersion, kind, version)
	if next != "" {
		b = fmt.Appendf(b, `,"continue":%q`, next)
	}
	b = append(b, `},"items":[`...)
	for i, o := range objects {
		if i > 0 {
			b = append(b, ',')
		}
		b = o.appendJSON(b, as)
	}
	return append(b, ']', '}'), nil
}

// appendEvent appends an event of a watch, framed as the form has it.
func appendEvent(b []byte, kind string, encoded []byte, as form) ([]byte, error) {
	if as == metadataProtobuf {
		event := metav1.WatchEvent{Type: kind, Object: runtime.RawExtension{Raw: encoded}}
		data, err := event.Marshal()
		if err != nil {
			return nil, fmt.Errorf("encode an event: %w", err)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
		return append(b, data...), nil
	}
	b = append(b, `{"type":"`...)
	b = append(b, kind...)
	b = append(b, `","object":`...)
	b = append(b, encoded...)
	return append(b, '}', '\n'), nil
}

// appendBookmark appends how far a watch has come.
func appendBookmark(b []byte, k *kind, version uint64, initialEnd bool, as form) ([]byte, error) {
	meta := metav1.ObjectMeta{ResourceVersion: formatVersion(version)}
	if initialEnd {
		meta.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	bookmark := &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: meta,
	}
	if as == metadataProtobuf {
		encoded, err := appendProtobuf(nil, bookmark)
		if err != nil {
			return nil, err
		}
		return appendEvent(b, "BOOKMARK", encoded, as)
	}
	if as == whole {
		bookmark.TypeMeta = metav1.TypeMeta{APIVersion: k.apiVersion(), Kind: k.Kind}
	}
	encoded, err := json.Marshal(bookmark)
	if err != nil {
		return nil, fmt.Errorf("encode a bookmark: %w", err)
	}
	return appendEvent(b, "BOOKMARK", encoded, as)
}
