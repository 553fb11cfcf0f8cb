package members_test

import (
	"bufio"
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2/ktesting"

	corev1beta1 "github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
	"github.com/kubefederation/federation-apiserver/pkg/members"
)

// patiently is for a machine that others use too: the answers are long.
const patiently = 3 * time.Minute

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") == "true" }

// endless writes a piece again and again, until the reader has enough of it.
func endless(w io.Writer, piece string) {
	many := []byte(strings.Repeat(piece, 1+(64<<10)/len(piece)))
	for {
		if _, err := w.Write(many); err != nil {
			return
		}
	}
}

const (
	eventHead  = `{"type":"ADDED","object":{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","namespace":"b","resourceVersion":"1","labels":{"kubefed.io/managed":"true"}},"status":{`
	condition  = `{"type":"Ready","status":"False","message":"no"},`
	oldVersion = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","message":"sendInitialEvents is forbidden","code":422}`
)

// lies are what a member may say to a list and to a watch. Memory stays bounded,
// and the type in this member has an error.
var lies = []struct {
	name        string
	list, watch func(w http.ResponseWriter)
	err         string
}{
	{name: "an event without an end", watch: func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, eventHead+`"message":"`)
		endless(w, "x")
	}, err: "it sent an event of more than 8 MiB"},
	{name: "a million conditions", watch: func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, eventHead+`"conditions":[`)
		endless(w, condition)
	}, err: "it sent an event of more than 8 MiB"},
	{name: "an event of many lines", watch: func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, eventHead+`"conditions":[`)
		endless(w, condition+"\n")
	}, err: "it sent an event of more than 8 MiB"},
	{name: "an event of nothing but space", watch: func(w http.ResponseWriter) { endless(w, " \n") }, err: "it sent an event of more than 8 MiB"},
	{name: "events without an end, all of other objects", watch: func(w http.ResponseWriter) {
		buffered := bufio.NewWriter(w)
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(buffered, `{"type":"ADDED","object":{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"n%d","namespace":"b","resourceVersion":"1"}}}`+"\n", i); err != nil {
				return
			}
		}
	}, err: "it sent more than 20000 objects"},
	{name: "long statuses of many objects", watch: func(w http.ResponseWriter) {
		status := strings.Repeat("x", 1<<20)
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(w, `{"type":"ADDED","object":{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"n%d","namespace":"b","resourceVersion":"1"},"status":{"x":%q}}}`+"\n", i, status); err != nil {
				return
			}
		}
	}, err: "it sent statuses of more than 64 MiB"},
	{name: "a name of a megabyte", watch: func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, `{"type":"ADDED","object":{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"`+strings.Repeat("n", 1<<20)+`","namespace":"b","resourceVersion":"1"}}}`+"\n")
		endless(w, `{"type":"BOOKMARK","object":{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"resourceVersion":"2"}}}`+"\n")
	}, err: "it sent an object with a name of more than 253 bytes"},
	{name: "a list without an end", list: func(w http.ResponseWriter) {
		_, _ = io.WriteString(w, `{"apiVersion":"apps/v1","kind":"DeploymentList","metadata":{"resourceVersion":"1"},"items":[],"x":"`)
		endless(w, "x")
	}, err: "it sent a list of more than 128 MiB"},
	{name: "no JSON", list: func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"kind":[[[{{`) }, err: "member liar: "},
	{name: "an error without an end", list: func(w http.ResponseWriter) {
		w.WriteHeader(http.StatusInternalServerError)
		endless(w, "no ")
	}, err: "member liar: "},
	{name: "headers without an end", list: func(w http.ResponseWriter) {
		for i := range 20000 {
			w.Header().Add(fmt.Sprintf("X-%d", i), strings.Repeat("y", 100))
		}
	}, err: "member liar"},
}

func TestWhatAMemberSaysIsBounded(t *testing.T) {
	for _, lie := range lies {
		t.Run(lie.name, func(t *testing.T) {
			ctx, member := lying(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				switch {
				case isWatch(r) && lie.watch != nil:
					lie.watch(w)
				case isWatch(r):
					w.WriteHeader(http.StatusUnprocessableEntity)
					_, _ = io.WriteString(w, oldVersion)
				default:
					lie.list(w)
				}
			})
			watching, stop := context.WithCancel(ctx)
			most := make(chan uint64, 1)
			go func() { most <- mostHeap(watching) }()
			observed := member.Observe(deployments, true, members.RawStatuses)
			require.Eventually(t, func() bool {
				_, err := observed.State()
				return err != nil && strings.Contains(err.Error(), lie.err)
			}, patiently, time.Millisecond)
			stop()
			require.Less(t, <-most, uint64(1500<<20), "bytes of heap")
		})
	}
}

// Of all types at once, a member sends long lists one after the other.
func TestLongListsAreReadOneAfterTheOther(t *testing.T) {
	var reading, many atomic.Int32
	_, member := lying(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Query().Has("sendInitialEvents"):
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, oldVersion)
			return
		case isWatch(r):
			<-r.Context().Done()
			return
		}
		// What is in buffers on the way does not count.
		const buffered, most = 16 << 20, 40 << 20
		_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":"1"},"items":[],"x":"`)
		piece := []byte(strings.Repeat("x", 1<<20))
		for sent := 0; sent < most; sent += len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
			if sent == buffered && reading.Add(1) > 1 {
				many.Add(1)
			}
		}
		reading.Add(-1)
		_, _ = io.WriteString(w, `"}`)
	})
	var types []*members.Type
	for i := range 4 {
		types = append(types, member.Observe(schema.GroupVersionResource{Group: "x.example", Version: "v1", Resource: fmt.Sprint("xs", i)}, true, members.RawStatuses))
	}
	require.Eventually(t, func() bool {
		for _, observed := range types {
			if state, _ := observed.State(); state != members.Synced {
				return false
			}
		}
		return true
	}, patiently, 10*time.Millisecond)
	require.Zero(t, many.Load(), "two of them were read at once")
}

// lying is misbehaving, with more time between tries.
func lying(t *testing.T, handler http.HandlerFunc) (context.Context, *members.Member) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	_, ctx := ktesting.NewTestContext(t)
	set := members.NewSet(ctx, members.Options{MinBackoff: time.Minute, MaxBackoff: time.Minute, MaxObjects: 20_000, MaxStatusBytes: 64 << 20})
	t.Cleanup(set.Close)
	cluster := &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "liar"},
		Spec: corev1beta1.KubeFedClusterSpec{
			APIEndpoint: server.URL,
			CABundle:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		},
	}
	require.NoError(t, set.Update(cluster, &corev1.Secret{Data: map[string][]byte{"token": []byte("s3cret")}}))
	set.SetReady("liar", true, nil)
	member, ok := set.Get("liar")
	require.True(t, ok)
	return ctx, member
}

