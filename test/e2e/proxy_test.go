package e2e

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// through writes a kubeconfig whose context leads to a member through the host, and returns a kubectl that uses it.
func (f *federation) through(member string) func(args ...string) result {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "kubeconfig")
	f.fed("kubeconfig", member, "-o", file, "--prefix", "fed-")
	return func(args ...string) result {
		f.t.Helper()
		return f.run("", "kubectl", append([]string{"--kubeconfig", file, "--context", "fed-" + member}, args...)...)
	}
}

// TestMembersAreReachedThroughTheHost works in a member with the host's credentials and kubectl.
func TestMembersAreReachedThroughTheHost(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1)
	f.kubectl("--context", cluster1, "create", "namespace", namespace+"-own")
	t.Cleanup(func() { f.kubectlAfter("--context", cluster1, "delete", "namespace", namespace+"-own", "--wait=false") })
	member := f.through(cluster1)
	succeed := func(args ...string) string {
		t.Helper()
		r := member(append([]string{"-n", namespace + "-own"}, args...)...)
		require.NoError(t, r.err, "kubectl %s\n%s%s", strings.Join(args, " "), r.stdout, r.stderr)
		return r.stdout
	}
	succeed("create", "configmap", "settings", "--from-literal=a=b")
	assert.Equal(t, "b", f.kubectl("--context", cluster1, "-n", namespace+"-own", "get", "configmap", "settings", "-o", "jsonpath={.data.a}"))
	assert.Contains(t, succeed("create", "configmap", "tried", "--from-literal=a=b", "--dry-run=server"), "created (server dry run)")
	assert.NotContains(t, succeed("get", "configmaps", "-o", "name"), "tried")
	assert.Contains(t, succeed("get", "configmap", "settings", "-o", "wide"), "settings")
	succeed("patch", "configmap", "settings", "--type=merge", "-p", `{"data":{"a":"c"}}`)
	succeed("wait", "configmap/settings", "--for=jsonpath={.data.a}=c", timeoutFlag)
	succeed("wait", "--for=create", "serviceaccount/default", timeoutFlag) // no pod without
	succeed("run", "web", "--image=nginx", "--restart=Never")
	succeed("wait", "pod/web", "--for=condition=Ready", timeoutFlag)

	// There is no kubelet behind a simulated pod: what the member says of it arrives, over each protocol for streams.
	for _, args := range [][]string{{"exec", "web", "--", "true"}, {"port-forward", "web", "0:80"}, {"logs", "web"}} {
		direct := f.run("", "kubectl", append([]string{"--context", cluster1, "-n", namespace + "-own"}, args...)...)
		proxied := member(append([]string{"-n", namespace + "-own"}, args...)...)
		require.Error(t, direct.err, direct.stdout)
		require.Error(t, proxied.err, proxied.stdout)
		assert.Equal(t, sayings(direct.stderr), sayings(proxied.stderr))
	}
	succeed("delete", "configmap", "settings")
	f.requireAbsent(cluster1, configMaps, namespace+"-own", "settings")
}

// sayings is what is said, without where it was dialled from.
func sayings(text string) string {
	if i := strings.LastIndex(text, "dial tcp"); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSpace(text)
}

