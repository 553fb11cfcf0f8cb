package dns

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

const plainRecord = `{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: web, namespace: NAMESPACE}, spec: {domainRef: NAMESPACE}}`

// web makes a Service with a record that is served by cluster1 and cluster2, and returns its name over all clusters.
func (f *federation) web(namespace string) (global string) {
	f.t.Helper()
	f.service(namespace, "web")
	for cluster, address := range map[string]string{cluster1: "192.0.2.31", cluster2: "192.0.2.32"} {
		f.back(cluster, namespace, "web", true)
		f.balance(cluster, services, namespace, "web", address)
	}
	f.apply(namespace, plainRecord)
	global = "web." + namespace + "." + namespace + ".svc." + zone
	f.awaitNames(global, "A", "192.0.2.31", "192.0.2.32")
	return global
}

// TestOfflineCluster takes a cluster out of the names, and all clusters: the names of none are left as they were, for more
// likely than the clusters it is the network of the federation that fails.
func TestOfflineCluster(t *testing.T) {
	f := setup(t)
	f.configure(`{"clusterHealthCheck":{"period":"500ms","failureThreshold":1,"timeout":"500ms"}}`)
	namespace := f.namespace()
	global := f.web(namespace)
	region1 := "web." + namespace + "." + namespace + ".svc.eu-west." + zone
	t.Cleanup(func() {
		for _, member := range f.Members() {
			assert.NoError(t, member.RestoreNetwork(context.Background()))
		}
	})

	require.NoError(t, f.Member(cluster1).RefuseNetwork(t.Context()))
	f.awaitNames(global, "A", "192.0.2.32")
	f.awaitNames(region1, "A", global, "192.0.2.32")
	record, err := f.host(serviceRecords, namespace).Get(t.Context(), "web", metav1.GetOptions{})
	require.NoError(t, err)
	entries, _, err := unstructured.NestedSlice(record.Object, "status", "dns")
	require.NoError(t, err)
	require.Len(t, entries, 3, "a cluster that is offline keeps its entry")
	require.Equal(t, map[string]any{"cluster": "cluster1", "region": "eu-west", "zones": []any{"eu-west-a", "eu-west-b"}}, entries[0])

	for _, cluster := range []string{cluster2, cluster3} {
		require.NoError(t, f.Member(cluster).RefuseNetwork(t.Context()))
	}
	f.condition(serviceRecords, namespace, "web", "Published", "Unknown", "NoClusterReady")
	f.awaitNames(global, "A", "192.0.2.32")

	for _, member := range f.Members() {
		require.NoError(t, member.RestoreNetwork(t.Context()))
	}
	f.awaitNames(global, "A", "192.0.2.31", "192.0.2.32")
	f.condition(serviceRecords, namespace, "web", "Published", "True", "Published")
}

