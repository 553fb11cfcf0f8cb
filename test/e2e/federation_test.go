package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"

	"github.com/kubefederation/federation-apiserver/test/env"
)

const (
	// patience bounds every wait. A slow and busy machine needs a good part of it.
	patience = 3 * time.Minute
	// timeoutFlag is as much for commands that wait themselves.
	timeoutFlag  = "--timeout=180s"
	pollInterval = 50 * time.Millisecond
	// slow is what a wait may take without being told of.
	slow = 2 * time.Second

	cluster1 = "cluster1"
	cluster2 = "cluster2"
	cluster3 = "cluster3"
)

var (
	namespaces  = core("namespaces")
	configMaps  = core("configmaps")
	pods        = core("pods")
	events      = core("events")
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}

	federatedNamespaces  = federated("federatednamespaces")
	federatedConfigMaps  = federated("federatedconfigmaps")
	federatedDeployments = federated("federateddeployments")

	kubeFedConfigs       = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "kubefedconfigs"}
	federatedTypeConfigs = schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: "federatedtypeconfigs"}
)

func core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Version: "v1", Resource: resource}
}

func federated(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: resource}
}

// federation is the shared environment in the hands of one test.
type federation struct {
	*env.Environment
	t       *testing.T
	clients map[string]dynamic.Interface
}

func setup(t *testing.T) *federation {
	t.Helper()
	f := &federation{Environment: env.Shared(t), t: t, clients: map[string]dynamic.Interface{}}
	for _, cluster := range append(f.Members(), f.Host()) {
		config := cluster.Config()
		config.QPS = -1
		client, err := dynamic.NewForConfig(config)
		require.NoError(t, err)
		f.clients[cluster.Name()] = client
	}
	return f
}

// in is the federation in the hands of a subtest.
func (f *federation) in(t *testing.T) *federation {
	return &federation{Environment: f.Environment, t: t, clients: f.clients}
}

// ctx ends with the test; what cleans up has to bring its own.
func (f *federation) ctx() context.Context { return f.t.Context() }

// on is the client of the host or a member for objects of a namespace; cluster-scoped ones have none.
func (f *federation) on(cluster string, resource schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	f.t.Helper()
	client, ok := f.clients[cluster]
	require.True(f.t, ok, "no cluster %s", cluster)
	if namespace == "" {
		return client.Resource(resource)
	}
	return client.Resource(resource).Namespace(namespace)
}

// host is the client of the federation.
func (f *federation) host(resource schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	f.t.Helper()
	return f.on(env.HostName, resource, namespace)
}

// eventually waits until check finds nothing wrong.
func (f *federation) eventually(what string, check func() error) {
	f.t.Helper()
	var last error
	began := time.Now()
	err := wait.PollUntilContextTimeout(f.ctx(), pollInterval, patience, true, func(context.Context) (bool, error) {
		last = check()
		return last == nil, nil
	})
	if err != nil {
		require.FailNow(f.t, "waited in vain for "+what, "%v", last)
	}
	if waited := time.Since(began); waited > slow {
		f.t.Logf("waited %s for %s", waited.Round(time.Millisecond), what)
	}
}

// get reads an object that has to be there.
func (f *federation) get(cluster string, resource schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	f.t.Helper()
	object, err := f.on(cluster, resource, namespace).Get(f.ctx(), name, metav1.GetOptions{})
	require.NoError(f.t, err)
	return object
}