// TestProxyRightsAreThoseOfBothClusters lets the host decide who comes through, and the member what is done there.
func TestProxyRightsAreThoseOfBothClusters(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := "proxied-" + f.namespace(cluster1)
	member := f.through(cluster1)
	as := func(args ...string) result { return member(append(args, "--as", user)...) }

	answer := f.send(f.hostConfigAs(user), http.MethodGet, proxyPath(cluster1)+"/api", nil)
	assert.Equal(t, http.StatusForbidden, answer.code)
	assert.Contains(t, answer.body, `cannot get resource \"kubefedclusters/proxy\" in API group \"core.kubefed.io\" in the namespace \"kube-federation-system\"`)

	f.kubectl("create", "role", user, "-n", env.SystemNamespace, "--verb=get", "--resource=kubefedclusters.core.kubefed.io/proxy")
	f.kubectl("create", "rolebinding", user, "-n", env.SystemNamespace, "--role="+user, "--user="+user)
	t.Cleanup(func() { f.kubectlAfter("delete", "role,rolebinding", user, "-n", env.SystemNamespace) })
	f.eventually("the member to be asked", func() error {
		if r := as("get", "namespaces"); !strings.Contains(r.stderr, `User "`+user+`" cannot list resource "namespaces" in API group "" at the cluster scope`) {
			return fmt.Errorf("%s%s", r.stdout, r.stderr)
		}
		return nil
	})
	f.kubectl("--context", cluster1, "create", "clusterrole", user, "--verb=get,list,create", "--resource=namespaces")
	f.kubectl("--context", cluster1, "create", "clusterrolebinding", user, "--clusterrole="+user, "--user="+user)
	t.Cleanup(func() { f.kubectlAfter("--context", cluster1, "delete", "clusterrole,clusterrolebinding", user) })
	f.eventually("the rights in the member", func() error {
		if r := as("get", "namespaces"); r.err != nil {
			return fmt.Errorf("%w: %s", r.err, r.stderr)
		}
		return nil
	})
	r := as("create", "namespace", "by-proxy")
	require.Error(t, r.err)
	assert.Contains(t, r.stderr, `cannot create resource "kubefedclusters/proxy"`, "the right to read is not the right to write")

	// The member's audit log names the user and the federation, under the identity of the request.
	id := "proxied-" + user
	require.Equal(t, http.StatusOK, f.send(f.hostConfigAs(user), http.MethodGet, proxyPath(cluster1)+"/api/v1/namespaces", map[string]string{"Audit-ID": id}).code)
	for _, log := range []string{f.Host().AuditLog(), f.Federation().AuditLog()} {
		found := f.awaitAudit(log, "the request", func(e *auditv1.Event) bool { return string(e.AuditID) == id })
		assert.Contains(t, []string{found.User.Username, impersonated(found)}, user)
	}
	found := f.awaitAudit(f.Member(cluster1).AuditLog(), "the request", func(e *auditv1.Event) bool { return string(e.AuditID) == id })
	assert.Equal(t, user, impersonated(found))
	assert.Equal(t, "system:serviceaccount:"+env.SystemNamespace+":cluster1-host", found.User.Username)
}

func impersonated(e *auditv1.Event) string {
	if e.ImpersonatedUser == nil {
		return ""
	}
	return e.ImpersonatedUser.Username
}

// awaitAudit waits for an event in an audit log.
func (f *federation) awaitAudit(log, what string, wanted func(*auditv1.Event) bool) *auditv1.Event {
	f.t.Helper()
	var found *auditv1.Event
	f.eventually(what+" in "+filepath.Base(log), func() error {
		file, err := os.Open(log)
		if err != nil {
			return err
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			event := &auditv1.Event{}
			// The last line may be in the making.
			if json.Unmarshal(lines.Bytes(), event) == nil && wanted(event) {
				found = event
				return nil
			}
		}
		return fmt.Errorf("not there: %w", lines.Err())
	})
	return found
}

func proxyPath(cluster string) string {
	return "/apis/core.kubefed.io/v1beta1/namespaces/" + env.SystemNamespace + "/kubefedclusters/" + cluster + "/proxy"
}

func (f *federation) hostConfigAs(user string) *rest.Config {
	config := f.Host().Config()
	config.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	return config
}

// ways are those on which a user reaches the server.
func (f *federation) ways() map[string]*rest.Config {
	direct := f.Host().Config()
	direct.Host = f.Federation().Endpoint()
	direct.CAData, direct.CAFile = nil, f.Federation().CAFile()
	return map[string]*rest.Config{"direct": direct, "through the host": f.Host().Config()}
}

type reply struct {
	code   int
	header http.Header
	body   string
}

