package ha

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// When the leader is killed the other replica goes on serving at once, and takes
// over the controllers when the lease has run out.
func TestLeaderIsKilled(t *testing.T) {
	f := setup(t)
	f.create("survivor", "1")
	f.awaitCopy("survivor", "1")
	uid := f.awaitCopy("survivor", "1").GetUID()
	leader, other := f.leader()
	held, _ := f.lease()

	require.NoError(t, leader.Kill(f.ctx()))
	// Past the host's connections to the dead one.
	_, err := f.at(other).Resource(federatedConfigMaps).Namespace(namespace).Create(f.ctx(), federatedConfigMap("orphaned", "1"), metav1.CreateOptions{})
	require.NoError(t, err, "the other replica serves")
	f.eventually("the host to be led to the other replica", func(ctx context.Context) error {
		_, err := f.in(federatedConfigMaps, namespace).List(ctx, metav1.ListOptions{})
		return err
	})
	f.setValue("survivor", "2")
	f.awaitCopy("orphaned", "1")
	assert.Equal(t, uid, f.awaitCopy("survivor", "2").GetUID())
	now, _ := f.leader()
	assert.Equal(t, other, now)
	holder, _ := f.lease()
	assert.NotEqual(t, held, holder)

	require.NoError(t, f.in(federatedConfigMaps, namespace).Delete(f.ctx(), "orphaned", metav1.DeleteOptions{}))
	f.awaitNoCopy("orphaned")
	require.NoError(t, leader.Start(f.ctx()))
}

