package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
	"k8s.io/component-base/metrics/testutil"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// memberApplies returns how many server-side applies each member has answered. Next to nobody but the federation uses
// them.
func (f *federation) memberApplies() map[string]int {
	f.t.Helper()
	counts := map[string]int{}
	for _, member := range f.Members() {
		client, err := kubernetes.NewForConfig(member.Config())
		require.NoError(f.t, err)
		data, err := client.RESTClient().Get().AbsPath("/metrics").DoRaw(f.ctx())
		require.NoError(f.t, err)
		metrics := testutil.NewMetrics()
		require.NoError(f.t, testutil.ParseMetrics(string(data), &metrics))
		require.Contains(f.t, metrics, "apiserver_request_total")
		for _, sample := range metrics["apiserver_request_total"] {
			if sample.Metric["verb"] == "APPLY" {
				counts[member.Name()] += int(sample.Value)
			}
		}
	}
	return counts
}

// copies returns the managed ConfigMaps in a member's namespace by name.
func (f *federation) copies(member, namespace string) map[string]types.UID {
	f.t.Helper()
	list, err := f.on(member, configMaps, namespace).List(f.ctx(), metav1.ListOptions{LabelSelector: "kubefed.io/managed=true"})
	require.NoError(f.t, err)
	found := map[string]types.UID{}
	for _, item := range list.Items {
		found[item.GetName()] = item.GetUID()
	}
	return found
}

// versions returns the resourceVersions of the managed ConfigMaps in a member's namespace, or of the FederatedConfigMaps
// in that of the host.
func (f *federation) versions(cluster, namespace string) map[string]string {
	f.t.Helper()
	resource, options := configMaps, metav1.ListOptions{LabelSelector: "kubefed.io/managed=true"}
	if cluster == env.HostName {
		resource, options = federatedConfigMaps, metav1.ListOptions{}
	}
	list, err := f.on(cluster, resource, namespace).List(f.ctx(), options)
	require.NoError(f.t, err)
	found := map[string]string{}
	for _, item := range list.Items {
		found[item.GetName()] = item.GetResourceVersion()
	}
	return found
}

// quiet fails the test at its end if the federation server has logged an error meanwhile: nothing that the test does is a
// reason for one.
func (f *federation) quiet() {
	f.t.Helper()
	log, err := os.Open(f.Federation().Log())
	require.NoError(f.t, err)
	_, err = log.Seek(0, io.SeekEnd)
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		defer log.Close()
		data, err := io.ReadAll(log)
		require.NoError(f.t, err)
		for line := range strings.Lines(string(data)) {
			assert.False(f.t, klogError.MatchString(line) && !eventForGone.MatchString(line), "the server's log has an error: %s", line)
		}
	})
}

// eventForGone is what the library logs when the namespace of an event has gone meanwhile, such as that of a test before.
var eventForGone = regexp.MustCompile(`"Server rejected event.*not found`)

// klogError is a line of a log that begins with the severity error or fatal and the date.
var klogError = regexp.MustCompile(`^[EF]\d{4} `)

// questions are asked again and again until stop is called.
type questions struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	wrong   []error
}

// askFor reads an object and the discovery of the host all the time, and keeps the answers that say that there is no such
// thing: the host deletes a namespace by what discovery says can be in it.
func (f *federation) askFor(resource schema.GroupVersionResource, namespace, name string) *questions {
	f.t.Helper()
	ctx, cancel := context.WithCancel(f.ctx())
	q := &questions{cancel: cancel}
	client := f.host(resource, namespace)
	discoverer, err := discovery.NewDiscoveryClientForConfig(f.Host().Config())
	require.NoError(f.t, err)
	q.running.Go(func() {
		ticker := time.NewTicker(pollInterval / 5)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				if _, err := client.Get(ctx, name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
					q.wrong = append(q.wrong, err)
				}
				if err := discovers(discoverer, resource); err != nil {
					q.wrong = append(q.wrong, err)
				}
			}
		}
	})
	return q
}

// discovers fails if the host says for sure that a resource does not exist; it may say that it does not know.
func discovers(client *discovery.DiscoveryClient, resource schema.GroupVersionResource) error {
	_, resources, unknown, err := client.GroupsAndMaybeResources()
	if err != nil || unknown[resource.GroupVersion()] != nil {
		return nil
	}
	list := resources[resource.GroupVersion()]
	if list == nil {
		return fmt.Errorf("discovery does not have %s", resource.GroupVersion())
	}
	for i := range list.APIResources {
		if list.APIResources[i].Name == resource.Resource {
			return nil
		}
	}
	return fmt.Errorf("discovery does not have %s among %d resources", resource, len(list.APIResources))
}

// stop returns the wrong answers.
func (q *questions) stop() []error {
	q.cancel()
	q.running.Wait()
	return q.wrong
}
