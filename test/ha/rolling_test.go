package ha

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubefederation/federation-apiserver/test/env"
)

// manyWatches is how many are open on a replica that is told to end.
const manyWatches = 100

// openWatches opens watches at a replica. The returned function waits until all
// have ended, and returns the errors that they ended with.
func (f *federation) openWatches(server *env.Replica) (ended func() []error) {
	f.t.Helper()
	objects := f.at(server).Resource(federatedConfigMaps).Namespace(namespace)
	list, err := objects.List(f.ctx(), metav1.ListOptions{})
	require.NoError(f.t, err)
	var opening errgroup.Group
	opening.SetLimit(50)
	var watching sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	for range manyWatches {
		opening.Go(func() error {
			watcher, err := objects.Watch(f.ctx(), metav1.ListOptions{ResourceVersion: list.GetResourceVersion(), LabelSelector: "of=nobody"})
			if err != nil {
				return err
			}
			watching.Go(func() {
				for event := range watcher.ResultChan() {
					mu.Lock()
					failed = append(failed, apierrors.FromObject(event.Object))
					mu.Unlock()
				}
			})
			return nil
		})
	}
	require.NoError(f.t, opening.Wait())
	return func() []error {
		watching.Wait()
		return failed
	}
}

// Row 48, and the promise of docs/operations.md: a rolling restart fails no read of a
// client that repeats what it is asked to repeat, and of the writes none but those
// that are on their way to the replica in the moment in which it closes; watches end
// cleanly, and their clients list again.
func TestRollingRestartFailsNoRead(t *testing.T) {
	f := setup(t)
	const clients = 4
	load := f.startLoad(clients)
	load.more(100)
	for i, server := range f.servers {
		ended := func() []error { return nil }
		if i == 0 {
			ended = f.openWatches(server)
		}
		require.NoError(t, server.Stop(f.ctx()))
		assert.Empty(t, ended())
		load.more(20)
		require.NoError(t, server.Start(f.ctx()))
		load.more(20)
	}
	// The host has one connection to a replica. It cannot repeat the writes on it that cross the replica's word that it
	// takes no more.
	load.stop(clients * len(f.servers))
	f.leader()
	for _, server := range f.servers {
		code, text := f.get(server, "/readyz")
		require.Equal(t, http.StatusOK, code, text)
	}
}
