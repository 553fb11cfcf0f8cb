package members

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2/ktesting"
	testingclock "k8s.io/utils/clock/testing"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

func TestFlowLetsAsManyThroughAsItsLimit(t *testing.T) {
	f := NewFlow(3, testingclock.NewFakePassiveClock(time.Unix(0, 0)))
	var ends []func()
	for range 3 {
		require.NoError(t, f.Await(t.Context()))
		ends = append(ends, f.Begin())
	}
	limit, inFlight := f.Limit()
	require.Equal(t, []int{3, 3}, []int{limit, inFlight})

	full, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Await(full), context.Canceled)
	waiting := make(chan error, 1)
	go func() { waiting <- f.Await(t.Context()) }()
	ends[1]()
	require.NoError(t, <-waiting)
	ends[0]()
	ends[2]()
	_, inFlight = f.Limit()
	require.Zero(t, inFlight)
}

func TestFlowPausesAsLongAsAMemberAsks(t *testing.T) {
	c := testingclock.NewFakePassiveClock(time.Unix(1000, 0))
	f := NewFlow(32, c)
	isOpen := func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return !f.until.After(c.Now())
	}
	f.done(c.Now(), endedRefused, 3*time.Second)
	f.done(c.Now(), endedRefused, time.Second) // does not shorten it
	waiting, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, f.Await(waiting), context.DeadlineExceeded)
	c.SetTime(c.Now().Add(2 * time.Second))
	require.False(t, isOpen())
	c.SetTime(c.Now().Add(time.Second))
	require.NoError(t, f.Await(t.Context()))

	f.done(c.Now(), endedRefused, 24*time.Hour)
	c.SetTime(c.Now().Add(longestPause))
	require.NoError(t, f.Await(t.Context()), "nobody is left alone for a day")

	f.done(c.Now(), endedRefused, time.Minute)
	limit, _ := f.Limit()
	require.Equal(t, 1, limit)
	f.reset()
	require.NoError(t, f.Await(t.Context()), "another member did not ask for a pause")
	limit, _ = f.Limit()
	require.Equal(t, firstLimit, limit)
}

// What a member answers changes how many requests it gets, and no request waits
// longer than its answer takes: client-go alone would wait as the member says, ten
// times.
func TestAMemberSaysHowMuchItBears(t *testing.T) {
	resource := schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	for name, test := range map[string]struct {
		status int
		after  string
		limit  int
		paused bool
	}{
		"too many requests":                      {http.StatusTooManyRequests, "3600", 4, true},
		"too many requests, and no word more":    {http.StatusTooManyRequests, "", 4, false},
		"too many requests, and a word too much": {http.StatusTooManyRequests, "soon", 4, false},
		"unavailable":                            {http.StatusServiceUnavailable, "3600", 4, true},
		"a timeout of its own":                   {http.StatusGatewayTimeout, "", 4, false},
		"a fault":                                {http.StatusInternalServerError, "3600", firstLimit, false},
		"no":                                     {http.StatusForbidden, "3600", firstLimit, false},
		"yes":                                    {http.StatusOK, "", firstLimit, false},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPatch {
					<-r.Context().Done()
					return
				}
				requests.Add(1)
				if test.after != "" {
					w.Header().Set("Retry-After", test.after)
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b","namespace":"a"}}`))
			}))
			t.Cleanup(server.Close)
			t.Cleanup(server.CloseClientConnections)
			_, ctx := ktesting.NewTestContext(t)
			set := NewSet(ctx, Options{})
			t.Cleanup(set.Close)
			require.NoError(t, set.Update(&corev1beta1.KubeFedCluster{
				ObjectMeta: metav1.ObjectMeta{Name: "busy"},
				Spec: corev1beta1.KubeFedClusterSpec{
					APIEndpoint: server.URL, CABundle: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
				},
			}, &corev1.Secret{Data: map[string][]byte{"token": []byte("s3cret")}}))
			set.SetReady("busy", true, nil)
			member, _ := set.Get("busy")

			_, err := member.Type(resource, true).Apply(ctx, types.NamespacedName{Namespace: "a", Name: "b"}, []byte(`{}`))
			require.Equal(t, test.status != http.StatusOK, err != nil, "%v", err)
			require.EqualValues(t, 1, requests.Load())
			limit, _ := member.Flow().Limit()
			require.Equal(t, test.limit, limit)
			member.flow.mu.Lock()
			left := time.Until(member.flow.until)
			member.flow.mu.Unlock()
			require.Equal(t, test.paused, left > 0)
			require.LessOrEqual(t, left, longestPause)
		})
	}
}
