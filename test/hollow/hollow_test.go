package hollow_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
	"github.com/kubefederation/federation-apiserver/test/hollow"
)

const patience = time.Minute

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	namespaces  = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
)

func newMember(t *testing.T) *hollow.Member {
	fleet, err := hollow.Start()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, fleet.Close()) })
	member, err := fleet.Add("m1")
	require.NoError(t, err)
	return member
}

func clientOf(t *testing.T, member *hollow.Member) dynamic.Interface {
	client, err := dynamic.NewForConfig(member.Config())
	require.NoError(t, err)
	return client
}

func configMap(name string, data map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "default"}, "data": data,
	}}
}

func by(manager string) metav1.ApplyOptions {
	return metav1.ApplyOptions{FieldManager: manager, Force: true}
}

func TestApply(t *testing.T) {
	ctx := t.Context()
	client := clientOf(t, newMember(t)).Resource(configMaps).Namespace("default")

	made, err := client.Apply(ctx, "a", configMap("a", map[string]any{"x": "1", "y": "2"}), by("one"))
	require.NoError(t, err)
	require.NotEmpty(t, made.GetUID())
	require.Len(t, made.GetManagedFields(), 1)
	require.JSONEq(t, `{"f:data":{".":{},"f:x":{},"f:y":{}}}`, made.GetManagedFields()[0].FieldsV1.GetRawString())

	again, err := client.Apply(ctx, "a", configMap("a", map[string]any{"x": "1", "y": "2"}), by("one"))
	require.NoError(t, err)
	require.Equal(t, made, again, "what is so already is not written")

	_, err = client.Apply(ctx, "a", configMap("a", map[string]any{"y": "3"}), metav1.ApplyOptions{FieldManager: "two"})
	require.True(t, apierrors.IsConflict(err), "%v", err)
	both, err := client.Apply(ctx, "a", configMap("a", map[string]any{"y": "3", "z": "4"}), by("two"))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"x": "1", "y": "3", "z": "4"}, both.Object["data"])
	require.Len(t, both.GetManagedFields(), 2)

	// What nobody wants any more goes; what another wants stays.
	less, err := client.Apply(ctx, "a", configMap("a", map[string]any{}), by("one"))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"y": "3", "z": "4"}, less.Object["data"])
	require.Equal(t, made.GetUID(), less.GetUID())

	patched, err := client.Patch(ctx, "a", types.MergePatchType, []byte(`{"data":{"z":null},"metadata":{"labels":{"l":"v"}}}`), metav1.PatchOptions{FieldManager: "three"})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"y": "3"}, patched.Object["data"])
	require.Equal(t, "v", patched.GetLabels()["l"])
	_, err = client.Patch(ctx, "a", types.MergePatchType, []byte(`{"metadata":{"resourceVersion":"1","labels":{"l":"w"}}}`), metav1.PatchOptions{})
	require.True(t, apierrors.IsConflict(err), "%v", err)

	live, err := client.Get(ctx, "a", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, patched, live)

	elsewhere := configMap("a", nil)
	elsewhere.SetNamespace("missing")
	_, err = clientOf(t, newMember(t)).Resource(configMaps).Namespace("missing").Apply(ctx, "a", elsewhere, by("one"))
	require.True(t, apierrors.IsNotFound(err), "%v", err)
}

