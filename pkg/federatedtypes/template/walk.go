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
	// errs gets what is wrong with values, when validate is set.
	validate bool
	base     *field.Path
	errs     field.ErrorList
}

// Prune removes from value, a decoded JSON object, what the schema does not
// know, and returns the paths that it removed, below base, in order.
func (s *Schema) Prune(value map[string]any, base string) []string {
	return s.find(value, base, true)
}

// Unknown returns the paths in value that the schema does not know, below base,
// in order.
func (s *Schema) Unknown(value map[string]any, base string) []string {
	return s.find(value, base, false)
}

func (s *Schema) find(value map[string]any, base string, prune bool) []string {
	w := walker{path: []string{base}, prune: prune}
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
		case child != nil:
			w.walk(child, value)
		case !n.open && !w.validate:
			w.unknown = append(w.unknown, w.String())
			if w.prune {
				delete(object, name)
			}
		}
		w.pop()
	}
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
