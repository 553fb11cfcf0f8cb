package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
)

func TestProbes(t *testing.T) {
	s := start(t, t.TempDir())
	for _, path := range []string{"/livez", "/readyz", "/healthz"} {
		code, body := s.probe(path)
		assert.Equal(t, 200, code, path)
		assert.Equal(t, "ok", body, path)
	}
	_, body := s.probe("/readyz?verbose")
	for _, check := range []string{"etcd", "informer-sync", "poststarthook/start-federation-controllers", "shutdown"} {
		assert.Contains(t, body, "[+]"+check)
	}
	code, _ := s.probe("/metrics")
	assert.Contains(t, []int{401, 403}, code, "metrics are not for everybody")
	code, _ = s.probe("/apis/core.kubefed.io/v1beta1/kubefedclusters")
	assert.Contains(t, []int{401, 403}, code, "nor are members")
}

func TestGracefulShutdownUnderWatches(t *testing.T) {
	const watches = 1000
	s := start(t, t.TempDir())
	objects := s.enable()
	s.create(objects, "watched", "value")
	var open []watch.Interface
	for range watches {
		w, err := objects.Watch(t.Context(), metav1.ListOptions{})
		require.NoError(t, err)
		open = append(open, w)
	}
	first := <-open[0].ResultChan()
	require.Equal(t, watch.Added, first.Type)

	s.terminate()
	for i, w := range open {
		timeout := time.After(patience)
		for running := true; running; {
			select {
			case event, ok := <-w.ResultChan():
				running = ok
				if ok {
					assert.NotEqual(t, watch.Error, event.Type, "watch %d: %v", i, event.Object)
				}
			case <-timeout:
				require.FailNow(t, "a watch outlives its server")
			}
		}
	}
	assert.Empty(t, s.errors(), "errors in the log")
}

func TestAuditPolicyIsHonoured(t *testing.T) {
	dir := t.TempDir()
	policy, log := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.log")
	require.NoError(t, os.WriteFile(policy, []byte(`apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Request
  verbs: [create]
  resources:
  - group: types.kubefed.io
- level: None
`), 0o600))
	s := start(t, t.TempDir(), "--audit-policy-file="+policy, "--audit-log-path="+log)
	s.create(s.enable(), "audited", "secret-of-the-template")
	s.terminate()

	file, err := os.Open(log)
	require.NoError(t, err)
	defer file.Close()
	var events []auditv1.Event
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var event auditv1.Event
		require.NoError(t, json.Unmarshal(lines.Bytes(), &event), lines.Text())
		events = append(events, event)
	}
	require.Len(t, events, 1, "everything else is left out")
	assert.Equal(t, "create", events[0].Verb)
	assert.Equal(t, "audited", events[0].ObjectRef.Name)
	assert.NotEmpty(t, events[0].User.Username)
	require.NotNil(t, events[0].RequestObject)
	assert.Contains(t, string(events[0].RequestObject.Raw), "secret-of-the-template")
	assert.Nil(t, events[0].ResponseObject, fmt.Sprint("level ", events[0].Level))
}
