package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
)

// TestConvergesAfterDisturbances lets users create, change, move and delete objects at random while the server is killed
// and a member is cut off, and compares the members with what the users were told in the end.
func TestConvergesAfterDisturbances(t *testing.T) {
	const users, objectsEach, steps = 4, 8, 60
	f := setup(t)
	f.configure(quickHealthChecks)
	f.configure(`{"removals":{"clustersPerObject":"100%","objects":"100%"}}`)
	members := []string{cluster1, cluster2, cluster3}
	namespace := f.namespace(members...)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)

	wishes := make([]map[string]*wish, users)
	var running sync.WaitGroup
	for user := range users {
		wishes[user] = map[string]*wish{}
		random := rand.New(rand.NewPCG(seed, uint64(user))) //nolint:gosec // for a test that can be repeated
		running.Go(func() {
			for range steps {
				name := fmt.Sprintf("object-%d-%d", user, random.IntN(objectsEach))
				next := randomWish(random, members)
				if err := f.persist(namespace, name, next); err != nil {
					assert.NoError(t, err)
					return
				}
				wishes[user][name] = next
			}
		})
	}
	member := f.Member(cluster2)
	require.NoError(t, member.CutNetwork(f.ctx()))
	restored := false
	t.Cleanup(func() {
		if !restored {
			assert.NoError(t, member.RestoreNetwork(context.Background()))
		}
	})
	for range 3 {
		require.NoError(t, f.Federation().Kill(f.ctx()))
		require.NoError(t, f.Federation().Start(f.ctx()))
	}
	require.NoError(t, member.RestoreNetwork(f.ctx()))
	restored = true
	running.Wait()

	wanted := map[string]map[string]string{}
	for _, cluster := range members {
		wanted[cluster] = map[string]string{}
	}
	for _, mine := range wishes {
		for name, w := range mine {
			for _, cluster := range w.clusters {
				wanted[cluster][name] = w.value
			}
		}
	}
	for _, cluster := range members {
		f.eventually("what users wished in "+cluster, func() error {
			list, err := f.on(cluster, configMaps, namespace).List(f.ctx(), metav1.ListOptions{LabelSelector: "kubefed.io/managed"})
			if err != nil {
				return err
			}
			found := map[string]string{}
			for _, item := range list.Items {
				found[item.GetName()], _, _ = unstructured.NestedString(item.Object, "data", "key")
			}
			return difference(wanted[cluster], found)
		})
	}
	f.awaitAllReady(federatedConfigMaps, namespace)
}

// wish is what a user wants an object to be: nowhere if it shall not exist.
type wish struct {
	exists   bool
	value    string
	clusters []string
}

func randomWish(random *rand.Rand, members []string) *wish {
	if random.IntN(4) == 0 {
		return &wish{}
	}
	w := &wish{exists: true, value: fmt.Sprint(random.IntN(1000))}
	for _, cluster := range members {
		if random.IntN(3) > 0 {
			w.clusters = append(w.clusters, cluster)
		}
	}
	return w
}

// persist repeats a request until it is acknowledged, as a user does whom the server did not answer.
func (f *federation) persist(namespace, name string, w *wish) error {
	client := f.host(federatedConfigMaps, namespace)
	var last error
	err := wait.PollUntilContextTimeout(f.ctx(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		last = f.attempt(ctx, client, namespace, name, w)
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("%s: %w: %w", name, err, last)
	}
	return nil
}

func (f *federation) attempt(ctx context.Context, client dynamic.ResourceInterface, namespace, name string, w *wish) error {
	if !w.exists {
		err := client.Delete(ctx, name, metav1.DeleteOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
	object := federatedConfigMap(namespace, name, w.value, w.clusters...)
	if err := unstructured.SetNestedField(object.Object, true, "spec", "placement", "allowEmpty"); err != nil {
		return err
	}
	live, err := client.Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = client.Create(ctx, object, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	if live.GetDeletionTimestamp() != nil {
		return fmt.Errorf("it is being deleted still")
	}
	patch, err := object.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = client.Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// difference says what is missing, wrong or too much.
func difference(want, got map[string]string) error {
	var wrong []string
	for name, value := range want {
		if found, ok := got[name]; !ok || found != value {
			wrong = append(wrong, fmt.Sprintf("%s is %q, not %q", name, found, value))
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			wrong = append(wrong, name+" should not be there")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("%s", strings.Join(wrong, "\n"))
}
