package conformance

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/kubefederation/federation-apiserver/test/env/pki"
)

// guardLabel on an object says which of the host's policies and webhooks of this run
// are about it; all other objects are left alone.
const guardLabel = "conformance.example.com/guard"

// The guards.
const (
	policyDenies    = "policy-denies"
	policyBreaks    = "policy-breaks"
	policyMayBreak  = "policy-may-break"
	policyMutates   = "policy-mutates"
	policyEchoes    = "policy-echoes"
	webhookDenies   = "webhook-denies"
	webhookMutates  = "webhook-mutates"
	webhookIsDown   = "webhook-is-down"
	webhookMayBeOut = "webhook-may-be-down"
	webhookHolds    = "webhook-holds"
)

// guards are admission policies and webhooks of the host, and somebody whom they may
// ask about.
type guards struct {
	suite *suite
	name  string
	hooks *webhooks
	// accounts is the namespace of the service accounts.
	accounts string
}

func (g *guards) value(guard string) string { return g.name + "-" + guard }

// makeGuards makes the guards of this run. Webhooks are made where the server can
// reach this program.
func (s *suite) makeGuards(t *testing.T) *guards {
	g := &guards{suite: s, name: "conformance-" + s.run, accounts: s.makeNamespace(t, "accounts")}
	for _, validating := range []struct{ guard, expression, message, failure string }{
		{policyDenies, `false`, `'` + policyDenies + `'`, "Fail"},
		{policyBreaks, `object.metadata.annotations['absent'] == 'x'`, `''`, "Fail"},
		{policyMayBreak, `object.metadata.annotations['absent'] == 'x'`, `''`, "Ignore"},
		{policyEchoes, `false`, echo, "Fail"},
	} {
		g.makePolicy(t, validating.guard, "Validating", fmt.Sprintf(`
  failurePolicy: %s
  validations: [{expression: %q, messageExpression: %q}]`, validating.failure, validating.expression, validating.message))
	}
	g.makePolicy(t, policyMutates, "Mutating", `
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
  - patchType: JSONPatch
    jsonPatch: {expression: '[JSONPatch{op: "add", path: "/metadata/labels/mutated", value: "by-policy"}]'}`)
	if s.etcd != "" {
		g.hooks = newWebhooks(t, g)
		for _, hook := range []struct{ guard, kind, failure string }{
			{webhookDenies, "Validating", "Fail"}, {webhookMutates, "Mutating", "Fail"}, {webhookHolds, "Validating", "Fail"},
			{webhookIsDown, "Validating", "Fail"}, {webhookMayBeOut, "Mutating", "Ignore"},
		} {
			g.makeWebhook(t, hook.guard, hook.kind, hook.failure)
		}
	}
	s.makeInHost(t, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", fmt.Sprintf(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: "system:serviceaccounts:%s"}]`, g.name, g.accounts))
	return g
}

// echo is who asks, as a policy sees it: it must be what the host says of the same user.
const echo = `request.userInfo.username + ' | ' + (has(request.userInfo.uid) ? request.userInfo.uid : '') + ' | ' + request.userInfo.groups.join(' ') + ' | ' + ` +
	`(has(request.userInfo.extra) ? request.userInfo.extra.map(k, k + '=' + request.userInfo.extra[k].join(',')).join(' ') : '')`

const ruleOfGuard = `{apiGroups: [%s], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: ["*"]}`

func (g *guards) rule() string { return fmt.Sprintf(ruleOfGuard, *groupsFlag) }

func (g *guards) selector(guard string) string {
	return fmt.Sprintf(`{matchLabels: {%s: %s}}`, guardLabel, g.value(guard))
}

func (g *guards) makePolicy(t *testing.T, guard, kind, spec string) {
	resource := "/apis/admissionregistration.k8s.io/v1/" + strings.ToLower(kind) + "admissionpolic"
	g.suite.makeInHost(t, resource+"ies", fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: %sAdmissionPolicy
metadata: {name: %s}
spec:
  matchConstraints:
    objectSelector: %s
    resourceRules: [%s]%s`, kind, g.value(guard), g.selector(guard), g.rule(), spec))
	actions := ""
	if kind == "Validating" {
		actions = ", validationActions: [Deny]"
	}
	g.suite.makeInHost(t, resource+"ybindings", fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: %sAdmissionPolicyBinding
metadata: {name: %s}
spec: {policyName: %s%s}`, kind, g.value(guard), g.value(guard), actions))
}

