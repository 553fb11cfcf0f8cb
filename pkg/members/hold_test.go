package members

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2/ktesting"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// Nothing is written to a member before it is known that no other hub does, nor
// after what is known has run out, as for a hub that was frozen; nor while the hub
// waits for an operator. Reads go on, and so does the Lease by which it is found out.
func TestWritesWaitForTheOwner(t *testing.T) {
	var written, leased atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/apis/coordination.k8s.io/v1/namespaces/system/leases":
			leased.Add(1)
		case isWrite(r):
			written.Add(1)
		}
		_, _ = w.Write([]byte(`{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"b","uid":"c","resourceVersion":"1"}}`))
	}))
	t.Cleanup(server.Close)
	var waits atomic.Pointer[HeldError]
	_, ctx := ktesting.NewTestContext(t)
	set := NewSet(ctx, Options{Owned: true, Hold: func() *HeldError {
		if held := waits.Load(); held != nil {
			another := *held
			return &another
		}
		return nil
	}})
	t.Cleanup(set.Close)
	cluster := &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "one"},
		Spec:       corev1beta1.KubeFedClusterSpec{APIEndpoint: server.URL, DisabledTLSValidations: []corev1beta1.TLSValidation{"*"}},
	}
	secret := &corev1.Secret{Data: map[string][]byte{"token": []byte("s3cret")}}
	require.NoError(t, set.Update(cluster, secret))
	set.SetReady("one", true, nil)
	var events atomic.Int32
	set.AddEventHandler(func(Event) { events.Add(1) })
	member, _ := set.Get("one")
	copies, key := member.Type(schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, true), types.NamespacedName{Namespace: "b", Name: "a"}
	refused := func(reason HoldReason) {
		t.Helper()
		before := written.Load()
		_, applied := copies.Apply(ctx, key, []byte(`{}`))
		_, deleted := copies.Delete(ctx, key, "c", metav1.DeleteOptions{})
		for _, err := range []error{applied, deleted} {
			var held *HeldError
			require.ErrorAs(t, err, &held)
			require.Equal(t, reason, held.Reason)
			require.Equal(t, "one", held.Member)
		}
		require.Equal(t, before, written.Load())
		_, found, err := copies.GetLive(ctx, key)
		require.NoError(t, err)
		require.True(t, found)
		require.NoError(t, member.Lease("system", "owner").WriteOwnerLease(ctx, &coordinationv1.Lease{}))
		require.Equal(t, "c", member.ClusterID(), "the UID of the Lease")
	}
	taken := func() {
		t.Helper()
		before := written.Load()
		_, err := copies.Apply(ctx, key, []byte(`{}`))
		require.NoError(t, err)
		require.Equal(t, before+1, written.Load())
	}
	told := func(do func()) {
		t.Helper()
		before := events.Load()
		do()
		require.Equal(t, before+1, events.Load(), "handlers have to know")
	}

	refused(HoldUnchecked)
	told(func() { set.SetOwnership("one", Ownership{Until: time.Now().Add(time.Hour)}) })
	taken()
	told(func() {
		set.SetOwnership("one", Ownership{Until: time.Now().Add(time.Hour), Message: "another writes there"})
	})
	refused(HoldNotOwner)
	told(func() { set.SetOwnership("one", Ownership{Until: time.Now().Add(time.Hour)}) })
	taken()
	told(func() {
		waits.Store(&HeldError{Reason: HoldRecovery, Message: "an operator has to look"})
		set.HoldChanged()
	})
	refused(HoldRecovery)
	told(func() {
		waits.Store(nil)
		set.HoldChanged()
	})
	taken()

	// What is known has run out: by the clock that stops with the machine, or by the
	// one that can be set.
	set.SetOwnership("one", Ownership{Until: time.Now().Add(-time.Millisecond)})
	refused(HoldUnchecked)
	told(func() { set.SetOwnership("one", Ownership{Until: time.Now().Add(time.Hour)}) })
	taken()
	set.SetOwnership("one", Ownership{Until: time.Now().Add(-time.Hour).Round(0)})
	refused(HoldUnchecked)

	// Behind another address there may be another cluster.
	set.SetOwnership("one", Ownership{Until: time.Now().Add(time.Hour)})
	taken()
	moved := cluster.DeepCopy()
	moved.Spec.APIEndpoint += "/"
	require.NoError(t, set.Update(moved, secret))
	require.Empty(t, member.ClusterID())
	refused(HoldUnchecked)
	require.Positive(t, leased.Load())
}