// mostHeap returns the most heap that was in use until ctx ended.
func mostHeap(ctx context.Context) uint64 {
	var most uint64
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		most = max(most, stats.HeapInuse)
		select {
		case <-ctx.Done():
			return most
		case <-tick.C:
		}
	}
}

func TestAnAnswerToAWriteIsBounded(t *testing.T) {
	ctx, member := lying(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Query().Has("labelSelector") {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		endless(w, `{"metadata":`)
	})
	observed, key := member.Type(configMaps, true), types.NamespacedName{Namespace: "a", Name: "b"}
	_, err := observed.Apply(ctx, key, []byte(`{}`))
	require.ErrorContains(t, err, "it sent an object of more than 8 MiB")
	_, _, err = observed.GetLive(ctx, key)
	require.ErrorContains(t, err, "it sent an object of more than 8 MiB")
	_, err = observed.Delete(ctx, key, "uid", metav1.DeleteOptions{})
	require.ErrorContains(t, err, "it sent an object of more than 8 MiB")
}

// What is in a Secret besides the token is not looked at, and forbidden addresses
// are not dialled, whatever a name comes to.
func TestForbiddenAddresses(t *testing.T) {
	asked := make(chan struct{}, 100)
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{} }))
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	loopback, err := members.ParseAddresses([]string{"127.0.0.0/8", "::1"})
	require.NoError(t, err)
	_, ctx := ktesting.NewTestContext(t)
	for name, test := range map[string]struct {
		endpoint, proxy string
		malformed       bool
	}{
		"an address":          {endpoint: "https://127.0.0.1:" + port, malformed: true},
		"an IPv6 address":     {endpoint: "https://[::1]:" + port, malformed: true},
		"in the form of IPv6": {endpoint: "https://[::ffff:127.0.0.1]:" + port, malformed: true},
		"translated":          {endpoint: "https://[64:ff9b::7f00:1]:" + port, malformed: true},
		"a name":              {endpoint: "https://localhost:" + port},
		"a number":            {endpoint: "https://2130706433:" + port},
		"a proxy":             {endpoint: "https://192.0.2.1:6443", proxy: "http://127.0.0.1:" + port, malformed: true},
		"the name of a proxy": {endpoint: "https://192.0.2.1:6443", proxy: "http://localhost:" + port},
	} {
		t.Run(name, func(t *testing.T) {
			set := members.NewSet(ctx, members.Options{Forbidden: loopback})
			t.Cleanup(set.Close)
			cluster := &corev1beta1.KubeFedCluster{
				ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "inside"},
				Spec:       corev1beta1.KubeFedClusterSpec{APIEndpoint: test.endpoint, ProxyURL: test.proxy, DisabledTLSValidations: []corev1beta1.TLSValidation{"*"}},
			}
			err := set.Update(cluster, &corev1.Secret{Data: map[string][]byte{"token": []byte("s3cret")}})
			if test.malformed {
				require.ErrorContains(t, err, "--forbidden-member-addresses")
				return
			}
			require.NoError(t, err)
			member, _ := set.Get("inside")
			_, _, err = member.Probe(ctx)
			var forbidden *members.ForbiddenError
			if name != "a number" { // which some resolvers take for an address, and others for a name that is not there
				require.ErrorAs(t, err, &forbidden)
			}
			require.Error(t, err)
		})
	}
	require.Empty(t, asked)
}

