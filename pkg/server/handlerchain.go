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
)

// buildHandlerChain is the library's chain, fitted to an aggregated server.
func buildHandlerChain(handler http.Handler, c *genericapiserver.Config) http.Handler {
	chain := genericapiserver.DefaultBuildHandlerChain(handler, c)
	return federatedtypes.BehindAggregation(afterFrontProxyIsKnown(chain, c))
}

// afterFrontProxyIsKnown answers 503 as long as the certificate authority of the
// host's front proxy has not been read, which takes a moment after the start.
// Until then the library takes every user that the host forwards for anonymous,
// and refuses with 403, which nobody tries again. Requests with a token do not
// need the front proxy.
func afterFrontProxyIsKnown(handler http.Handler, c *genericapiserver.Config) http.Handler {
	frontProxy := c.Authentication.RequestHeaderConfig
	if frontProxy == nil || frontProxy.CAContentProvider == nil {
		return handler
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") == "" && !isHealthPath(req.URL.Path) {
			if _, known := frontProxy.CAContentProvider.VerifyOptions(); !known {
				err := apierrors.NewServiceUnavailable("the server is starting: the host's front proxy is not known yet")
				err.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: 1}
				responsewriters.ErrorNegotiated(err, Codecs, schema.GroupVersion{}, w, req)
				return
			}
		}
		handler.ServeHTTP(w, req)
	})
}

func isHealthPath(path string) bool {
	for _, health := range []string{"/healthz", "/livez", "/readyz"} {
		if path == health || strings.HasPrefix(path, health+"/") {
			return true
		}
	}
	return false
}
