package fuzz

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// TestAPI sends requests of all sorts to each kind. A failure names the seed: with
// -api.seed the same requests are sent again.
func TestAPI(t *testing.T) {
	environment := env.Shared(t)
	federation := environment.Federation()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again with: go test ./test/fuzz -run TestAPI -args -api.seed=%d -api.requests=%d", seed, *requestsFlag)

	config := rest.CopyConfig(environment.Host().Config())
	config.Host = federation.Endpoint()
	config.CAData, config.CAFile = nil, federation.CAFile()
	config.QPS = -1
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	s := &session{base: config.Host, client: client}
	pid, err := federation.PID(t.Context())
	require.NoError(t, err)
	before := residentPages(t, pid)
	logged := size(t, federation.Log())
	wanted := regexp.MustCompile(*kindsFlag)

	t.Run("kinds", func(t *testing.T) {
		for _, k := range s.targets(t) {
			_, resource, _ := strings.Cut(k.path, "|")
			if !wanted.MatchString(resource) {
				continue
			}
			t.Run(resource, func(t *testing.T) {
				t.Parallel()
				run := &run{T: t, session: s, kind: k, maker: k.maker(seed), namespace: makeNamespace(t, environment, resource)}
				for i := range *requestsFlag {
					run.request(i)
				}
				if !k.namespaced {
					// No namespace takes it away.
					run.judge(run.send(run, http.MethodDelete, k.in("")+"/"+seedName, nil, "", ""))
				}
				require.NotZero(t, run.accepted, "none of the requests was sound: they test too little")
				require.NotZero(t, run.refused, "none of the requests was bad: they test too little")
			})
		}
	})

	after, err := federation.PID(t.Context())
	require.NoError(t, err)
	require.Equal(t, pid, after, "the server is the same process")
	require.Less(t, residentPages(t, pid), memoryFactor*before, "the server's memory is bounded")
	requireNoPanic(t, s, federation.Log(), logged)
}

// memoryFactor is how much larger the server may be after many requests of up to
// megabytes: a leak of them would be more.
const memoryFactor = 4

func residentPages(t *testing.T, pid int) int {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	require.NoError(t, err)
	return pages
}

func size(t *testing.T, file string) int64 {
	info, err := os.Stat(file)
	require.NoError(t, err)
	return info.Size()
}

func requireNoPanic(t *testing.T, s *session, log string, from int64) {
	raw, err := os.ReadFile(log)
	require.NoError(t, err)
	require.NotRegexp(t, `(?i)\bpanic`, string(raw[min(from, int64(len(raw))):]))
	metrics := s.send(t, http.MethodGet, "/metrics", nil, "", "")
	require.Equal(t, http.StatusOK, metrics.code)
	for line := range strings.Lines(string(metrics.body)) {
		if strings.Contains(line, "panic") && !strings.HasPrefix(line, "#") {
			require.Regexp(t, ` 0\n$`, line)
		}
	}
}

func makeNamespace(t *testing.T, environment *env.Environment, resource string) string {
	host, err := kubernetes.NewForConfig(environment.Host().Config())
	require.NoError(t, err)
	namespace, err := host.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "fuzz-" + resource + "-"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, host.CoreV1().Namespaces().Delete(context.Background(), namespace.Name, metav1.DeleteOptions{}))
	})
	return namespace.Name
}

// run is the requests for one kind.
type run struct {
	*testing.T
	*session
	kind      *target
	maker     maker
	namespace string
	// accepted and refused count writes.
	accepted, refused int
}

func (r *run) request(i int) {
	switch n := r.maker.IntN(100); {
	case n < 40:
		r.create(r.kind.object(r.maker, r.namespace, fmt.Sprintf("fuzz-%d", i)))
	case n < 85:
		r.change()
	default:
		r.read()
	}
}

// options are query parameters, most of them sound. A dry run stores nothing.
func (r *run) options(dry bool) url.Values {
	query := url.Values{}
	if r.maker.chance(30) {
		query.Set("fieldValidation", r.maker.one("Strict", "Warn", "Ignore", "strict", "x"))
	}
	if r.maker.chance(10) {
		query.Set("fieldManager", r.maker.text(""))
	}
	if r.maker.chance(3) {
		query.Set("timeout", r.maker.one("1s", "x", "-1s", "9999h"))
	}
	if dry {
		query.Set("dryRun", "All")
	}
	return query
}

func (r *run) create(object map[string]any) {
	sound := r.maker.chance(50)
	if !sound {
		for range 1 + r.maker.IntN(3) {
			r.maker.mutate(object)
		}
	}
	body, contentType, dry := encode(object), "application/json", r.maker.chance(50) || !sound && r.kind.federates()
	if r.maker.chance(15) {
		body, dry = r.maker.damage(body), true
	}
	if r.maker.chance(15) {
		contentType = "application/yaml"
	}
	got := r.judge(r.send(r, http.MethodPost, r.kind.in(r.namespace), r.options(dry), contentType, body))
	if got.code == http.StatusCreated && !dry {
		r.undo(got)
	}
}

