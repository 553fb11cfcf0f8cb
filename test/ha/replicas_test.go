package ha

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// Row 38 of the conformance list: what one replica has acknowledged the other
// knows at once, in every way of reading.
func TestWritesOfOneReplicaAreReadFromTheOther(t *testing.T) {
	f := setup(t)
	for i := range 20 {
		writer, reader := f.servers[i%2], f.servers[(i+1)%2]
		name := fmt.Sprintf("read-%02d", i)
		write, read := f.at(writer).Resource(federatedConfigMaps).Namespace(namespace), f.at(reader).Resource(federatedConfigMaps).Namespace(namespace)
		created, err := write.Create(f.ctx(), federatedConfigMap(name, "x"), metav1.CreateOptions{})
		require.NoError(t, err)

		got, err := read.Get(f.ctx(), name, metav1.GetOptions{})
		require.NoError(t, err)
		require.Equal(t, created.GetUID(), got.GetUID())
		list, err := read.List(f.ctx(), metav1.ListOptions{})
		require.NoError(t, err)
		require.Contains(t, names(list), name)
		if i%2 == 0 {
			// It may be in use, for the controllers write too: by whoever it is, the list has the object.
			fresh, err := read.List(f.ctx(), metav1.ListOptions{ResourceVersion: created.GetResourceVersion(), ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
			require.NoError(t, err)
			require.Contains(t, names(fresh), name)
		}

		require.NoError(t, write.Delete(f.ctx(), name, metav1.DeleteOptions{}))
		got, err = read.Get(f.ctx(), name, metav1.GetOptions{})
		if err == nil {
			require.NotNil(t, got.GetDeletionTimestamp(), "it waits for its copy to go")
		} else {
			require.True(t, apierrors.IsNotFound(err), "%v", err)
		}
	}
	for i := range 20 {
		f.awaitNoCopy(fmt.Sprintf("read-%02d", i))
	}
}

// What is computed when it is read is computed by each replica.
func TestViewsAreTheSameOfBoth(t *testing.T) {
	f := setup(t)
	versions := core("propagatedversions")
	versions.Version = "v1alpha1"
	f.create("viewed", "x")
	f.awaitCopy("viewed", "x")
	f.eventually("the view", func(ctx context.Context) error {
		var specs []any
		for _, server := range f.servers {
			view, err := f.at(server).Resource(versions).Namespace(namespace).Get(ctx, "configmap-viewed", metav1.GetOptions{})
			if err != nil {
				return err
			}
			specs = append(specs, view.Object)
		}
		if !assert.ObjectsAreEqual(specs[0], specs[1]) {
			return fmt.Errorf("they differ: %v", specs)
		}
		return nil
	})
}

func typeConfig() *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "FederatedTypeConfig",
		"metadata": map[string]any{"namespace": env.SystemNamespace, "name": "podtemplates"},
		"spec": map[string]any{
			"targetType":    map[string]any{"version": "v1", "kind": "PodTemplate", "pluralName": "podtemplates", "scope": "Namespaced"},
			"federatedType": map[string]any{"group": "types.kubefed.io", "version": "v1beta1", "kind": "FederatedPodTemplate", "pluralName": "federatedpodtemplates", "scope": "Namespaced"},
			"propagation":   "Enabled",
		},
	}}
}

// A kind that was enabled through one replica does not look as if it did not exist
// to a client of the other; one that was disabled ends there too.
func TestKindsComeAndGoOnBothReplicas(t *testing.T) {
	f := setup(t)
	kind := federated("federatedpodtemplates")
	for round := range 4 {
		one, other := f.servers[round%2], f.servers[(round+1)%2]
		configs := f.at(one).Resource(federatedTypeConfigs).Namespace(env.SystemNamespace)
		_, err := configs.Create(f.ctx(), typeConfig(), metav1.CreateOptions{})
		require.NoError(t, err)
		// No wait: a client repeats what is answered with 503 by itself.
		for _, server := range []*env.Replica{other, one} {
			_, err := f.at(server).Resource(kind).Namespace(namespace).List(f.ctx(), metav1.ListOptions{})
			require.NoError(t, err, "round %d", round)
		}
		_, err = f.at(other).Resource(federated("nonsense")).List(f.ctx(), metav1.ListOptions{})
		require.True(t, apierrors.IsNotFound(err), "%v", err)
		f.sameDiscovery(true)

		watching, err := f.at(other).Resource(kind).Watch(f.ctx(), metav1.ListOptions{})
		require.NoError(t, err)
		require.NoError(t, configs.Delete(f.ctx(), "podtemplates", metav1.DeleteOptions{}))
		for event := range watching.ResultChan() {
			// A clean end, or word that the kind is gone; not a hang.
			assert.Contains(t, []watch.EventType{watch.Error, watch.Bookmark}, event.Type)
		}
		f.eventually("the end of the kind", func(ctx context.Context) error {
			for _, server := range f.servers {
				if _, err := f.at(server).Resource(kind).List(ctx, metav1.ListOptions{}); !apierrors.IsNotFound(err) {
					return fmt.Errorf("%s: %w", server.Endpoint(), err)
				}
			}
			return nil
		})
		f.sameDiscovery(false)
	}
}

// sameDiscovery waits until both replicas and the host tell of the same kinds.
func (f *federation) sameDiscovery(has bool) {
	f.t.Helper()
	f.eventually("the same discovery", func(context.Context) error {
		var first string
		for _, server := range f.servers {
			code, text := f.get(server, "/apis/types.kubefed.io/v1beta1")
			if code != http.StatusOK {
				return fmt.Errorf("%d %s", code, text)
			}
			kinds := sets.New[string]()
			for _, resource := range decode(f.t, text)["resources"].([]any) {
				kinds.Insert(resource.(map[string]any)["name"].(string))
			}
			if kinds.Has("federatedpodtemplates") != has {
				return fmt.Errorf("%s has %v", server.Endpoint(), sets.List(kinds))
			}
			if first == "" {
				first = text
			}
			if text != first {
				return fmt.Errorf("they differ: %s and %s", first, text)
			}
		}
		return nil
	})
}

// The settings of all replicas follow the configuration.
func TestSettingsReachBothReplicas(t *testing.T) {
	f := setup(t)
	_, seconds := f.lease()
	assert.EqualValues(t, leaseSeconds, seconds, "leaderElect.leaseDuration")
}

func names(list *unstructured.UnstructuredList) []string {
	var result []string
	for _, item := range list.Items {
		result = append(result, item.GetName())
	}
	return result
}
