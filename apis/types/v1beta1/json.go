package v1beta1

import (
	"bytes"
	"errors"
)

// JSON is any JSON value, kept as bytes. The zero value is no value at all,
// which differs from an explicit null (Raw "null").
type JSON struct {
	Raw []byte `json:"-"`
}

var errEmptyJSON = errors.New("JSON: empty input")

// MarshalJSON returns the bytes as they are; the zero value becomes null.
func (j JSON) MarshalJSON() ([]byte, error) {
	if len(j.Raw) == 0 {
		return []byte("null"), nil
	}
	return j.Raw, nil
}

// UnmarshalJSON keeps a copy of data, null included.
func (j *JSON) UnmarshalJSON(data []byte) error {
	if len(data) == 0 {
		return errEmptyJSON
	}
	j.Raw = bytes.Clone(data)
	return nil
}

// IsZero reports whether no value was given; "omitzero" leaves such a field out.
func (j JSON) IsZero() bool {
	return len(j.Raw) == 0
}

// OpenAPISchemaType lets the schema be any type.
func (JSON) OpenAPISchemaType() []string {
	return nil
}

// OpenAPISchemaFormat is empty: there is no format.
func (JSON) OpenAPISchemaFormat() string {
	return ""
}
