package federatedtypes

import (
	"mime"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/discovery"
	"k8s.io/apiserver/pkg/endpoints/handlers/negotiation"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	genericfilters "k8s.io/apiserver/pkg/server/filters"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

const (
	groupPath   = "/apis/" + typesv1beta1.GroupName
	versionPath = "/apis/" + typesv1beta1.GroupName + "/v1beta1"
)

// codecs encode what belongs to no kind: discovery and errors.
var codecs = func() serializer.CodecFactory {
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, metav1.Unversioned)
	return serializer.NewCodecFactory(scheme)
}()

// groupHandler serves everything under the path of the group.
type groupHandler struct {
	server  *Server
	group   http.Handler
	version http.Handler
}

func newGroupHandler(s *Server) *groupHandler {
	gv := typesv1beta1.SchemeGroupVersion
	resources := discovery.APIResourceListerFunc(s.apiResources)
	return &groupHandler{
		server:  s,
		group:   discovery.NewAPIGroupHandler(codecs, apiGroup()),
		version: inOnePiece(discovery.NewAPIVersionHandler(codecs, gv, resources)),
	}
}

// ServeHTTP answers 503 until the kinds have been loaded for the first time: a
// kind that is only not loaded yet must not look as if it did not exist.
func (h *groupHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if !h.server.Loaded() {
		writeError(apierrors.NewGenericServerResponse(http.StatusServiceUnavailable, "", typesv1beta1.SchemeGroupVersion.WithResource("").GroupResource(),
			"", "the federated types are being loaded", 1, true), w, req)
		return
	}
	switch strings.TrimSuffix(req.URL.Path, "/") {
	case groupPath:
		h.group.ServeHTTP(w, req)
		return
	case versionPath:
		h.version.ServeHTTP(w, req)
		return
	}
	info, ok := genericapirequest.RequestInfoFrom(req.Context())
	if !ok || !info.IsResourceRequest || info.APIVersion != typesv1beta1.SchemeGroupVersion.Version {
		notFound(w, req)
		return
	}
	kind, ok := h.server.Kind(info.Resource)
	if !ok {
		if expected := h.server.expected; expected != nil && expected(req.Context(), info.Resource) {
			writeError(apierrors.NewGenericServerResponse(http.StatusServiceUnavailable, "", typesv1beta1.SchemeGroupVersion.WithResource(info.Resource).GroupResource(), "",
				"the federated type has been enabled a moment ago, and is not served here yet", 1, true), w, req)
			return
		}
		notFound(w, req)
		return
	}
	kind.serveHTTP(w, req)
}

// serveHTTP answers with the schema of the moment. Requests that are not watches
// are waited for when the kind goes.
func (k *Kind) serveHTTP(w http.ResponseWriter, req *http.Request) {
	genericfilters.WithWaitGroup(k.served.Load().handler, isWatch, &k.inflight).ServeHTTP(w, req)
}

func isWatch(_ *http.Request, info *genericapirequest.RequestInfo) bool {
	return info.Verb == "watch"
}

// refuseStrategicMergePatch answers 415, as for custom resources: such a patch
// needs a Go type, and inside a template there is none.
func refuseStrategicMergePatch(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodPatch {
			contentType, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
			if err == nil && contentType == string(types.StrategicMergePatchType) {
				writeError(negotiation.NewUnsupportedMediaTypeError(patchTypes), w, req)
				return
			}
		}
		handler.ServeHTTP(w, req)
	})
}

var patchTypes = []string{string(types.JSONPatchType), string(types.MergePatchType), string(types.ApplyYAMLPatchType)}

func notFound(w http.ResponseWriter, req *http.Request) {
	writeError(apierrors.NewGenericServerResponse(http.StatusNotFound, strings.ToLower(req.Method), typesv1beta1.SchemeGroupVersion.WithResource("").GroupResource(),
		"", "", 0, true), w, req)
}

func writeError(err error, w http.ResponseWriter, req *http.Request) {
	responsewriters.ErrorNegotiated(err, codecs, metav1.Unversioned, w, req)
}
