package federatedtypes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// Objects are stored as a protobuf message after storedPrefix, as Kubernetes
// stores its own. A page of etcd's database has 4 KiB, and a value larger than half
// of it takes a page alone; JSON, which names every field, made most values so. It
// also took a third more time to read and write.
//
// What a message has no field for is in its last one, as JSON, so that a new field
// of the types cannot be lost by being forgotten here. An object that begins with a
// brace is JSON as a whole: releases before this format wrote it.
//
//	message FederatedObject {
//	  optional bytes metadata = 1;     // k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta
//	  optional bytes template = 2;     // JSON
//	  optional bytes spec = 3;         // the rest of the spec, JSON
//	  optional int64 observedGeneration = 4;
//	  optional LastChange lastChange = 5;
//	  repeated Condition conditions = 6;
//	  repeated ClusterStatus clusters = 7;
//	  optional bytes status = 8;       // the rest of the status, JSON
//	}
//	message LastChange {
//	  optional string user = 1;
//	  optional string uid = 2;
//	  optional string auditID = 3;
//	  optional sint64 time = 4;        // seconds since 1970
//	  optional int64 generation = 5;
//	  optional bytes rest = 15;        // JSON
//	}
//	message Condition {
//	  optional string type = 1;
//	  optional string status = 2;
//	  optional int64 observedGeneration = 3;
//	  optional string reason = 4;
//	  optional string message = 5;
//	  optional sint64 lastUpdateTime = 6;
//	  optional sint64 lastTransitionTime = 7;
//	  optional bytes rest = 15;        // JSON
//	}
//	message ClusterStatus {
//	  optional string name = 1;
//	  optional string status = 2;
//	  optional string message = 3;
//	  optional int64 observedGeneration = 4;
//	  optional string health = 5;
//	  optional string version = 6;
//	  optional string fingerprint = 7;
//	  optional ReplicaCounts replicas = 8;
//	  optional bytes rest = 15;        // JSON
//	}
//	message ReplicaCounts {
//	  optional int64 desiredReplicas = 1;
//	  optional int64 replicas = 2;
//	  optional int64 readyReplicas = 3;
//	  optional int64 availableReplicas = 4;
//	  optional int64 updatedReplicas = 5;
//	}
const storedPrefix = "fed\x00"

// restField is that of what a part has no field for.
const restField protowire.Number = 15

// Encode implements runtime.Encoder.
func (c storageCodec) Encode(obj runtime.Object, w io.Writer) error {
	federated, ok := obj.(*typesv1beta1.FederatedObject)
	if !ok {
		return c.Codec.Encode(obj, w)
	}
	data, err := encodeStored(federated)
	if err != nil {
		return fmt.Errorf("encode a %s for the storage: %w", c.kind.Kind, err)
	}
	_, err = w.Write(data)
	return err
}

func encodeStored(obj *typesv1beta1.FederatedObject) ([]byte, error) {
	size := obj.ObjectMeta.Size()
	m := message(append(make([]byte, 0, size+len(obj.Spec.Template.Raw)+1024), storedPrefix...))

	m = protowire.AppendTag(m, 1, protowire.BytesType)
	m = protowire.AppendVarint(m, uint64(size))
	begin := len(m)
	m = append(m, make([]byte, size)...)
	if _, err := obj.ObjectMeta.MarshalToSizedBuffer(m[begin:]); err != nil {
		return nil, err
	}

	spec := obj.Spec
	if raw := spec.Template.Raw; len(raw) > 0 {
		var compact bytes.Buffer
		compact.Grow(len(raw))
		if err := json.Compact(&compact, raw); err != nil {
			return nil, fmt.Errorf("spec.template: %w", err)
		}
		m.bytes(2, compact.Bytes())
		spec.Template.Raw = nil
	}
	if err := m.rest(3, spec); err != nil {
		return nil, fmt.Errorf("spec: %w", err)
	}

	status := obj.Status
	m.integer(4, status.ObservedGeneration)
	if change := status.LastChange; change != nil {
		if err := m.message(5, func(m *message) error { return m.lastChange(*change) }); err != nil {
			return nil, fmt.Errorf("status.lastChange: %w", err)
		}
	}
	for i := range status.Conditions {
		if err := m.message(6, func(m *message) error { return m.condition(status.Conditions[i]) }); err != nil {
			return nil, fmt.Errorf("status.conditions[%d]: %w", i, err)
		}
	}
	for i := range status.Clusters {
		if err := m.message(7, func(m *message) error { return m.cluster(status.Clusters[i]) }); err != nil {
			return nil, fmt.Errorf("status.clusters[%d]: %w", i, err)
		}
	}
	status.ObservedGeneration, status.LastChange, status.Conditions, status.Clusters = 0, nil, nil, nil
	if err := m.rest(8, status); err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	return m, nil
}

