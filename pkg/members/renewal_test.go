package members_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2/ktesting"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// Another token of the same account is used from the next request on, and no watch
// ends for it.
func TestAnotherTokenKeepsTheWatches(t *testing.T) {
	var mu sync.Mutex
	watches, tokens := 0, []string{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if isWatch(r) {
			mu.Lock()
			watches++
			mu.Unlock()
			fmt.Fprintln(w, `{"type":"BOOKMARK","object":{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		mu.Lock()
		tokens = append(tokens, r.Header.Get("Authorization"))
		mu.Unlock()
		fmt.Fprint(w, `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadata","metadata":{"name":"b","namespace":"a"}}`)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	_, ctx := ktesting.NewTestContext(t)
	set := members.NewSet(ctx, members.Options{MinBackoff: 10 * time.Millisecond})
	t.Cleanup(set.Close)
	cluster := &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "one"},
		Spec: corev1beta1.KubeFedClusterSpec{
			APIEndpoint: server.URL,
			CABundle:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		},
	}
	update := func(token string) {
		require.NoError(t, set.Update(cluster, &corev1.Secret{Data: map[string][]byte{"token": []byte(token)}}))
	}
	// of makes what looks like a token of an account.
	of := func(account, number string) string {
		claims := fmt.Sprintf(`{"sub":"system:serviceaccount:system:%s","jti":%q}`, account, number)
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	first, second, other := of("one-host", "1"), of("one-host", "2"), of("other", "3")
	update(first)
	set.SetReady("one", true, nil)
	member, _ := set.Get("one")
	observed := member.Type(configMaps, true)
	synced := func() bool {
		state, _ := observed.State()
		return state == members.Synced
	}
	require.Eventually(t, synced, patience, time.Millisecond)
	ask := func() {
		_, _, err := observed.GetLive(ctx, types.NamespacedName{Namespace: "a", Name: "b"})
		require.NoError(t, err)
	}
	ask()
	update(second)
	ask()
	require.True(t, synced())
	mu.Lock()
	require.Equal(t, []string{"Bearer " + first, "Bearer " + second}, tokens)
	require.Equal(t, 1, watches)
	mu.Unlock()

	// What was begun with the token of another account ends.
	update(other)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return watches == 2
	}, patience, time.Millisecond)
}