// awaitCopy waits until an object in a cluster passes every check, and returns it.
func (f *federation) awaitCopy(cluster string, resource schema.GroupVersionResource, namespace, name string, checks ...func(*unstructured.Unstructured) error) *unstructured.Unstructured {
	f.t.Helper()
	var found *unstructured.Unstructured
	f.eventually(fmt.Sprintf("%s %s/%s in %s", resource.Resource, namespace, name, cluster), func() error {
		object, err := f.on(cluster, resource, namespace).Get(f.ctx(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, check := range checks {
			if err := check(object); err != nil {
				return err
			}
		}
		found = object
		return nil
	})
	return found
}

// awaitGone waits until an object is not there.
func (f *federation) awaitGone(cluster string, resource schema.GroupVersionResource, namespace, name string) {
	f.t.Helper()
	f.eventually(fmt.Sprintf("%s %s/%s to be gone from %s", resource.Resource, namespace, name, cluster), func() error {
		object, err := f.on(cluster, resource, namespace).Get(f.ctx(), name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		return fmt.Errorf("still there: uid %s, deletionTimestamp %v, finalizers %v", object.GetUID(), object.GetDeletionTimestamp(), object.GetFinalizers())
	})
}

// requireAbsent fails if an object is there.
func (f *federation) requireAbsent(cluster string, resource schema.GroupVersionResource, namespace, name string) {
	f.t.Helper()
	_, err := f.on(cluster, resource, namespace).Get(f.ctx(), name, metav1.GetOptions{})
	require.True(f.t, apierrors.IsNotFound(err), "%s %s/%s in %s: %v", resource.Resource, namespace, name, cluster, err)
}

// awaitReady waits until the federation has done what the object's current generation asks for.
func (f *federation) awaitReady(resource schema.GroupVersionResource, namespace, name string) *unstructured.Unstructured {
	f.t.Helper()
	return f.awaitCopy(env.HostName, resource, namespace, name, isReady)
}

// awaitAllReady does so for every object of a namespace.
func (f *federation) awaitAllReady(resource schema.GroupVersionResource, namespace string) {
	f.t.Helper()
	f.eventually("all "+resource.Resource+" of "+namespace+" to be ready", func() error {
		list, err := f.host(resource, namespace).List(f.ctx(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for i := range list.Items {
			if err := isReady(&list.Items[i]); err != nil {
				return fmt.Errorf("%s: %w", list.Items[i].GetName(), err)
			}
		}
		return nil
	})
}

// create makes an object in the host.
func (f *federation) create(resource schema.GroupVersionResource, object *unstructured.Unstructured) *unstructured.Unstructured {
	f.t.Helper()
	created, err := f.host(resource, object.GetNamespace()).Create(f.ctx(), object, metav1.CreateOptions{})
	require.NoError(f.t, err)
	return created
}

// patch merges a JSON document into an object.
func (f *federation) patch(cluster string, resource schema.GroupVersionResource, namespace, name, patch string) *unstructured.Unstructured {
	f.t.Helper()
	object, err := f.on(cluster, resource, namespace).Patch(f.ctx(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	require.NoError(f.t, err)
	return object
}

// remove deletes an object of the host and does not wait.
func (f *federation) remove(resource schema.GroupVersionResource, namespace, name string) {
	f.t.Helper()
	require.NoError(f.t, f.host(resource, namespace).Delete(f.ctx(), name, metav1.DeleteOptions{}))
}

// namespace makes a namespace in the host for one test, and federates it to the clusters, if there are any.
func (f *federation) namespace(clusters ...string) string {
	f.t.Helper()
	name := "e2e-" + rand.String(6)
	namespace := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": name},
	}}
	f.create(namespaces, namespace)
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.dump(name)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		err := f.host(namespaces, "").Delete(ctx, name, metav1.DeleteOptions{})
		if !apierrors.IsNotFound(err) {
			require.NoError(f.t, err)
		}
	})
	if len(clusters) > 0 {
		f.federateNamespace(name, clusters...)
	}
	return name
}

// federateNamespace makes a namespace of the host one of the clusters too.
func (f *federation) federateNamespace(name string, clusters ...string) {
	f.t.Helper()
	f.create(federatedNamespaces, federatedObject("FederatedNamespace", name, name, nil, clusters...))
	f.awaitReady(federatedNamespaces, name, name)
}

// configure changes the spec of the KubeFedConfig in force until the test ends.
func (f *federation) configure(spec string) {
	f.t.Helper()
	before := f.get(env.HostName, kubeFedConfigs, env.SystemNamespace, "kubefed")
	f.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		restored, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec", "value": before.Object["spec"]}})
		require.NoError(f.t, err)
		_, err = f.host(kubeFedConfigs, env.SystemNamespace).Patch(ctx, "kubefed", types.JSONPatchType, restored, metav1.PatchOptions{})
		require.NoError(f.t, err)
	})
	f.patch(env.HostName, kubeFedConfigs, env.SystemNamespace, "kubefed", `{"spec":`+spec+`}`)
}

// dump logs what a failed test left in a namespace.
func (f *federation) dump(namespace string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	commands := [][]string{
		{"-n", env.SystemNamespace, "get", "kubefedclusters,federatedtypeconfigs", "-o", "wide"},
		{"-n", namespace, "get", "federatednamespaces,federatedconfigmaps,federateddeployments", "-o", "yaml"},
		{"-n", namespace, "get", "events"},
	}
	for _, member := range f.Members() {
		commands = append(commands, []string{"--context", member.Name(), "-n", namespace, "get", "configmaps,deployments,pods", "--show-labels", "-o", "wide"})
	}
	for _, args := range commands {
		output, err := f.command(ctx, "kubectl", append(args, "--request-timeout=10s")...).CombinedOutput()
		f.t.Logf("$ kubectl %s\n%s%v", strings.Join(args, " "), clip(string(output)), err)
	}
}

// clip keeps a dump readable.
func clip(text string) string {
	const limit = 12000
	if len(text) > limit {
		return text[:limit] + "\n...\n"
	}
	return text
}

// refreshRights lets the federation write types in the members that were enabled by the test.
func (f *federation) refreshRights() {
	f.t.Helper()
	require.NoError(f.t, f.RefreshRights(f.ctx()))
}

// cacheDir keeps what kubectl remembers of the environment's clusters inside of the environment.
func (f *federation) cacheDir() string { return filepath.Join(f.Dir(), "kubectl-cache") }
