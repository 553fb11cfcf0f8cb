package overrides_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

var (
	deployment = overrides.Target{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	namespace  = overrides.Target{APIVersion: "v1", Kind: "Namespace", Name: "shop"}
)

// federated decodes a federated object from its spec in JSON, as a server would.
func federated(t require.TestingT, spec string) *typesv1beta1.FederatedObject {
	obj := &typesv1beta1.FederatedObject{}
	require.NoError(t, json.Unmarshal([]byte(`{"metadata":{"name":"web","namespace":"shop"},"spec":`+spec+`}`), obj))
	return obj
}

// withOverrides is a federated object with these overrides for cluster c1.
func withOverrides(t require.TestingT, template, list string) *typesv1beta1.FederatedObject {
	return federated(t, `{"template":`+template+`,"overrides":[{"clusterName":"c1","clusterOverrides":`+list+`}]}`)
}

func TestRenderTemplate(t *testing.T) {
	for name, test := range map[string]struct {
		target overrides.Target
		spec   string
		want   string
	}{
		"nothing but identity": {
			deployment, `{}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"kubefed.io/managed":"true"},"name":"web","namespace":"shop"}}`,
		},
		"null for template, metadata, labels and annotations": {
			deployment, `{"template":{"metadata":{"labels":null,"annotations":null},"spec":null}}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"kubefed.io/managed":"true"},"name":"web","namespace":"shop"},"spec":null}`,
		},
		"labels and annotations are propagated": {
			deployment, `{"template":{"metadata":{"labels":{"app":"web"},"annotations":{"note":"<b>"}}}}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"note":"<b>"},"labels":{"app":"web","kubefed.io/managed":"true"},"name":"web","namespace":"shop"}}`,
		},
		"the name of the template is ignored": {
			deployment, `{"template":{"apiVersion":"v9","kind":"Other","metadata":{"name":"xwings","namespace":"elsewhere","generateName":"x-"}}}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"kubefed.io/managed":"true"},"name":"web","namespace":"shop"}}`,
		},
		"what belongs to a member is dropped": {
			deployment, `{"template":{"status":{"replicas":1},"metadata":{"uid":"u","resourceVersion":"1","generation":2,"creationTimestamp":null,
				"deletionTimestamp":"2020-01-01T00:00:00Z","deletionGracePeriodSeconds":1,"managedFields":[{}],"ownerReferences":[{}],"finalizers":["a/b"],"selfLink":"/x"}}}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"kubefed.io/managed":"true"},"name":"web","namespace":"shop"}}`,
		},
		"what tools track their objects by is dropped": {
			deployment, `{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","argocd.argoproj.io/tracking-id":"x",
				"kustomize.toolkit.fluxcd.io/checksum":"x","kept":"yes"},"labels":{"kustomize.toolkit.fluxcd.io/name":"x","kept":"yes"}}}}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"kept":"yes"},"labels":{"kept":"yes","kubefed.io/managed":"true"},"name":"web","namespace":"shop"}}`,
		},
		"the managed label is set whatever the template says": {
			deployment, `{"template":{"metadata":{"labels":{"kubefed.io/managed":"false"}}}}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"kubefed.io/managed":"true"},"name":"web","namespace":"shop"}}`,
		},
		"a namespace keeps its finalizers to itself": {
			namespace, `{"template":{"metadata":{"namespace":"shop"},"spec":{"finalizers":["kubernetes"]}}}`,
			`{"apiVersion":"v1","kind":"Namespace","metadata":{"labels":{"kubefed.io/managed":"true"},"name":"shop"},"spec":{}}`,
		},
		"large integers and fractions survive": {
			deployment, `{"template":{"spec":{"big":9007199254740993,"negative":-9007199254740993,"fraction":0.5}}}`,
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"kubefed.io/managed":"true"},"name":"web","namespace":"shop"},
				"spec":{"big":9007199254740993,"fraction":0.5,"negative":-9007199254740993}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			rendered, err := overrides.Render(federated(t, test.spec), test.target, overrides.Cluster{Name: "c1"}, false)
			require.NoError(t, err)
			requireSameText(t, test.want, rendered.JSON)
			require.Equal(t, test.target.APIVersion, rendered.APIVersion)
		})
	}
}

