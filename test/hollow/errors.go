package hollow

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// errChanged means that an object is not any more as it was read.
var errChanged = errors.New("the object has changed")

func newUID() uuid.UUID { return uuid.New() }

// terminating is the error of making something in a namespace that is going.
func terminating(key types.NamespacedName) error {
	err := apierrors.NewForbidden(schema.GroupResource{}, key.Name, errors.New("unable to create new content in namespace "+key.Namespace+" because it is being terminated"))
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "NamespaceTerminating", Message: "namespace " + key.Namespace + " is being terminated", Field: "metadata.namespace"}}
	return err
}

// statusError is the error of a status code that was asked for.
func statusError(code int) error {
	return apierrors.NewGenericServerResponse(code, "", schema.GroupResource{}, "", "injected", 0, true)
}

// writeError answers with an error.
func writeError(w http.ResponseWriter, err error) {
	var known apierrors.APIStatus
	if !errors.As(err, &known) {
		known = apierrors.NewInternalError(err)
	}
	status := known.Status()
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	writeJSON(w, int(status.Code), &status)
}

func writeJSON(w http.ResponseWriter, code int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(code)
	// A client that went away needs no answer.
	_, _ = w.Write(data)
}
