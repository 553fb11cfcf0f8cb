package federatedtypes

import "sync"

// words are strings that many objects have, such as the names of clusters: each is
// held once for all. A federation has few; the table is bounded all the same, as
// what is stored may be anything.
var words wordTable

const (
	mostWords   = 1 << 14
	longestWord = 64
)

type wordTable struct {
	mu    sync.RWMutex
	words map[string]string
}

// of returns the string of these bytes.
func (t *wordTable) of(data []byte) string {
	if len(data) > longestWord {
		return string(data)
	}
	t.mu.RLock()
	word, ok := t.words[string(data)]
	t.mu.RUnlock()
	if ok {
		return word
	}
	word = string(data)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.words == nil || len(t.words) >= mostWords {
		t.words = map[string]string{}
	}
	t.words[word] = word
	return word
}

// wordInto is stringInto for what many objects have.
func wordInto[T ~string](f storedField, value *T) error {
	return f.into(func(data []byte) error { *value = T(words.of(data)); return nil })
}