// requireSameText compares JSON number by number and key by key, so that digits
// are not lost on the way through float64.
func requireSameText(t *testing.T, want string, got []byte) {
	t.Helper()
	compact, err := json.Marshal(json.RawMessage(want))
	require.NoError(t, err)
	require.Equal(t, string(compact), string(got))
}

func TestRenderTakesTemplateThatIsAnObject(t *testing.T) {
	obj := federated(t, `{}`)
	obj.Spec.Template = runtime.RawExtension{Object: &runtime.Unknown{Raw: []byte(`{"data":{"a":"b"}}`), ContentType: runtime.ContentTypeJSON}}
	rendered, err := overrides.Render(obj, deployment, overrides.Cluster{Name: "c1"}, false)
	require.NoError(t, err)
	require.Contains(t, string(rendered.JSON), `"data":{"a":"b"}`)
}

func TestRenderRefusesTemplatesThatAreNoObjects(t *testing.T) {
	for template, message := range map[string]string{
		`[]`:                             "the template must be an object",
		`"text"`:                         "the template must be an object",
		`{"metadata":[]}`:                "metadata of the template must be an object",
		`{"metadata":{"labels":"a"}}`:    "metadata.labels of the template must be an object",
		`{"metadata":{"annotations":1}}`: "metadata.annotations of the template must be an object",
	} {
		t.Run(template, func(t *testing.T) {
			_, err := overrides.Render(federated(t, `{"template":`+template+`}`), deployment, overrides.Cluster{Name: "c1"}, false)
			var fault *overrides.ComputeError
			require.ErrorAs(t, err, &fault)
			require.ErrorContains(t, err, message)
		})
	}
	_, err := overrides.Render(federated(t, `{"template":{"spec":[]}}`), namespace, overrides.Cluster{Name: "c1"}, false)
	require.ErrorContains(t, err, "spec of the template must be an object")
}