func TestDelete(t *testing.T) {
	ctx := t.Context()
	client := clientOf(t, newMember(t))
	inDefault := client.Resource(configMaps).Namespace("default")
	made, err := inDefault.Create(ctx, configMap("a", nil), metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = inDefault.Create(ctx, configMap("a", nil), metav1.CreateOptions{})
	require.True(t, apierrors.IsAlreadyExists(err), "%v", err)

	other, uid := types.UID("other"), made.GetUID()
	err = inDefault.Delete(ctx, "a", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}})
	require.True(t, apierrors.IsConflict(err), "%v", err)
	require.NoError(t, inDefault.Delete(ctx, "a", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid}}))
	_, err = inDefault.Get(ctx, "a", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)

	// A finalizer keeps an object, and that a namespace.
	namespace := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "n"}}}
	_, err = client.Resource(namespaces).Create(ctx, namespace, metav1.CreateOptions{})
	require.NoError(t, err)
	kept, gone := configMap("kept", nil), configMap("gone", nil)
	kept.SetFinalizers([]string{"example.com/f"})
	for _, o := range []*unstructured.Unstructured{kept, gone} {
		o.SetNamespace("n")
		_, err = client.Resource(configMaps).Namespace("n").Create(ctx, o, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	require.NoError(t, client.Resource(namespaces).Delete(ctx, "n", metav1.DeleteOptions{}))
	list, err := client.Resource(configMaps).Namespace("n").List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.NotNil(t, list.Items[0].GetDeletionTimestamp())
	going, err := client.Resource(namespaces).Get(ctx, "n", metav1.GetOptions{})
	require.NoError(t, err)
	require.NotNil(t, going.GetDeletionTimestamp())
	_, err = client.Resource(configMaps).Namespace("n").Apply(ctx, "new", func() *unstructured.Unstructured { o := configMap("new", nil); o.SetNamespace("n"); return o }(), by("one"))
	require.True(t, apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause), "%v", err)
	_, err = client.Resource(configMaps).Namespace("n").Patch(ctx, "kept", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	_, err = client.Resource(namespaces).Get(ctx, "n", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "%v", err)
}

func TestListsComeInPages(t *testing.T) {
	ctx := t.Context()
	client := clientOf(t, newMember(t)).Resource(configMaps).Namespace("default")
	for i := range 7 {
		_, err := client.Create(ctx, configMap(fmt.Sprintf("c%d", i), nil), metav1.CreateOptions{})
		require.NoError(t, err)
	}
	var names []string
	options := metav1.ListOptions{Limit: 3}
	for {
		page, err := client.List(ctx, options)
		require.NoError(t, err)
		for _, o := range page.Items {
			names = append(names, o.GetName())
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			break
		}
	}
	require.Equal(t, []string{"c0", "c1", "c2", "c3", "c4", "c5", "c6"}, names)
	_, err := client.List(ctx, metav1.ListOptions{Limit: 3, Continue: "?"})
	require.True(t, apierrors.IsBadRequest(err), "%v", err)
}

func TestWatchGoesOnWhereAnotherEnded(t *testing.T) {
	ctx := t.Context()
	member := newMember(t)
	client := clientOf(t, member).Resource(configMaps).Namespace("default")
	metadataClient, err := metadata.NewForConfig(member.Config())
	require.NoError(t, err)
	for name, open := range map[string]func(metav1.ListOptions) (watch.Interface, error){
		"whole": func(o metav1.ListOptions) (watch.Interface, error) { return client.Watch(ctx, o) },
		"metadata": func(o metav1.ListOptions) (watch.Interface, error) {
			return metadataClient.Resource(configMaps).Watch(ctx, o)
		},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := client.List(ctx, metav1.ListOptions{})
			require.NoError(t, err)
			o := configMap(name, map[string]any{"x": "1"})
			_, err = client.Create(ctx, o, metav1.CreateOptions{})
			require.NoError(t, err)
			for _, patch := range []string{`{"metadata":{"labels":{"l":"v"}}}`, `{"data":{"x":"2"}}`, `{"metadata":{"labels":null}}`} {
				_, err = client.Patch(ctx, name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
				require.NoError(t, err)
			}
			w, err := open(metav1.ListOptions{ResourceVersion: list.GetResourceVersion(), LabelSelector: "l=v"})
			require.NoError(t, err)
			defer w.Stop()
			for _, kind := range []watch.EventType{watch.Added, watch.Modified, watch.Deleted} {
				event := <-w.ResultChan()
				require.Equal(t, kind, event.Type, "%v", event.Object)
				seen, ok := event.Object.(metav1.Object)
				require.True(t, ok, "%T", event.Object)
				require.Equal(t, name, seen.GetName())
			}

			// What is there first, and then what comes.
			yes := true
			initial, err := open(metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, FieldSelector: "metadata.name=" + name})
			require.NoError(t, err)
			defer initial.Stop()
			require.Equal(t, watch.Added, (<-initial.ResultChan()).Type)
			bookmark := <-initial.ResultChan()
			require.Equal(t, watch.Bookmark, bookmark.Type)
			require.Equal(t, "true", bookmark.Object.(metav1.Object).GetAnnotations()[metav1.InitialEventsAnnotationKey])
			require.NoError(t, client.Delete(ctx, name, metav1.DeleteOptions{}))
			require.Equal(t, watch.Deleted, (<-initial.ResultChan()).Type)
		})
	}
}

