package fuzz

import (
	"testing"

	"github.com/stretchr/testify/require"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubefederation/federation-apiserver/apis/core"
	coreinstall "github.com/kubefederation/federation-apiserver/apis/core/install"
	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/apis/multiclusterdns"
	dnsinstall "github.com/kubefederation/federation-apiserver/apis/multiclusterdns/install"
	dnsv1alpha1 "github.com/kubefederation/federation-apiserver/apis/multiclusterdns/v1alpha1"
	"github.com/kubefederation/federation-apiserver/apis/scheduling"
	schedulinginstall "github.com/kubefederation/federation-apiserver/apis/scheduling/install"
	schedulingv1alpha1 "github.com/kubefederation/federation-apiserver/apis/scheduling/v1alpha1"
	corevalidation "github.com/kubefederation/federation-apiserver/pkg/validation/core"
	dnsvalidation "github.com/kubefederation/federation-apiserver/pkg/validation/multiclusterdns"
	schedulingvalidation "github.com/kubefederation/federation-apiserver/pkg/validation/scheduling"
)

// FuzzStaticKinds decodes anything that says it is of a static kind. What is decoded
// comes back from its versioned form without loss; validation finds an end, and says
// of each fault where it is.
func FuzzStaticKinds(f *testing.F) {
	for _, seed := range []string{
		`{"apiVersion":"core.kubefed.io/v1beta1","kind":"KubeFedCluster","metadata":{"name":"a"},"spec":{"apiEndpoint":"https://[::1]:6443","caBundle":"aGVsbG8=","secretRef":{"name":"a"},"proxyURL":"socks5://u:p@b:1","disabledTLSValidations":["*"]},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`,
		`{"apiVersion":"core.kubefed.io/v1beta1","kind":"KubeFedConfig","metadata":{"name":"a"},"spec":{"scope":"Cluster","clusterHealthCheck":{"period":"1h2m","failureThreshold":-1},"leaderElect":{"leaseDuration":"-1ns"},"featureGates":[{"name":"PushReconciler","configuration":"x"}]}}`,
		`{"apiVersion":"core.kubefed.io/v1beta1","kind":"FederatedTypeConfig","metadata":{"name":"things.a.b"},"spec":{"propagation":"Enabled","targetType":{"group":"a.b","version":"v1","kind":"Thing","pluralName":"things","scope":"Namespaced"},"federatedType":{"group":"types.kubefed.io","version":"v1beta1","kind":"FederatedThing","pluralName":"federatedthings","scope":"Cluster"},"statusType":{}}}`,
		`{"apiVersion":"core.kubefed.io/v1beta1","kind":"PendingRemoval","metadata":{"name":"a"},"spec":{"target":{"typeConfig":"configmaps","namespace":"b","name":"..","uid":"c"},"clusters":[{"name":"c1"},{"name":"c1","uid":"d"}],"deleteOptions":{"gracePeriodSeconds":-1,"propagationPolicy":"x","preconditions":{"uid":""}},"requestedAt":"2026-01-01T00:00:00Z","requestedBy":{"user":""},"expiresAt":null}}`,
		`{"apiVersion":"scheduling.kubefed.io/v1alpha1","kind":"ReplicaSchedulingPreference","metadata":{"name":"a"},"spec":{"targetKind":"F","totalReplicas":9,"clusters":{"*":{"weight":1},"A":{"minReplicas":-1,"maxReplicas":9223372036854775807}}}}`,
		`{"apiVersion":"multiclusterdns.kubefed.io/v1alpha1","kind":"Domain","metadata":{"name":"a"},"domain":"*.example.com.","nameServer":"::1"}`,
		`{"apiVersion":"multiclusterdns.kubefed.io/v1alpha1","kind":"ServiceDNSRecord","metadata":{"name":"a"},"spec":{"domainRef":"a","recordTTL":-1,"dnsPrefix":"x.","externalName":"..","allowServiceWithoutEndpoints":true}}`,
		`{"apiVersion":"multiclusterdns.kubefed.io/v1alpha1","kind":"IngressDNSRecord","metadata":{"name":"a"},"spec":{"hosts":["a.b","*.b",""]},"status":{"dns":[{"cluster":"c","loadBalancer":{"ingress":[{"ip":"x"}]}}]}}`,
		`{"apiVersion":"multiclusterdns.kubefed.io/v1alpha1","kind":"DNSEndpoint","metadata":{"name":"a"},"spec":{"endpoints":[null,{"dnsName":"a.b","recordType":"CNAME","targets":["A.b."],"providerSpecific":[{"name":"x"}]},{"dnsName":"_x._tcp.a.b","recordType":"AAAA","targets":["::ffff:1.2.3.4","fe80::1%lo"]}]}}`,
	} {
		f.Add([]byte(seed))
	}
	scheme := runtime.NewScheme()
	coreinstall.Install(scheme)
	schedulinginstall.Install(scheme)
	dnsinstall.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme)
	stored := codecs.LegacyCodec(corev1beta1.SchemeGroupVersion, schedulingv1alpha1.SchemeGroupVersion, dnsv1alpha1.SchemeGroupVersion)
	f.Fuzz(func(t *testing.T, data []byte) {
		object, _, err := codecs.UniversalDecoder().Decode(data, nil, nil)
		if err != nil {
			return
		}
		for _, err := range validateStatic(object) {
			require.NotEmpty(t, err.Field, "%v", err)
		}
		raw, err := runtime.Encode(stored, object)
		if err != nil {
			return // views are not stored
		}
		again, _, err := stored.Decode(raw, nil, nil)
		require.NoError(t, err, string(raw))
		require.True(t, apiequality.Semantic.DeepEqual(object, again), "%#v\n%#v", object, again)
		require.Equal(t, validateStatic(object).ToAggregate() == nil, validateStatic(again).ToAggregate() == nil, "what is stored is as sound as what was sent")
	})
}

func validateStatic(object runtime.Object) field.ErrorList {
	switch o := object.(type) {
	case *core.KubeFedCluster:
		corevalidation.KubeFedClusterWarnings(o)
		return append(corevalidation.ValidateKubeFedCluster(o), corevalidation.ValidateKubeFedClusterStatusUpdate(o)...)
	case *core.KubeFedConfig:
		return corevalidation.ValidateKubeFedConfig(o)
	case *core.FederatedTypeConfig:
		return corevalidation.ValidateFederatedTypeConfig(o)
	case *core.PendingRemoval:
		return append(corevalidation.ValidatePendingRemoval(o), corevalidation.ValidatePendingRemovalStatus(o)...)
	case *scheduling.ReplicaSchedulingPreference:
		schedulingvalidation.Warnings(o)
		return schedulingvalidation.ValidateReplicaSchedulingPreference(o)
	case *multiclusterdns.Domain:
		return dnsvalidation.ValidateDomain(o)
	case *multiclusterdns.ServiceDNSRecord:
		return dnsvalidation.ValidateServiceDNSRecord(o)
	case *multiclusterdns.IngressDNSRecord:
		return dnsvalidation.ValidateIngressDNSRecord(o)
	case *multiclusterdns.DNSEndpoint:
		return append(dnsvalidation.ValidateDNSEndpoint(o), dnsvalidation.ValidateDNSEndpointStatus(o)...)
	}
	return nil
}
