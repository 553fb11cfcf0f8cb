package federatedtypes

import (
	"context"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
	"github.com/kubefederation/federation-apiserver/test/integration/typeserver"
)

var widgets = typeConfig("widgets.example.com", "example.com", "v1", "Widget", "widgets")

const widgetsPath = "apis/example.com/v1"

// next waits for the next event of a watch.
func next(t *testing.T, events watch.Interface) (watch.Event, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case event, ok := <-events.ResultChan():
		return event, ok
	case <-ctx.Done():
		require.FailNow(t, "no event")
		return watch.Event{}, false
	}
}

func TestKindsOfOneGoTypeStayApart(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, deployments, configMaps)
	create(t, s, deployments, "same", webSpec)
	create(t, s, configMaps, "same", `{template: {data: {}}}`)

	for _, config := range []*corev1beta1.FederatedTypeConfig{deployments, configMaps} {
		kind := config.Spec.FederatedType.Kind
		list, err := objects(t, s, config).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Equal(t, kind+"List", list.GetKind())
		require.Len(t, list.Items, 1)
		require.Equal(t, kind, list.Items[0].GetKind())

		initial := true
		events, err := objects(t, s, config).Watch(t.Context(), metav1.ListOptions{
			SendInitialEvents: &initial, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
		require.NoError(t, err)
		added, _ := next(t, events)
		require.Equal(t, watch.Added, added.Type)
		require.Equal(t, kind, added.Object.GetObjectKind().GroupVersionKind().Kind)
		bookmark, _ := next(t, events)
		require.Equal(t, watch.Bookmark, bookmark.Type)
		require.Equal(t, kind, bookmark.Object.GetObjectKind().GroupVersionKind().Kind)
		require.Equal(t, "true", bookmark.Object.(*unstructured.Unstructured).GetAnnotations()[metav1.InitialEventsAnnotationKey])
		events.Stop()
	}
	wrong := object(t, deployments, "wrong", webSpec)
	wrong.SetKind("FederatedConfigMap")
	answer := request(t, s, http.MethodPost, demoPath+"federateddeployments", jsonType, encode(t, wrong))
	require.Equal(t, http.StatusBadRequest, answer.code, "%s", answer.body)
}

func TestDisableAndEnableAgain(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps, secrets)
	kept := create(t, s, configMaps, "kept", `{template: {data: {a: "1"}}}`)
	client := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace)

	t.Run("a type config with objects cannot be deleted", func(t *testing.T) {
		err := client.Delete(t.Context(), configMaps.Name, metav1.DeleteOptions{})
		require.True(t, apierrors.IsConflict(err), "%v", err)
		require.ErrorContains(t, err, "1 objects of federatedconfigmaps.types.kubefed.io exist")
		require.ErrorContains(t, err, corev1beta1.OrphanObjectsAnnotation)
		err = client.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name=" + configMaps.Name})
		require.True(t, apierrors.IsConflict(err), "%v", err)
	})

	orphan(t, s, configMaps.Name)
	events, err := objects(t, s, configMaps).Watch(t.Context(), metav1.ListOptions{ResourceVersion: kept.GetResourceVersion()})
	require.NoError(t, err)
	disable(t, s, configMaps)
	for {
		if _, open := next(t, events); !open {
			break // a watch ends with its kind
		}
	}
	answer := request(t, s, http.MethodGet, demoPath+"federatedconfigmaps", jsonType, nil)
	require.Equal(t, http.StatusNotFound, answer.code)
	require.Equal(t, http.StatusOK, request(t, s, http.MethodGet, demoPath+"federatedsecrets", jsonType, nil).code)

	require.Eventually(t, func() bool {
		_, err := client.Get(t.Context(), configMaps.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, patience, poll)
	enable(t, s, configMaps)
	again, err := objects(t, s, configMaps).Get(t.Context(), "kept", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, kept.GetUID(), again.GetUID())
	require.Equal(t, kept.GetResourceVersion(), again.GetResourceVersion())

	t.Run("under another kind too", func(t *testing.T) {
		orphan(t, s, configMaps.Name)
		disable(t, s, configMaps)
		require.Eventually(t, func() bool {
			_, err := client.Get(t.Context(), configMaps.Name, metav1.GetOptions{})
			return apierrors.IsNotFound(err)
		}, patience, poll)
		renamed := configMaps.DeepCopy()
		renamed.Spec.FederatedType.Kind = "RenamedConfigMap"
		enable(t, s, renamed)
		list, err := objects(t, s, renamed).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.Equal(t, "RenamedConfigMap", list.Items[0].GetKind())
		require.Equal(t, kept.GetUID(), list.Items[0].GetUID())
	})
}

func TestTypeConfigOutlivesItsObjects(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t), Standby: true})
	client := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace)
	config := configMaps.DeepCopy()
	config.Finalizers = []string{corev1beta1.FederatedTypeConfigFinalizer}
	config.Annotations = map[string]string{corev1beta1.OrphanObjectsAnnotation: "true"}
	_, err := client.Create(t.Context(), config, metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, served := s.Types.Kind("federatedconfigmaps")
		return served
	}, patience, poll, "a replica that does not lead serves")
	create(t, s, configMaps, "last", `{template: {data: {}}}`)

	// The deletion is allowed, and then the objects shall not be orphaned after all.
	require.NoError(t, client.Delete(t.Context(), config.Name, metav1.DeleteOptions{}))
	_, err = client.Patch(t.Context(), config.Name, types.MergePatchType, []byte(`{"metadata":{"annotations":null}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	s.Lead()
	waitCondition(t, s, config.Name, corev1beta1.FederatedTypeServed, metav1.ConditionTrue, "Terminating")
	refused := request(t, s, http.MethodPost, demoPath+"federatedconfigmaps", jsonType, encode(t, object(t, configMaps, "new", `{template: {data: {}}}`)))
	require.Equal(t, http.StatusForbidden, refused.code, "%s", refused.body)
	refused = request(t, s, http.MethodPatch, demoPath+"federatedconfigmaps/new?fieldManager=me", "application/apply-patch+yaml", encode(t, object(t, configMaps, "new", `{template: {data: {}}}`)))
	require.Equal(t, http.StatusForbidden, refused.code, "%s", refused.body)

	require.NoError(t, objects(t, s, configMaps).Delete(t.Context(), "last", metav1.DeleteOptions{}))
	kind, served := s.Types.Kind("federatedconfigmaps")
	require.True(t, served)
	last, err := kind.Get(t.Context(), "demo", "last")
	require.NoError(t, err)
	require.NoError(t, kind.RemoveFinalizer(t.Context(), last, typesv1beta1.SyncFinalizer))
	require.Eventually(t, func() bool {
		_, err := client.Get(t.Context(), config.Name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, patience, poll)
	require.Eventually(t, func() bool {
		return request(t, s, http.MethodGet, demoPath+"federatedconfigmaps", jsonType, nil).code == http.StatusNotFound
	}, patience, poll)
}

func TestRestartAnswers503NotFound404Never(t *testing.T) {
	t.Parallel()
	host := typeserver.NewHost(t)
	dataDir := t.TempDir()
	configs := []*corev1beta1.FederatedTypeConfig{deployments, configMaps, secrets}
	first := typeserver.Start(t, typeserver.Options{Host: host, DataDir: dataDir})
	enable(t, first, configs...)
	create(t, first, configMaps, "kept", `{template: {data: {}}}`)
	first.Stop()

	second := typeserver.Start(t, typeserver.Options{Host: host, DataDir: dataDir, HoldLoading: true})
	const path = demoPath + "federatedconfigmaps/kept"
	for _, early := range []string{path, groupVersionPath, "/apis/types.kubefed.io", demoPath + "nothing"} {
		require.Equal(t, http.StatusServiceUnavailable, request(t, second, http.MethodGet, early, jsonType, nil).code, early)
	}
	ready, err := second.HTTP(t).Get(second.Config.Host + "/readyz")
	require.NoError(t, err)
	require.NoError(t, ready.Body.Close())
	require.NotEqual(t, http.StatusOK, ready.StatusCode)

	second.Load()
	require.Eventually(t, func() bool {
		code := request(t, second, http.MethodGet, path, jsonType, nil).code
		require.NotEqual(t, http.StatusNotFound, code)
		return code == http.StatusOK
	}, patience, time.Millisecond)
	for _, config := range configs {
		_, err := objects(t, second, config).List(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
	}
}

func TestSchemaFollowsTheHost(t *testing.T) {
	t.Parallel()
	host := typeserver.NewHost(t)
	s := typeserver.Start(t, typeserver.Options{Host: host})
	enable(t, s, widgets)
	waitCondition(t, s, widgets.Name, corev1beta1.FederatedTypeSchemaTyped, metav1.ConditionFalse, "SchemaNotPublished")
	free := create(t, s, widgets, "free", `{template: {spec: {size: 3, color: red}}}`)
	require.Equal(t, "red", at(t, free, "spec", "template", "spec", "color"))
	events, err := objects(t, s, widgets).Watch(t.Context(), metav1.ListOptions{ResourceVersion: free.GetResourceVersion()})
	require.NoError(t, err)
	defer events.Stop()

	strict := func(spec string) int {
		return request(t, s, http.MethodPost, demoPath+"federatedwidgets?fieldValidation=Strict&dryRun=All", jsonType, encode(t, object(t, widgets, "try", spec))).code
	}
	require.Equal(t, http.StatusCreated, strict(`{template: {spec: {color: red}}}`))

	host.Publish(widgetsPath, typeserver.CustomKind("example.com", "v1", "Widget", `{"size":{"type":"integer","maximum":10}}`))
	waitCondition(t, s, widgets.Name, corev1beta1.FederatedTypeSchemaTyped, metav1.ConditionTrue, "SchemaFound")
	require.Equal(t, http.StatusBadRequest, strict(`{template: {spec: {color: red}}}`))
	require.Equal(t, http.StatusUnprocessableEntity, strict(`{template: {spec: {size: 11}}}`))

	t.Run("an object from before can be labelled and applied to", func(t *testing.T) {
		labelled := request(t, s, http.MethodPatch, demoPath+"federatedwidgets/free?fieldManager=me", "application/apply-patch+yaml",
			[]byte(`{"apiVersion":"types.kubefed.io/v1beta1","kind":"FederatedWidget","metadata":{"labels":{"a":"b"}}}`))
		require.Equal(t, http.StatusOK, labelled.code, "%s", labelled.body)
	})
	t.Run("a field that the target gains is accepted, and the watch goes on", func(t *testing.T) {
		host.Publish(widgetsPath, typeserver.CustomKind("example.com", "v1", "Widget", `{"size":{"type":"integer"},"color":{"type":"string"}}`))
		require.Eventually(t, func() bool { return strict(`{template: {spec: {color: red}}}`) == http.StatusCreated }, patience, poll)
		create(t, s, widgets, "after", `{template: {spec: {color: blue}}}`)
		for {
			event, open := next(t, events)
			require.True(t, open, "the watch has ended")
			if event.Object.(*unstructured.Unstructured).GetName() == "after" {
				break
			}
		}
	})
	t.Run("a schema stays while the host is away", func(t *testing.T) {
		host.SetDown(true)
		defer host.SetDown(false)
		require.Equal(t, http.StatusBadRequest, strict(`{template: {spec: {colour: red}}}`))
		enable(t, s, configMaps)
		waitCondition(t, s, configMaps.Name, corev1beta1.FederatedTypeSchemaTyped, metav1.ConditionFalse, "HostUnavailable")
		host.SetDown(false)
		waitCondition(t, s, configMaps.Name, corev1beta1.FederatedTypeSchemaTyped, metav1.ConditionTrue, "SchemaFound")
	})
	t.Run("a schema that cannot be worked with leaves the template free-form", func(t *testing.T) {
		host.Publish(widgetsPath, typeserver.CustomKind("example.com", "v1", "Widget", `{"size":{"$ref":"#/components/schemas/nowhere"}}`))
		condition := waitCondition(t, s, widgets.Name, corev1beta1.FederatedTypeSchemaTyped, metav1.ConditionFalse, "SchemaUnusable")
		require.Contains(t, condition.Message, "nowhere")
	})
}

func TestConflictingTypeConfigs(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps)
	second := typeConfig("widgets.example.com", "example.com", "v1", "Widget", "widgets")
	second.Spec.FederatedType.PluralName = configMaps.Spec.FederatedType.PluralName
	foreign := typeConfig("gadgets.example.com", "example.com", "v1", "Gadget", "gadgets")
	foreign.Spec.FederatedType.Group = "types.example.com"
	for _, config := range []*corev1beta1.FederatedTypeConfig{second, foreign} {
		_, err := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).Create(t.Context(), config, metav1.CreateOptions{})
		require.NoError(t, err)
	}
	condition := waitCondition(t, s, second.Name, corev1beta1.FederatedTypeServed, metav1.ConditionFalse, "Conflict")
	require.Contains(t, condition.Message, `"configmaps" has the federated plural "federatedconfigmaps" already`)
	condition = waitCondition(t, s, foreign.Name, corev1beta1.FederatedTypeServed, metav1.ConditionFalse, "UnsupportedGroup")
	require.Contains(t, condition.Message, "types.example.com/v1beta1")

	require.NoError(t, s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace).Delete(t.Context(), configMaps.Name, metav1.DeleteOptions{}))
	waitCondition(t, s, second.Name, corev1beta1.FederatedTypeServed, metav1.ConditionTrue, "")
}

func TestPropagationIsSwitched(t *testing.T) {
	t.Parallel()
	s := typeserver.Start(t, typeserver.Options{Host: typeserver.NewHost(t)})
	enable(t, s, configMaps)
	client := s.Federation.CoreV1beta1().FederatedTypeConfigs(typeserver.Namespace)
	setMode := func(mode corev1beta1.PropagationMode, want corev1beta1.ControllerStatus) {
		patch := []byte(`{"spec":{"propagation":"` + string(mode) + `"}}`)
		_, err := client.Patch(t.Context(), configMaps.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			config, err := client.Get(t.Context(), configMaps.Name, metav1.GetOptions{})
			return err == nil && config.Status.ObservedGeneration == config.Generation && config.Status.PropagationController == want
		}, patience, poll)
	}
	create(t, s, configMaps, "one", `{template: {data: {}}}`)
	require.True(t, s.Propagation.Running(configMaps.Name))

	setMode(corev1beta1.PropagationDisabled, corev1beta1.ControllerStatusNotRunning)
	require.False(t, s.Propagation.Running(configMaps.Name))
	released, err := objects(t, s, configMaps).Get(t.Context(), "one", metav1.GetOptions{})
	require.NoError(t, err)
	require.Empty(t, released.GetFinalizers(), "nobody would remove it")
	require.Empty(t, create(t, s, configMaps, "two", `{template: {data: {}}}`).GetFinalizers())

	setMode(corev1beta1.PropagationEnabled, corev1beta1.ControllerStatusRunning)
	require.Equal(t, []string{typesv1beta1.SyncFinalizer}, create(t, s, configMaps, "three", `{template: {data: {}}}`).GetFinalizers())
}

func TestEnablingAndDisablingLeavesNothingBehind(t *testing.T) {
	host := typeserver.NewHost(t)
	s := typeserver.Start(t, typeserver.Options{Host: host})
	cycle := func() {
		for _, config := range []*corev1beta1.FederatedTypeConfig{deployments, configMaps} {
			_, err := s.Types.Enable(t.Context(), config)
			require.NoError(t, err)
			require.Equal(t, http.StatusOK, request(t, s, http.MethodGet, demoPath+config.Spec.FederatedType.PluralName, jsonType, nil).code)
		}
		for _, config := range []*corev1beta1.FederatedTypeConfig{deployments, configMaps} {
			s.Types.Disable(t.Context(), config.Name)
		}
	}
	cycle()
	before := settled(t)
	for range 20 {
		cycle()
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+10 }, patience, poll,
		"goroutines grow with every cycle: from %d", before)
}

// settled waits until the number of goroutines stops to fall, and returns it.
func settled(t *testing.T) int {
	t.Helper()
	last, since := runtime.NumGoroutine(), time.Now()
	require.Eventually(t, func() bool {
		if now := runtime.NumGoroutine(); now < last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 2*time.Second
	}, patience, poll)
	return last
}
