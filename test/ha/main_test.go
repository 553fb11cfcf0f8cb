// Package ha tests what makes the server available: two replicas on an external
// etcd of three members, as processes behind a host's APIServices, of which one
// or another is killed, frozen, restarted, or given other certificates.
package ha

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/kubefederation/federation-apiserver/test/env"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const (
	patience     = 3 * time.Minute
	pollInterval = 50 * time.Millisecond
	member       = "cluster1"
	namespace    = "ha"
	// leaseSeconds is that of the KubeFedConfig in these tests.
	leaseSeconds = 10
)

var (
	configMaps           = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	namespaces           = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	leases               = schema.GroupVersionResource{Group: "coordination.k8s.io", Version: "v1", Resource: "leases"}
	kubeFedConfigs       = core("kubefedconfigs")
	federatedTypeConfigs = core("federatedtypeconfigs")
	federatedConfigMaps  = federated("federatedconfigmaps")
	federatedNamespaces  = federated("federatednamespaces")
)

func core(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "core.kubefed.io", Version: "v1beta1", Resource: resource}
}

func federated(resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "types.kubefed.io", Version: "v1beta1", Resource: resource}
}

// shared is the environment of all tests; they run one by one, since most of them
// take something away from the others.
var shared struct {
	once        sync.Once
	environment *env.Environment
	err         error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.environment != nil {
		if err := shared.environment.Stop(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "end the test environment:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// federation is the environment in the hands of one test.
type federation struct {
	*env.Environment
	t       *testing.T
	host    dynamic.Interface
	member  dynamic.Interface
	servers []*env.Replica
}

func setup(t *testing.T) *federation {
	t.Helper()
	if testing.Short() {
		t.Skip("needs real clusters: not with -short")
	}
	shared.once.Do(func() { shared.environment, shared.err = start(t) })
	require.NoError(t, shared.err)
	f := &federation{Environment: shared.environment, t: t, servers: shared.environment.Federation().Replicas()}
	f.host, f.member = f.client(f.Host().Config()), f.client(f.Member(member).Config())
	require.NoError(t, f.Restore(t.Context()), "what a failed test left behind")
	return f
}

// start makes the environment, with an election that does not take long.
func start(t *testing.T) (*env.Environment, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	e, err := env.Start(ctx, env.Options{Members: []string{member}, Replicas: 2, Progress: progress.NewWriter(os.Stderr)})
	if err != nil {
		return nil, err
	}
	f := &federation{Environment: e, t: t}
	f.host = f.client(e.Host().Config())
	patch := fmt.Sprintf(`{"spec":{"leaderElect":{"leaseDuration":"%ds","renewDeadline":"%ds","retryPeriod":"500ms"}}}`, leaseSeconds, leaseSeconds-2)
	if _, err := f.host.Resource(kubeFedConfigs).Namespace(env.SystemNamespace).Patch(ctx, "kubefed", "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
		return e, err
	}
	// The election's timing is that of when a replica starts.
	if err := e.Federation().Restart(ctx); err != nil {
		return e, err
	}
	for _, create := range []struct {
		resource  schema.GroupVersionResource
		namespace string
		object    *unstructured.Unstructured
	}{
		{namespaces, "", &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": namespace}}}},
		{federatedNamespaces, namespace, federatedObject("FederatedNamespace", namespace, nil)},
	} {
		if _, err := f.in(create.resource, create.namespace).Create(ctx, create.object, metav1.CreateOptions{}); err != nil {
			return e, err
		}
	}
	return e, nil
}

func (f *federation) ctx() context.Context { return f.t.Context() }

func (f *federation) client(config *rest.Config) dynamic.Interface {
	f.t.Helper()
	config.QPS = -1
	client, err := dynamic.NewForConfig(config)
	require.NoError(f.t, err)
	return client
}

// in is the client of the host for a resource.
func (f *federation) in(resource schema.GroupVersionResource, namespace string) dynamic.ResourceInterface {
	if namespace == "" {
		return f.host.Resource(resource)
	}
	return f.host.Resource(resource).Namespace(namespace)
}

// config reaches one replica, past the host, with the rights of its administrator.
func (f *federation) config(server *env.Replica) *rest.Config {
	config := f.Host().Config()
	config.Host = server.Endpoint()
	config.QPS = -1
	config.CAData, config.CAFile = nil, f.Federation().CAFile()
	// Every certificate that the server ever has is for this name.
	config.ServerName = "localhost"
	return config
}

// at is the client of one replica.
func (f *federation) at(server *env.Replica) dynamic.Interface {
	f.t.Helper()
	return f.client(f.config(server))
}

// eventually waits until check finds nothing wrong.
func (f *federation) eventually(what string, check func(ctx context.Context) error) {
	f.t.Helper()
	var last error
	began := time.Now()
	err := wait.PollUntilContextTimeout(f.ctx(), pollInterval, patience, true, func(ctx context.Context) (bool, error) {
		last = check(ctx)
		return last == nil, nil
	})
	require.NoError(f.t, err, "waited in vain for %s: %v", what, last)
	if waited := time.Since(began); waited > time.Second {
		f.t.Logf("waited %s for %s", waited.Round(time.Millisecond), what)
	}
}

// awaitCopy waits until the member has what a FederatedConfigMap asks for.
func (f *federation) awaitCopy(name, value string) *unstructured.Unstructured {
	f.t.Helper()
	var found *unstructured.Unstructured
	f.eventually("copy of "+name+" with "+value, func(ctx context.Context) error {
		var err error
		found, err = f.member.Resource(configMaps).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if got, _, _ := unstructured.NestedString(found.Object, "data", "key"); got != value {
			return fmt.Errorf("it has %q", got)
		}
		return nil
	})
	return found
}

// awaitNoCopy waits until the member has none.
func (f *federation) awaitNoCopy(name string) {
	f.t.Helper()
	f.eventually("end of the copy of "+name, func(ctx context.Context) error {
		_, err := f.member.Resource(configMaps).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is there: %w", err)
	})
}

// create makes a FederatedConfigMap through the host, and removes it when the test ends.
func (f *federation) create(name, value string) *unstructured.Unstructured {
	f.t.Helper()
	created, err := f.in(federatedConfigMaps, namespace).Create(f.ctx(), federatedConfigMap(name, value), metav1.CreateOptions{})
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		err := f.in(federatedConfigMaps, namespace).Delete(context.WithoutCancel(f.ctx()), name, metav1.DeleteOptions{})
		if !apierrors.IsNotFound(err) {
			require.NoError(f.t, err)
		}
	})
	return created
}

func (f *federation) setValue(name, value string) {
	f.t.Helper()
	patch := fmt.Appendf(nil, `{"spec":{"template":{"data":{"key":%q}}}}`, value)
	_, err := f.in(federatedConfigMaps, namespace).Patch(f.ctx(), name, "application/merge-patch+json", patch, metav1.PatchOptions{})
	require.NoError(f.t, err)
}

func federatedConfigMap(name, value string) *unstructured.Unstructured {
	return federatedObject("FederatedConfigMap", name, map[string]any{"data": map[string]any{"key": value}})
}

func federatedObject(kind, name string, template map[string]any) *unstructured.Unstructured {
	spec := map[string]any{"placement": map[string]any{"clusters": []any{map[string]any{"name": member}}}}
	if template != nil {
		spec["template"] = template
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "types.kubefed.io/v1beta1", "kind": kind,
		"metadata": map[string]any{"namespace": namespace, "name": name},
		"spec":     spec,
	}}
}

// get reads a path of a replica as text.
func (f *federation) get(server *env.Replica, path string) (int, string) {
	f.t.Helper()
	client, err := rest.HTTPClientFor(f.config(server))
	require.NoError(f.t, err)
	defer client.CloseIdleConnections()
	client.Timeout = 10 * time.Second
	request, err := http.NewRequestWithContext(f.ctx(), http.MethodGet, server.Endpoint()+path, nil)
	require.NoError(f.t, err)
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	return response.StatusCode, string(data)
}

// leader waits for a replica that leads, and returns it and another one.
func (f *federation) leader() (leader, other *env.Replica) {
	f.t.Helper()
	f.eventually("a leader", func(ctx context.Context) error {
		leader = nil
		for _, server := range f.servers {
			if server.Running(ctx) != nil {
				continue
			}
			if _, metrics := f.get(server, "/metrics"); strings.Contains(metrics, `leader_election_master_status{name="federation-apiserver"} 1`) {
				leader = server
			} else {
				other = server
			}
		}
		if leader == nil {
			return fmt.Errorf("nobody leads")
		}
		return nil
	})
	return leader, other
}

// lease is the record of the election.
func (f *federation) lease() (holder string, seconds int64) {
	f.t.Helper()
	lease, err := f.in(leases, env.SystemNamespace).Get(f.ctx(), "federation-apiserver", metav1.GetOptions{})
	require.NoError(f.t, err)
	holder, _, _ = unstructured.NestedString(lease.Object, "spec", "holderIdentity")
	seconds, _, _ = unstructured.NestedInt64(lease.Object, "spec", "leaseDurationSeconds")
	return holder, seconds
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &object), text)
	return object
}
