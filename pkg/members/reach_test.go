package members_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func TestATypeThatTheMemberLacksIsItsOwnAffair(t *testing.T) {
	f := newFixture(t, members.Options{})
	widgets := schema.GroupVersionResource{Group: "example.com", Version: "v1", Resource: "widgets"}
	missing := f.member.Type(widgets, true)
	states := make(chan members.State, 100)
	missing.AddStateHandler(func() {
		state, _ := missing.State()
		states <- state
	})
	f.synced(f.member.Type(configMaps, true))
	f.synced(f.member.Type(namespaces, false))
	f.eventually("not available", func() bool {
		state, err := missing.State()
		var notAvailable *members.NotAvailableError
		return state == members.NotAvailable && errors.As(err, &notAvailable)
	})
	_, err := missing.Apply(f, f.key("a"), []byte(fmt.Sprintf(`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a","namespace":%q}}`, f.namespace)))
	var notAvailable *members.NotAvailableError
	require.ErrorAs(t, err, &notAvailable)
	_, _, err = missing.GetLive(f, f.key("a"))
	require.ErrorAs(t, err, &notAvailable)

	// A namespace that is not there is another matter than a resource that is not.
	elsewhere := types.NamespacedName{Namespace: "not-there", Name: "a"}
	_, err = f.member.Type(configMaps, true).Apply(f, elsewhere, []byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"not-there"}}`))
	require.True(t, apierrors.IsNotFound(err), "%v", err)
	require.NotErrorAs(t, err, &notAvailable)

	definition := []byte(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.example.com"},
		"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"widgets","kind":"Widget"},
		"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`)
	definitions := f.admin.CoreV1().RESTClient()
	const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	require.NoError(t, definitions.Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body(definition).Do(f).Error())
	removed := false
	remove := func() {
		if !removed {
			removed = true
			require.NoError(t, definitions.Delete().AbsPath(path, "widgets.example.com").Do(context.Background()).Error())
		}
	}
	t.Cleanup(remove)
	f.synced(missing)
	made, err := missing.Apply(f, f.key("a"), []byte(fmt.Sprintf(`{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"a","namespace":%q,"labels":{"kubefed.io/managed":"true"}},"spec":{"x":1}}`, f.namespace)))
	require.NoError(t, err)
	require.NotEmpty(t, made.Owned)
	gone, err := missing.Delete(f, f.key("a"), made.UID, metav1.DeleteOptions{})
	require.NoError(t, err)
	require.True(t, gone)

	remove()
	f.eventually("not available again", func() bool {
		state, _ := missing.State()
		return state == members.NotAvailable
	})
	require.Equal(t, members.NotAvailable, <-states)
	// Between the two it may have been told to be listing.
	f.eventually("to be told of Synced", func() bool {
		select {
		case state := <-states:
			return state == members.Synced
		default:
			return false
		}
	})
	f.synced(f.member.Type(configMaps, true))
}

func TestAnUnreachableMemberFailsFastAndComesBack(t *testing.T) {
	f := newFixture(t, members.Options{RequestTimeout: time.Second})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	_, err := configs.Apply(f, f.key("web"), f.configMap("web", nil))
	require.NoError(t, err)

	require.NoError(t, f.cluster.RefuseNetwork(f))
	var notReady *members.NotReadyError
	f.eventually("fails fast", func() bool {
		_, _, err := configs.GetLive(f, f.key("web"))
		require.Error(t, err)
		return errors.As(err, &notReady)
	})
	require.Positive(t, notReady.RetryAfter)
	f.eventually("not synced", func() bool {
		state, err := configs.State()
		return state == members.Syncing && errors.As(err, &notReady)
	})
	_, ok := configs.Get(f.key("web"))
	require.True(t, ok, "the last known copies are kept")
	_, _, err = f.member.Probe(f)
	require.Error(t, err)
	require.NotErrorAs(t, err, &notReady, "a probe goes out all the same")

	// What happens meanwhile is seen afterwards.
	require.NoError(t, f.admin.CoreV1().ConfigMaps(f.namespace).Delete(f, "web", metav1.DeleteOptions{}))
	require.NoError(t, f.cluster.RestoreNetwork(f))
	f.synced(configs)
	f.eventually("seen", func() bool {
		_, ok := configs.Get(f.key("web"))
		return !ok
	})
	_, err = configs.Apply(f, f.key("web"), f.configMap("web", nil))
	require.NoError(t, err)
}

func TestAMemberThatHangsTimesOut(t *testing.T) {
	f := newFixture(t, members.Options{RequestTimeout: 200 * time.Millisecond})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	require.NoError(t, f.cluster.Freeze(f))
	thawed := false
	thaw := func() {
		if !thawed {
			thawed = true
			require.NoError(t, f.cluster.Thaw(context.Background()))
		}
	}
	t.Cleanup(thaw)
	_, err := configs.Apply(f, f.key("web"), f.configMap("web", nil))
	var timeout *members.TimeoutError
	require.ErrorAs(t, err, &timeout)
	ctx, cancel := context.WithCancel(f)
	cancel()
	_, err = configs.Apply(ctx, f.key("web"), f.configMap("web", nil))
	require.ErrorIs(t, err, context.Canceled, "the caller's own end is not the member's fault")
	probing, cancel := context.WithTimeout(f, 100*time.Millisecond)
	defer cancel()
	_, _, err = f.member.Probe(probing)
	require.ErrorAs(t, err, &timeout)

	thaw()
	f.eventually("answers again", func() bool {
		_, err := configs.Apply(f, f.key("web"), f.configMap("web", nil))
		return err == nil
	})
	f.synced(configs)
}

func TestARotatedTokenIsTakenUp(t *testing.T) {
	f := newFixture(t, members.Options{})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	bad := f.secret.DeepCopy()
	bad.Data[members.TokenKey] = []byte("not-a-token")
	require.NoError(t, f.set.Update(f.kubefed, bad))
	f.eventually("refused", func() bool {
		state, err := configs.State()
		return state == members.Failed && apierrors.IsUnauthorized(err)
	})
	healthy, answer, err := f.member.Probe(f)
	require.NoError(t, err)
	require.False(t, healthy)
	require.Equal(t, "401 Unauthorized", answer)

	require.NoError(t, f.set.Update(f.kubefed, f.secret))
	f.synced(configs)
	healthy, _, err = f.member.Probe(f)
	require.NoError(t, err)
	require.True(t, healthy)
}

func TestAnotherAddressMayBeAnotherCluster(t *testing.T) {
	f := newFixture(t, members.Options{})
	configs := f.member.Type(configMaps, true)
	f.synced(configs)
	_, err := configs.Apply(f, f.key("web"), f.configMap("web", nil))
	require.NoError(t, err)

	moved := f.kubefed.DeepCopy()
	moved.Spec.APIEndpoint = "https://127.0.0.1:1"
	require.NoError(t, f.set.Update(moved, f.secret))
	f.eventually("nothing listens there", func() bool {
		state, err := configs.State()
		return state == members.Syncing && err != nil
	})
	f.eventually("what was elsewhere is forgotten", func() bool { return configs.Len() == 0 })

	moved.Spec.APIEndpoint = f.cluster.Config().Host // without the relay
	require.NoError(t, f.set.Update(moved, f.secret))
	f.synced(configs)
	_, ok := configs.Get(f.key("web"))
	require.True(t, ok)
}
