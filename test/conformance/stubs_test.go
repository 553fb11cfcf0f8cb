package conformance

import "fmt"

// stub is what the checks write to a kind.
type stub struct {
	// object is an object without metadata, as YAML.
	object string
	// desired is a merge patch that changes what the object asks for.
	desired string
	// status is a valid status, if the kind has one.
	status string
	// name returns the name of an object with a running id, and changes its content to
	// go with it. Without it any name will do.
	name func(id string, object map[string]any) string
	// segmentName: the name may be anything that can stand in a path.
	segmentName bool
	// namesNamespace: the object has the name of its namespace.
	namesNamespace bool
	// source is the resource whose objects a read-only kind shows, under their name
	// with a prefix.
	source, prefix string
	// keyed is the path of a list of named entries that two managers can share, and
	// its entries.
	keyed *keyedList
}

// keyedList is a list in which entries are told apart by keys.
type keyedList struct {
	path          []string
	first, second map[string]any
	key           string
}

const (
	typesGroup      = "types.kubefed.io/v1beta1"
	coreGroup       = "core.kubefed.io/v1beta1"
	viewGroup       = "core.kubefed.io/v1alpha1"
	schedulingGroup = "scheduling.kubefed.io/v1alpha1"
	dnsGroup        = "multiclusterdns.kubefed.io/v1alpha1"
)

