package federatedtypes

import (
	"bytes"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kjson "sigs.k8s.io/json"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

var errWireType = errors.New("is of another type than it shall be")

// decodeStored reads a stored object, in either format, into obj.
func decodeStored(data []byte, obj *typesv1beta1.FederatedObject) error {
	content, isMessage := bytes.CutPrefix(data, []byte(storedPrefix))
	if !isMessage {
		return kjson.UnmarshalCaseSensitivePreserveInts(data, obj)
	}
	*obj = typesv1beta1.FederatedObject{}
	clusters, err := newClustersReader(content)
	if err != nil {
		return err
	}
	err = eachField(content, func(f storedField) error {
		switch f.number {
		case 1:
			return f.into(func(data []byte) error { return obj.ObjectMeta.Unmarshal(data) })
		case 2:
			return f.into(func(data []byte) error { obj.Spec.Template.Raw = bytes.Clone(data); return nil })
		case 3:
			// The template is in a field of its own, before this one.
			return f.json(&obj.Spec)
		case 4:
			return f.integer(&obj.Status.ObservedGeneration)
		case 5:
			obj.Status.LastChange = &typesv1beta1.LastChange{}
			return f.message(func(f storedField) error { return f.lastChange(obj.Status.LastChange) })
		case 6:
			obj.Status.Conditions = append(obj.Status.Conditions, typesv1beta1.Condition{})
			last := &obj.Status.Conditions[len(obj.Status.Conditions)-1]
			return f.message(func(f storedField) error { return f.condition(last) })
		case clustersField:
			return clusters.read(f)
		case 8:
			return f.json(&obj.Status)
		}
		return nil
	})
	obj.Status.Clusters = clusters.entries
	return err
}

// storedField is one of a message: bytes or a number.
type storedField struct {
	number protowire.Number
	kind   protowire.Type
	data   []byte
	value  uint64
}

// eachField calls visit with each field of a message. Those of another wire type
// than bytes and numbers, which nobody has written, are passed over.
func eachField(data []byte, visit func(storedField) error) error {
	for len(data) > 0 {
		number, kind, length := protowire.ConsumeTag(data)
		if length < 0 {
			return protowire.ParseError(length)
		}
		data = data[length:]
		f := storedField{number: number, kind: kind}
		switch kind {
		case protowire.BytesType:
			f.data, length = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			f.value, length = protowire.ConsumeVarint(data)
		default:
			length = protowire.ConsumeFieldValue(number, kind, data)
		}
		if length < 0 {
			return protowire.ParseError(length)
		}
		data = data[length:]
		if kind != protowire.BytesType && kind != protowire.VarintType {
			continue
		}
		if err := visit(f); err != nil {
			return fmt.Errorf("field %d: %w", number, err)
		}
	}
	return nil
}

func (f storedField) lastChange(c *typesv1beta1.LastChange) error {
	switch f.number {
	case 1:
		return stringInto(f, &c.User)
	case 2:
		return stringInto(f, &c.UID)
	case 3:
		return stringInto(f, &c.AuditID)
	case 4:
		return f.time(&c.Time)
	case 5:
		return f.integer(&c.Generation)
	case restField:
		before := *c
		err := f.json(c)
		c.User, c.Time, c.Generation = before.User, before.Time, before.Generation // JSON has them empty
		return err
	}
	return nil
}

func (f storedField) condition(c *typesv1beta1.Condition) error {
	switch f.number {
	case 1:
		return stringInto(f, &c.Type)
	case 2:
		return stringInto(f, &c.Status)
	case 3:
		return f.integer(&c.ObservedGeneration)
	case 4:
		return stringInto(f, &c.Reason)
	case 5:
		return stringInto(f, &c.Message)
	case 6:
		return f.time(&c.LastUpdateTime)
	case 7:
		return f.time(&c.LastTransitionTime)
	case restField:
		before := *c
		err := f.json(c)
		c.Type, c.Status = before.Type, before.Status // JSON has them empty
		return err
	}
	return nil
}

func (f storedField) into(take func([]byte) error) error {
	if f.kind != protowire.BytesType {
		return errWireType
	}
	return take(f.data)
}

func (f storedField) message(visit func(storedField) error) error {
	return f.into(func(data []byte) error { return eachField(data, visit) })
}

func (f storedField) json(part any) error {
	return f.into(func(data []byte) error { return kjson.UnmarshalCaseSensitivePreserveInts(data, part) })
}

func (f storedField) integer(value *int64) error {
	if f.kind != protowire.VarintType {
		return errWireType
	}
	*value = int64(f.value)
	return nil
}

func (f storedField) time(value *metav1.Time) error {
	if f.kind != protowire.VarintType {
		return errWireType
	}
	*value = metav1.Unix(protowire.DecodeZigZag(f.value), 0)
	return nil
}

func stringInto[T ~string](f storedField, value *T) error {
	return f.into(func(data []byte) error { *value = T(data); return nil })
}
