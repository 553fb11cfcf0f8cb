package federatedtypes

import (
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	autoscalingv1 "k8s.io/api/autoscaling/v1"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

// route is one operation as the OpenAPI documents describe it. The documents are
// made from routes rather than from the handlers, to stay small with hundreds of
// kinds: no deprecated watch paths, no descriptions of standard parameters.
type route struct {
	path      string
	method    string
	action    string
	operation string
	kind      schema.GroupVersionKind
	// body and result name definitions.
	body, result string
	parameters   []parameter
}

type parameter struct {
	name string
	in   string
	typ  string
}

var (
	queryWrite  = []parameter{{"dryRun", "query", "string"}, {"fieldManager", "query", "string"}, {"fieldValidation", "query", "string"}}
	queryPatch  = append(queryWrite[:len(queryWrite):len(queryWrite)], parameter{"force", "query", "boolean"})
	queryDelete = []parameter{{"dryRun", "query", "string"}, {"gracePeriodSeconds", "query", "integer"}, {"propagationPolicy", "query", "string"}}
	queryList   = []parameter{
		{"allowWatchBookmarks", "query", "boolean"}, {"continue", "query", "string"}, {"fieldSelector", "query", "string"},
		{"labelSelector", "query", "string"}, {"limit", "query", "integer"}, {"resourceVersion", "query", "string"},
		{"resourceVersionMatch", "query", "string"}, {"sendInitialEvents", "query", "boolean"},
		{"timeoutSeconds", "query", "integer"}, {"watch", "query", "boolean"},
	}
	pathNamespace = parameter{"namespace", "path", "string"}
	pathName      = parameter{"name", "path", "string"}
)

// routes are the operations on the kind.
func (k *Kind) routes() []route {
	root := groupPath + "/" + typesv1beta1.SchemeGroupVersion.Version + "/"
	plural := k.resource.Resource
	var routes []route
	collection, suffix := root+plural, k.kind.Kind
	var in []parameter
	if k.namespaced {
		routes = append(routes, route{path: collection, method: http.MethodGet, action: "list", operation: "listTypesV1beta1" + k.kind.Kind + "ForAllNamespaces",
			kind: k.kind, result: definitionPrefix + k.kind.Kind + "List", parameters: queryList})
		collection, suffix = root+"namespaces/{namespace}/"+plural, "Namespaced"+k.kind.Kind
		in = []parameter{pathNamespace}
	}

	object := definitionPrefix + k.kind.Kind
	add := func(path, method, action, suffix, body, result string, kind schema.GroupVersionKind, where, query []parameter) {
		operation := strings.ReplaceAll(action, "get", "read") + "TypesV1beta1" + suffix
		parameters := append(where[:len(where):len(where)], query...)
		routes = append(routes, route{path: path, method: method, action: action, operation: operation, kind: kind, body: body, result: result, parameters: parameters})
	}
	add(collection, http.MethodGet, "list", suffix, "", object+"List", k.kind, in, queryList)
	add(collection, http.MethodPost, "post", suffix, object, object, k.kind, in, queryWrite)
	add(collection, http.MethodDelete, "deletecollection", suffix, metav1DefinitionPrefix+"DeleteOptions", metav1DefinitionPrefix+"Status", k.kind, in, append(queryDelete[:len(queryDelete):len(queryDelete)], queryList...))

	at := append(in[:len(in):len(in)], pathName)
	item := collection + "/{name}"
	add(item, http.MethodDelete, "delete", suffix, metav1DefinitionPrefix+"DeleteOptions", metav1DefinitionPrefix+"Status", k.kind, at, queryDelete)
	edit := func(path, suffix, definition string, kind schema.GroupVersionKind) {
		add(path, http.MethodGet, "get", suffix, "", definition, kind, at, nil)
		add(path, http.MethodPut, "put", suffix, definition, definition, kind, at, queryWrite)
		add(path, http.MethodPatch, "patch", suffix, metav1DefinitionPrefix+"Patch", definition, kind, at, queryPatch)
	}
	edit(item, suffix, object, k.kind)
	edit(item+"/status", suffix+"Status", object, k.kind)
	if k.served.Load().scales {
		edit(item+"/scale", suffix+"Scale", scaleDefinition, autoscalingv1.SchemeGroupVersion.WithKind("Scale"))
	}
	return routes
}