// TestRestartChangesNothing restarts the server: while it finds out what the members have, names stay as they are.
func TestRestartChangesNothing(t *testing.T) {
	f := setup(t)
	namespace := f.namespace()
	global := f.web(namespace)
	f.condition(serviceRecords, namespace, "web", "ExternalDNS", "True", "Written")
	// external-dns has seen it, which is told.
	f.eventually("the status of the DNSEndpoint", func() error {
		endpoint, err := f.host(ourEndpoints, namespace).Get(t.Context(), "service-web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		observed, _, err := unstructured.NestedInt64(endpoint.Object, "status", "observedGeneration")
		if err == nil && observed != endpoint.GetGeneration() {
			return errNotYet
		}
		return err
	})
	generation := func() [2]int64 {
		ours, err := f.host(ourEndpoints, namespace).Get(t.Context(), "service-web", metav1.GetOptions{})
		require.NoError(t, err)
		theirs, err := f.host(hostEndpoints, namespace).Get(t.Context(), "service-web", metav1.GetOptions{})
		require.NoError(t, err)
		return [2]int64{ours.GetGeneration(), theirs.GetGeneration()}
	}
	before := generation()
	require.NoError(t, f.Federation().Kill(t.Context()))
	f.awaitNames(global, "A", "192.0.2.31", "192.0.2.32")
	require.NoError(t, f.Federation().Start(t.Context()))
	// Something new passes through, so what was before has been looked at.
	f.service(namespace, "next")
	f.balance(cluster1, services, namespace, "next", "192.0.2.33")
	f.back(cluster1, namespace, "next", true)
	f.apply(namespace, `{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: next, namespace: NAMESPACE}, spec: {domainRef: NAMESPACE}}`)
	f.awaitNames("next."+namespace+"."+namespace+".svc."+zone, "A", "192.0.2.33")
	f.condition(serviceRecords, namespace, "web", "ExternalDNS", "True", "Written")
	require.Equal(t, before, generation())
	f.awaitNames(global, "A", "192.0.2.31", "192.0.2.32")
}

// TestEndpointsOfOthers leaves DNSEndpoints alone that somebody else made, here and in the host.
func TestEndpointsOfOthers(t *testing.T) {
	f := setup(t)
	namespace := f.namespace()
	mine := "mine-" + namespace + "." + zone
	f.apply(namespace, `
apiVersion: externaldns.k8s.io/v1alpha1
kind: DNSEndpoint
metadata: {name: service-web, namespace: NAMESPACE}
spec: {endpoints: [{dnsName: `+mine+`, recordType: A, targets: [192.0.2.41]}]}
`)
	f.service(namespace, "web")
	f.back(cluster1, namespace, "web", true)
	f.balance(cluster1, services, namespace, "web", "192.0.2.42")
	f.apply(namespace, plainRecord)
	f.condition(serviceRecords, namespace, "web", "Published", "True", "Published")
	f.condition(serviceRecords, namespace, "web", "ExternalDNS", "False", "HostConflict")
	f.awaitNames(mine, "A", "192.0.2.41")

	f.remove(serviceRecords, namespace, "web")
	f.awaitGone(ourEndpoints, namespace, "service-web")
	f.awaitNames(mine, "A", "192.0.2.41")
	f.remove(hostEndpoints, namespace, "service-web")

	// One that a person made here is published as it is, and no record's to change.
	f.apply(namespace, `
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: DNSEndpoint
metadata: {name: service-web, namespace: NAMESPACE}
spec: {endpoints: [{dnsName: `+mine+`, recordType: A, targets: [192.0.2.43], recordTTL: 30}]}
`)
	f.apply(namespace, plainRecord)
	message := f.condition(serviceRecords, namespace, "web", "Published", "False", "EndpointConflict")
	require.Contains(t, message, "DNSEndpoint service-web does not belong to this record")
	f.awaitNames(mine, "A", "192.0.2.43")
	f.remove(ourEndpoints, namespace, "service-web")
	f.condition(serviceRecords, namespace, "web", "Published", "True", "Published")
	f.awaitNames(mine, "A")
}

// TestGates switches the feature gate of Services off and on.
func TestGates(t *testing.T) {
	f := setup(t)
	namespace := f.namespace()
	global := f.web(namespace)
	f.configure(`{"featureGates":[{"name":"CrossClusterServiceDiscovery","configuration":"Disabled"}]}`)
	// Ingresses have a gate of their own: they tell when the settings and what is new have been seen.
	seen := func(name string) {
		t.Helper()
		f.apply(namespace, `{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: IngressDNSRecord, metadata: {name: `+name+`, namespace: NAMESPACE}, spec: {hosts: [a.`+zone+`]}}`)
		f.condition(ingressRecords, namespace, name, "Published", "False", "IngressNotFound")
	}
	seen("before")
	f.apply(namespace, `{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: other, namespace: NAMESPACE}, spec: {domainRef: NAMESPACE}}`)
	seen("after")
	record, err := f.host(serviceRecords, namespace).Get(t.Context(), "other", metav1.GetOptions{})
	require.NoError(t, err)
	conditions, _, err := unstructured.NestedSlice(record.Object, "status", "conditions")
	require.NoError(t, err)
	require.Len(t, conditions, 1, "nobody looks: %v", conditions)
	require.Equal(t, "the object has not been looked at yet", conditions[0].(map[string]any)["message"])

	_, err = f.host(configs, env.SystemNamespace).Patch(t.Context(), "kubefed", mergePatch,
		[]byte(`{"spec":{"featureGates":[{"name":"CrossClusterServiceDiscovery","configuration":"Enabled"}]}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	f.condition(serviceRecords, namespace, "other", "Published", "False", "ServiceNotFound")
	f.awaitNames(global, "A", "192.0.2.31", "192.0.2.32")
}

// TestHostWithoutExternalDNS takes away what external-dns reads, and brings it back.
func TestHostWithoutExternalDNS(t *testing.T) {
	f := setup(t)
	namespace := f.namespace()
	f.web(namespace)
	f.condition(serviceRecords, namespace, "web", "ExternalDNS", "True", "Written")
	install := func(ctx context.Context) {
		output, err := f.Command(ctx, "kubectl", "apply", "-k", "../../deploy/externaldns").CombinedOutput()
		assert.NoError(t, err, "%s", output)
	}
	t.Cleanup(func() { install(context.Background()) })
	f.kubectl("", "delete", "crd", hostEndpoints.GroupResource().String())
	message := f.condition(serviceRecords, namespace, "web", "ExternalDNS", "False", "NotInstalled")
	require.Contains(t, message, "the host does not serve externaldns.k8s.io/v1alpha1")
	f.condition(serviceRecords, namespace, "web", "Published", "True", "Published")
	install(t.Context())
	f.condition(serviceRecords, namespace, "web", "ExternalDNS", "True", "Written")
}
