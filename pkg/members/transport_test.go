package members_test

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
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

// misbehaving starts a server that does what no kube-apiserver does, and returns
// a ready member that is reached there.
func misbehaving(t *testing.T, handler http.HandlerFunc, change func(*corev1beta1.KubeFedCluster), options ...func(*members.Options)) (context.Context, *members.Member) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	_, ctx := ktesting.NewTestContext(t)
	o := members.Options{MinBackoff: 10 * time.Millisecond, MaxBackoff: 50 * time.Millisecond}
	for _, set := range options {
		set(&o)
	}
	set := members.NewSet(ctx, o)
	t.Cleanup(set.Close)
	cluster := &corev1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "odd"},
		Spec: corev1beta1.KubeFedClusterSpec{
			APIEndpoint: server.URL + "/behind/a/path",
			CABundle:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		},
	}
	if change != nil {
		change(cluster)
	}
	require.NoError(t, set.Update(cluster, &corev1.Secret{Data: map[string][]byte{"token": []byte("s3cret")}}))
	set.SetReady("odd", true, nil)
	member, ok := set.Get("odd")
	require.True(t, ok)
	return ctx, member
}

func TestRedirectsAreNeverFollowed(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var stolen atomic.Bool
		thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Store(true) }))
		t.Cleanup(thief.Close)
		ctx, member := misbehaving(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL+r.URL.Path, status)
		}, nil)

		var redirect *members.RedirectError
		_, _, err := member.Probe(ctx)
		require.ErrorAs(t, err, &redirect)
		require.Contains(t, redirect.Location, thief.URL)
		configs := member.Type(configMaps, true)
		_, err = configs.Apply(ctx, types.NamespacedName{Namespace: "a", Name: "b"}, []byte(`{}`))
		require.ErrorAs(t, err, &redirect)
		_, _, err = configs.GetLive(ctx, types.NamespacedName{Namespace: "a", Name: "b"})
		require.ErrorAs(t, err, &redirect)
		require.Eventually(t, func() bool {
			_, err := configs.State()
			return errors.As(err, &redirect)
		}, patience, time.Millisecond)
		require.False(t, stolen.Load())
	}
}

func TestRequestsCarryTokenAndAgent(t *testing.T) {
	requests := make(chan *http.Request, 100)
	ctx, member := misbehaving(t, func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		http.Error(w, "no", http.StatusTeapot)
	}, nil)
	configs := member.Type(configMaps, true)
	_, err := configs.Apply(members.WithAuditID(ctx, "build-117"), types.NamespacedName{Namespace: "a", Name: "b"}, []byte(`{}`))
	require.Error(t, err)
	for {
		r := <-requests
		require.Equal(t, "Bearer s3cret", r.Header.Get("Authorization"))
		require.Equal(t, "federation-apiserver", r.UserAgent())
		if r.Method != http.MethodPatch {
			require.Empty(t, r.Header.Get("Audit-ID"))
			continue
		}
		require.Equal(t, "build-117", r.Header.Get("Audit-ID"))
		require.Equal(t, "/behind/a/path/api/v1/namespaces/a/configmaps/b", r.URL.Path)
		require.Equal(t, "application/apply-patch+yaml", r.Header.Get("Content-Type"))
		require.Equal(t, "federation-apiserver", r.URL.Query().Get("fieldManager"))
		require.Equal(t, "true", r.URL.Query().Get("force"))
		return
	}
}

