package proxy

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiserver/pkg/authentication/user"

	"github.com/kubefederation/federation-apiserver/apis/core/v1beta1"
)

// forged is all that a request may say of who sends it, and what would make a
// careless proxy drop what it says itself.
var forged = []string{
	"Authorization: Bearer users-own-token",
	"Impersonate-User: admin", "Impersonate-Group: system:masters", "Impersonate-Uid: 0", "Impersonate-Extra-Scopes: all",
	"impersonate-extra-example.com%2fteam: admins", "Impersonate_User: admin",
	"X-Remote-User: admin", "X-Remote-Group: system:masters", "X-Remote-Extra-Scopes: all", "X_Remote_User: admin",
	"Cookie: session=users", "Proxy-Authorization: Basic eDp5",
	"Connection: Impersonate-User, Impersonate-Group, Impersonate-Uid, Authorization, Audit-Id, X-Remote-User",
	"Audit-Id: build-117",
}

func TestTheMemberSeesTheCallerAndNothingThatHeSaysOfHimself(t *testing.T) {
	seen := make(chan http.Header, 1)
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header
		if r.Header.Get("Upgrade") != "" {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	for _, test := range []struct {
		name string
		more []string
	}{
		{"request", nil},
		{"upgrade", []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.c2VjcmV0, v5.channel.k8s.io"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			response, _ := f.raw(append(append([]string{"GET " + prefix + "/api HTTP/1.1"}, forged...), test.more...)...)
			header := <-seen
			assert.Equal(t, []string{"Bearer " + token}, header["Authorization"])
			assert.Equal(t, []string{"jane"}, header["Impersonate-User"])
			assert.Equal(t, []string{"u-1"}, header["Impersonate-Uid"])
			assert.Equal(t, []string{"developers", "system:authenticated"}, header["Impersonate-Group"])
			assert.Equal(t, []string{"build-117"}, header["Audit-Id"])
			for key, values := range header {
				name := strings.ToLower(strings.ReplaceAll(key, "_", "-"))
				assert.False(t, strings.HasPrefix(name, "x-remote-") || name == "cookie" || name == "proxy-authorization", "%s: %v", key, values)
				if strings.HasPrefix(name, "impersonate-extra-") {
					assert.Equal(t, "impersonate-extra-example.com%2fteam", name)
					assert.Equal(t, []string{"blue", "red"}, values)
				}
				assert.NotContains(t, strings.Join(values, ""), "users-own-token")
				assert.NotContains(t, strings.Join(values, ""), "c2VjcmV0")
			}
			assert.Equal(t, []string{"build-117"}, response.Header["Audit-Id"], "once")
			if test.more != nil {
				assert.Equal(t, "v5.channel.k8s.io", header.Get("Sec-WebSocket-Protocol"))
			}
		})
	}
}

func TestAnIdentityThatHeadersCannotCarryIsRefused(t *testing.T) {
	asked := false
	f := serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	for name, who := range map[string]*user.DefaultInfo{
		"no name":          {},
		"a trailing space": {Name: "admin "},
		"a line":           {Name: "jane\nImpersonate-Group: system:masters"},
		"an empty group":   {Name: "jane", Groups: []string{""}},
		"a spaced group":   {Name: "jane", Groups: []string{" system:masters"}},
		"a tab in the UID": {Name: "jane", UID: "a\tb"},
		"an extra":         {Name: "jane", Extra: map[string][]string{"team": {"\r"}}},
	} {
		f.user = who
		assert.Equal(t, http.StatusBadRequest, f.get("/api").StatusCode, name)
		assert.False(t, asked)
	}
	f.user = &user.DefaultInfo{Name: "jürgen müller", Groups: []string{"withheld", "entwickler"}}
	response := f.get("/api")
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.True(t, asked)
}

func TestWithheldGroupsStayInTheHost(t *testing.T) {
	groups := make(chan []string, 1)
	f := serve(t, func(_ http.ResponseWriter, r *http.Request) { groups <- r.Header["Impersonate-Group"] })
	f.user = &user.DefaultInfo{Name: "jane", Groups: []string{"withheld", "developers"}}
	f.get("/api")
	require.Equal(t, []string{"developers"}, <-groups)
}

