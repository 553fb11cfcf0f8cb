package core_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/storagebackend"

	"github.com/kubefederation/federation-apiserver/apis/core"
	"github.com/kubefederation/federation-apiserver/apis/core/install"
	"github.com/kubefederation/federation-apiserver/apis/core/v1alpha1"
	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/etcd"
	registry "github.com/kubefederation/federation-apiserver/pkg/registry/core"
	"github.com/kubefederation/federation-apiserver/pkg/registry/static"
)

const systemNamespace = "kube-federation-system"

// newStorage makes the storage of the group on an etcd of its own.
func newStorage(t *testing.T) map[string]rest.Storage {
	t.Helper()
	// Not t.TempDir: its path can be too long for a socket's name.
	parent, err := os.MkdirTemp("", "registry")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(parent)) })
	dataDir := filepath.Join(parent, "data")
	server, err := etcd.Start(t.Context(), etcd.Config{DataDir: dataDir, UnsafeNoFsync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })

	scheme := runtime.NewScheme()
	install.Install(scheme)
	codecs := serializer.NewCodecFactory(scheme)
	config := storagebackend.NewDefaultConfig("/registry", codecs.LegacyCodec(v1beta1.SchemeGroupVersion))
	config.Transport.ServerList = []string{etcd.Endpoint(dataDir)}

	info, err := registry.NewGroup(static.Provider{Scheme: scheme, Codecs: codecs, RESTOptionsGetter: restOptions(*config)})
	require.NoError(t, err)
	require.Equal(t, []schema.GroupVersion{v1beta1.SchemeGroupVersion, v1alpha1.SchemeGroupVersion}, info.PrioritizedVersions)
	storage := info.VersionedResourcesStorageMap["v1beta1"]
	t.Cleanup(func() {
		for _, served := range storage {
			served.Destroy()
		}
	})
	return storage
}

// restOptions gives every resource a prefix of its own in one etcd.
type restOptions storagebackend.Config

func (o restOptions) GetRESTOptions(resource schema.GroupResource, _ runtime.Object) (generic.RESTOptions, error) {
	config := storagebackend.Config(o)
	return generic.RESTOptions{
		StorageConfig:           config.ForResource(resource),
		Decorator:               generic.UndecoratedStorage,
		EnableGarbageCollection: true,
		DeleteCollectionWorkers: 1,
		ResourcePrefix:          resource.Group + "/" + resource.Resource,
	}, nil
}

// within is the context of a request for one resource of the system namespace.
func within(t *testing.T) context.Context {
	return request.WithNamespace(t.Context(), systemNamespace)
}

func create[T runtime.Object](t *testing.T, storage rest.Storage, object T) T {
	t.Helper()
	created, err := storage.(rest.StandardStorage).Create(within(t), object, rest.ValidateAllObjectFunc, &metav1.CreateOptions{})
	require.NoError(t, err)
	return created.(T)
}

func update[T runtime.Object](t *testing.T, storage rest.Storage, object T) (T, error) {
	t.Helper()
	accessor, err := meta.Accessor(object)
	require.NoError(t, err)
	updated, created, err := storage.(rest.Updater).Update(within(t), accessor.GetName(), rest.DefaultUpdatedObjectInfo(object),
		rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	require.False(t, created, "an update does not create")
	if err != nil {
		var none T
		return none, err
	}
	return updated.(T), nil
}

func newCluster() *core.KubeFedCluster {
	return &core.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "cluster1", Namespace: systemNamespace, Labels: map[string]string{"region": "eu"}},
		Spec:       core.KubeFedClusterSpec{APIEndpoint: "https://10.0.0.1:6443", SecretRef: core.LocalSecretReference{Name: "cluster1"}},
		Status:     core.KubeFedClusterStatus{KubernetesVersion: "not the client's to say"},
	}
}

func newTypeConfig() *core.FederatedTypeConfig {
	config := &v1beta1.FederatedTypeConfig{ObjectMeta: metav1.ObjectMeta{Name: "configmaps", Namespace: systemNamespace}}
	config.Spec.TargetType = v1beta1.APIResource{Version: "v1", Kind: "ConfigMap", Scope: v1beta1.NamespaceScoped}
	config.Spec.FederatedType = v1beta1.APIResource{Group: "types.kubefed.io", Version: "v1beta1", Kind: "FederatedConfigMap", Scope: v1beta1.NamespaceScoped}
	config.Spec.Propagation = v1beta1.PropagationEnabled
	v1beta1.SetDefaults_FederatedTypeConfig(config)
	return internal(config, &core.FederatedTypeConfig{})
}

