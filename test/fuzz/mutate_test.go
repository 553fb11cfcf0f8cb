package fuzz

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// place is somewhere in a tree: a key of an object, or an index of a list.
type place struct {
	object map[string]any
	key    string
	list   []any
	index  int
	path   string
}

func (p place) get() any {
	if p.object != nil {
		return p.object[p.key]
	}
	return p.list[p.index]
}

func (p place) set(value any) {
	if p.object != nil {
		p.object[p.key] = value
		return
	}
	p.list[p.index] = value
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// places are all places of a tree, in an order that does not change.
func places(value any, path string) []place {
	var found []place
	switch value := value.(type) {
	case map[string]any:
		for _, key := range keys(value) {
			at := place{object: value, key: key, path: path + "/" + escape.Replace(key)}
			found = append(append(found, at), places(value[key], at.path)...)
		}
	case []any:
		for i := range value {
			at := place{list: value, index: i, path: path + "/" + string(rune('0'+i%10))}
			found = append(append(found, at), places(value[i], at.path)...)
		}
	}
	return found
}

// keys are those of an object, in order, so that a seed always makes the same.
func keys[V any](of map[string]V) []string { return slices.Sorted(maps.Keys(of)) }

// mutate exchanges something in a tree.
func (m maker) mutate(tree map[string]any) {
	all := places(tree, "")
	if len(all) == 0 {
		return
	}
	at := all[m.IntN(len(all))]
	switch m.IntN(9) {
	case 0:
		at.set(nil)
	case 1:
		at.set(m.anything())
	case 2:
		at.set(m.nested(10 + m.IntN(400)))
	case 3:
		if at.object != nil {
			delete(at.object, at.key)
		}
	case 4:
		if at.object != nil {
			at.object[m.text("")] = at.object[at.key]
		}
	case 5:
		at.set(many(at.get(), 2))
	case 6:
		at.set(many(m.anything(), 1000))
	case 7:
		at.set(strings.Repeat("x", 1<<m.IntN(17)))
	case 8:
		other := all[m.IntN(len(all))]
		// A copy, lest a tree contain itself.
		at.set(clone(other.get()))
	}
}

func many(item any, count int) []any {
	list := make([]any, 0, count+1)
	if already, ok := item.([]any); ok {
		list = append(list, already...)
		if len(already) > 0 {
			item = already[0]
		}
	}
	for range count {
		list = append(list, clone(item))
	}
	return list
}

func clone(value any) any {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.UseNumber()
	var result any
	if decoder.Decode(&result) != nil {
		return nil
	}
	return result
}

func (m maker) nested(depth int) any {
	var value any = m.text("")
	for range depth {
		if m.chance(50) {
			value = []any{value}
		} else {
			value = map[string]any{"a": value}
		}
	}
	return value
}

// damage changes the bytes of a body.
func (m maker) damage(body string) string {
	if body == "" {
		return m.one("[", "\x00", "{}{}")
	}
	at := m.IntN(len(body))
	switch m.IntN(8) {
	case 0:
		return body[:at]
	case 1:
		return body[:at] + string([]byte{byte(m.IntN(256))}) + body[at+1:]
	case 2:
		return body[:at] + body[at:] + body[at:]
	case 3:
		return strings.Replace(body, "{", `{"metadata":{"name":"other"},"spec":[],`, 1)
	case 4:
		return strings.Repeat(m.one("[", `{"a":`, "&a [*a,"), 20_000)
	case 5:
		return "\ufeff" + body
	case 6:
		return strings.ReplaceAll(body, "a", "\xff")
	default:
		return strings.ReplaceAll(body, `"`, "'")
	}
}
