package federatedtypes

import (
	"errors"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kjson "sigs.k8s.io/json"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes/template"
)

// negotiatedSerializer is the codecs of a kind without protobuf, which the type
// does not have, and with strict decoding that looks into the template.
type negotiatedSerializer struct {
	serializer.CodecFactory
	mediaTypes []runtime.SerializerInfo
}

func newNegotiatedSerializer(codecs serializer.CodecFactory, templates *template.Schema) runtime.NegotiatedSerializer {
	s := negotiatedSerializer{CodecFactory: codecs}
	for _, info := range codecs.SupportedMediaTypes() {
		if info.MediaType != runtime.ContentTypeJSON && info.MediaType != runtime.ContentTypeYAML {
			continue
		}
		if info.StrictSerializer != nil {
			info.StrictSerializer = strictSerializer{Serializer: info.StrictSerializer, templates: templates}
		}
		s.mediaTypes = append(s.mediaTypes, info)
	}
	return s
}

func (s negotiatedSerializer) SupportedMediaTypes() []runtime.SerializerInfo {
	return s.mediaTypes
}

// strictSerializer reports unknown and duplicate fields inside the template too.
type strictSerializer struct {
	runtime.Serializer
	templates *template.Schema
}

func (s strictSerializer) Decode(data []byte, defaults *schema.GroupVersionKind, into runtime.Object) (runtime.Object, *schema.GroupVersionKind, error) {
	obj, gvk, err := s.Serializer.Decode(data, defaults, into)
	strict, isStrict := runtime.AsStrictDecodingError(err)
	if err != nil && !isStrict {
		return obj, gvk, err
	}
	federated, ok := obj.(*typesv1beta1.FederatedObject)
	if !ok {
		return obj, gvk, err
	}
	found := s.problems(federated)
	if len(found) == 0 {
		return obj, gvk, err
	}
	if isStrict {
		found = append(strict.Errors(), found...)
	}
	return obj, gvk, runtime.NewStrictDecodingError(found)
}

func (s strictSerializer) Encode(obj runtime.Object, w io.Writer) error {
	return s.Serializer.Encode(obj, w)
}

// problems are the duplicate and unknown fields of the template. A template that
// is not an object is left to validation.
func (s strictSerializer) problems(obj *typesv1beta1.FederatedObject) []error {
	if len(obj.Spec.Template.Raw) == 0 {
		return nil
	}
	content := map[string]any{}
	strict, err := kjson.UnmarshalStrict(obj.Spec.Template.Raw, &content)
	if err != nil {
		return nil
	}
	for _, problem := range strict {
		var inField kjson.FieldError
		if errors.As(problem, &inField) {
			inField.SetFieldPath(templatePath + "." + inField.FieldPath())
		}
	}
	if s.templates == nil {
		return strict
	}
	for _, path := range s.templates.Unknown(content, templatePath) {
		strict = append(strict, fmt.Errorf("unknown field %q", path))
	}
	return strict
}