func newConfig() *core.KubeFedConfig {
	config := &v1beta1.KubeFedConfig{ObjectMeta: metav1.ObjectMeta{Name: "kubefed", Namespace: systemNamespace}}
	config.Spec.Scope = v1beta1.ClusterScoped
	v1beta1.SetDefaults_KubeFedConfig(config)
	return internal(config, &core.KubeFedConfig{})
}

// internal converts an object to its internal type.
func internal[T runtime.Object](versioned runtime.Object, into T) T {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	if err := scheme.Convert(versioned, into, nil); err != nil {
		panic(err)
	}
	return into
}

func TestKubeFedClusterStorage(t *testing.T) {
	storage := newStorage(t)
	clusters, status := storage["kubefedclusters"], storage["kubefedclusters/status"]

	created := create(t, clusters, newCluster())
	require.EqualValues(t, 1, created.Generation)
	require.Empty(t, created.Status.KubernetesVersion, "the status is wiped")
	require.Len(t, created.Status.Conditions, 1)
	require.Equal(t, []any{core.ClusterReady, corev1.ConditionUnknown, "Progressing"},
		[]any{created.Status.Conditions[0].Type, created.Status.Conditions[0].Status, *created.Status.Conditions[0].Reason}, "it was not looked at")
	require.NotEmpty(t, created.UID)

	_, err := clusters.(rest.StandardStorage).Create(within(t), newCluster(), rest.ValidateAllObjectFunc, &metav1.CreateOptions{})
	require.True(t, apierrors.IsAlreadyExists(err), "%v", err)

	labelled := created.DeepCopy()
	labelled.Labels["zone"] = "a"
	labelled.Status.KubernetesVersion = "v0"
	labelled.Generation = 99
	labelled, err = update(t, clusters, labelled)
	require.NoError(t, err)
	require.EqualValues(t, 1, labelled.Generation, "labels are no change of the spec")
	require.Equal(t, created.Status, labelled.Status, "status is not the client's")

	moved := labelled.DeepCopy()
	moved.Spec.APIEndpoint = "https://10.0.0.2:6443"
	moved, err = update(t, clusters, moved)
	require.NoError(t, err)
	require.EqualValues(t, 2, moved.Generation)

	reported := moved.DeepCopy()
	reported.Spec.APIEndpoint = "https://10.0.0.3:6443"
	reported.Labels = nil
	reported.Finalizers = []string{"example.com/x"}
	reported.Status = core.KubeFedClusterStatus{KubernetesVersion: "v1.37.2", Conditions: []core.ClusterCondition{
		{Type: core.ClusterReady, Status: "True", LastProbeTime: metav1.Now()},
	}}
	reported, err = update(t, status, reported)
	require.NoError(t, err)
	require.Equal(t, "v1.37.2", reported.Status.KubernetesVersion)
	require.Equal(t, moved.Spec, reported.Spec)
	require.Equal(t, moved.Labels, reported.Labels)
	require.Empty(t, reported.Finalizers)
	require.EqualValues(t, 2, reported.Generation)

	kept := reported.DeepCopy()
	kept.Status = core.KubeFedClusterStatus{}
	kept, err = update(t, clusters, kept)
	require.NoError(t, err)
	require.Equal(t, reported.Status, kept.Status, "the resource itself does not write the status")
	require.Equal(t, reported.ResourceVersion, kept.ResourceVersion, "nothing changed, nothing is written")

	_, err = update(t, clusters, moved)
	require.True(t, apierrors.IsConflict(err), "an old version is refused: %v", err)

	unconditional := kept.DeepCopy()
	unconditional.ResourceVersion = ""
	unconditional.Labels["zone"] = "b"
	_, err = update(t, clusters, unconditional)
	require.True(t, apierrors.IsInvalid(err), "an update must say which version it is of: %v", err)

	invalid := kept.DeepCopy()
	invalid.Spec.APIEndpoint = "ftp://member"
	_, err = update(t, clusters, invalid)
	require.True(t, apierrors.IsInvalid(err), "%v", err)
	require.ErrorContains(t, err, "spec.apiEndpoint")

	absent := newCluster()
	absent.Name = "absent"
	_, err = update(t, clusters, absent)
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	_, err = update(t, status, absent)
	require.True(t, apierrors.IsNotFound(err), "%v", err)
}

