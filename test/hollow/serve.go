package hollow

import (
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/version"
)

// Version is the one that members say they have.
const Version = "v1.37.1+hollow"

// target is what a request is about.
type target struct {
	kind        *kind
	key         types.NamespacedName
	subresource string
}

// ServeHTTP implements http.Handler for the paths of an API server.
func (m *Member) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isWatch(r) {
		if !m.enter() {
			w.Header().Set("Retry-After", "1")
			writeError(w, apierrors.NewTooManyRequests("too many requests at a time", 1))
			return
		}
		defer m.leave()
	}
	goesOn, lose := m.suffer(w, r)
	if !goesOn {
		return
	}
	if lose {
		m.serve(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
	m.serve(w, r)
}

// discard is where an answer that gets lost goes.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func (m *Member) serve(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz", "/livez", "/readyz":
		_, _ = w.Write([]byte("ok"))
		return
	case "/version":
		writeJSON(w, http.StatusOK, &version.Info{Major: "1", Minor: "37", GitVersion: Version})
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+m.token {
		writeError(w, apierrors.NewUnauthorized("the token is not this member's"))
		return
	}
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	gv, rest, ok := versionIn(segments)
	if !ok || len(rest) == 0 {
		m.discovery(w, segments, gv)
		return
	}
	if gv.Group == "authorization.k8s.io" && rest[0] == "selfsubjectaccessreviews" {
		m.count(http.MethodPost, rest[0])
		writeJSON(w, http.StatusCreated, map[string]any{
			"apiVersion": gv.String(), "kind": "SelfSubjectAccessReview", "status": map[string]any{"allowed": true},
		})
		return
	}
	about := targetOf(gv, rest)
	if about.kind == nil {
		// What has no resource is answered as plain text, by which clients tell it from an
		// object that is not there.
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	m.resource(w, r, about)
}

// versionIn returns the group and version that a path begins with.
func versionIn(segments []string) (gv schema.GroupVersion, rest []string, ok bool) {
	switch {
	case len(segments) >= 2 && segments[0] == "api":
		return schema.GroupVersion{Version: segments[1]}, segments[2:], true
	case len(segments) >= 3 && segments[0] == "apis":
		return schema.GroupVersion{Group: segments[1], Version: segments[2]}, segments[3:], true
	}
	return gv, nil, false
}

// targetOf finds out what the rest of a path is about.
func targetOf(gv schema.GroupVersion, rest []string) target {
	about := target{}
	if len(rest) >= 3 && rest[0] == "namespaces" {
		if k := kindOf(gv, rest[2]); k != nil && k.namespaced {
			about.key.Namespace, rest = rest[1], rest[2:]
		}
	}
	about.kind = kindOf(gv, rest[0])
	if len(rest) > 1 {
		about.key.Name = rest[1]
	}
	if len(rest) > 2 {
		about.subresource = strings.Join(rest[2:], "/")
	}
	if about.kind != nil && about.kind.namespaced && about.key.Name != "" && about.key.Namespace == "" {
		about.kind = nil
	}
	return about
}

func (m *Member) discovery(w http.ResponseWriter, segments []string, gv schema.GroupVersion) {
	var answer any
	switch {
	case len(segments) == 1 && segments[0] == "api":
		answer = &metav1.APIVersions{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIVersions"}, Versions: []string{"v1"}}
	case len(segments) == 1 && segments[0] == "apis":
		answer = groups()
	case len(segments) == 2 && segments[0] == "apis":
		for _, group := range groups().Groups {
			if group.Name == segments[1] {
				answer = &group
			}
		}
	case gv.Version != "":
		if list := resources(gv); list != nil {
			answer = list
		}
	}
	if answer == nil {
		http.Error(w, "404 page not found", http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// resource answers a request for objects.
func (m *Member) resource(w http.ResponseWriter, r *http.Request, about target) {
	verb := verbOf(r, about)
	m.count(verb, about.kind.resource)
	if verb == "WATCH" {
		m.watch(w, r, about)
		return
	}
	as, ok := formOf(r)
	if !ok {
		writeError(w, apierrors.NewGenericServerResponse(http.StatusNotAcceptable, r.Method, about.kind.groupResource(), about.key.Name, "only JSON and metadata can be had", 0, true))
		return
	}
	if about.subresource != "" && about.subresource != "status" {
		m.subresource(w, r, about)
		return
	}
	var answer *object
	var err error
	code := http.StatusOK
	switch verb {
	case "LIST":
		m.list(w, r, about, as)
		return
	case "DELETE":
		m.serveDelete(w, r, about)
		return
	case "GET":
		if answer = m.get(about.kind, about.key); answer == nil {
			err = about.notFound()
		}
	case "APPLY":
		answer, code, err = m.apply(r, about)
	case "PATCH":
		answer, err = m.patch(r, about)
	case "PUT":
		answer, err = m.update(r, about)
	case "POST":
		code = http.StatusCreated
		answer, err = m.create(r, about)
	default:
		err = apierrors.NewMethodNotSupported(about.kind.groupResource(), verb)
	}
	if err != nil {
		writeError(w, err)
		return
	}
	body, err := answer.appendObject(nil, as)
	if err != nil {
		writeError(w, err)
		return
	}
	w.Header().Set("Content-Type", as.contentType())
	w.WriteHeader(code)
	_, _ = w.Write(body)
}

func (a *target) notFound() error {
	return apierrors.NewNotFound(a.kind.groupResource(), a.key.Name)
}

func isWatch(r *http.Request) bool {
	watch := r.URL.Query().Get("watch")
	return watch == "true" || watch == "1"
}

// verbOf returns the verb of a request as an API server's metrics have it; empty
// for what is not supported.
func verbOf(r *http.Request, about target) string {
	collection := about.key.Name == ""
	switch r.Method {
	case http.MethodGet:
		switch {
		case !collection:
			return "GET"
		case isWatch(r):
			return "WATCH"
		}
		return "LIST"
	case http.MethodPatch:
		if r.Header.Get("Content-Type") == string(types.ApplyPatchType) {
			return "APPLY"
		}
		return "PATCH"
	case http.MethodPost:
		if collection || about.subresource != "" {
			return "POST"
		}
	case http.MethodPut, http.MethodDelete:
		if !collection {
			return r.Method
		}
	}
	return "UNSUPPORTED"
}
