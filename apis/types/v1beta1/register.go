package v1beta1

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is the API group of the federated kinds.
const GroupName = "types.kubefed.io"

// SchemeGroupVersion is the group and version of the federated kinds.
//
// There is no AddToScheme: one Go type stands for many kinds, and a scheme can
// tell them apart only if each kind has a scheme of its own.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: "v1beta1"}
