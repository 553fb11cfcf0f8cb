package dns

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// TestServiceNames has all that a ServiceDNSRecord can ask for, one Service for each.
func TestServiceNames(t *testing.T) {
	f := setup(t)
	namespace := f.namespace()
	suffix := "." + namespace + "." + namespace + ".svc." + zone
	prefix := "shop-" + namespace

	for _, name := range []string{"prefixed", "unbacked", "elastic"} {
		f.service(namespace, name)
	}
	f.balance(cluster1, services, namespace, "prefixed", "192.0.2.11")
	f.back(cluster1, namespace, "prefixed", true)
	f.balance(cluster2, services, namespace, "unbacked", "192.0.2.12")
	f.balance(cluster3, services, namespace, "elastic", "lb.example.net")
	f.back(cluster3, namespace, "elastic", true)
	f.apply(namespace, `
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: ServiceDNSRecord
metadata: {name: prefixed, namespace: NAMESPACE}
spec: {domainRef: NAMESPACE, dnsPrefix: shop-NAMESPACE, externalName: store}
---
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: ServiceDNSRecord
metadata: {name: unbacked, namespace: NAMESPACE}
spec: {domainRef: NAMESPACE, allowServiceWithoutEndpoints: true}
---
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: ServiceDNSRecord
metadata: {name: elastic, namespace: NAMESPACE}
spec: {domainRef: NAMESPACE}
`)

	answers := f.awaitNames(prefix+"."+zone, "A", "store"+suffix, "192.0.2.11")
	require.Equal(t, "CNAME", answers[0].kind)
	require.Equal(t, 180, answers[0].ttl, "the default TTL")
	f.awaitNames("prefixed"+suffix, "A")
	endpoint, err := f.host(ourEndpoints, namespace).Get(t.Context(), "service-prefixed", metav1.GetOptions{})
	require.NoError(t, err)
	records, _, err := unstructured.NestedSlice(endpoint.Object, "spec", "endpoints")
	require.NoError(t, err)
	for _, record := range records {
		require.Equal(t, map[string]any{"serviceName": "prefixed"}, record.(map[string]any)["labels"])
	}

	f.awaitNames("unbacked"+suffix, "A", "192.0.2.12")
	// The one target of a name is a host name: no address of it is copied, for it may change.
	f.awaitNames("elastic"+suffix, "CNAME", "lb.example.net")
	f.awaitNames("elastic"+strings.Replace(suffix, ".svc.", ".svc.ap-south.", 1), "CNAME", "lb.example.net")

	// Without the permission, what is not backed is not published any more.
	f.apply(namespace, `{apiVersion: multiclusterdns.kubefed.io/v1alpha1, kind: ServiceDNSRecord, metadata: {name: unbacked, namespace: NAMESPACE}, spec: {domainRef: NAMESPACE}}`)
	f.awaitNames("unbacked"+suffix, "A")
	message := f.condition(serviceRecords, namespace, "unbacked", "Published", "False", "NoLoadBalancer")
	require.Contains(t, message, "cluster2 has no ready endpoints")

	// When the Domain goes, so do the names in it.
	f.remove(domains, env.SystemNamespace, namespace)
	f.awaitNames(prefix+"."+zone, "ANY")
	f.awaitNames("store"+suffix, "ANY")
	f.awaitNames("elastic"+suffix, "ANY")
	f.condition(serviceRecords, namespace, "elastic", "Published", "False", "DomainNotFound")
	f.awaitGone(hostEndpoints, namespace, "service-elastic")
}

// TestIngressNames gives a host the addresses of an Ingress in all clusters.
func TestIngressNames(t *testing.T) {
	f := setup(t)
	namespace := f.namespace()
	host := namespace + "-www." + zone
	f.apply(namespace, `
apiVersion: multiclusterdns.kubefed.io/v1alpha1
kind: IngressDNSRecord
metadata: {name: web, namespace: NAMESPACE}
spec: {hosts: ["`+host+`", "*.`+host+`"], recordTTL: 60}
`)
	f.condition(ingressRecords, namespace, "web", "Published", "False", "IngressNotFound")
	f.apply(namespace, `
apiVersion: types.kubefed.io/v1beta1
kind: FederatedIngress
metadata: {name: web, namespace: NAMESPACE}
spec:
  template: {spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}}
  placement: {clusterSelector: {}}
`)
	f.condition(ingressRecords, namespace, "web", "Published", "False", "NoLoadBalancer")
	for cluster, addresses := range map[string][]string{cluster1: {"192.0.2.21", "2001:db8::21"}, cluster3: {"192.0.2.23"}} {
		f.eventually("the Ingress in "+cluster, func() error {
			_, err := f.on(cluster, ingresses, namespace).Get(t.Context(), "web", metav1.GetOptions{})
			return err
		})
		f.balance(cluster, ingresses, namespace, "web", addresses...)
	}
	require.Equal(t, 60, f.awaitNames(host, "A", "192.0.2.21", "192.0.2.23")[0].ttl)
	f.awaitNames("any."+host, "AAAA", "2001:db8::21")
	require.Regexp(t, `(?m)^web +`+host+`,\S+ +2/3 +True `, f.kubectl("", "-n", namespace, "get", "ingressdnsrecords"))

	f.remove(ingressRecords, namespace, "web")
	f.awaitNames(host, "ANY")
	f.awaitNames("any."+host, "ANY")
}