// send sends a request over HTTP/1.1, where every header may be sent.
func (f *federation) send(config *rest.Config, method, path string, header map[string]string) reply {
	f.t.Helper()
	config = rest.CopyConfig(config)
	config.NextProtos = []string{"http/1.1"}
	client, err := rest.HTTPClientFor(config)
	require.NoError(f.t, err)
	defer client.CloseIdleConnections()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	req, err := http.NewRequestWithContext(f.ctx(), method, config.Host+path, nil)
	require.NoError(f.t, err)
	for key, value := range header {
		req.Header[key] = strings.Split(value, "|")
	}
	response, err := client.Do(req)
	require.NoError(f.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	return reply{code: response.StatusCode, header: response.Header, body: string(text)}
}

// oddMember registers a server that is no kube-apiserver as a member: it answers with the headers and the path that it
// gets, and does what members must not get through with.
func (f *federation) oddMember() string {
	f.t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/healthz":
			_, _ = io.WriteString(w, "ok")
		case strings.HasSuffix(r.URL.Path, "/redirect"):
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		case strings.HasSuffix(r.URL.Path, "/switch"):
			conn, buffer, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			_, _ = io.WriteString(buffer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\nraw bytes")
			_ = buffer.Flush()
		default:
			r.Header.Set("Path", r.RequestURI)
			_ = json.NewEncoder(w).Encode(r.Header)
		}
	}))
	f.t.Cleanup(server.Close)
	f.t.Cleanup(server.CloseClientConnections)
	name := "odd-" + strings.ToLower(strings.ReplaceAll(f.t.Name(), "/", "-"))
	name = strings.TrimRight(name[:min(len(name), 40)], "-")
	secrets, clusters := f.host(core("secrets"), env.SystemNamespace), f.host(env.KubeFedClusters, env.SystemNamespace)
	_, err := secrets.Create(f.ctx(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name}, "stringData": map[string]any{"token": "members-token"},
	}}, metav1.CreateOptions{})
	require.NoError(f.t, err)
	_, err = clusters.Create(f.ctx(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "core.kubefed.io/v1beta1", "kind": "KubeFedCluster", "metadata": map[string]any{"name": name},
		"spec": map[string]any{
			"apiEndpoint": server.URL, "secretRef": map[string]any{"name": name},
			"caBundle": base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
		},
	}}, metav1.CreateOptions{})
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		assert.NoError(f.t, clusters.Delete(context.Background(), name, metav1.DeleteOptions{}))
		assert.NoError(f.t, secrets.Delete(context.Background(), name, metav1.DeleteOptions{}))
	})
	return name
}

// TestTheProxyIsNotFooled forges identities and paths, directly and through the host, and lets a member misbehave. It is
// not parallel: the odd member is one for others too.
func TestTheProxyIsNotFooled(t *testing.T) {
	f := setup(t)
	path := proxyPath(f.oddMember())
	for way, config := range f.ways() {
		t.Run(way, func(t *testing.T) {
			f := f.in(t)
			seen := func(suffix string, header map[string]string) http.Header {
				t.Helper()
				answer := f.send(config, http.MethodGet, path+suffix, header)
				require.Equal(t, http.StatusOK, answer.code, answer.body)
				var seen http.Header
				require.NoError(t, json.Unmarshal([]byte(answer.body), &seen), answer.body)
				assert.Equal(t, []string{"Bearer members-token"}, seen["Authorization"])
				assert.Equal(t, []string{"kubernetes-admin"}, seen["Impersonate-User"])
				assert.ElementsMatch(t, []string{"system:masters", "system:authenticated"}, seen["Impersonate-Group"])
				for key := range seen {
					assert.False(t, strings.HasPrefix(strings.ToLower(strings.ReplaceAll(key, "_", "-")), "x-remote-"), key)
				}
				return seen
			}
			seen("/api", nil)
			seen("/api", map[string]string{"Connection": "Impersonate-User, Impersonate-Group, Authorization, X-Remote-User, Audit-Id"})
			seen("/api", map[string]string{"X-Remote-User": "admin", "X-Remote-Group": "system:masters|other", "x-remote-group": "odd", "X_Remote_Group": "odd", "X-Remote-Uid": "0"})
			seen("/api", map[string]string{"Cookie": "a=b", "Impersonate_User": "admin"})

			// Whoever may impersonate in the host does so there, and nobody else at all.
			answer := f.send(config, http.MethodGet, path+"/api", map[string]string{"Impersonate-User": "nobody"})
			assert.Equal(t, http.StatusForbidden, answer.code, "nobody has no right on the proxy")
			for _, header := range []string{"Impersonate-Uid", "Impersonate-Group", "Impersonate-Extra-Scopes"} {
				answer = f.send(config, http.MethodGet, path+"/api", map[string]string{header: "admin"})
				assert.GreaterOrEqual(t, answer.code, 400, "%s alone: %s", header, answer.body)
			}

			assert.Equal(t, "//elsewhere.example/api", seen("//elsewhere.example/api", nil).Get("Path"))
			// The host writes queries in its own order.
			asked, err := url.Parse(seen("/api?path=/x&dryRun=All", nil).Get("Path"))
			require.NoError(t, err)
			assert.Equal(t, "/api", asked.Path)
			assert.Equal(t, url.Values{"path": {"/x"}, "dryRun": {"All"}}, asked.Query())
			for _, suffix := range []string{"/../cluster1/proxy/api", "/..%2fcluster1/proxy/api", "/%2e%2e/cluster1/proxy", "/api/..%2f..", "/%252e%252e/x"} {
				answer := f.send(config, http.MethodGet, path+suffix, nil)
				assert.Contains(t, []int{http.StatusBadRequest, http.StatusNotFound}, answer.code, "%s: %s", suffix, answer.body)
			}
			for _, suffix := range []string{"/redirect", "/switch"} {
				answer := f.send(config, http.MethodGet, path+suffix, nil)
				assert.Equal(t, http.StatusBadGateway, answer.code, answer.body)
				assert.Empty(t, answer.header.Get("Location"))
				assert.NotContains(t, answer.body, "raw bytes")
				answer = f.send(config, http.MethodPost, path+suffix, map[string]string{"Connection": "Upgrade", "Upgrade": "SPDY/3.1"})
				assert.Equal(t, http.StatusBadGateway, answer.code, answer.body)
				assert.NotContains(t, answer.body, "raw bytes")
			}

			for _, bad := range []string{strings.Repeat("a", 65), "two words", `a","user":"x`} {
				got := seen("/api", map[string]string{"Audit-Id": bad}).Get("Audit-Id")
				assert.Regexp(t, `^[0-9a-f-]{36}$`, got)
			}
			assert.Equal(t, "build-117", seen("/api", map[string]string{"Audit-Id": "build-117"}).Get("Audit-Id"))
		})
	}

	// Nobody but the host's front proxy says who somebody is.
	anonymous := rest.AnonymousClientConfig(f.ways()["direct"])
	answer := f.send(anonymous, http.MethodGet, path+"/api", map[string]string{"X-Remote-User": "admin", "X-Remote-Group": "system:masters"})
	assert.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, answer.code)
}

