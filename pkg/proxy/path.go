package proxy

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"

	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

const (
	// Resource and Subresource are those of the requests that a Proxy hands on.
	Resource    = "kubefedclusters"
	Subresource = "proxy"
)

type queryKey struct{}

// HoldQuery keeps the query of a request to KubeFedCluster/proxy for the member.
// To the library a connection has parameters of its own, and no dry run: without
// this, kubectl diff could not be used. handler must know the RequestInfo and have
// authorized and audited the request.
func HoldQuery(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if info, ok := genericapirequest.RequestInfoFrom(req.Context()); ok && isProxied(info) && req.URL.RawQuery != "" {
			req = req.WithContext(context.WithValue(req.Context(), queryKey{}, req.URL.RawQuery))
			address := *req.URL
			address.RawQuery, address.ForceQuery = "", false
			req.URL = &address
		}
		handler.ServeHTTP(w, req)
	})
}

func isProxied(info *genericapirequest.RequestInfo) bool {
	return info.IsResourceRequest && info.APIGroup == v1beta1.GroupName && info.Resource == Resource && info.Subresource == Subresource
}

func originalQuery(req *http.Request) string {
	query, _ := req.Context().Value(queryKey{}).(string)
	return query
}

// pathIn returns the path in the member that a request asks for. It is an error
// if it could be read as a path to elsewhere: where the address of a member has a
// path itself, another cluster may be beside it.
func pathIn(req *http.Request) (string, error) {
	info, ok := genericapirequest.RequestInfoFrom(req.Context())
	if !ok || !isProxied(info) {
		return "", apierrors.NewBadRequest("not a request to a member")
	}
	prefix := "/" + strings.Join([]string{"apis", info.APIGroup, info.APIVersion, "namespaces", info.Namespace, info.Resource, info.Name, info.Subresource}, "/")
	// Decoded, as the host hands it on.
	path, ok := strings.CutPrefix(req.URL.Path, prefix)
	if !ok || path != "" && path[0] != '/' {
		return "", apierrors.NewBadRequest("the path must begin with " + prefix)
	}
	for range 3 {
		if strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return "", apierrors.NewBadRequest("a path must have no control characters")
		}
		segments := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' })
		if slices.Contains(segments, "..") || slices.Contains(segments, ".") {
			return "", apierrors.NewBadRequest("a path to a member must have no segments . and ..")
		}
		// Whoever is in front of the member may decode once more.
		decoded, err := url.PathUnescape(path)
		if err != nil || decoded == path {
			break
		}
		path = decoded
	}
	path, _ = strings.CutPrefix(req.URL.Path, prefix)
	if path == "" {
		path = "/"
	}
	return path, nil
}
