package fuzz

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	patience = 3 * time.Minute
	interval = 200 * time.Millisecond
)

// target is a kind that is written to.
type target struct {
	path, kind, apiVersion string
	namespaced, status     bool
	schema                 schema
	document               *document
}

// federates reports whether objects of the kind could reach members.
func (k *target) federates() bool { return strings.HasPrefix(k.apiVersion, "types.kubefed.io/") }

func (k *target) in(namespace string) string {
	group, resource, _ := strings.Cut(k.path, "|")
	if k.namespaced {
		return group + "/namespaces/" + namespace + "/" + resource
	}
	return group + "/" + resource
}

// targets reads the kinds that can be created, with their schemas.
func (s *session) targets(t *testing.T) []*target {
	var found []*target
	var groups struct {
		Groups []struct {
			Name     string
			Versions []struct{ GroupVersion string }
		}
	}
	s.decode(t, "/apis", &groups)
	for _, group := range groups.Groups {
		if !strings.HasSuffix(group.Name, ".kubefed.io") {
			continue
		}
		for _, version := range group.Versions {
			var resources struct {
				Resources []struct {
					Name, Kind string
					Namespaced bool
					Verbs      []string
				}
			}
			s.decode(t, "/apis/"+version.GroupVersion, &resources)
			doc := &document{}
			// Right after a start the document of the federated types is not there yet.
			require.Eventually(t, func() bool {
				got := s.send(t, http.MethodGet, "/openapi/v3/apis/"+version.GroupVersion, nil, "", "")
				return got.code == http.StatusOK && json.Unmarshal(got.body, doc) == nil
			}, patience, interval, version.GroupVersion)
			byName := map[string]*target{}
			for _, resource := range resources.Resources {
				name, sub, _ := strings.Cut(resource.Name, "/")
				if sub == "status" && byName[name] != nil {
					byName[name].status = true
				}
				if sub != "" || !strings.Contains(strings.Join(resource.Verbs, " "), "create") {
					continue
				}
				of, ok := doc.of(resource.Kind)
				require.True(t, ok, "%s has no schema", resource.Kind)
				byName[name] = &target{
					path: "/apis/" + version.GroupVersion + "|" + name, kind: resource.Kind, apiVersion: version.GroupVersion,
					namespaced: resource.Namespaced, schema: of, document: doc,
				}
				found = append(found, byName[name])
			}
		}
	}
	require.NotEmpty(t, found)
	return found
}

// maker makes the requests of a kind: always the same of the same seed.
func (k *target) maker(seed uint64) maker {
	hash := fnv.New64()
	hash.Write([]byte(k.path))
	return maker{Rand: rand.New(rand.NewPCG(seed, hash.Sum64())), document: k.document}
}

// session is a way to the server.
type session struct {
	base   string
	client *http.Client
}

type answer struct {
	method, target, sent string
	code                 int
	header               http.Header
	body                 []byte
}

func (a *answer) String() string {
	return fmt.Sprintf("%s %s\n%s\nanswered %d: %s", a.method, a.target, short(a.sent), a.code, short(string(a.body)))
}

func short(text string) string {
	if len(text) > 3000 {
		return fmt.Sprintf("%q... (%d bytes)", text[:3000], len(text))
	}
	return fmt.Sprintf("%q", text)
}

func (s *session) send(t testing.TB, method, path string, query url.Values, contentType, body string) *answer {
	t.Helper()
	target := s.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	wire, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	require.NoError(t, err)
	wire.Header.Set("Accept", "application/json")
	if contentType != "" {
		wire.Header.Set("Content-Type", contentType)
	}
	got, err := s.client.Do(wire)
	require.NoError(t, err, "%s %s %s", method, target, short(body))
	defer func() { require.NoError(t, got.Body.Close()) }()
	raw, err := io.ReadAll(got.Body)
	require.NoError(t, err)
	return &answer{method: method, target: target, sent: body, code: got.StatusCode, header: got.Header, body: raw}
}

func (s *session) decode(t testing.TB, path string, into any) {
	t.Helper()
	got := s.send(t, http.MethodGet, path, nil, "", "")
	require.Equal(t, http.StatusOK, got.code, got)
	require.NoError(t, json.Unmarshal(got.body, into), got)
}