func TestFederatedTypeConfigStorage(t *testing.T) {
	storage := newStorage(t)
	configs, status := storage["federatedtypeconfigs"], storage["federatedtypeconfigs/status"]

	config := newTypeConfig()
	config.Status.ObservedGeneration = 9
	created := create(t, configs, config)
	require.EqualValues(t, 1, created.Generation)
	require.Zero(t, created.Status.ObservedGeneration, "the status is wiped")
	require.True(t, meta.IsStatusConditionPresentAndEqual(created.Status.Conditions, core.FederatedTypeReady, metav1.ConditionUnknown), "it was not looked at")

	reported := created.DeepCopy()
	reported.Spec.Propagation = core.PropagationDisabled
	reported.Status = core.FederatedTypeConfigStatus{ObservedGeneration: 1, PropagationController: core.ControllerStatusRunning}
	reported, err := update(t, status, reported)
	require.NoError(t, err)
	require.Equal(t, core.PropagationEnabled, reported.Spec.Propagation)
	require.EqualValues(t, 1, reported.Generation)

	disabled := reported.DeepCopy()
	disabled.Spec.Propagation = core.PropagationDisabled
	disabled.Status = core.FederatedTypeConfigStatus{}
	disabled, err = update(t, configs, disabled)
	require.NoError(t, err)
	require.EqualValues(t, 2, disabled.Generation)
	require.Equal(t, reported.Status, disabled.Status)

	other := disabled.DeepCopy()
	other.Spec.FederatedType.Kind = "Other"
	_, err = update(t, configs, other)
	require.True(t, apierrors.IsInvalid(err), "%v", err)
	require.ErrorContains(t, err, "spec.federatedType.kind")

	bad := disabled.DeepCopy()
	bad.Status.PropagationController = "Up"
	_, err = update(t, status, bad)
	require.ErrorContains(t, err, "status.propagationController")
}

func TestKubeFedConfigStorage(t *testing.T) {
	storage := newStorage(t)
	require.NotContains(t, storage, "kubefedconfigs/status")
	configs := storage["kubefedconfigs"]

	created := create(t, configs, newConfig())
	require.EqualValues(t, 1, created.Generation)

	changed := created.DeepCopy()
	*changed.Spec.ClusterHealthCheck.FailureThreshold = 5
	changed, err := update(t, configs, changed)
	require.NoError(t, err)
	require.EqualValues(t, 2, changed.Generation)

	annotated := changed.DeepCopy()
	annotated.Annotations = map[string]string{"a": "b"}
	annotated, err = update(t, configs, annotated)
	require.NoError(t, err)
	require.EqualValues(t, 2, annotated.Generation)

	moved := annotated.DeepCopy()
	moved.Spec.Scope = core.NamespaceScoped
	_, err = update(t, configs, moved)
	require.ErrorContains(t, err, "spec.scope")
	require.True(t, apierrors.IsInvalid(err))
}

func TestNamesForKubectl(t *testing.T) {
	storage := newStorage(t)
	for resource, want := range map[string]struct {
		singular   string
		shortNames []string
	}{
		"kubefedclusters":      {"kubefedcluster", []string{"kfc"}},
		"federatedtypeconfigs": {"federatedtypeconfig", []string{"ftc"}},
		"kubefedconfigs":       {"kubefedconfig", nil},
	} {
		served := storage[resource]
		require.Equal(t, want.singular, served.(rest.SingularNameProvider).GetSingularName())
		require.Equal(t, []string{"kubefed", "federation"}, served.(rest.CategoriesProvider).Categories())
		require.True(t, served.(rest.Scoper).NamespaceScoped())
		if named, ok := served.(rest.ShortNamesProvider); ok {
			require.Equal(t, want.shortNames, named.ShortNames())
		} else {
			require.Empty(t, want.shortNames)
		}
	}
}