func TestRenderOverrides(t *testing.T) {
	const template = `{"metadata":{"labels":{"app":"web"}},"spec":{"replicas":3,"list":["a","b"],"map":{"x":1}}}`
	for name, test := range map[string]struct {
		list string
		// path and want are a field of the result and its JSON; empty means that
		// it is absent.
		path []string
		want string
	}{
		"replace is the default":              {`[{"path":"/spec/replicas","value":5}]`, []string{"spec", "replicas"}, `5`},
		"dotted path":                         {`[{"path":"spec.replicas","value":5}]`, []string{"spec", "replicas"}, `5`},
		"replace sets a missing key":          {`[{"op":"replace","path":"/spec/paused","value":true}]`, []string{"spec", "paused"}, `true`},
		"replace sets a missing key of root":  {`[{"op":"replace","path":"/data","value":{"b":1,"a":2}}]`, []string{"data"}, `{"a":2,"b":1}`},
		"null is a value":                     {`[{"path":"/spec/replicas","value":null}]`, []string{"spec", "replicas"}, `null`},
		"no value sets null":                  {`[{"path":"/spec/replicas"}]`, []string{"spec", "replicas"}, `null`},
		"zero, false and empty are values":    {`[{"path":"/spec/map","value":{"a":0,"b":false,"c":""}}]`, []string{"spec", "map"}, `{"a":0,"b":false,"c":""}`},
		"add to a map":                        {`[{"op":"add","path":"/spec/map/y","value":2}]`, []string{"spec", "map"}, `{"x":1,"y":2}`},
		"add replaces what is there":          {`[{"op":"add","path":"/spec/map/x","value":2}]`, []string{"spec", "map"}, `{"x":2}`},
		"add inserts into a list":             {`[{"op":"add","path":"/spec/list/1","value":"n"}]`, []string{"spec", "list"}, `["a","n","b"]`},
		"add appends to a list":               {`[{"op":"add","path":"/spec/list/-","value":"n"}]`, []string{"spec", "list"}, `["a","b","n"]`},
		"an index counts from the end":        {`[{"path":"/spec/list/-1","value":"n"}]`, []string{"spec", "list"}, `["a","n"]`},
		"remove a key":                        {`[{"op":"remove","path":"/spec/map/x"}]`, []string{"spec", "map"}, `{}`},
		"remove from a list":                  {`[{"op":"remove","path":"/spec/list/0"}]`, []string{"spec", "list"}, `["b"]`},
		"remove a field":                      {`[{"op":"remove","path":"/spec/replicas"}]`, []string{"spec", "replicas"}, ``},
		"in the order of the list":            {`[{"op":"add","path":"/spec/list/0","value":"n"},{"op":"remove","path":"/spec/list/1"}]`, []string{"spec", "list"}, `["n","b"]`},
		"into what was set before":            {`[{"op":"add","path":"/spec/new","value":{}},{"op":"add","path":"/spec/new/key","value":1}]`, []string{"spec", "new"}, `{"key":1}`},
		"the other order":                     {`[{"op":"remove","path":"/spec/list/1"},{"op":"add","path":"/spec/list/0","value":"n"}]`, []string{"spec", "list"}, `["n","a"]`},
		"all labels":                          {`[{"path":"/metadata/labels","value":{"b":"1"}}]`, []string{"metadata", "labels"}, `{"b":"1","kubefed.io/managed":"true"}`},
		"the managed label outlives all":      {`[{"path":"/metadata/labels","value":{"kubefed.io/managed":"false"}}]`, []string{"metadata", "labels"}, `{"kubefed.io/managed":"true"}`},
		"labels can be removed":               {`[{"op":"remove","path":"/metadata/labels"}]`, []string{"metadata", "labels"}, `{"kubefed.io/managed":"true"}`},
		"labels can be null":                  {`[{"path":"/metadata/labels","value":null}]`, []string{"metadata", "labels"}, `{"kubefed.io/managed":"true"}`},
		"annotations":                         {`[{"op":"add","path":"/metadata/annotations","value":{"foo":"bar"}}]`, []string{"metadata", "annotations"}, `{"foo":"bar"}`},
		"annotations can be null":             {`[{"path":"/metadata/annotations","value":null}]`, []string{"metadata", "annotations"}, ``},
		"tracking annotations are dropped":    {`[{"path":"/metadata/annotations","value":{"argocd.argoproj.io/x":"1","a":"b"}}]`, []string{"metadata", "annotations"}, `{"a":"b"}`},
		"escapes of slash and tilde":          {`[{"op":"add","path":"/spec/map/a~1b~0c","value":1}]`, []string{"spec", "map", "a/b~c"}, `1`},
		"apiVersion on purpose":               {`[{"path":"/apiVersion","value":"extensions/v1beta1"}]`, []string{"apiVersion"}, `"extensions/v1beta1"`},
		"an empty list changes nothing":       {`[]`, []string{"spec", "replicas"}, `3`},
		"fields with other case are no match": {`[{"path":"/Kind","value":"Other"}]`, []string{"kind"}, `"Deployment"`},
		"a value with characters of HTML":     {`[{"path":"/spec/map","value":{"a":"<&>"}}]`, []string{"spec", "map"}, `{"a":"<&>"}`},
		"a key that only looks like identity": {`[{"path":"/spec/name","value":"other"}]`, []string{"metadata", "name"}, `"web"`},
		"large integers survive":              {`[{"path":"/spec/replicas","value":9007199254740993}]`, []string{"spec", "replicas"}, `9007199254740993`},
	} {
		t.Run(name, func(t *testing.T) {
			obj := withOverrides(t, template, test.list)
			rendered, err := overrides.Render(obj, deployment, overrides.Cluster{Name: "c1"}, false)
			require.NoError(t, err)
			value := lookup(t, rendered.JSON, test.path...)
			if test.want == "" {
				require.Nil(t, value)
			} else {
				requireSameText(t, test.want, value)
			}

			other, err := overrides.Render(obj, deployment, overrides.Cluster{Name: "c2"}, false)
			require.NoError(t, err)
			plain, err := overrides.Render(federated(t, `{"template":`+template+`}`), deployment, overrides.Cluster{Name: "c1"}, false)
			require.NoError(t, err)
			require.Equal(t, plain, other, "other clusters are as without overrides")
		})
	}
}

