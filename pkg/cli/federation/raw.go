package federation

import (
	"k8s.io/client-go/kubernetes/scheme"
)

// RawSerializer is for clients that read answers as they come, and errors as what
// they are.
var RawSerializer = scheme.Codecs.WithoutConversion()
