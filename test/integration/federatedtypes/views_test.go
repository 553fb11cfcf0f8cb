package federatedtypes

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	corev1alpha1 "github.com/kubefederation/federation-apiserver/apis/core/v1alpha1"
	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/generated/informers/externalversions"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

const viewsPath = "/apis/core.kubefed.io/v1alpha1/"

var clusterRoles = func() *corev1beta1.FederatedTypeConfig {
	config := typeConfig("clusterroles.rbac.authorization.k8s.io", "rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles")
	config.Spec.TargetType.Scope = corev1beta1.ClusterScoped
	config.Spec.FederatedType.Scope = corev1beta1.ClusterScoped
	return config
}()

var services = func() *corev1beta1.FederatedTypeConfig {
	config := typeConfig("services", "", "v1", "Service", "services")
	collected := corev1beta1.StatusCollectionEnabled
	config.Spec.StatusCollection = &collected
	config.Spec.StatusType = &corev1beta1.APIResource{Group: "core.kubefed.io", Version: "v1alpha1",
		Kind: "FederatedServiceStatus", PluralName: "federatedservicestatuses", Scope: corev1beta1.NamespaceScoped}
	return config
}()

// report writes the status of an object as the propagation does.
func report(t *testing.T, s *typeserver.Server, config *corev1beta1.FederatedTypeConfig, name string, clusters ...typesv1beta1.ClusterStatus) *typesv1beta1.FederatedObject {
	t.Helper()
	kind, served := s.Types.Kind(config.Spec.FederatedType.PluralName)
	require.True(t, served)
	namespace := "demo"
	if config.Spec.FederatedType.Scope == corev1beta1.ClusterScoped {
		namespace = ""
	}
	obj, err := kind.Get(t.Context(), namespace, name)
	require.NoError(t, err)
	obj = obj.DeepCopy()
	obj.Status.ObservedGeneration = obj.Generation
	obj.Status.Clusters = clusters
	obj, err = kind.UpdateStatus(t.Context(), obj)
	require.NoError(t, err)
	return obj
}

func TestPropagatedVersion(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, deployments, configMaps, clusterRoles)
	create(t, s, configMaps, "settings", `{template: {data: {a: "1"}}}`)
	federated := report(t, s, configMaps, "settings", typesv1beta1.ClusterStatus{Name: "c1", Version: "rv:12"})
	views := s.Federation.CoreV1alpha1().PropagatedVersions("demo")

	view, err := views.Get(t.Context(), "configmap-settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, corev1alpha1.PropagatedVersionStatus{
		// md5 of {"data":{"a":"1"}} and a newline.
		TemplateVersion:  "23947dfc98c99e4e1ed0f51efd0638da",
		OverridesVersion: "2979b7538b527abe06492021841caf47",
		ClusterVersions:  []corev1alpha1.ClusterObjectVersion{{ClusterName: "c1", Version: "rv:12"}},
	}, view.Status)
	require.Equal(t, federated.ResourceVersion, view.ResourceVersion)
	require.NotEqual(t, federated.UID, view.UID)
	require.Equal(t, []metav1.OwnerReference{{APIVersion: "types.kubefed.io/v1beta1", Kind: "FederatedConfigMap", Name: "settings", UID: federated.UID}}, view.OwnerReferences)
	again, err := views.Get(t.Context(), "configmap-settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, view, again)

	for _, absent := range []string{"settings", "configmap-", "deployment-settings", "clusterrole-settings"} {
		_, err = views.Get(t.Context(), absent, metav1.GetOptions{})
		require.True(t, apierrors.IsNotFound(err), "%s: %v", absent, err)
	}

	create(t, s, clusterRoles, "reader", `{template: {rules: []}}`)
	clusterView, err := s.Federation.CoreV1alpha1().ClusterPropagatedVersions().Get(t.Context(), "clusterrole-reader", metav1.GetOptions{})
	require.NoError(t, err)
	require.Empty(t, clusterView.Namespace)
	all, err := s.Federation.CoreV1alpha1().PropagatedVersions("").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, all.Items, 1, "an object of the cluster is in no namespace")

	t.Run("cannot be written", func(t *testing.T) {
		body := encode(t, view)
		for _, write := range []struct{ method, path string }{
			{http.MethodPost, "namespaces/demo/propagatedversions"},
			{http.MethodPut, "namespaces/demo/propagatedversions/configmap-settings"},
			{http.MethodPatch, "namespaces/demo/propagatedversions/configmap-settings"},
			{http.MethodDelete, "namespaces/demo/propagatedversions/configmap-settings"},
			{http.MethodDelete, "namespaces/demo/propagatedversions"},
			{http.MethodPost, "clusterpropagatedversions"},
			{http.MethodPost, "namespaces/demo/federatedservicestatuses"},
		} {
			answer := request(t, s, write.method, viewsPath+write.path, jsonType, body)
			require.Equal(t, http.StatusMethodNotAllowed, answer.code, "%s %s: %s", write.method, write.path, answer.body)
			require.Contains(t, string(answer.body), `"reason":"MethodNotAllowed"`)
		}
	})
	t.Run("in a table", func(t *testing.T) {
		table := &metav1.Table{}
		raw, err := s.Federation.CoreV1alpha1().RESTClient().Get().AbsPath(viewsPath+"namespaces/demo/propagatedversions").
			SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(t.Context())
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(raw, table))
		require.Len(t, table.Rows, 1)
		require.Equal(t, []any{"configmap-settings", "1"}, table.Rows[0].Cells[:2])
	})
}