func TestPathsStayInTheMember(t *testing.T) {
	f := serve(t, echo)
	f.cluster.Spec.APIEndpoint += "/clusters/odd"
	for sent, got := range map[string]string{
		"":                                 "/",
		"/":                                "/",
		"/api/v1/pods?watch=true&limit=1":  "/api/v1/pods?watch=true&limit=1",
		"/api/v1/pods?dryRun=All&path=/x":  "/api/v1/pods?dryRun=All&path=/x",
		"?path=/../other":                  "/?path=/../other",
		"//other.example/api":              "//other.example/api",
		"/https://other.example/":          "/https://other.example/",
		"/api/":                            "/api/",
		"/apis/a/v1/roles/system%3Amaster": "/apis/a/v1/roles/system:master",
		"/a%2fb":                           "/a/b",
		"/a%20b":                           "/a%20b",
		"/..a/b../...":                     "/..a/b../...",
	} {
		assert.Equal(t, "GET /clusters/odd"+got, body(t, f.get(sent)), sent)
	}
	for _, sent := range []string{
		"/..", "/../other/api", "/api/../../other", "/..%2fother", "/%2e%2e/other", "/%2E%2e%2Fother", "/.", "/a/./b",
		"/..%5cother", "/%252e%252e/other", "/%25252e%25252e/other", "/a%0ab", "/a%00", "//..//other",
	} {
		assert.EqualValues(t, http.StatusBadRequest, status(t, f.get(sent)).Code, sent)
	}
	response, _ := f.raw("GET https://other.example" + prefix + "/api HTTP/1.1")
	assert.Equal(t, "GET /clusters/odd/api", body(t, response))
}

func TestMethodsAndBodiesAreHandedOn(t *testing.T) {
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Own", "kept")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Audit-Id", "the-members")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, r.Method+" "+r.Header.Get("Content-Type")+" "+string(sent))
	})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		req, err := http.NewRequestWithContext(t.Context(), method, f.front.URL+prefix+"/api", strings.NewReader("content"))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/apply-patch+yaml")
		response, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		assert.Equal(t, http.StatusCreated, response.StatusCode)
		assert.Equal(t, method+" application/apply-patch+yaml content", body(t, response))
		response.Body.Close()
		assert.Equal(t, "kept", response.Header.Get("X-Own"))
		assert.Empty(t, response.Header.Values("Set-Cookie"))
		assert.Empty(t, response.Header.Values("Access-Control-Allow-Origin"))
		assert.Len(t, response.Header.Values("Audit-Id"), 1)
		assert.NotEqual(t, "the-members", response.Header.Get("Audit-Id"))
	}
}

func TestAWatchIsHandedOnEventByEvent(t *testing.T) {
	next, ended := make(chan string), make(chan struct{})
	f := serve(t, func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		for {
			_ = http.NewResponseController(w).Flush()
			select {
			case line := <-next:
				_, _ = io.WriteString(w, line+"\n")
			case <-r.Context().Done():
				return
			}
		}
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.front.URL+prefix+"/api/v1/pods?watch=1", nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	lines := bufio.NewScanner(response.Body)
	for _, line := range []string{"ADDED", "MODIFIED"} {
		next <- line
		require.True(t, lines.Scan())
		require.Equal(t, line, lines.Text())
	}
	response.Body.Close()
	<-ended
}

func TestOnlyMembersAreReached(t *testing.T) {
	asked := false
	f := serve(t, func(http.ResponseWriter, *http.Request) { asked = true })
	f.cluster.Namespace = "of-somebody"
	assert.EqualValues(t, http.StatusBadRequest, status(t, f.get("/api")).Code, "it would get another member's token")

	f.cluster.Namespace = system
	message := "connection refused"
	f.cluster.Status.Conditions = []v1beta1.ClusterCondition{{Type: v1beta1.ClusterOffline, Status: corev1.ConditionTrue, Message: &message}}
	refused := status(t, f.get("/api"))
	assert.EqualValues(t, http.StatusServiceUnavailable, refused.Code)
	assert.Equal(t, "cluster odd is offline: connection refused", refused.Message)
	assert.False(t, asked)

	f.cluster.Status.Conditions = nil
	f.cluster.Spec.CABundle = []byte("no certificate")
	assert.EqualValues(t, http.StatusServiceUnavailable, status(t, f.get("/api")).Code)
	assert.False(t, asked)
}