func TestProbesOfOddServers(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		healthy bool
		answer  string
		err     string
	}{
		{"ok", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }, true, "", ""},
		{"OK and a line", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "OK\n") }, true, "", ""},
		{"ok in an error", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "ok")
		}, false, "500 Internal Server Error", ""},
		{"another text", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "[-]etcd failed") }, false, "200 OK", ""},
		{"an endless answer", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, strings.Repeat("ok", 1<<10)); err != nil {
					return
				}
			}
		}, false, "200 OK", ""},
		{"no answer", func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // to return would be an answer
		}, false, "", "did not answer in time"},
		{"half an answer", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "ok")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, false, "", "did not answer in time"},
		{"a closed connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, false, "", "EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, member := misbehaving(t, test.handler, nil)
			limit := patience
			if strings.Contains(test.err, "in time") {
				limit = 50 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			healthy, answer, err := member.Probe(ctx)
			require.Equal(t, test.healthy, healthy)
			require.Equal(t, test.answer, answer)
			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
}

func TestACertificateThatIsNotTrustedIsAnError(t *testing.T) {
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }
	otherName := func(c *corev1beta1.KubeFedCluster) {
		// The certificate is for 127.0.0.1 and example.com.
		c.Spec.APIEndpoint = strings.Replace(c.Spec.APIEndpoint, "127.0.0.1", "localhost", 1)
	}
	tests := []struct {
		name   string
		change func(*corev1beta1.KubeFedCluster)
		err    string
	}{
		{"of the authority", nil, ""},
		{"of no known authority", func(c *corev1beta1.KubeFedCluster) { c.Spec.CABundle = nil }, "certificate signed by unknown authority"},
		{"not checked at all", func(c *corev1beta1.KubeFedCluster) {
			c.Spec.CABundle = nil
			c.Spec.DisabledTLSValidations = []corev1beta1.TLSValidation{corev1beta1.TLSAll}
		}, ""},
		{"for another name", otherName, "certificate is valid for"},
		{"for another name, which is not checked", func(c *corev1beta1.KubeFedCluster) {
			otherName(c)
			c.Spec.DisabledTLSValidations = []corev1beta1.TLSValidation{corev1beta1.TLSSubjectName}
		}, ""},
		{"for another name, when the time is not checked", func(c *corev1beta1.KubeFedCluster) {
			otherName(c)
			c.Spec.DisabledTLSValidations = []corev1beta1.TLSValidation{corev1beta1.TLSValidityPeriod}
		}, "certificate is valid for"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, member := misbehaving(t, answer, test.change)
			healthy, _, err := member.Probe(ctx)
			if test.err == "" {
				require.NoError(t, err)
				require.True(t, healthy)
			} else {
				require.ErrorContains(t, err, test.err)
			}
		})
	}
}

// tunnel is a proxy of the CONNECT kind.
func tunnel(t *testing.T) (address string, used *atomic.Int32) {
	t.Helper()
	used = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			http.Error(w, "CONNECT only", http.StatusMethodNotAllowed)
			return
		}
		used.Add(1)
		upstream, err := net.Dial("tcp", r.Host)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer upstream.Close()
		client, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		_, _ = io.WriteString(client, "HTTP/1.1 200 Connected\r\n\r\n")
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = io.Copy(upstream, client)
		}()
		_, _ = io.Copy(client, upstream)
		client.Close()
		<-done
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return server.URL, used
}

func TestAMemberIsReachedThroughItsProxy(t *testing.T) {
	address, used := tunnel(t)
	ctx, member := misbehaving(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") },
		func(c *corev1beta1.KubeFedCluster) { c.Spec.ProxyURL = address })
	healthy, _, err := member.Probe(ctx)
	require.NoError(t, err)
	require.True(t, healthy)
	require.Positive(t, used.Load())
}

func TestErrorsDoNotChangeFromTryToTry(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	ctx, member := misbehaving(t, nil, func(c *corev1beta1.KubeFedCluster) { c.Spec.APIEndpoint = "https://" + address })
	_, _, first := member.Probe(ctx)
	require.ErrorContains(t, first, "connection refused")
	_, _, second := member.Probe(ctx)
	require.EqualError(t, second, first.Error())

	reset, resetMember := misbehaving(t, func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			connection.Close()
		}
	}, nil)
	_, _, first = resetMember.Probe(reset)
	require.Error(t, first)
	_, _, second = resetMember.Probe(reset)
	require.EqualError(t, second, first.Error())
}

// Who may have been replaced reads, and writes nothing.
func TestFenceKeepsWritesBack(t *testing.T) {
	var closed atomic.Bool
	var writes, reads atomic.Int32
	ctx, member := misbehaving(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			reads.Add(1)
		} else {
			writes.Add(1)
		}
		http.Error(w, "no", http.StatusTeapot)
	}, nil, func(o *members.Options) {
		o.Fence = func() error {
			if closed.Load() {
				return errors.New("replaced")
			}
			return nil
		}
	})
	configs, key := member.Type(configMaps, true), types.NamespacedName{Namespace: "a", Name: "b"}
	_, err := configs.Apply(ctx, key, []byte(`{}`))
	require.Error(t, err)
	require.EqualValues(t, 1, writes.Load())

	closed.Store(true)
	_, err = configs.Apply(ctx, key, []byte(`{}`))
	require.ErrorContains(t, err, "replaced")
	_, err = configs.Delete(ctx, key, "uid", metav1.DeleteOptions{})
	require.ErrorContains(t, err, "replaced")
	require.EqualValues(t, 1, writes.Load())
	before := reads.Load()
	_, _, err = configs.GetLive(ctx, key)
	require.Error(t, err)
	require.Greater(t, reads.Load(), before)
}
