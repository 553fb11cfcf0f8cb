package federatedtypes

import (
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/registry/sizelimit"
)

// Reasons why a federated type is not served.
const (
	// ReasonConflict means that another FederatedTypeConfig has the plural or the
	// kind of the federated type.
	ReasonConflict = "Conflict"
	// ReasonUnsupportedGroup means that the federated type is not of this group and
	// version.
	ReasonUnsupportedGroup = "UnsupportedGroup"
	// ReasonInvalidName means that the names of the federated type cannot be served.
	ReasonInvalidName = "InvalidName"
)

// NotServedError says why a FederatedTypeConfig cannot have its federated type
// served. Trying again does not help before something changes.
type NotServedError struct {
	// Reason is a CamelCase word, for a condition.
	Reason string
	// Message says the same to a person.
	Message string
}

func (e *NotServedError) Error() string {
	return e.Message
}

// explain makes an answer for the user of what etcd says about an object that is
// too large; other errors stay.
func (s *kindStorage) explain(err error, obj *typesv1beta1.FederatedObject) error {
	return sizelimit.Explain(err, obj, s.maxBytes)
}
