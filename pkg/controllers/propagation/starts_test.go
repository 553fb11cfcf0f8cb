package propagation

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStartsAreBounded checks that a request waits for those that have just begun, but
// not for those that take long.
func TestStartsAreBounded(t *testing.T) {
	s := &starts{slots: make(chan struct{}, 2), young: time.Hour}
	first, second := s.begin(t.Context()), s.begin(t.Context())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Nil(t, s.begin(ended), "no third one")
	first()
	third := s.begin(t.Context())
	require.NotNil(t, third)
	first() // again, which frees nothing
	require.Nil(t, s.begin(ended))
	second()
	third()
	require.Empty(t, s.slots)

	s = &starts{slots: make(chan struct{}, 1), young: time.Millisecond}
	hangs := s.begin(t.Context())
	next := s.begin(t.Context())
	require.NotNil(t, next, "what hangs holds up nobody")
	hangs()
	next()
	require.Empty(t, s.slots)
}
