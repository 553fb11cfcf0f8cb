package types_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/validation/types"
)

var (
	deployments  = types.Target{APIVersion: "apps/v1", Kind: "Deployment", Namespaced: true}
	configMaps   = types.Target{APIVersion: "v1", Kind: "ConfigMap", Namespaced: true}
	secrets      = types.Target{APIVersion: "v1", Kind: "Secret", Namespaced: true}
	namespaces   = types.Target{APIVersion: "v1", Kind: "Namespace"}
	clusterRoles = types.Target{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRole"}
)

// federated decodes a federated object for target from its spec in JSON.
func federated(t *testing.T, target types.Target, spec string) *typesv1beta1.FederatedObject {
	t.Helper()
	obj := &typesv1beta1.FederatedObject{}
	obj.Name, obj.Namespace = "web", "shop"
	switch {
	case target == namespaces:
		obj.Name = "shop"
	case !target.Namespaced:
		obj.Namespace = ""
	}
	require.NoError(t, json.Unmarshal([]byte(spec), &obj.Spec))
	return obj
}

// rejection is a case that must give exactly one error.
type rejection struct {
	target types.Target
	spec   string
	kind   field.ErrorType
	path   string
	detail string
}

func (r rejection) check(t *testing.T) {
	t.Helper()
	errs := types.ValidateFederatedObject(federated(t, r.target, r.spec), r.target)
	require.Len(t, errs, 1)
	require.Equal(t, r.kind, errs[0].Type, "%v", errs[0])
	require.Equal(t, r.path, errs[0].Field, "%v", errs[0])
	require.ErrorContains(t, errs[0], r.detail)
}

func TestAcceptsWhatIsSound(t *testing.T) {
	for name, test := range map[string]struct {
		target types.Target
		spec   string
	}{
		"template only":                      {deployments, `{"template":{}}`},
		"empty spec of a namespace":          {namespaces, `{}`},
		"null template of a namespace":       {namespaces, `{"template":null}`},
		"kind and apiVersion of the target":  {deployments, `{"template":{"apiVersion":"apps/v1","kind":"Deployment"}}`},
		"another name":                       {deployments, `{"template":{"metadata":{"name":"xwings"}}}`},
		"the namespace of the object":        {deployments, `{"template":{"metadata":{"namespace":"shop"}}}`},
		"empty kind, name and namespace":     {deployments, `{"template":{"apiVersion":"","kind":null,"metadata":{"name":"","namespace":""}}}`},
		"cluster-scoped":                     {clusterRoles, `{"template":{"rules":[]}}`},
		"clusters and selector":              {deployments, `{"template":{},"placement":{"clusters":[{"name":"c1"},{"name":"c2.example.com"}],"clusterSelector":{"matchLabels":{"a":"b"}}}}`},
		"empty selector":                     {deployments, `{"template":{},"placement":{"clusterSelector":{}}}`},
		"upsert by replace":                  {deployments, `{"template":{},"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/metadata/labels","value":{"foo":"bar"}}]}]}`},
		"dotted path":                        {deployments, `{"template":{"spec":{"replicas":1}},"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"spec.replicas","value":2}]}]}`},
		"null values":                        {deployments, `{"template":{"spec":{}},"overrides":[{"clusterName":"c1","clusterOverrides":[{"op":"add","path":"/spec/replicas","value":null}]}]}`},
		"replace without value":              {deployments, `{"template":{"spec":{}},"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/spec/replicas"}]}]}`},
		"apiVersion of another group":        {deployments, `{"template":{},"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/apiVersion","value":"extensions/v1beta1"}]}]}`},
		"the same path for two clusters":     {deployments, `{"template":{},"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/x","value":1}]},{"clusterName":"c2","clusterOverrides":[{"path":"/x","value":1}]}]}`},
		"a cluster without overrides":        {deployments, `{"template":{},"overrides":[{"clusterName":"c1"}]}`},
		"selectors told apart by name":       {deployments, `{"template":{},"overrides":[{"clusterSelector":{},"clusterOverrides":[{"path":"/x","value":1}]},{"name":"eu","clusterSelector":{"matchLabels":{"region":"eu"}},"clusterOverrides":[{"path":"/x","value":2}]},{"clusterName":"c1","clusterOverrides":[{"path":"/x","value":3}]}]}`},
		"builds on a selector before it":     {deployments, `{"template":{},"overrides":[{"clusterSelector":{},"clusterOverrides":[{"path":"/metadata/annotations","value":{}}]},{"clusterName":"c1","clusterOverrides":[{"op":"add","path":"/metadata/annotations/a","value":"b"}]}]}`},
		"the selector removes it before":     {deployments, `{"template":{"x":1},"overrides":[{"clusterSelector":{},"clusterOverrides":[{"op":"remove","path":"/x"}]},{"clusterName":"c1","clusterOverrides":[{"op":"remove","path":"/x"}]}]}`},
		"labels with the managed label true": {deployments, `{"template":{},"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/metadata/labels","value":{"kubefed.io/managed":"true"}}]}]}`},
		"a secret of any other type":         {secrets, `{"template":{"type":"Opaque"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, types.ValidateFederatedObject(federated(t, test.target, test.spec), test.target))
		})
	}
}

func TestRejectsPlacement(t *testing.T) {
	placement := func(p string) string { return `{"template":{},"placement":` + p + `}` }
	selector := func(s string) string { return placement(`{"clusterSelector":` + s + `}`) }
	const names, expressions = "spec.placement.clusters", "spec.placement.clusterSelector.matchExpressions"
	for name, test := range map[string]rejection{
		"upper case":         {deployments, placement(`{"clusters":[{"name":"c1"},{"name":"A_B"}]}`), field.ErrorTypeInvalid, names + "[1].name", "RFC 1123 subdomain"},
		"wildcard":           {deployments, placement(`{"clusters":[{"name":"*"}]}`), field.ErrorTypeInvalid, names + "[0].name", "RFC 1123 subdomain"},
		"empty":              {deployments, placement(`{"clusters":[{"name":""}]}`), field.ErrorTypeRequired, names + "[0].name", "KubeFedCluster"},
		"too long":           {deployments, placement(`{"clusters":[{"name":"` + strings.Repeat("a", 254) + `"}]}`), field.ErrorTypeInvalid, names + "[0].name", "253"},
		"newline":            {deployments, placement(`{"clusters":[{"name":"a\nb"}]}`), field.ErrorTypeInvalid, names + "[0].name", "RFC 1123 subdomain"},
		"right-to-left mark": {deployments, placement(`{"clusters":[{"name":"a\u202eb"}]}`), field.ErrorTypeInvalid, names + "[0].name", "RFC 1123 subdomain"},
		"twice":              {deployments, placement(`{"clusters":[{"name":"a"},{"name":"b"},{"name":"a"}]}`), field.ErrorTypeDuplicate, names + "[2].name", "a"},
		"unknown operator":   {deployments, selector(`{"matchExpressions":[{"key":"a","operator":"Near","values":["b"]}]}`), field.ErrorTypeInvalid, expressions + "[0].operator", "not a valid selector operator"},
		"In without values":  {deployments, selector(`{"matchExpressions":[{"key":"a","operator":"In"}]}`), field.ErrorTypeRequired, expressions + "[0].values", "must be specified"},
		"Exists with values": {deployments, selector(`{"matchExpressions":[{"key":"a","operator":"Exists","values":["b"]}]}`), field.ErrorTypeForbidden, expressions + "[0].values", "may not be specified"},
		"key":                {deployments, selector(`{"matchExpressions":[{"key":"a b","operator":"Exists"}]}`), field.ErrorTypeInvalid, expressions + "[0].key", "name part"},
		"value":              {deployments, selector(`{"matchExpressions":[{"key":"a","operator":"In","values":["-"]}]}`), field.ErrorTypeInvalid, expressions + "[0].values[0]", "must"},
		"label":              {deployments, selector(`{"matchLabels":{"a":"b c"}}`), field.ErrorTypeInvalid, "spec.placement.clusterSelector.matchLabels", "must"},
	} {
		t.Run(name, test.check)
	}
}

func TestRejectsTemplate(t *testing.T) {
	for name, test := range map[string]rejection{
		"none":                     {deployments, `{}`, field.ErrorTypeRequired, "spec.template", "must be the Deployment for the members"},
		"null":                     {deployments, `{"template":null}`, field.ErrorTypeRequired, "spec.template", "must be the Deployment for the members"},
		"no object":                {deployments, `{"template":["a"]}`, field.ErrorTypeInvalid, "spec.template", "must be an object"},
		"another kind":             {deployments, `{"template":{"kind":"Service"}}`, field.ErrorTypeInvalid, "spec.template.kind", `must be "Deployment"`},
		"kind that is no string":   {deployments, `{"template":{"kind":7}}`, field.ErrorTypeInvalid, "spec.template.kind", `must be "Deployment"`},
		"another apiVersion":       {deployments, `{"template":{"apiVersion":"apps/v2"}}`, field.ErrorTypeInvalid, "spec.template.apiVersion", `must be "apps/v1"`},
		"another namespace":        {deployments, `{"template":{"metadata":{"namespace":"other"}}}`, field.ErrorTypeInvalid, "spec.template.metadata.namespace", `"shop"`},
		"namespace, cluster-scope": {clusterRoles, `{"template":{"metadata":{"namespace":"shop"}}}`, field.ErrorTypeForbidden, "spec.template.metadata.namespace", "ClusterRole is not namespaced"},
		"namespace of a namespace": {namespaces, `{"template":{"metadata":{"namespace":"shop"}}}`, field.ErrorTypeForbidden, "spec.template.metadata.namespace", "Namespace is not namespaced"},
		"metadata":                 {deployments, `{"template":{"metadata":"x"}}`, field.ErrorTypeTypeInvalid, "spec.template.metadata", "must be an object"},
		"labels":                   {deployments, `{"template":{"metadata":{"labels":[]}}}`, field.ErrorTypeTypeInvalid, "spec.template.metadata.labels", "must be an object"},
		"label that is no string":  {deployments, `{"template":{"metadata":{"labels":{"a":1}}}}`, field.ErrorTypeTypeInvalid, "spec.template.metadata.labels[a]", "must be a string"},
		"label value":              {deployments, `{"template":{"metadata":{"labels":{"a":"b c"}}}}`, field.ErrorTypeInvalid, "spec.template.metadata.labels", "must"},
		"annotation key":           {deployments, `{"template":{"metadata":{"annotations":{"a b":"c"}}}}`, field.ErrorTypeInvalid, "spec.template.metadata.annotations", "name part"},
		"token of an account":      {secrets, `{"template":{"type":"kubernetes.io/service-account-token"}}`, field.ErrorTypeForbidden, "spec.template.type", "tokens of service accounts"},
	} {
		t.Run(name, test.check)
	}
}

func TestRejectsOverrides(t *testing.T) {
	const template = `{"template":{"metadata":{"labels":{"app":"web"}},"spec":{"replicas":1,"list":["a"]}},"overrides":`
	spec := func(list string) string {
		return template + `[{"clusterName":"c0"},{"clusterName":"c1","clusterOverrides":` + list + `}]}`
	}
	const list = "spec.overrides[1].clusterOverrides"
	cases := map[string]rejection{
		"cluster twice":             {deployments, template + `[{"clusterName":"c1"},{"clusterName":"c2"},{"clusterName":"c1"}]}`, field.ErrorTypeDuplicate, "spec.overrides[2].clusterName", "c1"},
		"cluster without name":      {deployments, template + `[{"clusterName":""}]}`, field.ErrorTypeRequired, "spec.overrides[0].clusterName", "KubeFedCluster"},
		"cluster name":              {deployments, template + `[{"clusterName":"A_B"}]}`, field.ErrorTypeInvalid, "spec.overrides[0].clusterName", "RFC 1123 subdomain"},
		"neither name nor selector": {deployments, template + `[{"name":"x"}]}`, field.ErrorTypeRequired, "spec.overrides[0].clusterName", "unless there is a clusterSelector"},
		"name and selector":         {deployments, template + `[{"clusterName":"c1","clusterSelector":{}}]}`, field.ErrorTypeForbidden, "spec.overrides[0].clusterSelector", "beside clusterName"},
		"selector":                  {deployments, template + `[{"clusterSelector":{"matchExpressions":[{"key":"a","operator":"Like"}]}}]}`, field.ErrorTypeInvalid, "spec.overrides[0].clusterSelector.matchExpressions[0].operator", "not a valid selector operator"},
		"selector twice, unnamed":   {deployments, template + `[{"clusterSelector":{}},{"clusterName":"c1"},{"clusterSelector":{"matchLabels":{"a":"b"}}}]}`, field.ErrorTypeRequired, "spec.overrides[2].name", "must tell this entry from another one"},
		"selector name twice":       {deployments, template + `[{"name":"a","clusterSelector":{}},{"name":"a","clusterSelector":{"matchLabels":{"a":"b"}}}]}`, field.ErrorTypeDuplicate, "spec.overrides[1].name", `"a"`},
		"entry name":                {deployments, template + `[{"name":"A b","clusterSelector":{}}]}`, field.ErrorTypeInvalid, "spec.overrides[0].name", "RFC 1123 label"},
		"cluster twice, named":      {deployments, template + `[{"clusterName":"c1"},{"clusterName":"c1","name":"a"}]}`, field.ErrorTypeDuplicate, "spec.overrides[1].clusterName", "c1"},
		"path twice for a selector": {deployments, template + `[{"clusterSelector":{},"clusterOverrides":[{"path":"/spec/replicas","value":1},{"path":"/spec/replicas","value":2}]}]}`, field.ErrorTypeDuplicate, "spec.overrides[0].clusterOverrides[1].path", "/spec/replicas"},
		"selector, missing parent":  {deployments, template + `[{"clusterSelector":{},"clusterOverrides":[{"op":"add","path":"/metadata/annotations/a","value":"b"}]}]}`, field.ErrorTypeInvalid, "spec.overrides[0].clusterOverrides[0].path", "does not apply to the template"},
		"parent comes after":        {deployments, template + `[{"name":"b","clusterSelector":{},"clusterOverrides":[{"op":"add","path":"/metadata/annotations/a","value":"b"}]},{"clusterSelector":{},"clusterOverrides":[{"op":"add","path":"/metadata/annotations","value":{}}]}]}`, field.ErrorTypeInvalid, "spec.overrides[0].clusterOverrides[0].path", "does not apply to the template"},
		"parent of another cluster": {deployments, template + `[{"clusterName":"c1","clusterOverrides":[{"path":"/metadata/annotations","value":{}}]},{"clusterName":"c2","clusterOverrides":[{"op":"add","path":"/metadata/annotations/a","value":"b"}]}]}`, field.ErrorTypeInvalid, "spec.overrides[1].clusterOverrides[0].path", "does not apply to the template"},
		"op":                        {deployments, spec(`[{"op":"tset","path":"/spec/replicas","value":1}]`), field.ErrorTypeNotSupported, list + "[0].op", `"add", "remove", "replace"`},
		"move":                      {deployments, spec(`[{"op":"move","path":"/spec/replicas"}]`), field.ErrorTypeNotSupported, list + "[0].op", `"add", "remove", "replace"`},
		"add without value":         {deployments, spec(`[{"op":"add","path":"/spec/replicas"}]`), field.ErrorTypeRequired, list + "[0].value", "null is a value"},
		"remove with value":         {deployments, spec(`[{"op":"remove","path":"/spec/replicas","value":null}]`), field.ErrorTypeForbidden, list + "[0].value", "op remove"},
		"path twice":                {deployments, spec(`[{"path":"/spec/replicas","value":1},{"path":"/spec/replicas","value":2}]`), field.ErrorTypeDuplicate, list + "[1].path", "/spec/replicas"},
		"path in both notations":    {deployments, spec(`[{"path":"/spec/replicas","value":1},{"path":"spec.replicas","value":2}]`), field.ErrorTypeDuplicate, list + "[1].path", "spec.replicas"},
		"empty path":                {deployments, spec(`[{"path":"","value":{}}]`), field.ErrorTypeRequired, list + "[0].path", "JSON pointer"},
		"no leading slash":          {deployments, spec(`[{"path":"spec/replicas","value":1}]`), field.ErrorTypeInvalid, list + "[0].path", "begins with '/'"},
		"escape":                    {deployments, spec(`[{"path":"/spec/~x","value":1}]`), field.ErrorTypeInvalid, list + "[0].path", "~0"},
		"index":                     {deployments, spec(`[{"path":"/spec/replicas","value":1},{"path":"/spec/list/99999","value":1}]`), field.ErrorTypeInvalid, list + "[1].path", "does not apply to the template"},
		"missing parent":            {deployments, spec(`[{"op":"add","path":"/metadata/annotations/a","value":"b"}]`), field.ErrorTypeInvalid, list + "[0].path", "does not apply to the template"},
		"remove what is absent":     {deployments, spec(`[{"op":"remove","path":"/metadata/labels/b"}]`), field.ErrorTypeInvalid, list + "[0].path", "does not apply to the template"},
		"managed label":             {deployments, spec(`[{"path":"/metadata/labels","value":{"kubefed.io/managed":"false"}}]`), field.ErrorTypeForbidden, list + "[0].value[kubefed.io/managed]", "must not be overridden"},
		"labels":                    {deployments, spec(`[{"path":"/metadata/labels","value":"x"}]`), field.ErrorTypeTypeInvalid, list + "[0].value", "must be an object"},
		"label":                     {deployments, spec(`[{"path":"/metadata/labels/app","value":"b c"}]`), field.ErrorTypeInvalid, list, "the result has an invalid label"},
		"label that is no text":     {deployments, spec(`[{"path":"/metadata/labels/app","value":1}]`), field.ErrorTypeInvalid, list, "not an object of Kubernetes"},
		"annotation":                {deployments, spec(`[{"path":"/metadata/annotations","value":{"a b":"c"}}]`), field.ErrorTypeInvalid, list, "the result has an invalid annotation"},
		"annotations":               {deployments, spec(`[{"path":"/metadata/annotations","value":1}]`), field.ErrorTypeInvalid, list, "do not apply to the template"},
		"apiVersion of our own":     {deployments, spec(`[{"path":"/apiVersion","value":"types.kubefed.io/v1beta1"}]`), field.ErrorTypeForbidden, list, "the federation's own"},
		"apiVersion":                {deployments, spec(`[{"path":"/apiVersion","value":"a/b/c"}]`), field.ErrorTypeInvalid, list, "GROUP/VERSION"},
		"token of an account":       {secrets, spec(`[{"path":"/type","value":"kubernetes.io/service-account-token"}]`), field.ErrorTypeForbidden, list, "tokens of service accounts"},
	}
	for _, path := range []string{
		"/", "/kind", "/status", "/status/replicas", "/metadata", "/metadata/name", "/metadata/namespace", "/metadata/generateName",
		"/metadata/uid", "/metadata/resourceVersion", "/metadata/ownerReferences", "/metadata/ownerReferences/0", "/metadata/managedFields",
		"/metadata/finalizers", "/metadata/finalizers/-", "/metadata/labels/kubefed.io~1managed", "metadata.name", "kind",
	} {
		cases["forbidden path "+path] = rejection{deployments, spec(fmt.Sprintf(`[{"path":%q,"value":{}}]`, path)), field.ErrorTypeForbidden, list + "[0].path", "must not be overridden"}
	}
	for name, test := range cases {
		t.Run(name, test.check)
	}
}

func TestReportsEveryFault(t *testing.T) {
	obj := federated(t, deployments, `{"template":{"kind":"Service"},"placement":{"clusters":[{"name":"*"}]},
		"overrides":[{"clusterName":"c1","clusterOverrides":[{"path":"/kind","op":"x"}]},{"clusterName":"c2","clusterOverrides":[{"path":"/metadata/x/y","value":1}]}]}`)
	var paths []string
	for _, err := range types.ValidateFederatedObject(obj, deployments) {
		paths = append(paths, err.Field)
	}
	require.Equal(t, []string{
		"spec.placement.clusters[0].name", "spec.template.kind",
		"spec.overrides[0].clusterOverrides[0].path", "spec.overrides[0].clusterOverrides[0].op",
	}, paths, "overrides are not applied to a template that is at fault itself")
}

func TestRejectsForbiddenTargets(t *testing.T) {
	for _, target := range []types.Target{
		{APIVersion: "v1", Kind: "Event"}, {APIVersion: "events.k8s.io/v1", Kind: "Event"}, {APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
		{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"}, {APIVersion: "v1", Kind: "Endpoints"}, {APIVersion: "v1", Kind: "Node"},
		{APIVersion: "types.kubefed.io/v1beta1", Kind: "FederatedDeployment"}, {APIVersion: "core.kubefed.io/v1beta1", Kind: "KubeFedCluster"},
		{APIVersion: "certificates.k8s.io/v1", Kind: "CertificateSigningRequest"}, {APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService"},
	} {
		t.Run(target.Kind, func(t *testing.T) {
			rejection{target, `{"template":{}}`, field.ErrorTypeForbidden, "spec.template", "cannot be federated"}.check(t)
		})
	}
	require.Empty(t, types.ForbiddenTarget("notkubefed.io", "Thing"))
	require.Empty(t, types.ForbiddenTarget("apps", "Lease"))
}

func TestValidatesMetadata(t *testing.T) {
	for name, test := range map[string]struct {
		target types.Target
		change func(*metav1.ObjectMeta)
		path   string
	}{
		"name":                          {deployments, func(m *metav1.ObjectMeta) { m.Name = "A_b" }, "metadata.name"},
		"namespace of a namespaced":     {deployments, func(m *metav1.ObjectMeta) { m.Namespace = "" }, "metadata.namespace"},
		"namespace of a cluster-scoped": {clusterRoles, func(m *metav1.ObjectMeta) { m.Namespace = "shop" }, "metadata.namespace"},
		"FederatedNamespace elsewhere":  {namespaces, func(m *metav1.ObjectMeta) { m.Name = "other" }, "metadata.name"},
		"delete options":                {deployments, func(m *metav1.ObjectMeta) { m.Annotations = map[string]string{"kubefed.io/deleteoption": "{"} }, "metadata.annotations[kubefed.io/deleteoption]"},
		"field of delete options": {deployments, func(m *metav1.ObjectMeta) {
			m.Annotations = map[string]string{"kubefed.io/deleteoption": `{"propagationPolicy":"Never"}`}
		}, "metadata.annotations[kubefed.io/deleteoption]"},
		"finalizer without domain": {deployments, func(m *metav1.ObjectMeta) { m.Finalizers = []string{"orphan", "a/b", "foo"} }, "metadata.finalizers[2]"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := federated(t, test.target, `{"template":{}}`)
			test.change(&obj.ObjectMeta)
			errs := types.ValidateFederatedObject(obj, test.target)
			require.Len(t, errs, 1)
			require.Equal(t, test.path, errs[0].Field)
		})
	}

	role := federated(t, clusterRoles, `{"template":{}}`)
	role.Name = "system:node"
	require.Empty(t, types.ValidateFederatedObject(role, clusterRoles), "RBAC allows such names")
}

func TestUpdateValidatesWhatChanges(t *testing.T) {
	// Stored before these rules: it has an invalid spec and an old finalizer.
	old := federated(t, deployments, `{"placement":{"clusters":[{"name":"*"}]}}`)
	old.Finalizers = []string{"foo"}

	labelled := old.DeepCopy()
	labelled.Labels = map[string]string{"a": "b"}
	require.Empty(t, types.ValidateFederatedObjectUpdate(labelled, old, deployments))

	finalized := old.DeepCopy()
	finalized.Finalizers = append(finalized.Finalizers, "bar")
	errs := types.ValidateFederatedObjectUpdate(finalized, old, deployments)
	require.Len(t, errs, 1)
	require.Equal(t, "metadata.finalizers[1]", errs[0].Field)

	annotated := old.DeepCopy()
	annotated.Annotations = map[string]string{"kubefed.io/deleteoption": "{"}
	errs = types.ValidateFederatedObjectUpdate(annotated, old, deployments)
	require.Len(t, errs, 1)
	require.Equal(t, "metadata.annotations[kubefed.io/deleteoption]", errs[0].Field)
	require.Empty(t, types.ValidateFederatedObjectUpdate(annotated, annotated, deployments), "what stays is not in the way")

	changed := old.DeepCopy()
	changed.Spec.Template.Raw = []byte(`{}`)
	errs = types.ValidateFederatedObjectUpdate(changed, old, deployments)
	require.Len(t, errs, 1)
	require.Equal(t, "spec.placement.clusters[0].name", errs[0].Field)
}

func TestLimitsSize(t *testing.T) {
	obj := federated(t, configMaps, `{"template":{}}`)
	size, exceeds, err := types.ExceedsLimit(obj)
	require.NoError(t, err)
	require.False(t, exceeds)

	fill := func(total int) *typesv1beta1.FederatedObject {
		filled := obj.DeepCopy()
		const wrapping = len(`{"a":""}`) - len(`{}`)
		filled.Spec.Template.Raw = []byte(`{"a":"` + strings.Repeat("x", total-size-wrapping) + `"}`)
		return filled
	}
	require.Empty(t, types.ValidateFederatedObject(fill(types.MaxObjectBytes), configMaps))

	large := fill(types.MaxObjectBytes + 1)
	errs := types.ValidateFederatedObject(large, configMaps)
	require.Len(t, errs, 1)
	require.Equal(t, field.ErrorTypeTooLong, errs[0].Type)
	require.ErrorContains(t, errs[0], fmt.Sprint(types.MaxObjectBytes+1), "the size")
	require.ErrorContains(t, errs[0], fmt.Sprint(types.MaxObjectBytes)+",", "the limit")
	require.NotContains(t, errs[0].Error(), "xxxx", "the object itself is not repeated")

	require.Len(t, types.ValidateFederatedObjectUpdate(large, obj, configMaps), 1)
	require.Len(t, types.ValidateFederatedObjectStatusUpdate(large, obj), 1)
	require.Empty(t, types.ValidateFederatedObjectUpdate(large, fill(types.MaxObjectBytes+2), configMaps), "what is too large may shrink")
}

func TestValidatesStatus(t *testing.T) {
	old := federated(t, deployments, `{"template":{}}`)
	for name, test := range map[string]struct {
		status string
		kind   field.ErrorType
		path   string
	}{
		"generation":       {`{"observedGeneration":-1}`, field.ErrorTypeInvalid, "status.observedGeneration"},
		"condition type":   {`{"conditions":[{"status":"True"}]}`, field.ErrorTypeRequired, "status.conditions[0].type"},
		"condition twice":  {`{"conditions":[{"type":"Ready","status":"True"},{"type":"Ready","status":"True"}]}`, field.ErrorTypeDuplicate, "status.conditions[1].type"},
		"condition status": {`{"conditions":[{"type":"Ready","status":"Yes"}]}`, field.ErrorTypeNotSupported, "status.conditions[0].status"},
		"cluster name":     {`{"clusters":[{"status":"Pending"}]}`, field.ErrorTypeRequired, "status.clusters[0].name"},
		"cluster twice":    {`{"clusters":[{"name":"a"},{"name":"a"}]}`, field.ErrorTypeDuplicate, "status.clusters[1].name"},
	} {
		t.Run(name, func(t *testing.T) {
			obj := old.DeepCopy()
			require.NoError(t, json.Unmarshal([]byte(test.status), &obj.Status))
			errs := types.ValidateFederatedObjectStatusUpdate(obj, old)
			require.Len(t, errs, 1)
			require.Equal(t, test.kind, errs[0].Type)
			require.Equal(t, test.path, errs[0].Field)
		})
	}
	sound := old.DeepCopy()
	require.NoError(t, json.Unmarshal([]byte(`{"observedGeneration":1,"conditions":[{"type":"Propagation","status":"False","reason":"CheckClusters"}],
		"clusters":[{"name":"a"},{"name":"b","status":"ClusterNotReady"}]}`), &sound.Status))
	require.Empty(t, types.ValidateFederatedObjectStatusUpdate(sound, old))
}

func TestWarnings(t *testing.T) {
	for name, test := range map[string]struct {
		target types.Target
		spec   string
		want   []string
	}{
		"nothing unusual":           {deployments, `{"template":{"metadata":{"name":"web","labels":{"kubefed.io/managed":"true"}}},"placement":{"clusters":[{"name":"c"}]}}`, nil},
		"no placement":              {deployments, `{"template":{}}`, nil},
		"clusters and selector":     {deployments, `{"template":{},"placement":{"clusters":[],"clusterSelector":{}}}`, []string{"spec.placement.clusterSelector: ignored"}},
		"empty selector":            {deployments, `{"template":{},"placement":{"clusterSelector":{"matchLabels":{}}}}`, []string{"selects every cluster"}},
		"another name":              {deployments, `{"template":{"metadata":{"name":"xwings"}}}`, []string{`spec.template.metadata.name: ignored, the object in the members is named after the federated object, "web"`}},
		"finalizers and more":       {deployments, `{"template":{"metadata":{"finalizers":["a/b"],"generateName":"x-","ownerReferences":[{}]},"status":{"a":1}}}`, []string{"metadata.generateName: ignored", "metadata.finalizers: ignored", "metadata.ownerReferences: ignored", "spec.template.status: ignored"}},
		"what is empty":             {deployments, `{"template":{"metadata":{"finalizers":[],"generateName":"","ownerReferences":null},"status":{}}}`, nil},
		"finalizers of a namespace": {namespaces, `{"template":{"spec":{"finalizers":["kubernetes"]}}}`, []string{"spec.template.spec.finalizers: ignored"}},
		"managed label":             {deployments, `{"template":{"metadata":{"labels":{"kubefed.io/managed":"false"}}}}`, []string{"spec.template.metadata.labels[kubefed.io/managed]: ignored"}},
		"tracking annotations":      {deployments, `{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","argocd.argoproj.io/x":"y"}}}}`, []string{"argocd.argoproj.io/x, kubectl.kubernetes.io/last-applied-configuration not propagated"}},
		"dotted path":               {deployments, `{"template":{},"overrides":[{"clusterName":"c","clusterOverrides":[{"path":"spec","value":1}]}]}`, []string{`spec.overrides[0].clusterOverrides[0].path: "spec" is the syntax of the first KubeFed releases and means "/spec"`}},
		"replace without a value":   {deployments, `{"template":{},"overrides":[{"clusterName":"c","clusterOverrides":[{"path":"/spec"}]}]}`, []string{"spec.overrides[0].clusterOverrides[0].value: not given, the field is set to null"}},
	} {
		t.Run(name, func(t *testing.T) {
			obj := federated(t, test.target, test.spec)
			require.Empty(t, types.ValidateFederatedObject(obj, test.target))
			warnings := types.Warnings(obj, test.target)
			require.Len(t, warnings, len(test.want), "%q", warnings)
			for i, want := range test.want {
				require.Contains(t, warnings[i], want)
			}
		})
	}

	system := federated(t, namespaces, `{}`)
	system.Name, system.Namespace = "kube-system", "kube-system"
	ca := federated(t, configMaps, `{"template":{}}`)
	ca.Name = "kube-root-ca.crt"
	require.Empty(t, types.ValidateFederatedObject(ca, configMaps))
	require.Len(t, types.Warnings(ca, configMaps), 1)
	require.Len(t, types.Warnings(system, namespaces), 1)
}
