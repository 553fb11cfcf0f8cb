package identity

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/client-go/kubernetes/fake"
)

// silent is a Store that does not always answer what it has done.
type silent struct {
	*memory
	now bool
}

func (s *silent) Save(ctx context.Context, value []byte, revision int64) (int64, error) {
	saved, err := s.memory.Save(ctx, value, revision)
	if err == nil && s.now {
		s.now = false
		return 0, context.DeadlineExceeded
	}
	return saved, err
}

// A replica that does not hear that its write was carried out can still write, and
// another one cannot write over it.
func TestALostAnswerOfTheStore(t *testing.T) {
	h := newHub(t, &memory{}, fake.NewClientset())
	store := &silent{memory: h.store}
	h.options.Store = store
	h.store.write()
	store.now = true
	require.NoError(t, h.mark(t.Context()), "it is written once more")
	require.EqualValues(t, 2, MarkOf(h.lease()).Sequence)

	// In a recovery, which could not be confirmed otherwise.
	store.now = true
	require.NoError(t, h.Suspect(t.Context(), StoreOlder, "said so", 9))
	require.NoError(t, h.recover(t.Context()))
	status, err := StatusOf(h.lease())
	require.NoError(t, err)
	h.annotate(ConfirmAnnotation, status.Report.Hash)
	store.now = true
	require.NoError(t, h.recover(t.Context()))
	require.Empty(t, h.reason())

	next := newHub(t, h.store, h.host)
	require.Empty(t, next.reason())
	h.store.write()
	require.Error(t, h.mark(t.Context()), "another replica leads")
	require.NoError(t, next.mark(t.Context()))
}