// lookup returns the field at path, nil if there is none.
func lookup(t require.TestingT, doc []byte, path ...string) []byte {
	for _, key := range path {
		var object map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(doc, &object))
		doc = object[key]
	}
	return doc
}

func TestRenderReportsOverridesThatDoNotApply(t *testing.T) {
	const template = `{"metadata":{"labels":{"app":"web"}},"spec":{"replicas":3,"list":["a"]}}`
	const good = `{"path":"/spec/replicas","value":1}`
	for name, test := range map[string]struct {
		list, message string
		index         int
	}{
		"remove of what is not there":    {`[` + good + `,{"op":"remove","path":"/spec/none"}]`, "nonexistent key", 1},
		"missing parent":                 {`[{"op":"add","path":"/spec/none/x","value":1}]`, "missing path", 0},
		"missing annotations":            {`[{"op":"add","path":"/metadata/annotations/x","value":"1"}]`, "missing path", 0},
		"index out of range":             {`[` + good + `,{"path":"/spec/list/99999","value":1}]`, "missing key", 1},
		"index that is no number":        {`[{"path":"/spec/list/x","value":1}]`, "missing key", 0},
		"index out of range at the end":  {`[{"op":"remove","path":"/spec/list/-2"}]`, "invalid index", 0},
		"into a scalar":                  {`[{"op":"add","path":"/spec/replicas/x","value":1}]`, "missing path", 0},
		"into a null":                    {`[{"op":"add","path":"/spec/new","value":null},{"op":"add","path":"/spec/new/x","value":1}]`, "missing path", 1},
		"unknown op":                     {`[` + good + `,{"op":"move","path":"/spec/list","value":1}]`, `unknown op "move"`, 1},
		"path of neither syntax":         {`[{"path":"spec/replicas","value":1}]`, "invalid path: must be a JSON pointer", 0},
		"the same path twice":            {`[` + good + `,{"path":"spec.replicas","value":2}]`, "the path appears more than once", 1},
		"whole object":                   {`[{"path":"/","value":{}}]`, "invalid path: the whole object", 0},
		"empty path":                     {`[{"path":"","value":{}}]`, "invalid path: must not be empty", 0},
		"name":                           {`[{"path":"/metadata/name","value":"other"}]`, "invalid path: metadata.name", 0},
		"labels that are not an object":  {`[{"path":"/metadata/labels","value":"x"}]`, "metadata.labels of the result must be an object", -1},
		"annotations that are no object": {`[{"path":"/metadata/annotations","value":[]}]`, "metadata.annotations of the result must be an object", -1},
		"apiVersion removed":             {`[{"op":"remove","path":"/apiVersion"}]`, "apiVersion of the result", -1},
		"apiVersion that is no string":   {`[{"path":"/apiVersion","value":1}]`, "apiVersion of the result", -1},
	} {
		t.Run(name, func(t *testing.T) {
			obj := withOverrides(t, template, test.list)
			_, err := overrides.Render(obj, deployment, overrides.Cluster{Name: "c1"}, false)
			var fault *overrides.ApplyError
			require.ErrorAs(t, err, &fault)
			require.ErrorContains(t, err, test.message)
			require.Equal(t, "c1", fault.Cluster)
			require.Equal(t, test.index, fault.Index)
			if test.index >= 0 {
				require.Equal(t, obj.Spec.Overrides[0].ClusterOverrides[test.index].Path, fault.Path)
			}

			_, err = overrides.Render(obj, deployment, overrides.Cluster{Name: "c2"}, false)
			require.NoError(t, err, "other clusters are not concerned")
		})
	}
}