// TestTheFederationsOwnConnection has the server's own client see and write what
// it would in a real member.
func TestTheFederationsOwnConnection(t *testing.T) {
	ctx := t.Context()
	member := newMember(t)
	cluster := &corev1beta1.KubeFedCluster{ObjectMeta: metav1.ObjectMeta{Name: "m1"}, Spec: corev1beta1.KubeFedClusterSpec{
		APIEndpoint: member.Endpoint(), CABundle: member.CA(), SecretRef: corev1beta1.LocalSecretReference{Name: "s"},
	}}
	secret := &corev1.Secret{Data: map[string][]byte{"token": []byte(member.Token())}}
	connect := func() *members.Member {
		set := members.NewSet(ctx, members.Options{})
		t.Cleanup(set.Close)
		require.NoError(t, set.Update(cluster, secret))
		set.SetReady("m1", true, nil)
		m, ok := set.Get("m1")
		require.True(t, ok)
		return m
	}
	m := connect()
	healthy, answer, err := m.Probe(ctx)
	require.NoError(t, err)
	require.True(t, healthy, answer)
	version, err := m.Version(ctx)
	require.NoError(t, err)
	require.Equal(t, hollow.Version, version)
	_, _, err = m.Topology(ctx)
	require.NoError(t, err)

	for _, test := range []struct {
		resource schema.GroupVersionResource
		detail   members.Detail
		body     map[string]any
	}{
		{configMaps, members.Metadata, map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"x": "<&>"}}},
		{deployments, members.Statuses, map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"replicas": 2}}},
	} {
		t.Run(test.resource.Resource, func(t *testing.T) {
			test.body["metadata"] = map[string]any{"name": "a", "namespace": "default", "labels": map[string]any{"kubefed.io/managed": "true"}}
			body, err := json.Marshal(test.body)
			require.NoError(t, err)
			observed := m.Observe(test.resource, true, test.detail)
			require.Eventually(t, func() bool { state, _ := observed.State(); return state == members.Synced }, patience, time.Millisecond)
			key := types.NamespacedName{Namespace: "default", Name: "a"}
			written, err := observed.Apply(ctx, key, body)
			require.NoError(t, err)
			require.NotEmpty(t, written.Owned)
			live, found, err := observed.GetLive(ctx, key)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, written.Owned, live.Owned)

			// Another observer sees it by its watch, and the same of it.
			other := connect()
			again := other.Observe(test.resource, true, test.detail)
			require.Eventually(t, func() bool { _, found := again.Get(key); return found }, patience, time.Millisecond)
			seen, _ := again.Get(key)
			require.Equal(t, written.Owned, seen.Owned)
			if test.detail == members.Statuses {
				require.Equal(t, typesv1beta1.CopyCurrent, seen.Status.Health, seen.Status.Message)
				require.True(t, seen.Status.HasReplicas)
			}

			require.NoError(t, observed.Unmanage(ctx, key))
			require.Eventually(t, func() bool { _, found := again.Get(key); return !found }, patience, time.Millisecond)
			live, found, err = observed.GetLive(ctx, key)
			require.NoError(t, err)
			require.True(t, found)
			require.Empty(t, live.Owned)
			require.Empty(t, live.Managed)
			gone, err := observed.Delete(ctx, key, live.UID, metav1.DeleteOptions{})
			require.NoError(t, err)
			require.True(t, gone)
		})
	}
	require.Positive(t, member.Requests()[hollow.Request{Verb: "APPLY", Resource: "configmaps"}])
}

func TestDiscovery(t *testing.T) {
	member := newMember(t)
	client, err := discovery.NewDiscoveryClientForConfig(member.Config())
	require.NoError(t, err)
	_, lists, err := client.ServerGroupsAndResources()
	require.NoError(t, err)
	require.NotEmpty(t, lists)
	typed, err := kubernetes.NewForConfig(member.Config())
	require.NoError(t, err)
	_, err = typed.AppsV1().Deployments("default").List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	stranger := member.Config()
	stranger.BearerToken = "another"
	typed, err = kubernetes.NewForConfig(stranger)
	require.NoError(t, err)
	_, err = typed.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{})
	require.True(t, apierrors.IsUnauthorized(err), "%v", err)
}

func TestFaults(t *testing.T) {
	ctx := t.Context()
	member := newMember(t)
	config := member.Config()
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	require.NoError(t, err)
	inDefault := client.Resource(configMaps).Namespace("default")
	always := func(fault hollow.Fault) { member.Inject(func(*http.Request) *hollow.Fault { return &fault }) }

	always(hollow.Fault{Status: http.StatusInternalServerError})
	_, err = inDefault.List(ctx, metav1.ListOptions{})
	require.True(t, apierrors.IsInternalError(err), "%v", err)

	always(hollow.Fault{Body: []byte("{{{")})
	_, err = inDefault.List(ctx, metav1.ListOptions{})
	require.Error(t, err)

	// The write takes effect though nobody is told so.
	always(hollow.Fault{Lose: true})
	_, err = inDefault.Apply(ctx, "lost", configMap("lost", nil), by("one"))
	require.Error(t, err)
	member.Inject(nil)
	_, err = inDefault.Get(ctx, "lost", metav1.GetOptions{})
	require.NoError(t, err)

	always(hollow.Fault{Hang: true})
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	_, err = inDefault.List(short, metav1.ListOptions{})
	cancel()
	require.ErrorIs(t, err, context.DeadlineExceeded)
	answered := make(chan error, 1)
	go func() {
		_, err := inDefault.List(ctx, metav1.ListOptions{})
		answered <- err
	}()
	member.Inject(nil)
	require.NoError(t, <-answered)

	// One request at a time: another one meanwhile is refused, and says when to try
	// again.
	member.Limit(1)
	entered := make(chan struct{})
	member.Inject(func(r *http.Request) *hollow.Fault {
		close(entered)
		return &hollow.Fault{Hang: true}
	})
	go func() {
		_, err := inDefault.List(ctx, metav1.ListOptions{})
		answered <- err
	}()
	<-entered
	raw, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	err = raw.CoreV1().RESTClient().Get().Resource("configmaps").Namespace("default").MaxRetries(0).Do(ctx).Error()
	require.True(t, apierrors.IsTooManyRequests(err), "%v", err)
	seconds, said := apierrors.SuggestsClientDelay(err)
	require.True(t, said)
	require.Equal(t, 1, seconds)
	member.Inject(nil)
	require.NoError(t, <-answered)
}