func TestDefaultForbiddenAddresses(t *testing.T) {
	forbidden, err := members.ParseAddresses(strings.Split(members.DefaultForbidden, ","))
	require.NoError(t, err)
	_, ctx := ktesting.NewTestContext(t)
	set := members.NewSet(ctx, members.Options{Forbidden: forbidden})
	t.Cleanup(set.Close)
	try := func(endpoint string) error {
		cluster := &corev1beta1.KubeFedCluster{
			ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "cloud"},
			Spec:       corev1beta1.KubeFedClusterSpec{APIEndpoint: endpoint},
		}
		return set.Update(cluster, &corev1.Secret{Data: map[string][]byte{"token": []byte("s3cret")}})
	}
	for _, endpoint := range []string{"https://169.254.169.254", "https://[fd00:ec2::254]", "https://[fe80::1]:6443", "https://[fe80::1%25eth0]:6443", "https://[::ffff:169.254.169.254]", "https://100.100.100.200"} {
		require.Error(t, try(endpoint), endpoint)
	}
	for _, endpoint := range []string{"https://127.0.0.1:6443", "https://10.0.0.1:6443", "https://[2001:db8::1]:6443", "https://100.100.100.201"} {
		require.NoError(t, try(endpoint), endpoint)
	}
	for _, text := range []string{"", "10.0.0.0/33", "all", "fe80::1%eth0", "localhost"} {
		_, err := members.ParseAddresses([]string{text})
		require.Error(t, err, text)
	}
}