func TestResetFieldsTellServerSideApplyWhatIsIgnored(t *testing.T) {
	storage := newStorage(t)
	const version = "core.kubefed.io/v1beta1"
	for _, resource := range []string{"kubefedclusters", "federatedtypeconfigs"} {
		main := storage[resource].(rest.ResetFieldsStrategy).GetResetFields()[version]
		require.Equal(t, ".status", main.String(), resource)
		status := storage[resource+"/status"].(rest.ResetFieldsStrategy).GetResetFields()[version]
		require.Contains(t, status.String(), ".spec", resource)
		require.Contains(t, status.String(), ".metadata.labels", resource)
		require.NotContains(t, status.String(), ".status", resource)
	}
}

func TestTables(t *testing.T) {
	storage := newStorage(t)
	region := "eu"
	ready := newCluster()
	ready.Status = core.KubeFedClusterStatus{KubernetesVersion: "v1.37.2", Region: &region, Conditions: []core.ClusterCondition{{Type: core.ClusterReady, Status: "True"}}}
	running := newTypeConfig()
	running.Status.PropagationController = core.ControllerStatusRunning
	for name, test := range map[string]struct {
		resource string
		object   runtime.Object
		// columns are the names of all columns, with a * where only -o wide shows it.
		columns []string
		cells   []any
	}{
		"cluster":         {"kubefedclusters", ready, []string{"Name", "Ready", "Version", "Region*", "Endpoint*", "Age"}, []any{"cluster1", "True", "v1.37.2", "eu", "https://10.0.0.1:6443", "<unknown>"}},
		"new cluster":     {"kubefedclusters", &core.KubeFedCluster{ObjectMeta: metav1.ObjectMeta{Name: "new"}}, []string{"Name", "Ready", "Version", "Region*", "Endpoint*", "Age"}, []any{"new", "Unknown", "", "", "", "<unknown>"}},
		"list":            {"kubefedclusters", &core.KubeFedClusterList{ListMeta: metav1.ListMeta{ResourceVersion: "7", Continue: "next"}, Items: []core.KubeFedCluster{*ready}}, []string{"Name", "Ready", "Version", "Region*", "Endpoint*", "Age"}, []any{"cluster1", "True", "v1.37.2", "eu", "https://10.0.0.1:6443", "<unknown>"}},
		"type config":     {"federatedtypeconfigs", running, []string{"Name", "Federated Kind", "Propagation", "Controller", "Age"}, []any{"configmaps", "FederatedConfigMap", "Enabled", "Running", "<unknown>"}},
		"configuration":   {"kubefedconfigs", newConfig(), []string{"Name", "Scope", "Age"}, []any{"kubefed", "Cluster", "<unknown>"}},
		"of a status too": {"kubefedclusters/status", ready, []string{"Name", "Ready", "Version", "Region*", "Endpoint*", "Age"}, []any{"cluster1", "True", "v1.37.2", "eu", "https://10.0.0.1:6443", "<unknown>"}},
	} {
		t.Run(name, func(t *testing.T) {
			convertor := storage[test.resource].(rest.TableConvertor)
			table, err := convertor.ConvertToTable(t.Context(), test.object, &metav1.TableOptions{})
			require.NoError(t, err)
			var columns []string
			for _, column := range table.ColumnDefinitions {
				require.NotEmpty(t, column.Description)
				if column.Priority > 0 {
					column.Name += "*"
				}
				columns = append(columns, column.Name)
			}
			require.Equal(t, test.columns, columns)
			require.Len(t, table.Rows, 1)
			require.Equal(t, test.cells, table.Rows[0].Cells)
			if list, ok := test.object.(metav1.ListInterface); ok {
				require.Equal(t, list.GetResourceVersion(), table.ResourceVersion)
				require.Equal(t, list.GetContinue(), table.Continue)
			}

			bare, err := convertor.ConvertToTable(t.Context(), test.object, &metav1.TableOptions{NoHeaders: true})
			require.NoError(t, err)
			require.Empty(t, bare.ColumnDefinitions)
		})
	}
	_, err := storage["kubefedconfigs"].(rest.TableConvertor).ConvertToTable(t.Context(), ready, nil)
	require.ErrorContains(t, err, "unexpected type *core.KubeFedCluster")
}