// TestAMembersWritesLeadBackToTheUsersRequest joins the audit logs of the host, the server and a member.
func TestAMembersWritesLeadBackToTheUsersRequest(t *testing.T) {
	t.Parallel()
	f := setup(t)
	namespace := f.namespace(cluster1)
	request := func(verb string) string {
		t.Helper()
		id := verb + "-" + namespace
		config := f.Host().Config()
		config.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return withHeader{next, "Audit-ID", id} }
		client, err := dynamic.NewForConfig(config)
		require.NoError(t, err)
		objects := client.Resource(federatedConfigMaps).Namespace(namespace)
		switch verb {
		case "create":
			_, err = objects.Create(f.ctx(), federatedConfigMap(namespace, "traced", "one", cluster1), metav1.CreateOptions{})
		case "patch":
			_, err = objects.Patch(f.ctx(), "traced", types.MergePatchType, []byte(`{"spec":{"template":{"data":{"key":"two"}}}}`), metav1.PatchOptions{})
		case "delete":
			err = objects.Delete(f.ctx(), "traced", metav1.DeleteOptions{})
		}
		require.NoError(t, err)
		return id
	}
	copyOf := func(verb string) func(*auditv1.Event) bool {
		return func(e *auditv1.Event) bool {
			return e.ObjectRef != nil && e.ObjectRef.Namespace == namespace && e.ObjectRef.Name == "traced" && e.Verb == verb
		}
	}
	for _, step := range []struct{ verb, inMember string }{{"create", "patch"}, {"patch", "patch"}, {"delete", "delete"}} {
		id := request(step.verb)
		for _, log := range []string{f.Host().AuditLog(), f.Federation().AuditLog()} {
			found := f.awaitAudit(log, "the "+step.verb, func(e *auditv1.Event) bool { return string(e.AuditID) == id })
			assert.Equal(t, "kubernetes-admin", found.User.Username)
			assert.Contains(t, found.User.Groups, "system:masters")
			assert.Nil(t, found.RequestObject, "bodies are not recorded")
		}
		found := f.awaitAudit(f.Member(cluster1).AuditLog(), "the copy's "+step.verb, func(e *auditv1.Event) bool {
			return string(e.AuditID) == id && copyOf(step.inMember)(e)
		})
		assert.True(t, strings.HasPrefix(found.User.Username, "system:serviceaccount:"+env.SystemNamespace+":"), found.User.Username)
		if step.verb == "patch" {
			// A repair is for the last change too.
			f.awaitCopy(cluster1, configMaps, namespace, "traced")
			f.patch(cluster1, configMaps, namespace, "traced", `{"data":{"key":"drifted"}}`)
			f.awaitCopy(cluster1, configMaps, namespace, "traced", func(object *unstructured.Unstructured) error {
				if value, _, _ := unstructured.NestedString(object.Object, "data", "key"); value != "two" {
					return fmt.Errorf("data.key is %q", value)
				}
				return nil
			})
		}
	}
}

type withHeader struct {
	next       http.RoundTripper
	key, value string
}

func (w withHeader) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set(w.key, w.value)
	return w.next.RoundTrip(req)
}
