package static

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
)

// textOnly is a codec factory without protobuf. The types have none: a client
// that prefers it, as the host's controllers do when a namespace is deleted, must
// be answered in JSON and not with an error.
type textOnly struct {
	serializer.CodecFactory
}

// SupportedMediaTypes are JSON and YAML.
func (s textOnly) SupportedMediaTypes() []runtime.SerializerInfo {
	return slices.DeleteFunc(slices.Clone(s.CodecFactory.SupportedMediaTypes()), func(info runtime.SerializerInfo) bool {
		return info.MediaType != runtime.ContentTypeJSON && info.MediaType != runtime.ContentTypeYAML
	})
}
