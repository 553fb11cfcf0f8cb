package conformance

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var admissionRows = []row{
	{number: 87, name: "identity of the user", applies: []condition{writable}, check: exactIdentity},
	{number: 89, name: "policies of the host", applies: []condition{writable}, check: hostPolicies},
	{number: 89, name: "webhooks of the host", applies: []condition{writable, reachable}, check: hostWebhooks},
}

// reachable is the condition that the server can call this program.
func reachable(c *trial) string {
	if c.suite.guards.hooks == nil {
		return "the server is not on this machine and cannot call this program"
	}
	return ""
}

// guarded is a new object that a guard is about.
func (c *trial) guarded(guard, suffix string) *unstructured.Unstructured {
	object := c.draft(suffix)
	labels := object.GetLabels()
	labels[guardLabel] = c.suite.guards.value(guard)
	object.SetLabels(labels)
	return object
}

// exactIdentity: what a policy is told of the user, which is also what authorization
// asks with, is what the host says of the same user. That the request comes as far as
// the policy shows that the groups have come through: the account has its rights by
// them.
func exactIdentity(c *trial) {
	user, somebody := c.suite.guards.account(c.TB, c.path, "user-"+c.id)
	_, inHost := c.suite.guards.account(c.TB, c.suite.hostPath(), "other-"+c.id)
	inHost.config.BearerToken = somebody.config.BearerToken
	inHost = inHost.as(c.TB, inHost.config)
	asked := inHost.send(c.TB, request{
		method: http.MethodPost, path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
		body: `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`,
	})
	require.Equal(c, http.StatusCreated, asked.code, asked)
	info, _ := asked.object(c).Object["status"].(map[string]any)["userInfo"].(map[string]any)
	require.Equal(c, user, info["username"])
	require.NotEmpty(c, info["uid"])
	require.Contains(c, info["extra"], "authentication.kubernetes.io/credential-id")

	object := c.guarded(policyEchoes, "")
	var got string
	c.eventually("the policy to say who asks", func() bool {
		answer := somebody.send(c.TB, request{method: http.MethodPost, path: c.kind.in(object.GetNamespace()), query: query("dryRun", "All"), body: encode(c, object.Object)})
		_, got, _ = strings.Cut(string(answer.body), " denied request: ")
		return got != ""
	})
	got, _, _ = strings.Cut(got, `"`)
	parts := strings.Split(got, " | ")
	require.Len(c, parts, 4, got)
	require.Equal(c, info["username"], parts[0])
	require.Equal(c, info["uid"], parts[1])
	require.ElementsMatch(c, words(info["groups"]), strings.Fields(parts[2]))
	extra, _ := info["extra"].(map[string]any)
	var want []string
	for key, values := range extra {
		want = append(want, key+"="+strings.Join(words(values), ","))
	}
	require.ElementsMatch(c, want, strings.Fields(parts[3]))
}

// tried creates an object, for real or not, until the guard is in force: the server
// hears of new ones a moment later.
func (c *trial) tried(guard string, inForce func(*response) bool, pairs ...string) *response {
	c.Helper()
	var answer *response
	c.eventually("the guard "+guard+" to be in force", func() bool {
		answer = c.send(request{
			method: http.MethodPost, path: c.kind.in(c.namespace()), query: query(append(pairs, "dryRun", "All")...),
			body: encode(c, c.guarded(guard, "").Object),
		})
		return inForce(answer)
	})
	return answer
}

func refusedWith(text string) func(*response) bool {
	return func(r *response) bool { return r.code >= 400 && strings.Contains(string(r.body), text) }
}

func mutatedBy(who string) func(*response) bool {
	return func(r *response) bool {
		return r.code == http.StatusCreated && strings.Contains(string(r.body), `"mutated":"`+who+`"`)
	}
}

func hostPolicies(c *trial) {
	status := c.refused(c.tried(policyDenies, refusedWith(policyDenies)), http.StatusUnprocessableEntity)
	require.Contains(c, status["message"], "ValidatingAdmissionPolicy '"+c.suite.guards.value(policyDenies)+"'")
	denied := c.create(c.guarded(policyDenies, ""))
	c.refused(denied, http.StatusUnprocessableEntity)
	require.Equal(c, http.StatusNotFound, c.get(c.url(c.draft(""))).code)

	// A policy that breaks refuses or not, as it says itself.
	c.refused(c.tried(policyBreaks, refusedWith(policyBreaks)), http.StatusUnprocessableEntity)
	may := c.create(c.guarded(policyMayBreak, ""), "dryRun", "All")
	require.Equal(c, http.StatusCreated, may.code, may)

	c.tried(policyMutates, mutatedBy("by-policy"))
	object := c.make()
	require.NotContains(c, object.GetLabels(), "mutated", "policies are about what they select")
	// An update is looked at like a creation.
	moved := fmt.Sprintf(`{"metadata":{"labels":{%q:%q}}}`, guardLabel, c.suite.guards.value(policyDenies))
	c.refused(c.patch(object, mergePatch, moved), http.StatusUnprocessableEntity)
	moved = strings.ReplaceAll(moved, policyDenies, policyMutates)
	patched := c.patch(object, mergePatch, moved)
	require.Equal(c, http.StatusOK, patched.code, patched)
	require.Equal(c, "by-policy", patched.object(c).GetLabels()["mutated"])
}

func hostWebhooks(c *trial) {
	hooks := c.suite.guards.hooks
	status := c.refused(c.tried(webhookDenies, refusedWith("refused by a webhook")), http.StatusForbidden)
	require.Contains(c, status["message"], `admission webhook "guard.conformance.example.com" denied the request`)
	require.True(c, hooks.askedDry(c.draft("").GetName()), "a webhook is told of a dry run")

	c.tried(webhookMutates, mutatedBy("by-webhook"))
	c.refused(c.tried(webhookIsDown, refusedWith("failed calling webhook")), http.StatusInternalServerError)
	ignored := c.create(c.guarded(webhookMayBeOut, "-out"), "dryRun", "All")
	require.Equal(c, http.StatusCreated, ignored.code, ignored)

	stored := c.create(c.guarded(webhookMutates, "-stored"))
	require.Equal(c, http.StatusCreated, stored.code, stored)
	require.Equal(c, "by-webhook", stored.object(c).GetLabels()["mutated"])
	require.Equal(c, "by-webhook", c.read(stored.object(c)).GetLabels()["mutated"])
}

// askedDry reports whether a webhook was asked about a dry run for an object.
func (w *webhooks) askedDry(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dry[name]
}
