package members_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/kubefederation/federation-apiserver/pkg/members"
)

func TestASessionLastsAsLongAsItsConnection(t *testing.T) {
	f := newFixture(t, members.Options{})
	began := make(chan string, 1)
	ended := make(chan error, 1)
	// begin waits until a session is under way.
	begin := func() (cluster string) {
		t.Helper()
		go func() {
			ended <- f.member.Session(f, func(ctx context.Context, client dynamic.Interface, cluster string) error {
				if _, err := client.Resource(configMaps).Namespace(f.namespace).List(ctx, metav1.ListOptions{}); err != nil {
					return err
				}
				began <- cluster
				<-ctx.Done()
				return ctx.Err()
			})
		}()
		select {
		case cluster = <-began:
		case err := <-ended:
			require.FailNow(t, "the session ended", "%v", err)
		case <-time.After(patience):
			require.FailNow(t, "no session")
		}
		return cluster
	}
	requireEnded := func() {
		t.Helper()
		select {
		case err := <-ended:
			require.ErrorIs(t, err, context.Canceled)
		case <-time.After(patience):
			require.FailNow(t, "the session goes on")
		}
	}

	cluster := begin()
	// The token of another account is another connection, to the same cluster.
	secret := f.secret.DeepCopy()
	secret.Data[members.TokenKey] = []byte(f.token())
	require.NoError(t, f.set.Update(f.kubefed, secret))
	requireEnded()
	require.Equal(t, cluster, begin())

	// Nothing is sent to a member that is not ready.
	f.set.SetReady("one", false, errors.New("it is not well"))
	waiting, cancel := context.WithCancel(f)
	cancel()
	err := f.member.Session(waiting, func(context.Context, dynamic.Interface, string) error {
		return errors.New("used")
	})
	require.ErrorIs(t, err, context.Canceled)

	f.set.Remove("one")
	requireEnded()
	require.Error(t, f.member.Session(f, func(context.Context, dynamic.Interface, string) error { return nil }))
}
