// Package jsondiff names the fields in which two JSON documents differ.
package jsondiff

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Change is one field that differs.
type Change struct {
	// Path is a JSON pointer (RFC 6901).
	Path string `json:"path"`
	// Before and After are the values; HadBefore and HasAfter tell null from nothing.
	Before    any  `json:"before,omitempty"`
	After     any  `json:"after,omitempty"`
	HadBefore bool `json:"-"`
	HasAfter  bool `json:"-"`
}

// Compare returns the differences between two documents, in the order of their
// paths. Maps are compared by key and lists by index.
func Compare(before, after []byte) ([]Change, error) {
	var a, b any
	if err := utiljson.Unmarshal(before, &a); err != nil {
		return nil, fmt.Errorf("comparing: %w", err)
	}
	if err := utiljson.Unmarshal(after, &b); err != nil {
		return nil, fmt.Errorf("comparing: %w", err)
	}
	return compare("", a, b, nil), nil
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func compare(path string, a, b any, changes []Change) []Change {
	if reflect.DeepEqual(a, b) {
		return changes
	}
	switch before := a.(type) {
	case map[string]any:
		if after, ok := b.(map[string]any); ok {
			return compareMaps(path, before, after, changes)
		}
	case []any:
		if after, ok := b.([]any); ok {
			return compareLists(path, before, after, changes)
		}
	}
	return append(changes, Change{Path: path, Before: a, After: b, HadBefore: true, HasAfter: true})
}

func compareMaps(path string, a, b map[string]any, changes []Change) []Change {
	keys := slices.Collect(maps.Keys(a))
	for key := range b {
		if _, ok := a[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		before, had := a[key]
		after, has := b[key]
		where := path + "/" + escape.Replace(key)
		if had && has {
			changes = compare(where, before, after, changes)
			continue
		}
		changes = append(changes, Change{Path: where, Before: before, After: after, HadBefore: had, HasAfter: has})
	}
	return changes
}

func compareLists(path string, a, b []any, changes []Change) []Change {
	for i := range max(len(a), len(b)) {
		where := path + "/" + strconv.Itoa(i)
		switch {
		case i >= len(b):
			changes = append(changes, Change{Path: where, Before: a[i], HadBefore: true})
		case i >= len(a):
			changes = append(changes, Change{Path: where, After: b[i], HasAfter: true})
		default:
			changes = compare(where, a[i], b[i], changes)
		}
	}
	return changes
}

// String says what was before and what is after.
func (c Change) String() string {
	switch {
	case !c.HadBefore:
		return fmt.Sprintf("%s: added %s", c.Path, text(c.After))
	case !c.HasAfter:
		return fmt.Sprintf("%s: removed %s", c.Path, text(c.Before))
	}
	return fmt.Sprintf("%s: %s → %s", c.Path, text(c.Before), text(c.After))
}

// textLimit is how much of a value a line shows.
const textLimit = 200

func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	runes := []rune(string(encoded))
	if len(runes) > textLimit {
		return string(runes[:textLimit]) + "..."
	}
	return string(runes)
}
