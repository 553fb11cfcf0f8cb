package template

import (
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// walker goes through a document and its schema together.
type walker struct {
	path []string
	// prune removes unknown fields; unknown gets the paths of those found.
	prune   bool
	unknown []string
	// fit also removes values that are not of a kind that the schema has.
	fit bool
	// errs gets what is wrong with values, when validate is set.
	validate bool
	base     *field.Path
	errs     field.ErrorList
}

// Prune removes from value, a decoded JSON object, what the schema does not
// know, and returns the paths that it removed, below base, in order.
func (s *Schema) Prune(value map[string]any, base string) []string {
	return s.find(value, walker{path: []string{base}, prune: true})
}

// Fit removes what Prune removes and, with all that is in it, what is not of the
// type that the schema has there. It reports whether it removed anything.
func (s *Schema) Fit(value map[string]any) bool {
	return len(s.find(value, walker{prune: true, fit: true})) > 0
}

// Unknown returns the paths in value that the schema does not know, below base,
// in order.
func (s *Schema) Unknown(value map[string]any, base string) []string {
	return s.find(value, walker{path: []string{base}})
}

func (s *Schema) find(value map[string]any, w walker) []string {
	w.walk(s.root, value)
	slices.Sort(w.unknown)
	return w.unknown
}

// Validate checks the values in value, a decoded JSON object, and returns what is
// wrong, with field paths below base. It does not look at unknown fields.
func (s *Schema) Validate(value map[string]any, base *field.Path) field.ErrorList {
	w := walker{validate: true, base: base}
	w.walk(s.root, value)
	slices.SortStableFunc(w.errs, func(a, b *field.Error) int { return strings.Compare(a.Field, b.Field) })
	return w.errs
}

func (w *walker) walk(n *node, value any) {
	if value == nil {
		// Null is no value, as for a Go type that it is decoded into.
		return
	}
	if w.validate && !w.check(n, value) {
		return
	}
	switch v := value.(type) {
	case map[string]any:
		w.walkObject(n, v)
	case []any:
		if n.items == nil {
			return
		}
		for i, item := range v {
			w.push("[" + strconv.Itoa(i) + "]")
			if key := n.missingKey(item); w.validate && key != "" {
				w.errs = append(w.errs, field.Required(w.field().Child(key), "it tells the items of the list apart"))
			}
			w.walk(n.items, item)
			w.pop()
		}
	}
}

func (w *walker) walkObject(n *node, object map[string]any) {
	for name, value := range object {
		child := n.fields[name]
		if child == nil {
			child = n.additional
		}
		w.push(name)
		switch {
		case child == nil && !n.open, child != nil && w.fit && !child.fits(value):
			if w.validate {
				break
			}
			w.unknown = append(w.unknown, w.String())
			if w.prune {
				delete(object, name)
			}
		case child != nil:
			w.walk(child, value)
		}
		w.pop()
	}
}

// fits reports whether value, and if it is a list each of its items, is of a kind
// that the schema has. Items must have their keys.
func (n *node) fits(value any) bool {
	if value == nil {
		return true
	}
	if n.kinds != 0 && n.kinds&kindOf(value) == 0 {
		return false
	}
	list, ok := value.([]any)
	if !ok || n.items == nil {
		return true
	}
	for _, item := range list {
		if item == nil || !n.items.fits(item) || n.missingKey(item) != "" {
			return false
		}
	}
	return true
}

// missingKey returns the key that an item of a list should have and has not.
func (n *node) missingKey(item any) string {
	object, ok := item.(map[string]any)
	if !ok {
		return ""
	}
	for _, key := range n.keys {
		if object[key] == nil {
			return key
		}
	}
	return ""
}

func (w *walker) push(element string) {
	w.path = append(w.path, element)
}

func (w *walker) pop() {
	w.path = w.path[:len(w.path)-1]
}

// String is the path of the place that the walker is at.
func (w *walker) String() string {
	var b strings.Builder
	for i, element := range w.path {
		if i > 0 && !strings.HasPrefix(element, "[") {
			b.WriteByte('.')
		}
		b.WriteString(element)
	}
	return b.String()
}

// field is the same as a field path.
func (w *walker) field() *field.Path {
	path := w.base
	for _, element := range w.path {
		if index, ok := strings.CutPrefix(element, "["); ok {
			if i, err := strconv.Atoi(strings.TrimSuffix(index, "]")); err == nil {
				path = path.Index(i)
				continue
			}
		}
		path = path.Child(element)
	}
	return path
}
