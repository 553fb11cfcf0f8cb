package server

import (
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
)

// withShortFieldManager refuses names of field managers that are too long. The
// library refuses them too, but with the whole name once for each character in it
// that cannot be printed: a long one keeps a processor busy for minutes.
func withShortFieldManager(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if len(req.URL.RawQuery) > validation.FieldManagerMaxLength {
			for _, manager := range req.URL.Query()["fieldManager"] {
				if len(manager) > validation.FieldManagerMaxLength {
					err := apierrors.NewInvalid(schema.GroupKind{Group: metav1.GroupName, Kind: "Options"}, "", field.ErrorList{
						field.TooLong(field.NewPath("fieldManager"), "", validation.FieldManagerMaxLength),
					})
					responsewriters.ErrorNegotiated(err, Codecs, schema.GroupVersion{}, w, req)
					return
				}
			}
		}
		handler.ServeHTTP(w, req)
	})
}