// undo reads what was created, and deletes it.
func (r *run) undo(created *answer) {
	var object struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
	}
	require.NoError(r, json.Unmarshal(created.body, &object), created)
	at := r.kind.in(r.namespace) + "/" + url.PathEscape(object.Metadata.Name)
	read := r.judge(r.send(r, http.MethodGet, at, nil, "", ""))
	// The host's garbage collector takes what has an owner that is not there.
	if len(object.Metadata.OwnerReferences) == 0 {
		require.Equal(r, http.StatusOK, read.code, "what was created can be read: %s", created)
	}
	r.judge(r.send(r, http.MethodDelete, at, nil, "", ""))
	for range 50 {
		left := r.judge(r.send(r, http.MethodPatch, at, nil, "application/merge-patch+json", `{"metadata":{"finalizers":null}}`))
		if left.code == http.StatusNotFound {
			return
		}
	}
	require.Fail(r, "what was created cannot be deleted", created)
}

// seedName is the name of an object that is there all the while.
const seedName = "fuzz-seed"

// change writes to an object that is there.
func (r *run) change() {
	const name = seedName
	seed := r.kind.sound(r.namespace, name)
	// A deletion that is no dry run may have come through.
	r.judge(r.send(r, http.MethodPost, r.kind.in(r.namespace), nil, "application/json", encode(seed)))
	at := r.kind.in(r.namespace) + "/" + seed["metadata"].(map[string]any)["name"].(string)
	sub := ""
	if r.kind.status && r.maker.chance(30) {
		sub = "/status"
	}
	made := r.kind.object(r.maker, r.namespace, name)
	for range r.maker.IntN(3) {
		r.maker.mutate(made)
	}
	var method, contentType, body string
	query := r.options(true)
	switch r.maker.IntN(6) {
	case 0:
		method, contentType, body = http.MethodPut, "application/json", encode(made)
	case 1:
		method, contentType, body = http.MethodPatch, "application/merge-patch+json", encode(made)
	case 2:
		method, contentType, body = http.MethodPatch, "application/strategic-merge-patch+json", encode(made)
	case 3:
		method, contentType, body = http.MethodPatch, "application/json-patch+json", r.operations(made)
	case 4:
		method, contentType, body = http.MethodPatch, "application/apply-patch+yaml", encode(made)
		query.Set("fieldManager", "fuzz")
		if r.maker.chance(60) {
			query.Set("force", r.maker.one("true", "false", "x"))
		}
	default:
		method, contentType, body = http.MethodDelete, "application/json", r.deleteOptions()
	}
	if r.maker.chance(10) {
		body = r.maker.damage(body)
	}
	r.judge(r.send(r, method, at+sub, query, contentType, body))
}

func (r *run) operations(tree map[string]any) string {
	all := places(tree, "")
	var list []any
	for range 1 + r.maker.IntN(4) {
		path := all[r.maker.IntN(len(all))].path
		if r.maker.chance(30) {
			path = r.maker.text("")
		}
		list = append(list, map[string]any{
			"op": r.maker.one("add", "remove", "replace", "copy", "move", "test", "x"), "path": path,
			"from": all[r.maker.IntN(len(all))].path, "value": r.maker.anything(),
		})
	}
	return encode(list)
}

func (r *run) deleteOptions() string {
	options := map[string]any{"apiVersion": "v1", "kind": "DeleteOptions"}
	for _, field := range []string{"gracePeriodSeconds", "propagationPolicy", "orphanDependents", "preconditions", "dryRun"} {
		if r.maker.chance(30) {
			options[field] = r.maker.anything()
		}
	}
	return encode(options)
}

func (r *run) read() {
	query := url.Values{}
	for _, name := range []string{"limit", "continue", "labelSelector", "fieldSelector", "resourceVersionMatch", "timeoutSeconds", "includeObject", "pretty"} {
		if r.maker.chance(20) {
			query.Set(name, r.maker.text(""))
		}
	}
	r.judge(r.send(r, http.MethodGet, r.kind.in(r.namespace), query, "", ""))
	r.judge(r.send(r, http.MethodGet, r.kind.in(r.namespace)+"/"+url.PathEscape(r.maker.text("")), query, "", ""))
}

// judge checks what holds for every answer.
func (r *run) judge(got *answer) *answer {
	r.Helper()
	require.Less(r, got.code, 500, got)
	require.False(r, got.code >= 300 && got.code < 400, "an API never redirects: %s", got)
	if got.code < 300 {
		r.accepted++
		return got
	}
	r.refused++
	var status metav1.Status
	require.NoError(r, json.Unmarshal(got.body, &status), got)
	require.Equal(r, "Status", status.Kind, got)
	require.Equal(r, metav1.StatusFailure, status.Status, got)
	require.EqualValues(r, got.code, status.Code, got)
	require.NotEmpty(r, status.Message, got)
	require.NotContains(r, strings.ToLower(status.Message), "panic", got)
	return got
}

func encode(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return "{}"
	}
	return string(raw)
}
