package server

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apiserver/pkg/authentication/authenticatorfactory"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	clocktesting "k8s.io/utils/clock/testing"
)

// authority is a certificate authority that is known, or not yet.
type authority struct {
	dynamiccertificates.CAContentProvider
	known  bool
	bundle string
}

func (a *authority) CurrentCABundleContent() []byte { return []byte(a.bundle) }

func (a *authority) VerifyOptions() (x509.VerifyOptions, bool) {
	return x509.VerifyOptions{}, a.known
}

func TestRequestsWaitForTheFrontProxy(t *testing.T) {
	frontProxy := &authority{}
	config := &genericapiserver.Config{}
	config.Authentication.RequestHeaderConfig = &authenticatorfactory.RequestHeaderConfig{CAContentProvider: frontProxy}
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	handler := afterAuthoritiesAreKnown(served, config)
	get := func(path, token string) *httptest.ResponseRecorder {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, req)
		return response
	}

	early := get("/apis/core.kubefed.io/v1beta1/kubefedclusters", "")
	require.Equal(t, http.StatusServiceUnavailable, early.Code)
	assert.Equal(t, "1", early.Header().Get("Retry-After"))
	assert.Contains(t, early.Body.String(), `"kind":"Status"`)
	assert.Equal(t, http.StatusTeapot, get("/apis/core.kubefed.io", "token").Code, "a token needs no front proxy")
	assert.Equal(t, http.StatusTeapot, get("/readyz", "").Code)
	assert.Equal(t, http.StatusTeapot, get("/livez/etcd", "").Code)
	assert.Equal(t, http.StatusServiceUnavailable, get("/livezz", "").Code)

	frontProxy.known = true
	assert.Equal(t, http.StatusTeapot, get("/apis/core.kubefed.io/v1beta1/kubefedclusters", "").Code)
}

func TestRequestsWaitForTheAuthorityOfUsers(t *testing.T) {
	frontProxy, all := &authority{known: true, bundle: "front proxy"}, &authority{bundle: "front proxy"}
	passed := clocktesting.NewFakePassiveClock(time.Now())
	a := &authorities{frontProxy: frontProxy, all: all, clock: passed}
	handler := a.before(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	get := func() *httptest.ResponseRecorder {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/apis/core.kubefed.io/v1beta1/kubefedclusters", nil))
		return response
	}

	early := get()
	require.Equal(t, http.StatusServiceUnavailable, early.Code)
	assert.Equal(t, "1", early.Header().Get("Retry-After"))
	assert.Equal(t, "close", early.Header().Get("Connection"), "the next try needs another handshake")
	all.bundle = "front proxy\nusers"
	assert.Equal(t, http.StatusTeapot, get().Code)

	// A host that has no such authority is not waited for.
	all.bundle = "front proxy"
	assert.Equal(t, http.StatusServiceUnavailable, get().Code)
	passed.SetTime(passed.Now().Add(clientAuthorityPatience))
	assert.Equal(t, http.StatusTeapot, get().Code)
}

func TestDiscoveryWaitsForTheTypes(t *testing.T) {
	loaded := false
	served := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	handler := afterTypesAreLoaded(served, func() bool { return loaded })
	status := func(path string) int {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return response.Code
	}

	assert.Equal(t, http.StatusServiceUnavailable, status("/apis"))
	assert.Equal(t, http.StatusServiceUnavailable, status("/apis/"))
	assert.Equal(t, http.StatusTeapot, status("/apis/core.kubefed.io/v1beta1/federatedtypeconfigs"), "the types are loaded from here")
	loaded = true
	assert.Equal(t, http.StatusTeapot, status("/apis"))
}
