package members

import "sync"

// shared holds values that many copies have, each once for all of them. It is
// bounded: when it is full it begins anew, and what was given out stays as it is.
type shared[T comparable] struct {
	mu     sync.RWMutex
	values map[T]*T
}

const mostShared = 1 << 12

// What many copies have: namespaces, and statuses that are not kept as a whole.
var (
	namespaces shared[string]
	statuses   shared[Status]
)

// of returns the one that is like value. It must not be changed.
func (s *shared[T]) of(value T) *T {
	s.mu.RLock()
	known := s.values[value]
	s.mu.RUnlock()
	if known != nil {
		return known
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values == nil || len(s.values) >= mostShared {
		s.values = map[T]*T{}
	}
	s.values[value] = &value
	return &value
}
