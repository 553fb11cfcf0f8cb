package hollow

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"
	"unique"

	"github.com/google/uuid"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// object is the state of an object at one version. It never changes.
type object struct {
	key        types.NamespacedName
	uid        uuid.UUID
	version    uint64
	generation int64
	created    int64 // seconds, as deleting; 0: it is not being deleted
	deleting   int64
	content    *content
	managers   []manager
}

// content is what objects that were made of the same text share.
type content struct {
	apiVersion, kind string
	// meta has the metadata that the user wrote.
	meta metav1.ObjectMeta
	// metaJSON and rest are members of a JSON object, without its braces: those of
	// meta, and all others.
	metaJSON, rest string
	// spec identifies what a generation is counted by.
	spec string
	// replicas of the spec, and hasStatus says that somebody has written a status.
	replicas  int64
	hasStatus bool
}

// manager is an entry of managedFields; that without the time is shared.
type manager struct {
	entry unique.Handle[managerEntry]
	time  int64
}

type managerEntry struct {
	name, operation, apiVersion, subresource, fields string
}

// ownMetadata are the fields of the metadata that are each object's own.
var ownMetadata = []string{
	"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
	"deletionGracePeriodSeconds", "managedFields", "selfLink", "generateName",
}

// newContent returns the content of an object, the known one if there is one.
func (f *Fleet) newContent(obj map[string]any) (*content, error) {
	c := &content{}
	c.apiVersion, _ = obj["apiVersion"].(string)
	c.kind, _ = obj["kind"].(string)
	metadata, _ := obj["metadata"].(map[string]any)
	metadata = maps.Clone(metadata)
	for _, field := range ownMetadata {
		delete(metadata, field)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(metadata, &c.meta); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	rest := maps.Clone(obj)
	for _, field := range []string{"apiVersion", "kind", "metadata"} {
		delete(rest, field)
	}
	_, c.hasStatus = rest["status"]
	c.replicas = 1
	if replicas, found, err := unstructured.NestedInt64(obj, "spec", "replicas"); found && err == nil {
		c.replicas = replicas
	}
	var err error
	if c.metaJSON, err = fieldsOf(metadata); err != nil {
		return nil, err
	}
	if c.rest, err = fieldsOf(rest); err != nil {
		return nil, err
	}
	if c.spec = c.rest; c.hasStatus {
		delete(rest, "status")
		if c.spec, err = fieldsOf(rest); err != nil {
			return nil, err
		}
	}
	return f.contents.of(c), nil
}

// fieldsOf encodes the members of a JSON object.
func fieldsOf(values map[string]any) (string, error) {
	data, err := json.Marshal(values)
	if err != nil {
		return "", err
	}
	if len(values) == 0 {
		return "", nil
	}
	return string(data[1 : len(data)-1]), nil
}

// managersOf takes the entries of managedFields over.
func managersOf(entries []metav1.ManagedFieldsEntry) []manager {
	managers := make([]manager, 0, len(entries))
	for i := range entries {
		e := &entries[i]
		shared := managerEntry{name: e.Manager, operation: string(e.Operation), apiVersion: e.APIVersion, subresource: e.Subresource}
		if e.FieldsV1 != nil {
			shared.fields = e.FieldsV1.GetRawString()
		}
		m := manager{entry: unique.Make(shared)}
		if e.Time != nil {
			m.time = e.Time.Unix()
		}
		managers = append(managers, m)
	}
	return managers
}

// isOnly says whether an applier is the only one that manages something.
func (o *object) isOnly(applier string) bool {
	for i := range o.managers {
		if e := o.managers[i].entry.Value(); e.name != applier || e.operation != string(metav1.ManagedFieldsOperationApply) || e.subresource != "" {
			return false
		}
	}
	return true
}

// sameManagers ignores times.
func sameManagers(a, b []manager) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].entry != b[i].entry {
			return false
		}
	}
	return true
}

// metadata of the object. Maps and slices of it are shared.
func (o *object) metadata() metav1.ObjectMeta {
	meta := o.content.meta
	meta.Name, meta.Namespace = o.key.Name, o.key.Namespace
	meta.UID = types.UID(o.uid.String())
	meta.ResourceVersion = formatVersion(o.version)
	meta.Generation = o.generation
	meta.CreationTimestamp = metav1.Unix(o.created, 0)
	if o.deleting != 0 {
		at, grace := metav1.Unix(o.deleting, 0), int64(0)
		meta.DeletionTimestamp, meta.DeletionGracePeriodSeconds = &at, &grace
	}
	for _, m := range o.managers {
		e := m.entry.Value()
		entry := metav1.ManagedFieldsEntry{
			Manager: e.name, Operation: metav1.ManagedFieldsOperationType(e.operation), APIVersion: e.apiVersion, Subresource: e.subresource,
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(e.fields),
		}
		if m.time != 0 {
			at := metav1.Unix(m.time, 0)
			entry.Time = &at
		}
		meta.ManagedFields = append(meta.ManagedFields, entry)
	}
	return meta
}

// unstructured returns the object for who works on it.
func (o *object) unstructured() (*unstructured.Unstructured, error) {
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(o.appendJSON(nil, whole)); err != nil {
		return nil, fmt.Errorf("decode %s: %w", o.key, err)
	}
	return u, nil
}

func now() int64 { return time.Now().Unix() }