// message is one under construction. Fields without a value are left out.
type message []byte

func (m *message) lastChange(c typesv1beta1.LastChange) error {
	m.string(1, c.User)
	m.string(2, c.UID)
	m.string(3, c.AuditID)
	m.time(4, c.Time)
	m.integer(5, c.Generation)
	c.User, c.UID, c.AuditID, c.Time, c.Generation = "", "", "", metav1.Time{}, 0
	return m.rest(restField, c)
}

func (m *message) condition(c typesv1beta1.Condition) error {
	m.string(1, c.Type)
	m.string(2, string(c.Status))
	m.integer(3, c.ObservedGeneration)
	m.string(4, c.Reason)
	m.string(5, c.Message)
	m.time(6, c.LastUpdateTime)
	m.time(7, c.LastTransitionTime)
	c.Type, c.Status, c.ObservedGeneration, c.Reason, c.Message = "", "", 0, "", ""
	c.LastUpdateTime, c.LastTransitionTime = metav1.Time{}, metav1.Time{}
	return m.rest(restField, c)
}

func (m *message) cluster(c typesv1beta1.ClusterStatus) error {
	m.string(1, c.Name)
	m.string(2, string(c.Status))
	m.string(3, c.Message)
	m.integer(4, c.ObservedGeneration)
	m.string(5, string(c.Health))
	m.string(6, c.Version)
	m.string(7, c.Fingerprint)
	if counts := c.Replicas; counts != nil {
		if err := m.message(replicasField, func(m *message) error { return m.replicaCounts(*counts) }); err != nil {
			return err
		}
	}
	c.Name, c.Status, c.Message, c.ObservedGeneration = "", "", "", 0
	c.Health, c.Version, c.Fingerprint, c.Replicas = "", "", "", nil
	return m.rest(restField, c)
}

func (m *message) bytes(field protowire.Number, value []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), value)
}

func (m *message) string(field protowire.Number, value string) {
	if value != "" {
		*m = protowire.AppendString(protowire.AppendTag(*m, field, protowire.BytesType), value)
	}
}

func (m *message) integer(field protowire.Number, value int64) {
	if value != 0 {
		*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), uint64(value))
	}
}

func (m *message) time(field protowire.Number, value metav1.Time) {
	if !value.IsZero() { // which is the year 1; the first second of 1970 is a time
		*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), protowire.EncodeZigZag(value.Unix()))
	}
}

// message appends what fill makes.
func (m *message) message(field protowire.Number, fill func(*message) error) error {
	var part message = make([]byte, 0, 128)
	if err := fill(&part); err != nil {
		return err
	}
	m.bytes(field, part)
	return nil
}

// rest appends what is left of a part, as JSON.
func (m *message) rest(field protowire.Number, part any) error {
	if reflect.ValueOf(part).IsZero() {
		return nil
	}
	data, err := json.Marshal(part)
	if err != nil {
		return err
	}
	m.bytes(field, data)
	return nil
}