// A leader that was held up for longer than its lease finds another in its place.
// It ends instead of going on where it stopped.
func TestLeaderIsHeldUp(t *testing.T) {
	f := setup(t)
	f.create("contended", "1")
	f.awaitCopy("contended", "1")
	leader, other := f.leader()
	require.NoError(t, leader.Freeze(f.ctx()))
	write := f.at(other).Resource(federatedConfigMaps).Namespace(namespace)
	_, err := write.Patch(f.ctx(), "contended", "application/merge-patch+json", []byte(`{"spec":{"template":{"data":{"key":"2"}}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	written := f.awaitCopy("contended", "2").GetResourceVersion()

	require.NoError(t, leader.Thaw(f.ctx()))
	f.eventually("the end of the old leader", func(ctx context.Context) error {
		if leader.Running(ctx) == nil {
			return fmt.Errorf("it runs")
		}
		return nil
	})
	assert.Equal(t, written, f.awaitCopy("contended", "2").GetResourceVersion(), "nobody wrote to the member since")
	require.NoError(t, leader.Start(f.ctx()))
	now, _ := f.leader()
	assert.Equal(t, other, now)
}

// One etcd member less is nothing that anybody notices for long.
func TestOneEtcdMemberIsKilled(t *testing.T) {
	f := setup(t)
	for i := range f.Federation().Store().Members() {
		require.NoError(t, f.Federation().Store().Kill(f.ctx(), i))
		name := fmt.Sprintf("quorum-%d", i)
		f.eventually("a write with two etcd members", func(ctx context.Context) error {
			_, err := f.in(federatedConfigMaps, namespace).Create(ctx, federatedConfigMap(name, "x"), metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) {
				return nil // an answer was lost
			}
			return err
		})
		f.awaitCopy(name, "x")
		require.NoError(t, f.in(federatedConfigMaps, namespace).Delete(f.ctx(), name, metav1.DeleteOptions{}))
		f.awaitNoCopy(name)
		require.NoError(t, f.Federation().Store().Start(f.ctx(), i))
		// Else the next to be killed would be the second that is missing.
		f.awaitReady()
	}
}

// Row 83: without its etcd the server says that it is not ready and refuses
// writes in time; it goes on when the etcd does, without a restart.
func TestEtcdHangs(t *testing.T) {
	f := setup(t)
	store := f.Federation().Store()
	f.create("before", "1")
	f.awaitCopy("before", "1")
	for i := range store.Members() {
		require.NoError(t, store.Freeze(f.ctx(), i))
	}
	for _, server := range f.servers {
		f.eventually("readyz to fail", func(context.Context) error {
			if code, text := f.get(server, "/readyz"); code != http.StatusInternalServerError || !strings.Contains(text, "[-]etcd") {
				return fmt.Errorf("%d %s", code, text)
			}
			return nil
		})
	}
	client := f.config(f.servers[0])
	client.Timeout = 3 * time.Second
	_, err := f.client(client).Resource(federatedConfigMaps).Namespace(namespace).Create(f.ctx(), federatedConfigMap("meanwhile", "1"), metav1.CreateOptions{})
	require.Error(t, err)
	assert.True(t, apierrors.IsTimeout(err) || apierrors.IsServerTimeout(err) || apierrors.IsInternalError(err) || utilnet.IsTimeout(err), "%v", err)
	// What is in the watch cache can be read, if it need not be the newest.
	list, err := f.at(f.servers[0]).Resource(federatedConfigMaps).Namespace(namespace).List(f.ctx(), metav1.ListOptions{ResourceVersion: "0"})
	require.NoError(t, err)
	assert.Contains(t, names(list), "before")

	pids := f.pids()
	for i := range store.Members() {
		require.NoError(t, store.Thaw(f.ctx(), i))
	}
	f.awaitReady()
	f.eventually("a write after the outage", func(ctx context.Context) error {
		_, err := f.in(federatedConfigMaps, namespace).Create(ctx, federatedConfigMap("meanwhile", "1"), metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			return nil // the frozen etcd had taken it
		}
		return err
	})
	f.awaitCopy("meanwhile", "1")
	require.NoError(t, f.in(federatedConfigMaps, namespace).Delete(f.ctx(), "meanwhile", metav1.DeleteOptions{}))
	f.awaitNoCopy("meanwhile")
	assert.Equal(t, pids, f.pids(), "no replica was started again")
}

func (f *federation) pids() []int {
	f.t.Helper()
	var pids []int
	for _, server := range f.servers {
		pid, err := server.PID(f.ctx())
		require.NoError(f.t, err)
		pids = append(pids, pid)
	}
	return pids
}

// awaitReady waits until every replica and every etcd member is.
func (f *federation) awaitReady() {
	f.t.Helper()
	for _, server := range f.servers {
		f.eventually("readiness of "+server.Endpoint(), func(context.Context) error {
			if code, text := f.get(server, "/readyz"); code != http.StatusOK {
				return fmt.Errorf("%d %s", code, text)
			}
			return nil
		})
	}
	client := f.etcd()
	for _, endpoint := range f.Federation().Store().Endpoints() {
		f.eventually("etcd at "+endpoint, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			status, err := client.Status(ctx, endpoint)
			if err == nil && len(status.Errors) > 0 {
				err = fmt.Errorf("%v", status.Errors)
			}
			return err
		})
	}
}

// No. 5 of the negative security tests: a server that may not read who speaks for
// the host does not serve. What is missing later is answered with 503, see
// pkg/server.
func TestServerThatDoesNotKnowTheFrontProxyEnds(t *testing.T) {
	f := setup(t)
	bindings := f.host.Resource(schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "rolebindings"}).Namespace("kube-system")
	binding, err := bindings.Get(f.ctx(), "federation-apiserver:auth-reader", metav1.GetOptions{})
	require.NoError(t, err)
	server := f.servers[1]
	require.NoError(t, server.Stop(f.ctx()))
	require.NoError(t, bindings.Delete(f.ctx(), binding.GetName(), metav1.DeleteOptions{}))
	t.Cleanup(func() {
		ctx := context.WithoutCancel(f.ctx())
		binding.SetResourceVersion("")
		binding.SetUID("")
		_, err := bindings.Create(ctx, binding, metav1.CreateOptions{})
		require.NoError(t, err)
		require.Eventually(t, func() bool { return server.Start(ctx) == nil }, patience, pollInterval)
	})
	// The host's authorizer learns of it a moment later.
	f.eventually("the server not to start", func(ctx context.Context) error {
		err := server.Start(ctx)
		if err == nil {
			return errors.Join(errors.New("it started"), server.Stop(ctx))
		}
		if !strings.Contains(err.Error(), "extension-apiserver-authentication") {
			return err
		}
		return nil
	})
}
