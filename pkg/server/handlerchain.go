package server

import (
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/endpoints/handlers/responsewriters"
	genericapiserver "k8s.io/apiserver/pkg/server"

	"github.com/kubefederation/federation-apiserver/pkg/federatedtypes"
	"github.com/kubefederation/federation-apiserver/pkg/proxy"
)

// buildHandlerChain is the library's chain, fitted to an aggregated server.
func (f *FederationConfig) buildHandlerChain(handler http.Handler, c *genericapiserver.Config) http.Handler {
	chain := genericapiserver.DefaultBuildHandlerChain(afterTypesAreLoaded(proxy.HoldQuery(handler), f.types.loaded), c)
	return federatedtypes.BehindAggregation(withProperAuditID(withShortFieldManager(afterAuthoritiesAreKnown(chain, c))))
}

// afterTypesAreLoaded answers the list of all groups with 503 as long as the
// federated types are being loaded. The host asks for it once for all groups and
// would take types that are not there yet for types that do not exist. A
// namespace that is being deleted would then end with federated objects left in
// it; a refusal makes it wait.
func afterTypesAreLoaded(handler http.Handler, loaded func() bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if path := strings.TrimSuffix(req.URL.Path, "/"); path == "/apis" && !loaded() {
			refuseAtStart(w, req, "the federated types are being loaded")
			return
		}
		handler.ServeHTTP(w, req)
	})
}

// refuseAtStart answers 503 and when to try again.
func refuseAtStart(w http.ResponseWriter, req *http.Request, why string) {
	err := apierrors.NewServiceUnavailable("the server is starting: " + why)
	err.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: 1}
	responsewriters.ErrorNegotiated(err, Codecs, schema.GroupVersion{}, w, req)
}

func isHealthPath(path string) bool {
	for _, health := range []string{"/healthz", "/livez", "/readyz"} {
		if path == health || strings.HasPrefix(path, health+"/") {
			return true
		}
	}
	return false
}