func TestRenderRefusesClusterThatAppearsTwice(t *testing.T) {
	obj := federated(t, `{"template":{},"overrides":[{"clusterName":"c1"},{"clusterName":"c2"},{"clusterName":"c1"}]}`)
	_, err := overrides.Render(obj, deployment, overrides.Cluster{Name: "c1"}, false)
	require.ErrorContains(t, err, "appears more than once")
	_, err = overrides.Render(obj, deployment, overrides.Cluster{Name: "c2"}, false)
	require.NoError(t, err)
}

func TestRenderRetainsReplicas(t *testing.T) {
	const template = `"template":{"spec":{"replicas":3,"paused":true}},"retainReplicas":true`
	obj := federated(t, `{`+template+`,"overrides":[
		{"clusterName":"replicas","clusterOverrides":[{"path":"/spec/replicas","value":5}]},
		{"clusterName":"spec","clusterOverrides":[{"path":"/spec","value":{"replicas":7}}]},
		{"clusterName":"removed","clusterOverrides":[{"op":"remove","path":"/spec/replicas"}]},
		{"clusterName":"other","clusterOverrides":[{"path":"/spec/paused","value":false}]}]}`)
	for cluster, want := range map[string]struct{ created, existing string }{
		"none":     {`{"paused":true,"replicas":3}`, `{"paused":true}`},
		"other":    {`{"paused":false,"replicas":3}`, `{"paused":false}`},
		"replicas": {`{"paused":true,"replicas":5}`, `{"paused":true,"replicas":5}`},
		"spec":     {`{"replicas":7}`, `{"replicas":7}`},
		"removed":  {`{"paused":true}`, `{"paused":true}`},
	} {
		t.Run(cluster, func(t *testing.T) {
			created, err := overrides.Render(obj, deployment, overrides.Cluster{Name: cluster}, false)
			require.NoError(t, err)
			requireSameText(t, want.created, lookup(t, created.JSON, "spec"))
			existing, err := overrides.Render(obj, deployment, overrides.Cluster{Name: cluster}, true)
			require.NoError(t, err)
			requireSameText(t, want.existing, lookup(t, existing.JSON, "spec"))
		})
	}

	without, err := overrides.Render(federated(t, `{"template":{},"retainReplicas":true}`), deployment, overrides.Cluster{Name: "c1"}, true)
	require.NoError(t, err)
	require.Nil(t, lookup(t, without.JSON, "spec"), "nothing to retain, nothing added")
	off, err := overrides.Render(federated(t, `{"template":{"spec":{"replicas":3}},"retainReplicas":false}`), deployment, overrides.Cluster{Name: "c1"}, true)
	require.NoError(t, err)
	require.Equal(t, `3`, string(lookup(t, off.JSON, "spec", "replicas")))
}

func TestRenderNamespaceWithOverrides(t *testing.T) {
	obj := withOverrides(t, `{"metadata":{"labels":{"a":"b"}}}`, `[{"path":"/spec","value":{"finalizers":["x"]}},{"path":"/metadata/labels/a","value":"c"}]`)
	rendered, err := overrides.Render(obj, namespace, overrides.Cluster{Name: "c1"}, false)
	require.NoError(t, err)
	requireSameText(t, `{"apiVersion":"v1","kind":"Namespace","metadata":{"labels":{"a":"c","kubefed.io/managed":"true"},"name":"shop"},"spec":{}}`, rendered.JSON)
}

func TestRenderLeavesTheObjectAlone(t *testing.T) {
	obj := withOverrides(t, `{"metadata":{"name":"x"},"spec":{"replicas":1}}`, `[{"path":"/spec/replicas","value":2}]`)
	before := obj.DeepCopy()
	_, err := overrides.Render(obj, deployment, overrides.Cluster{Name: "c1"}, true)
	require.NoError(t, err)
	require.Equal(t, before, obj)
}
