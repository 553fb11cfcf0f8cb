package soak

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// entry is one line of the history: an edit, a fault, or what the test did itself.
type entry struct {
	Time  time.Time `json:"time"`
	Took  string    `json:"took,omitempty"`
	Round int       `json:"round"`
	Who   string    `json:"who"`
	What  string    `json:"what"`
	// About is the object, the process or the network.
	About  string `json:"about,omitempty"`
	Detail any    `json:"detail,omitempty"`
	Answer string `json:"answer,omitempty"`
}

// history is what was done, in the order of the beginning.
type history struct {
	mu      sync.Mutex
	round   int
	entries []*entry
}

func (h *history) begin(round int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.round = round
}

// note adds an entry.
func (h *history) note(who, what, about string, detail any) *entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := &entry{Time: time.Now(), Round: h.round, Who: who, What: what, About: about, Detail: detail}
	h.entries = append(h.entries, e)
	return e
}

// answered completes an entry.
func (h *history) answered(e *entry, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.Took = time.Since(e.Time).Round(time.Millisecond).String()
	e.Answer = fmt.Sprintf(format, args...)
}

// write stores the history as lines of JSON.
func (h *history) write(dir string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	file, err := os.Create(filepath.Join(dir, "history.jsonl"))
	if err != nil {
		return fmt.Errorf("write the history: %w", err)
	}
	encoder := json.NewEncoder(file)
	for _, e := range h.entries {
		if err := encoder.Encode(e); err != nil {
			_ = file.Close()
			return fmt.Errorf("write the history: %w", err)
		}
	}
	return file.Close()
}