func TestViewsAreListedAtOneMoment(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, deployments, configMaps, secrets)
	views := s.Federation.CoreV1alpha1().PropagatedVersions("demo")
	empty, err := views.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Empty(t, empty.Items)
	require.NotEmpty(t, empty.ResourceVersion)

	var want []string
	for _, name := range []string{"a", "b", "c"} {
		create(t, s, configMaps, name, `{template: {}}`)
		create(t, s, secrets, name, `{template: {}}`)
		want = append(want, "configmap-"+name, "secret-"+name)
	}
	names := func(items []corev1alpha1.PropagatedVersion) []string {
		var names []string
		for _, item := range items {
			names = append(names, item.Name)
		}
		return names
	}

	all, err := views.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.ElementsMatch(t, want, names(all.Items))

	t.Run("page by page", func(t *testing.T) {
		for _, limit := range []int64{1, 2, 3, 4, 5, 6, 7} {
			var got []string
			options := metav1.ListOptions{Limit: limit}
			versions := map[string]bool{}
			for first := true; first || options.Continue != ""; first = false {
				page, err := views.List(t.Context(), options)
				require.NoError(t, err)
				require.LessOrEqual(t, int64(len(page.Items)), limit)
				got = append(got, names(page.Items)...)
				versions[page.ResourceVersion] = true
				if first {
					created := create(t, s, secrets, "later", `{template: {}}`)
					require.NoError(t, objects(t, s, secrets).Delete(t.Context(), created.GetName(), metav1.DeleteOptions{}))
					kind, _ := s.Types.Kind("federatedsecrets")
					require.NoError(t, kind.ReleaseAll(t.Context()))
				}
				options.Continue = page.Continue
			}
			require.ElementsMatch(t, want, got, "limit %d", limit)
			require.Len(t, versions, 1)
		}
	})
	t.Run("as it was", func(t *testing.T) {
		past, err := views.List(t.Context(), metav1.ListOptions{ResourceVersion: empty.ResourceVersion, ResourceVersionMatch: metav1.ResourceVersionMatchExact})
		require.NoError(t, err)
		require.Empty(t, past.Items)
		require.Equal(t, empty.ResourceVersion, past.ResourceVersion)
	})
	t.Run("selected", func(t *testing.T) {
		for selector, count := range map[string]int{
			"metadata.name=secret-b": 1, "metadata.name!=secret-b": 5, "metadata.namespace=demo": 6, "metadata.namespace=other": 0,
		} {
			list, err := s.Federation.CoreV1alpha1().PropagatedVersions("").List(t.Context(), metav1.ListOptions{FieldSelector: selector})
			require.NoError(t, err)
			require.Len(t, list.Items, count, selector)
		}
		none, err := views.List(t.Context(), metav1.ListOptions{LabelSelector: "app=web"})
		require.NoError(t, err)
		require.Empty(t, none.Items)
		_, err = views.List(t.Context(), metav1.ListOptions{FieldSelector: "status.x=y"})
		require.True(t, apierrors.IsBadRequest(err), "%v", err)
	})
	t.Run("refused", func(t *testing.T) {
		_, err := views.List(t.Context(), metav1.ListOptions{Continue: "nonsense", Limit: 1})
		require.True(t, apierrors.IsBadRequest(err), "%v", err)
		_, err = views.List(t.Context(), metav1.ListOptions{ResourceVersion: "999999999999"})
		require.True(t, apierrors.IsTimeout(err), "%v", err)
	})
}

