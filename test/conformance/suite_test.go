package conformance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubefederation/federation-apiserver/pkg/etcd"
	"github.com/kubefederation/federation-apiserver/test/env"
)

// The two ways to the server.
const (
	direct     = "direct"
	aggregated = "aggregated"
)

func defaultParallel() int { return runtime.GOMAXPROCS(0) }

// suite is one run.
type suite struct {
	host  *rest.Config
	paths []*path
	// etcd is the endpoint of the server's storage, if it can be reached.
	etcd   string
	run    string
	guards *guards
	// compactOnce makes the oldest version unreadable.
	compactOnce sync.Once
}

// path is a way to the server.
type path struct {
	name   string
	config *rest.Config
	client *http.Client
	// namespace is where the objects of this path are made.
	namespace string
	// terminating is a namespace that is being deleted until the run ends.
	terminating string
}

// TestConformance runs every row for every kind on both paths.
func TestConformance(t *testing.T) {
	s := newSuite(t)
	s.guards = s.makeGuards(t)
	for _, p := range s.paths {
		p.namespace = s.makeNamespace(t, p.name)
		p.terminating = s.makeTerminating(t)
		kinds := s.discover(t, p)
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s.runOnce(t, p, kinds)
			for _, k := range kinds {
				t.Run(subtest(k.String()), func(t *testing.T) {
					t.Parallel()
					s.runKind(t, p, k)
				})
			}
		})
	}
}

func (s *suite) runOnce(t *testing.T, p *path, kinds []*kind) {
	t.Run("server", func(t *testing.T) {
		t.Parallel()
		for _, r := range list() {
			if r.once {
				s.runRow(t, r, &trial{suite: s, path: p, kinds: kinds})
			}
		}
	})
}

func (s *suite) runKind(t *testing.T, p *path, k *kind) {
	require.True(t, k.hasStub, "%s is served and has no stub: add one to stubs_test.go", k)
	k.makeNamespaces(t, s, p)
	for _, r := range list() {
		if !r.once {
			s.runRow(t, r, &trial{suite: s, path: p, kind: k})
		}
	}
}

func (s *suite) runRow(t *testing.T, r row, c *trial) {
	for _, applies := range r.applies {
		if why := applies(c); why != "" {
			record(result{row: r, path: c.path.name, kind: c.subject(), outcome: notApplicable, detail: why})
			return
		}
	}
	begin := time.Now()
	outcome := failed
	// Recorded even if the check ends the goroutine.
	defer func() {
		record(result{row: r, path: c.path.name, kind: c.subject(), outcome: outcome, detail: c.messages.String(), seconds: time.Since(begin).Seconds()})
	}()
	if r.optional {
		if c.try(t, r) {
			outcome = passed
		}
		return
	}
	if t.Run(subtest(r.label()), func(t *testing.T) {
		c.begin(t, &c.messages)
		r.check(c)
	}) {
		outcome = passed
	}
}

func newSuite(t *testing.T) *suite {
	s := &suite{run: randomID(t)}
	var server, ca string
	if *kubeconfigFlag != "" {
		config, err := clientcmd.BuildConfigFromFlags("", *kubeconfigFlag)
		require.NoError(t, err)
		s.host, server, ca = config, *serverFlag, *caFlag
		if *dataFlag != "" {
			s.etcd = etcd.Endpoint(*dataFlag)
		}
	} else {
		environment := env.Shared(t)
		federation := environment.Federation()
		// Its caches of kinds without objects may have begun with the store itself; then no version is too old for them.
		require.NoError(t, federation.Restart(t.Context()))
		s.host, server, ca = environment.Host().Config(), federation.Endpoint(), federation.CAFile()
		s.etcd = etcd.Endpoint(federation.DataDir())
	}
	s.addPath(t, aggregated, s.host)
	if server != "" {
		config := rest.CopyConfig(s.host)
		config.Host = server
		config.CAData, config.CAFile = nil, ca
		s.addPath(t, direct, config)
	}
	return s
}

func (s *suite) addPath(t *testing.T, name string, config *rest.Config) {
	config = rest.CopyConfig(config)
	client, err := rest.HTTPClientFor(config)
	require.NoError(t, err)
	// A redirect is an answer that must not be.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.paths = append(s.paths, &path{name: name, config: config, client: client})
}

func (p *path) url() string { return strings.TrimSuffix(p.config.Host, "/") }

// hostPath reaches the host itself, whatever path is checked.
func (s *suite) hostPath() *path { return s.paths[0] }

func randomID(t testing.TB) string {
	raw := make([]byte, 4)
	_, err := rand.Read(raw)
	require.NoError(t, err)
	return hex.EncodeToString(raw)
}

// makeNamespace makes a namespace in the host that is deleted when the test ends.
func (s *suite) makeNamespace(t *testing.T, purpose string) string {
	name := fmt.Sprintf("conformance-%s-%s-%s", strings.ToLower(purpose), s.run, randomID(t))
	body := fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)
	created := s.hostPath().send(t, request{method: http.MethodPost, path: "/api/v1/namespaces", body: body})
	require.Equal(t, http.StatusCreated, created.code, created)
	t.Cleanup(func() {
		deleted := s.hostPath().send(t, request{method: http.MethodDelete, path: "/api/v1/namespaces/" + name, context: context.Background()})
		require.Contains(t, []int{http.StatusOK, http.StatusAccepted, http.StatusNotFound, http.StatusConflict}, deleted.code, deleted)
	})
	return name
}

// makeTerminating makes a namespace that is being deleted, and that an object with a
// finalizer keeps until the test ends.
func (s *suite) makeTerminating(t *testing.T) string {
	host, name := s.hostPath(), s.makeNamespace(t, "ending")
	path := "/api/v1/namespaces/" + name
	kept := host.send(t, request{
		method: http.MethodPost, path: path + "/configmaps",
		body: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"keep","finalizers":["example.com/keep"]}}`,
	})
	require.Equal(t, http.StatusCreated, kept.code, kept)
	t.Cleanup(func() {
		host.send(t, request{
			method: http.MethodPatch, path: path + "/configmaps/keep", contentType: mergePatch, context: background,
			body: `{"metadata":{"finalizers":null}}`,
		})
	})
	ended := host.send(t, request{method: http.MethodDelete, path: path})
	require.Equal(t, http.StatusOK, ended.code, ended)
	return name
}
