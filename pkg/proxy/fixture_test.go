package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/filters"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"

	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

const (
	system = "kube-federation-system"
	prefix = "/apis/core.kubefed.io/v1beta1/namespaces/" + system + "/kubefedclusters/odd/proxy"
	token  = "the-federations-token"
	// patience bounds every wait for an answer.
	patience = time.Minute
)

var jane = &user.DefaultInfo{
	Name: "jane", UID: "u-1", Groups: []string{"developers", "system:authenticated"},
	Extra: map[string][]string{"example.com/Team": {"blue", "red"}},
}

// fixture is a Proxy in front of a server that is registered as a member.
type fixture struct {
	t       *testing.T
	front   *httptest.Server
	backend *httptest.Server
	cluster *v1beta1.KubeFedCluster
	proxy   *Proxy
	user    user.Info
}

// serve registers a handler as the member "odd", and a Proxy in front of it as it
// stands in the server.
func serve(t *testing.T, member http.HandlerFunc) *fixture {
	t.Helper()
	backend := httptest.NewUnstartedServer(member)
	backend.EnableHTTP2 = true
	backend.StartTLS()
	t.Cleanup(backend.Close)
	t.Cleanup(backend.CloseClientConnections)
	scheme := runtime.NewScheme()
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	f := &fixture{t: t, backend: backend, user: jane, cluster: &v1beta1.KubeFedCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: "odd"},
		Spec: v1beta1.KubeFedClusterSpec{
			APIEndpoint: backend.URL,
			CABundle:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: backend.Certificate().Raw}),
		},
	}}
	f.proxy = New(Options{
		Namespace: system, WithheldGroups: []string{"withheld"}, Serializer: serializer.NewCodecFactory(scheme),
		Secret: func(context.Context, string) (*corev1.Secret, error) {
			return &corev1.Secret{Data: map[string][]byte{"token": []byte(token)}}, nil
		},
	})
	t.Cleanup(f.proxy.Close)

	answer := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		handler, err := f.proxy.Handler(req.Context(), f.cluster)
		if err != nil {
			(&handlerFor{f.proxy}).refuse(w, req, err)
			return
		}
		handler.ServeHTTP(w, req)
	})
	authenticated := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		HoldQuery(answer).ServeHTTP(w, req.WithContext(genericapirequest.WithUser(req.Context(), f.user)))
	})
	f.front = httptest.NewServer(filters.WithAuditInit(filters.WithRequestInfo(authenticated, &genericapirequest.RequestInfoFactory{
		APIPrefixes: sets.NewString("apis"), GrouplessAPIPrefixes: sets.NewString(),
	})))
	t.Cleanup(f.front.Close)
	t.Cleanup(f.front.CloseClientConnections)
	return f
}

// handlerFor refuses what does not get as far as to a member.
type handlerFor struct{ *Proxy }

func (h *handlerFor) refuse(w http.ResponseWriter, req *http.Request, err error) {
	(&handler{Proxy: h.Proxy, cluster: "odd"}).refuse(w, req, err)
}

// raw sends what no client library would, and returns the answer and the
// connection behind it.
func (f *fixture) raw(lines ...string) (*http.Response, *bufio.Reader) {
	f.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(f.t.Context(), "tcp", f.front.Listener.Addr().String())
	require.NoError(f.t, err)
	f.t.Cleanup(func() { conn.Close() })
	require.NoError(f.t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, strings.Join(lines, "\r\n")+"\r\nHost: host\r\n\r\n")
	require.NoError(f.t, err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { response.Body.Close() })
	return response, reader
}

func (f *fixture) get(path string) *http.Response {
	f.t.Helper()
	response, _ := f.raw("GET " + prefix + path + " HTTP/1.1")
	return response
}

// status reads the Status that an answer has to be.
func status(t *testing.T, response *http.Response) *metav1.Status {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	status := &metav1.Status{}
	require.NoError(t, json.Unmarshal(body, status), "%s", body)
	require.Equal(t, "Status", status.Kind)
	require.EqualValues(t, response.StatusCode, status.Code)
	require.NotEmpty(t, status.Reason)
	return status
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(text)
}

// echo answers with what was asked for.
func echo(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI)
}