// stubs has one stub for each resource of each group and version.
var stubs = map[string]stub{
	coreGroup + "/kubefedclusters": {
		object: `
spec:
  apiEndpoint: https://127.0.0.1:1
  secretRef: {name: none}
`,
		desired: `{"spec":{"apiEndpoint":"https://127.0.0.1:2"}}`,
		status:  `{conditions: [{type: Ready, status: "False", lastProbeTime: "2026-01-01T00:00:00Z"}], kubernetesVersion: v1.0.0}`,
	},
	coreGroup + "/kubefedconfigs": {
		object:  `spec: {scope: Cluster}`,
		desired: `{"spec":{"clusterHealthCheck":{"period":"17s"}}}`,
		// Its list with keys, featureGates, is filled by defaults, so that no removal shows.
	},
	coreGroup + "/federatedtypeconfigs": {
		object: `
spec:
  targetType: {group: example.com, version: v1, kind: Thing, pluralName: things, scope: Namespaced}
  propagation: Disabled
  federatedType: {group: types.kubefed.io, version: v1beta1, kind: FederatedThing, pluralName: federatedthings, scope: Namespaced}
`,
		desired: `{"spec":{"templateOwnership":"Atomic"}}`,
		status:  `{observedGeneration: 1, propagationController: NotRunning}`,
		name: func(id string, object map[string]any) string {
			group := id + ".example.com"
			object["spec"].(map[string]any)["targetType"].(map[string]any)["group"] = group
			return "things." + group
		},
	},
	coreGroup + "/pendingremovals": {
		object: `
spec:
  target: {typeConfig: things.example.com, namespace: a, name: b, uid: c}
  clusters: [{name: c1}, {name: c2}]
  requestedAt: "2026-01-01T00:00:00Z"
`,
		desired: `{"spec":{"clusters":[{"name":"c1"}]}}`,
		status:  `{observedGeneration: 1, conditions: [{type: Ready, status: "False", reason: RemovalFailed, message: refused, lastTransitionTime: "2026-01-01T00:00:00Z"}]}`,
	},
	viewGroup + "/propagatedversions":        {source: typesGroup + "/federatedconfigmaps", prefix: "configmap-"},
	viewGroup + "/clusterpropagatedversions": {source: typesGroup + "/federatedclusterroles", prefix: "clusterrole-"},
	viewGroup + "/federatedservicestatuses":  {source: typesGroup + "/federatedservices"},

	schedulingGroup + "/replicaschedulingpreferences": {
		object:  `spec: {targetKind: FederatedDeployment, totalReplicas: 3}`,
		desired: `{"spec":{"totalReplicas":5}}`,
		status:  `{observedGeneration: 1, planned: 3}`,
	},
	dnsGroup + "/domains": {
		object:  `{domain: example.com}`,
		desired: `{"nameServer":"ns.example.com"}`,
	},
	dnsGroup + "/servicednsrecords": {
		object:  `spec: {domainRef: none}`,
		desired: `{"spec":{"recordTTL":60}}`,
		status:  `{domain: example.com, dns: [{cluster: cluster1, loadBalancer: {}}]}`,
	},
	dnsGroup + "/ingressdnsrecords": {
		object:  `spec: {hosts: [conformance.example.com]}`,
		desired: `{"spec":{"recordTTL":60}}`,
		status:  `{dns: [{cluster: cluster1, loadBalancer: {}}]}`,
	},
	dnsGroup + "/dnsendpoints": {
		object:  `spec: {endpoints: [{dnsName: conformance.example.com, recordType: A, targets: [192.0.2.1], recordTTL: 60}]}`,
		desired: `{"spec":{"endpoints":[{"dnsName":"conformance.example.com","recordType":"A","targets":["192.0.2.2"],"recordTTL":60}]}}`,
		status:  `{observedGeneration: 1}`,
	},

	typesGroup + "/federatedclusterroles": clusterRoleStub(),
	typesGroup + "/federatedconfigmaps":   federated(`data: {key: value}`, `{"data":{"key":"changed"}}`),
	typesGroup + "/federateddeployments": federated(
		`spec: {replicas: 1, selector: {matchLabels: {app: a}}, `+pods+`}`, `{"spec":{"replicas":2}}`),
	typesGroup + "/federatedingresses": federated(
		`spec: {defaultBackend: {service: {name: a, port: {number: 80}}}}`,
		`{"spec":{"defaultBackend":{"service":{"name":"b"}}}}`),
	typesGroup + "/federatedjobs": federated(
		`spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}`,
		`{"spec":{"backoffLimit":2}}`),
	typesGroup + "/federatednamespaces": namespaceStub(),
	typesGroup + "/federatedreplicasets": federated(
		`spec: {replicas: 1, selector: {matchLabels: {app: a}}, `+pods+`}`, `{"spec":{"replicas":2}}`),
	typesGroup + "/federatedsecrets":         federated(`stringData: {key: value}`, `{"stringData":{"key":"changed"}}`),
	typesGroup + "/federatedserviceaccounts": federated(`automountServiceAccountToken: false`, `{"automountServiceAccountToken":true}`),
	typesGroup + "/federatedservices":        federated(`spec: {ports: [{name: a, port: 80}]}`, `{"spec":{"sessionAffinity":"ClientIP"}}`),
}

const pods = `template: {metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: a}]}}`

// federated is the stub of a federated kind whose template has this content. It is
// placed nowhere: these checks are about the API, and members stay as they are.
func federated(template, desired string) stub {
	return stub{
		object:  fmt.Sprintf("spec: {placement: {clusters: []}, template: {%s}}", template),
		desired: fmt.Sprintf(`{"spec":{"template":%s}}`, desired),
		status:  `{observedGeneration: 1, conditions: [{type: Propagation, status: "True"}]}`,
		keyed: &keyedList{
			path: []string{"spec", "placement", "clusters"}, key: "name",
			first:  map[string]any{"name": "nowhere-1"},
			second: map[string]any{"name": "nowhere-2"},
		},
	}
}

// namespaceStub has no template that says anything: it is the host's namespace.
func namespaceStub() stub {
	s := federated("", "")
	s.object = `spec: {placement: {clusters: []}}`
	s.desired = `{"spec":{"overrides":[{"clusterName":"nowhere","clusterOverrides":[{"path":"/metadata/labels","op":"add","value":{"a":"b"}}]}]}}`
	s.namesNamespace = true
	return s
}

func clusterRoleStub() stub {
	s := federated(
		`rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]`,
		`{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["list"]}]}`)
	s.segmentName = true
	return s
}