func (g *guards) makeWebhook(t *testing.T, guard, kind, failure string) {
	url := g.hooks.server.URL + "/" + guard
	if guard == webhookIsDown || guard == webhookMayBeOut {
		url = "https://" + g.hooks.nobody + "/"
	}
	authority, err := json.Marshal(g.hooks.authority)
	require.NoError(t, err)
	g.suite.makeInHost(t, "/apis/admissionregistration.k8s.io/v1/"+strings.ToLower(kind)+"webhookconfigurations", fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: %sWebhookConfiguration
metadata: {name: %s}
webhooks:
- name: guard.conformance.example.com
  admissionReviewVersions: [v1]
  sideEffects: NoneOnDryRun
  timeoutSeconds: 30
  failurePolicy: %s
  objectSelector: %s
  rules: [%s]
  clientConfig: {url: %q, caBundle: %s}`, kind, g.value(guard), failure, g.selector(guard), g.rule(), url, authority))
}

// account makes a service account and returns its user name and the path for it. It
// may do anything, but by its group only, and is no member of system:masters.
func (g *guards) account(t testing.TB, p *path, name string) (string, *path) {
	accounts := "/api/v1/namespaces/" + g.accounts + "/serviceaccounts"
	g.suite.makeInHost(t, accounts, fmt.Sprintf(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: %s}}`, name))
	asked := g.suite.hostPath().send(t, request{
		method: http.MethodPost, path: accounts + "/" + name + "/token",
		body: `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}`,
	})
	require.Equal(t, http.StatusCreated, asked.code, asked)
	status, _ := asked.json(t)["status"].(map[string]any)
	config := rest.AnonymousClientConfig(p.config)
	config.BearerToken, _ = status["token"].(string)
	require.NotEmpty(t, config.BearerToken)
	return "system:serviceaccount:" + g.accounts + ":" + name, p.as(t, config)
}

// makeInHost creates an object of the host that goes when the test ends.
func (s *suite) makeInHost(t testing.TB, collection, manifest string) *response {
	raw, err := yaml.YAMLToJSON([]byte(manifest))
	require.NoError(t, err, manifest)
	created := s.hostPath().send(t, request{method: http.MethodPost, path: collection, body: string(raw)})
	require.Equal(t, http.StatusCreated, created.code, created)
	name := created.object(t).GetName()
	t.Cleanup(func() {
		deleted := s.hostPath().send(t, request{method: http.MethodDelete, path: collection + "/" + name, context: context.Background()})
		require.Contains(t, []int{http.StatusOK, http.StatusAccepted, http.StatusNotFound}, deleted.code, deleted)
	})
	return created
}

// webhooks are the program that the host's webhook configurations of this run name.
type webhooks struct {
	server    *httptest.Server
	authority []byte
	// nobody is an address at which nobody listens.
	nobody string
	// held are closed to let go of the requests that wait there, by the name of the object.
	mu   sync.Mutex
	held map[string]chan struct{}
	// came are closed when the first of them waits.
	came map[string]chan struct{}
	// dry has the objects that were asked about for a dry run.
	dry map[string]bool
}

func newWebhooks(t *testing.T, g *guards) *webhooks {
	authority, serving := serverCertificate(t)
	w := &webhooks{authority: authority, held: map[string]chan struct{}{}, came: map[string]chan struct{}{}, dry: map[string]bool{}}
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(w.answer))
	w.server.TLS = serving
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.nobody = listener.Addr().String()
	require.NoError(t, listener.Close())
	return w
}

func serverCertificate(t *testing.T) (authority []byte, serving *tls.Config) {
	made, err := pki.NewAuthority("conformance-webhooks")
	require.NoError(t, err)
	pair, err := made.Server("conformance-webhooks", "127.0.0.1")
	require.NoError(t, err)
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	require.NoError(t, err)
	return made.CertificatePEM(), &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
}

// gate is what requests about an object of this name wait for.
func (w *webhooks) gate(name string) chan struct{} {
	return w.channel(w.held, name)
}

// waiting is closed when a request about an object of this name waits.
func (w *webhooks) waiting(name string) chan struct{} {
	return w.channel(w.came, name)
}

func (w *webhooks) channel(of map[string]chan struct{}, name string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if of[name] == nil {
		of[name] = make(chan struct{})
	}
	return of[name]
}

// arrive closes what waiting returns.
func (w *webhooks) arrive(name string) {
	came := w.waiting(name)
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-came:
	default:
		close(came)
	}
}

func (w *webhooks) answer(out http.ResponseWriter, in *http.Request) {
	var review struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Response   map[string]any `json:"response"`
		Request    struct {
			UID    string `json:"uid"`
			Name   string `json:"name"`
			DryRun bool   `json:"dryRun"`
			Object struct {
				Metadata struct {
					Name string `json:"name"`
				} `json:"metadata"`
			} `json:"object"`
		} `json:"request"`
	}
	if err := json.NewDecoder(in.Body).Decode(&review); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	name := review.Request.Object.Metadata.Name
	w.mu.Lock()
	w.dry[name] = w.dry[name] || review.Request.DryRun
	w.mu.Unlock()
	response := map[string]any{"uid": review.Request.UID, "allowed": true}
	switch strings.TrimPrefix(in.URL.Path, "/") {
	case webhookDenies:
		response["allowed"] = false
		response["status"] = map[string]any{"code": http.StatusForbidden, "message": "refused by a webhook"}
	case webhookMutates:
		response["patchType"] = "JSONPatch"
		response["patch"] = []byte(`[{"op":"add","path":"/metadata/labels/mutated","value":"by-webhook"}]`)
	case webhookHolds:
		w.arrive(name)
		select {
		case <-w.gate(name):
		case <-in.Context().Done():
		}
	}
	review.Response = response
	out.Header().Set("Content-Type", "application/json")
	// A client that has gone needs no answer.
	_ = json.NewEncoder(out).Encode(review)
}
