package federate

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(text), &object), text)
	return object
}

func TestTemplate(t *testing.T) {
	for _, test := range []struct{ name, object, want string }{
		{"what the user wrote", `
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: shop
  uid: 1-2-3
  resourceVersion: "7"
  generation: 2
  creationTimestamp: "2026-01-01T00:00:00Z"
  finalizers: [example.com/hold]
  ownerReferences: [{kind: App, name: shop}]
  managedFields: [{manager: kubectl}]
  labels: {tier: web, kubefed.io/managed: "true"}
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}", example.com/note: kept}
data: {key: value}
status: {}
`, `
metadata:
  labels: {tier: web}
  annotations: {example.com/note: kept}
data: {key: value}
`},
		{"a namespace", `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {kubernetes.io/metadata.name: shop}}
spec: {finalizers: [kubernetes]}
status: {phase: Active}
`, `{}`},
		{"a service account", `
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
secrets: [{name: robot-token}]
imagePullSecrets: [{name: registry}]
`, `{imagePullSecrets: [{name: registry}]}`},
		{"a service", `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: 10.0.0.7, clusterIPs: [10.0.0.7], type: NodePort, healthCheckNodePort: 30001, ports: [{port: 80, nodePort: 30000}, {port: 81}]}
status: {loadBalancer: {}}
`, `spec: {type: NodePort, ports: [{port: 80}, {port: 81}]}`},
		{"a headless service stays so", `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {clusterIP: None, clusterIPs: [None], ports: [{port: 80}]}
`, `spec: {clusterIP: None, clusterIPs: [None], ports: [{port: 80}]}`},
		{"a job", `
apiVersion: batch/v1
kind: Job
metadata: {name: once, labels: {batch.kubernetes.io/job-name: once, mine: "1"}, annotations: {batch.kubernetes.io/job-tracking: ""}}
spec:
  selector: {matchLabels: {batch.kubernetes.io/controller-uid: 1-2}}
  template: {metadata: {creationTimestamp: null, labels: {controller-uid: 1-2, job-name: once}}, spec: {restartPolicy: Never}}
`, `
metadata: {labels: {mine: "1"}}
spec: {template: {metadata: {}, spec: {restartPolicy: Never}}}
`},
		{"a job with a selector of the user", `
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {manualSelector: true, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}}}
`, `spec: {manualSelector: true, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}}}`},
		{"a claim", `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, annotations: {pv.kubernetes.io/bind-completed: "yes"}}
spec: {volumeName: pv-1, storageClassName: fast}
status: {phase: Bound}
`, `spec: {storageClassName: fast}`},
		{"a deployment", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {deployment.kubernetes.io/revision: "3"}}
spec: {replicas: 2, template: {metadata: {creationTimestamp: null, labels: {a: b}}}}
`, `spec: {replicas: 2, template: {metadata: {labels: {a: b}}}}`},
		{"another kind named Service", `
apiVersion: serving.example.com/v1
kind: Service
metadata: {name: web}
spec: {clusterIP: mine}
`, `spec: {clusterIP: mine}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			object := &unstructured.Unstructured{Object: parse(t, test.object)}
			before := object.DeepCopy()
			require.Equal(t, parse(t, test.want), Template(object))
			require.Equal(t, before, object, "the object is not changed")
		})
	}
}

func TestRead(t *testing.T) {
	federated, err := Read(strings.NewReader(`
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: password, namespace: shop}, stringData: {a: b}}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: reader}, rules: []}
`))
	require.NoError(t, err)
	var got []string
	for _, object := range federated {
		got = append(got, object.GetAPIVersion()+" "+object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName())
	}
	require.Equal(t, []string{
		"types.kubefed.io/v1beta1 FederatedNamespace shop/shop",
		"types.kubefed.io/v1beta1 FederatedSecret shop/password",
		"types.kubefed.io/v1beta1 FederatedClusterRole /reader",
	}, got)
	require.Equal(t, map[string]any{
		"template":  map[string]any{"stringData": map[string]any{"a": "b"}},
		"placement": map[string]any{"clusterSelector": map[string]any{"matchLabels": map[string]any{}}},
	}, federated[1].Object["spec"])

	for text, want := range map[string]string{
		"{kind: Secret}":                 "document 1: an object must have apiVersion and kind",
		"{apiVersion: v1, kind: Secret}": "document 1: Secret: metadata.name must not be empty",
		"a: b: c":                        "document 1: ",
		"{apiVersion: v1, kind: List, items: [{}]}":                                          "document 1, item 1: an object must have apiVersion and kind",
		"{apiVersion: types.kubefed.io/v1beta1, kind: FederatedSecret, metadata: {name: a}}": "FederatedSecret a is federated already",
	} {
		_, err := Read(strings.NewReader(text))
		require.ErrorContains(t, err, want, text)
	}
}

func TestContents(t *testing.T) {
	all := []string{"list", "create"}
	for _, test := range []struct {
		name     string
		resource metav1.APIResource
		skip     []string
		want     bool
	}{
		{"a type", metav1.APIResource{Name: "configmaps", Namespaced: true, Verbs: all}, nil, true},
		{"of the cluster", metav1.APIResource{Name: "nodes", Verbs: all}, nil, false},
		{"that cannot be listed", metav1.APIResource{Name: "bindings", Namespaced: true, Verbs: []string{"create"}}, nil, false},
		{"events", metav1.APIResource{Name: "events", Namespaced: true, Verbs: all}, nil, false},
		{"a federated type", metav1.APIResource{Name: "federatedsecrets", Group: "types.kubefed.io", Namespaced: true, Verbs: all}, nil, false},
		{"an old group", metav1.APIResource{Name: "ingresses", Group: "extensions", Namespaced: true, Verbs: all}, nil, false},
		{"skipped by name", metav1.APIResource{Name: "secrets", Namespaced: true, Verbs: all}, []string{"pods", "secrets"}, false},
		{"skipped by short name", metav1.APIResource{Name: "configmaps", ShortNames: []string{"cm"}, Namespaced: true, Verbs: all}, []string{"cm"}, false},
		{"skipped by group", metav1.APIResource{Name: "jobs", Group: "batch", Namespaced: true, Verbs: all}, []string{"batch"}, false},
		{"of another group", metav1.APIResource{Name: "deployments", Group: "apps", Namespaced: true, Verbs: all}, []string{"batch", ""}, true},
	} {
		require.Equal(t, test.want, isFederable(&test.resource, test.skip), test.name)
	}
}

func TestWhyLeft(t *testing.T) {
	for _, test := range []struct{ name, object, want string }{
		{"an ordinary one", `{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}`, ""},
		{"of every namespace", `{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt}}`, quietly},
		{"the default account", `{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}}`, quietly},
		{"a default account with something", `{apiVersion: v1, kind: ServiceAccount, metadata: {name: default}, imagePullSecrets: [{name: a}]}`, ""},
		{"a token", `{apiVersion: v1, kind: Secret, metadata: {name: a}, type: kubernetes.io/service-account-token}`, "it is a token for this cluster"},
		{"a name that does not serve", `{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: "a:b"}}`, "its name cannot be that of a federated object"},
		{"owned", `{apiVersion: v1, kind: Pod, metadata: {name: a, ownerReferences: [{kind: Job, name: j, controller: true}]}}`, "Job j makes it in every cluster"},
	} {
		got := whyLeft(&unstructured.Unstructured{Object: parse(t, test.object)})
		if test.want == "" {
			require.Empty(t, got, test.name)
			continue
		}
		require.Contains(t, got, test.want, test.name)
	}
}
