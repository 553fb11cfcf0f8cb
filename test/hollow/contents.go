package hollow

import (
	"crypto/sha256"
	"io"
	"runtime"
	"sync"
	"weak"
)

// contents are those in use anywhere, each once.
type contents struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]weak.Pointer[content]
}

func newContents() *contents {
	return &contents{known: map[[sha256.Size]byte]weak.Pointer[content]{}}
}

// of returns the known content that equals c, which is c itself if there was none.
func (s *contents) of(c *content) *content {
	sum := c.sum()
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.known[sum].Value(); known != nil {
		return known
	}
	s.known[sum] = weak.Make(c)
	runtime.AddCleanup(c, s.forget, sum)
	return c
}

// forget is called when nobody has the content any more.
func (s *contents) forget(sum [sha256.Size]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[sum].Value() == nil {
		delete(s.known, sum)
	}
}

func (c *content) sum() (sum [sha256.Size]byte) {
	hash := sha256.New()
	for _, part := range []string{c.apiVersion, c.kind, c.metaJSON, c.rest} {
		// A hash takes everything, without an error.
		_, _ = io.WriteString(hash, part)
		_, _ = hash.Write([]byte{0})
	}
	hash.Sum(sum[:0])
	return sum
}
