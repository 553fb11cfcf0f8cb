package fuzz

import (
	"maps"
	"strings"

	"sigs.k8s.io/yaml"
)

// sound is what an object of each kind says at the least. A kind that is not here is
// federated: it has an empty template.
var sound = map[string]string{
	"KubeFedCluster":              `spec: {apiEndpoint: "https://127.0.0.1:1", secretRef: {name: none}}`,
	"KubeFedConfig":               `spec: {scope: Cluster}`,
	"ReplicaSchedulingPreference": `spec: {targetKind: FederatedDeployment, totalReplicas: 3}`,
	"Domain":                      `domain: example.com`,
	"ServiceDNSRecord":            `spec: {domainRef: none}`,
	"IngressDNSRecord":            `spec: {hosts: [fuzz.example.com]}`,
	"DNSEndpoint":                 `spec: {endpoints: [{dnsName: fuzz.example.com, recordType: A, targets: [192.0.2.1]}]}`,
	"FederatedTypeConfig": `
spec:
  targetType: {group: PREFIX.example.com, version: v1, kind: Thing, pluralName: things, scope: Namespaced}
  propagation: Disabled
  federatedType: {group: types.kubefed.io, version: v1beta1, kind: FederatedThing, pluralName: federatedthings, scope: Namespaced}`,
}

const federatedSound = `spec: {template: {}, placement: {clusters: []}}`

// sound is an object that is accepted.
func (k *target) sound(namespace, name string) map[string]any {
	text, ok := sound[k.kind]
	if !ok {
		text = federatedSound
	}
	switch k.kind {
	case "FederatedTypeConfig":
		text = strings.ReplaceAll(text, "PREFIX", name)
		name = "things." + name + ".example.com"
	case "FederatedNamespace":
		name = namespace
	}
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		panic(err) // it is written above
	}
	metadata := map[string]any{"name": name}
	if k.namespaced {
		metadata["namespace"] = namespace
	}
	maps.Copy(object, map[string]any{"apiVersion": k.apiVersion, "kind": k.kind, "metadata": metadata})
	return object
}

// object makes an object of the kind. What is made of the schema alone hardly passes
// validation, so that most have something sound, and some of what is made.
func (k *target) object(m maker, namespace, name string) map[string]any {
	object := k.sound(namespace, name)
	made, _ := m.value(k.schema, 0).(map[string]any)
	if m.chance(30) {
		mix(m, object, made, 100)
	} else {
		mix(m, object, made, 25)
	}
	object["apiVersion"], object["kind"] = k.apiVersion, k.kind
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
		object["metadata"] = metadata
	}
	maps.Copy(metadata, k.sound(namespace, name)["metadata"].(map[string]any))
	if k.federates() {
		nowhere(object)
	}
	return object
}

// mix puts some of what was made into an object.
func mix(m maker, object, made map[string]any, percent int) {
	for _, key := range keys(made) {
		inner, both := object[key].(map[string]any)
		other, are := made[key].(map[string]any)
		switch {
		case both && are:
			mix(m, inner, other, percent)
		case m.chance(percent):
			object[key] = made[key]
		}
	}
}

// nowhere places an object in no member.
func nowhere(object map[string]any) {
	if spec, ok := object["spec"].(map[string]any); ok {
		spec["placement"] = map[string]any{"clusters": []any{}}
	}
}
