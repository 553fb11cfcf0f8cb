package ha

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// told is what kubectl fed recovery says.
type told struct {
	hubID, reason, hash string
	sequence            int64
	effects             map[string][]string
	unseen              []string
}

// fed runs the project's command.
func (f *federation) fed(args ...string) (string, error) {
	f.t.Helper()
	args = append(args, "--kubeconfig", f.JoinKubeconfig(), "--host-cluster-context", env.HostName)
	output, err := f.Command(f.ctx(), "kubectl-fed", args...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	return string(output), err
}

// told asks for the recovery.
func (f *federation) told() (*told, error) {
	f.t.Helper()
	output, err := f.fed("recovery", "-o", "json")
	var state struct {
		HubID    string
		Sequence int64
		Recovery *struct {
			Reason string
			Report *struct {
				Hash   string
				Unseen []string
				Groups []struct {
					Effect, Type, Cluster string
					Names                 []string
				}
			}
		}
	}
	if failure := json.Unmarshal([]byte(output), &state); failure != nil {
		return nil, errors.Join(err, failure)
	}
	t := &told{hubID: state.HubID, sequence: state.Sequence, effects: map[string][]string{}}
	if state.Recovery == nil {
		return t, err
	}
	t.reason = state.Recovery.Reason
	if report := state.Recovery.Report; report != nil {
		t.hash, t.unseen = report.Hash, report.Unseen
		for _, group := range report.Groups {
			if group.Type == "configmaps" {
				t.effects[group.Effect] = append(t.effects[group.Effect], group.Names...)
			}
		}
	}
	return t, nil
}

// awaitRecovery waits until the report says what a confirmation would do to
// ConfigMaps in the test's namespace.
func (f *federation) awaitRecovery(want map[string][]string) *told {
	f.t.Helper()
	var state *told
	f.eventually("the report of the recovery", func(context.Context) error {
		var err error
		if state, err = f.told(); err != nil {
			return err
		}
		if state.reason == "" || len(state.unseen) > 0 || !assert.ObjectsAreEqual(want, state.effects) {
			return fmt.Errorf("it is %+v", *state)
		}
		return nil
	})
	return state
}

// confirm confirms the recovery and waits until the server has taken it.
func (f *federation) confirm(hash string) {
	f.t.Helper()
	_, err := f.fed("recovery", "confirm", "--yes", "--hash=0000")
	require.ErrorContains(f.t, err, "Nothing was changed")
	output, err := f.fed("recovery", "confirm", "--yes", "--hash="+hash)
	require.NoError(f.t, err, output)
	after, err := f.told()
	require.NoError(f.t, err)
	require.Empty(f.t, after.reason)
}

// copies are the ConfigMaps of the test's namespace in the member, as versions.
func (f *federation) copies() map[string]string {
	f.t.Helper()
	list, err := f.member.Resource(configMaps).Namespace(namespace).List(f.ctx(), metav1.ListOptions{})
	require.NoError(f.t, err)
	versions := map[string]string{}
	for _, item := range list.Items {
		versions[item.GetName()] = item.GetResourceVersion()
	}
	return versions
}

// awaitStatus waits until the status of an object says something of the member.
func (f *federation) awaitStatus(name, status string) {
	f.t.Helper()
	f.eventually(name+" to be "+status, func(ctx context.Context) error {
		object, err := f.in(federatedConfigMaps, namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		clusters, _, _ := unstructured.NestedSlice(object.Object, "status", "clusters")
		if !slices.ContainsFunc(clusters, func(entry any) bool { return entry.(map[string]any)["status"] == status }) {
			return fmt.Errorf("it has %v", clusters)
		}
		return nil
	})
}

// owner is the Lease in the member.
func (f *federation) owner() *unstructured.Unstructured {
	f.t.Helper()
	lease, err := f.member.Resource(leases).Namespace(env.SystemNamespace).Get(f.ctx(), "federation-owner", metav1.GetOptions{})
	require.NoError(f.t, err)
	return lease
}

// Another hub writes to a member: this one notices, says so, and leaves it alone
// until it is told to take it over, however long ago the other was last seen. The
// time in which the other may still write is let pass first.
func TestAMemberHasOneHub(t *testing.T) {
	f := setup(t)
	f.probeEvery("2s", "1s")
	f.create("shared", "ours")
	f.awaitCopy("shared", "ours")
	state, err := f.told()
	require.NoError(t, err)
	lease := f.owner()
	holder, _, _ := unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	require.Equal(t, state.hubID, holder)

	patch := `{"spec":{"holderIdentity":"another","renewTime":"2020-01-01T00:00:00.000000Z"}}`
	_, err = f.member.Resource(leases).Namespace(env.SystemNamespace).Patch(f.ctx(), "federation-owner", "application/merge-patch+json", []byte(patch), metav1.PatchOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		patch := fmt.Sprintf(`{"metadata":{"annotations":{"federation.kubefed.io/taken-over":null}},"spec":{"holderIdentity":%q}}`, state.hubID)
		_, err := f.member.Resource(leases).Namespace(env.SystemNamespace).Patch(context.WithoutCancel(f.ctx()), "federation-owner", "application/merge-patch+json", []byte(patch), metav1.PatchOptions{})
		require.NoError(t, err)
	})
	f.eventually("the cluster to be another's", func(ctx context.Context) error {
		return f.clusterCondition(ctx, "NotOwned", "NotOwner")
	})
	before := f.copies()
	f.setValue("shared", "theirs")
	f.awaitStatus("shared", "NotOwner")
	require.Equal(t, before, f.copies())

	output, err := f.fed("join", member, "--cluster-context", member)
	require.ErrorContains(t, err, "--take-over", output)
	_, err = f.fed("unjoin", member, "--cluster-context", member, "--policy=remove", "--yes")
	require.ErrorContains(t, err, "Nothing was changed")
	output, err = f.fed("join", member, "--cluster-context", member, "--take-over")
	require.NoError(t, err, output)
	f.eventually("the other hub to be waited for", func(ctx context.Context) error {
		return f.clusterCondition(ctx, "NotOwned", "TakenOver")
	})
	require.Equal(t, before, f.copies())
	f.awaitCopy("shared", "theirs")
	f.eventually("the cluster to be ours", func(ctx context.Context) error {
		if f.clusterCondition(ctx, "NotOwned", "TakenOver") == nil {
			return errors.New("it is not yet")
		}
		return nil
	})
}

// probeEvery has members probed more often, for the test.
func (f *federation) probeEvery(period, timeout string) {
	f.t.Helper()
	configs := f.in(kubeFedConfigs, env.SystemNamespace)
	config, err := configs.Get(f.ctx(), "kubefed", metav1.GetOptions{})
	require.NoError(f.t, err)
	before, _, _ := unstructured.NestedMap(config.Object, "spec", "clusterHealthCheck")
	set := func(ctx context.Context, check any) {
		patch, err := json.Marshal(map[string]any{"spec": map[string]any{"clusterHealthCheck": check}})
		require.NoError(f.t, err)
		_, err = configs.Patch(ctx, "kubefed", "application/merge-patch+json", patch, metav1.PatchOptions{})
		require.NoError(f.t, err)
	}
	f.t.Cleanup(func() {
		if before == nil {
			set(context.WithoutCancel(f.ctx()), nil)
			return
		}
		set(context.WithoutCancel(f.ctx()), map[string]any{"period": before["period"], "timeout": before["timeout"]})
	})
	set(f.ctx(), map[string]any{"period": period, "timeout": timeout})
}

func (f *federation) clusterCondition(ctx context.Context, kind, reason string) error {
	cluster, err := f.in(env.KubeFedClusters, env.SystemNamespace).Get(ctx, member, metav1.GetOptions{})
	if err != nil {
		return err
	}
	conditions, _, _ := unstructured.NestedSlice(cluster.Object, "status", "conditions")
	if !slices.ContainsFunc(conditions, func(item any) bool {
		condition := item.(map[string]any)
		return condition["type"] == kind && condition["status"] == "True" && condition["reason"] == reason
	}) {
		return fmt.Errorf("its conditions are %v", conditions)
	}
	return nil
}

// The store is lost: the federation starts with an empty one, is installed, joined
// and told again, and writes nothing to the member until that is confirmed. What was
// applied again is adopted, and what was not is let go. Then the lost store is found:
// it is older than what the host has seen since, and is not trusted either.
func TestStoreIsLost(t *testing.T) {
	f := setup(t)
	for _, name := range []string{"kept", "lost"} {
		f.create(name, name)
		f.awaitCopy(name, name)
	}
	kept, lost, before := f.awaitCopy("kept", "kept"), f.awaitCopy("lost", "lost"), f.copies()
	first, err := f.told()
	require.NoError(t, err)
	require.NotEmpty(t, first.hubID)

	store := f.Federation().Store()
	f.replaceStores(func(i int) error { return os.Rename(store.DataDir(i), store.DataDir(i)+".lost") })
	found := false
	t.Cleanup(func() {
		if found {
			return
		}
		f.replaceStores(func(i int) error {
			return errors.Join(os.RemoveAll(store.DataDir(i)), os.Rename(store.DataDir(i)+".lost", store.DataDir(i)))
		})
		assert.NoError(t, f.Federation().Start(context.WithoutCancel(f.ctx())))
	})
	require.NoError(t, f.Reinstall(f.ctx()))
	f.eventually("the recovery", func(context.Context) error {
		state, err := f.told()
		if err == nil && state.reason != "StoreEmpty" {
			err = fmt.Errorf("it is %+v", *state)
		}
		return err
	})
	require.NoError(t, f.Join(f.ctx(), f.Member(member)))
	_, err = f.in(federatedNamespaces, namespace).Create(f.ctx(), federatedObject("FederatedNamespace", namespace, nil), metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = f.in(federatedConfigMaps, namespace).Create(f.ctx(), federatedConfigMap("kept", "kept"), metav1.CreateOptions{})
	require.NoError(t, err)
	f.awaitStatus("kept", "RecoveryPending")
	_, metrics := f.get(f.leading(), "/metrics")
	require.Contains(t, metrics, "\nfederation_recovery 1\n")
	output, err := f.fed("status")
	require.Error(t, err)
	require.Contains(t, output, "StoreEmpty")
	state := f.awaitRecovery(map[string][]string{"Adopted": {namespace + "/kept"}, "Released": {namespace + "/lost"}})
	require.Equal(t, before, f.copies(), "a member was written to in a recovery")
	f.confirm(state.hash)
	f.eventually("the other copy to be let go", func(ctx context.Context) error {
		left, err := f.member.Resource(configMaps).Namespace(namespace).Get(ctx, "lost", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if left.GetUID() != lost.GetUID() || len(left.GetLabels()) > 0 {
			return fmt.Errorf("%s has the labels %v", left.GetUID(), left.GetLabels())
		}
		return nil
	})
	f.awaitObject("kept")
	require.Equal(t, kept.GetUID(), f.awaitCopy("kept", "kept").GetUID())
	after, err := f.told()
	require.NoError(t, err)
	require.Equal(t, first.hubID, after.hubID, "members know it by this name")
	require.Greater(t, after.sequence, first.sequence)
	f.setValue("kept", "afterwards")
	f.awaitCopy("kept", "afterwards")

	before = f.copies()
	f.replaceStores(func(i int) error {
		return errors.Join(os.RemoveAll(store.DataDir(i)), os.Rename(store.DataDir(i)+".lost", store.DataDir(i)))
	})
	found = true
	require.NoError(t, f.Federation().Start(f.ctx()))
	state = f.awaitRecovery(map[string][]string{"Changed": {namespace + "/kept"}, "MadeAgain": {namespace + "/lost"}})
	require.Equal(t, "StoreOlder", state.reason)
	require.Equal(t, before, f.copies(), "a member was written to in a recovery")
	f.confirm(state.hash)
	f.awaitCopy("kept", "kept")
	f.awaitObject("lost")
	require.Equal(t, lost.GetUID(), f.awaitCopy("lost", "lost").GetUID(), "it was there, without the label")
}

// replaceStores kills everything and does something to the data of each member of
// the etcd.
func (f *federation) replaceStores(replace func(i int) error) {
	f.t.Helper()
	ctx := context.WithoutCancel(f.ctx())
	require.NoError(f.t, f.Federation().Kill(ctx))
	store := f.Federation().Store()
	for i := range store.Members() {
		require.NoError(f.t, store.Kill(ctx, i))
	}
	for i := range store.Members() {
		require.NoError(f.t, replace(i))
	}
}

func (f *federation) leading() *env.Replica {
	f.t.Helper()
	leader, _ := f.leader()
	return leader
}

// awaitObject waits until an object is as asked for everywhere.
func (f *federation) awaitObject(name string) {
	f.t.Helper()
	require.NoError(f.t, f.AwaitReady(f.ctx(), federatedConfigMaps, namespace, name))
}