func TestViewsAreWatched(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps, secrets, clusterRoles)
	views := s.Federation.CoreV1alpha1().PropagatedVersions("demo")
	create(t, s, configMaps, "a", `{template: {}}`)
	list, err := views.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	events, err := views.Watch(t.Context(), metav1.ListOptions{ResourceVersion: list.ResourceVersion})
	require.NoError(t, err)
	expect := func(kind watch.EventType, name string) *corev1alpha1.PropagatedVersion {
		t.Helper()
		event, open := next(t, events)
		require.True(t, open)
		require.Equal(t, kind, event.Type, "%v", event.Object)
		require.Equal(t, name, event.Object.(*corev1alpha1.PropagatedVersion).Name)
		return event.Object.(*corev1alpha1.PropagatedVersion)
	}

	create(t, s, clusterRoles, "not-in-a-namespace", `{template: {}}`)
	create(t, s, secrets, "b", `{template: {}}`)
	added := expect(watch.Added, "secret-b")
	report(t, s, configMaps, "a", typesv1beta1.ClusterStatus{Name: "c1", Version: "rv:3"})
	modified := expect(watch.Modified, "configmap-a")
	require.Equal(t, "rv:3", modified.Status.ClusterVersions[0].Version)
	require.NoError(t, objects(t, s, secrets).Delete(t.Context(), "b", metav1.DeleteOptions{}))
	expect(watch.Modified, "secret-b") // it waits for its copies to go
	kind, _ := s.Types.Kind("federatedsecrets")
	require.NoError(t, kind.ReleaseAll(t.Context()))
	expect(watch.Deleted, "secret-b")
	events.Stop()

	t.Run("from any event on", func(t *testing.T) {
		events, err = views.Watch(t.Context(), metav1.ListOptions{ResourceVersion: added.ResourceVersion})
		require.NoError(t, err)
		expect(watch.Modified, "configmap-a")
		expect(watch.Modified, "secret-b")
		expect(watch.Deleted, "secret-b")
		events.Stop()
	})
	t.Run("selected", func(t *testing.T) {
		events, err = views.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=configmap-c"})
		require.NoError(t, err)
		create(t, s, configMaps, "c", `{template: {}}`)
		expect(watch.Added, "configmap-c")
		events.Stop()
	})
	t.Run("until kinds come or go", func(t *testing.T) {
		before, err := views.List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		events, err = views.Watch(t.Context(), metav1.ListOptions{ResourceVersion: before.ResourceVersion})
		require.NoError(t, err)
		enable(t, s, deployments)
		event, _ := next(t, events)
		require.Equal(t, watch.Error, event.Type)
		require.True(t, apierrors.IsResourceExpired(apierrors.FromObject(event.Object)))
		_, open := next(t, events)
		require.False(t, open)

		_, err = views.Watch(t.Context(), metav1.ListOptions{ResourceVersion: before.ResourceVersion})
		require.True(t, apierrors.IsResourceExpired(err), "%v", err)
	})
	t.Run("by an informer", func(t *testing.T) {
		factory := externalversions.NewSharedInformerFactory(s.Federation, 0)
		informer := factory.Core().V1alpha1().PropagatedVersions()
		synced := informer.Informer().HasSynced
		factory.StartWithContext(t.Context())
		require.True(t, cache.WaitForCacheSync(t.Context().Done(), synced))
		create(t, s, deployments, "late", webSpec)
		require.Eventually(t, func() bool {
			_, err := informer.Lister().PropagatedVersions("demo").Get("deployment-late")
			return err == nil
		}, patience, poll)
	})
}

func TestFederatedServiceStatus(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps, services)
	create(t, s, services, "web", `{template: {spec: {ports: [{port: 80}]}}}`)
	create(t, s, configMaps, "settings", `{template: {}}`)
	status := func(ip string) *runtime.RawExtension {
		return &runtime.RawExtension{Raw: []byte(`{"loadBalancer":{"ingress":[{"ip":"` + ip + `"}]}}`)}
	}
	report(t, s, services, "web",
		typesv1beta1.ClusterStatus{Name: "c1", RemoteStatus: status("10.0.0.1")},
		typesv1beta1.ClusterStatus{Name: "c2", RemoteStatus: status("10.0.0.2")},
		typesv1beta1.ClusterStatus{Name: "c3", Status: typesv1beta1.ClusterNotReady})

	statuses := s.Federation.CoreV1alpha1().FederatedServiceStatuses("demo")
	view, err := statuses.Get(t.Context(), "web", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "FederatedService", view.OwnerReferences[0].Kind)
	var got []string
	for _, cluster := range view.ClusterStatus {
		got = append(got, cluster.ClusterName+" "+cluster.Status.LoadBalancer.Ingress[0].IP)
	}
	require.Equal(t, "c1 10.0.0.1, c2 10.0.0.2", strings.Join(got, ", "))
	list, err := statuses.List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1, "services alone have such a status")
}
