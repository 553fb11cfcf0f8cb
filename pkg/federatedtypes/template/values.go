package template

import (
	"encoding/base64"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// check checks one value, not what is inside it, and reports whether it is of a
// kind that the schema has.
func (w *walker) check(n *node, value any) bool {
	is := kindOf(value)
	if n.kinds != 0 && n.kinds&is == 0 {
		w.errs = append(w.errs, field.TypeInvalid(w.field(), value, "must be of type "+n.kinds.String()+", not "+is.String()))
		return false
	}
	if len(n.enum) > 0 && !contains(n.enum, value) {
		w.errs = append(w.errs, field.NotSupported(w.field(), value, valid(n.enum)))
	}
	if problem := n.formatProblem(value); problem != "" {
		w.errs = append(w.errs, field.Invalid(w.field(), value, problem))
	}
	if n.limits != nil {
		if problem := n.limits.problem(value); problem != "" {
			w.errs = append(w.errs, field.Invalid(w.field(), value, problem))
		}
	}
	return true
}

func kindOf(value any) kinds {
	switch value.(type) {
	case map[string]any:
		return objectKind
	case []any:
		return arrayKind
	case string:
		return stringKind
	case int64:
		return integerKind
	case float64:
		return numberKind
	case bool:
		return booleanKind
	}
	return 0
}

// String names the kinds as OpenAPI does.
func (k kinds) String() string {
	var names []string
	for _, name := range []string{"object", "array", "string", "integer", "number", "boolean"} {
		single := kindsByType[name]
		if name == "number" {
			single = numberKind
		}
		if name == "integer" && k&numberKind != 0 {
			continue
		}
		if k&single != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

func (n *node) formatProblem(value any) string {
	switch v := value.(type) {
	case int64:
		if n.format == "int32" && (v < math.MinInt32 || v > math.MaxInt32) {
			return "must fit into 32 bits"
		}
	case string:
		switch n.format {
		case "byte":
			if _, err := base64.StdEncoding.DecodeString(v); err != nil {
				return "must be base64: " + err.Error()
			}
		case "date-time":
			if _, err := time.Parse(time.RFC3339, v); err != nil {
				return "must be a time such as 2006-01-02T15:04:05Z"
			}
		}
	}
	return ""
}

func (l *limits) problem(value any) string {
	switch v := value.(type) {
	case int64:
		return l.numberProblem(float64(v))
	case float64:
		return l.numberProblem(v)
	case string:
		return l.stringProblem(v)
	case []any:
		size := int64(len(v))
		if l.minItems != nil && size < *l.minItems {
			return fmt.Sprintf("must have at least %d items", *l.minItems)
		}
		if l.maxItems != nil && size > *l.maxItems {
			return fmt.Sprintf("must have at most %d items", *l.maxItems)
		}
	}
	return ""
}

func (l *limits) numberProblem(v float64) string {
	switch {
	case l.minimum != nil && l.exclusiveMinimum && v <= *l.minimum:
		return fmt.Sprintf("must be greater than %v", *l.minimum)
	case l.minimum != nil && v < *l.minimum:
		return fmt.Sprintf("must be at least %v", *l.minimum)
	case l.maximum != nil && l.exclusiveMaximum && v >= *l.maximum:
		return fmt.Sprintf("must be less than %v", *l.maximum)
	case l.maximum != nil && v > *l.maximum:
		return fmt.Sprintf("must be at most %v", *l.maximum)
	}
	return ""
}

func (l *limits) stringProblem(v string) string {
	size := int64(utf8.RuneCountInString(v))
	switch {
	case l.minLength != nil && size < *l.minLength:
		return fmt.Sprintf("must have at least %d characters", *l.minLength)
	case l.maxLength != nil && size > *l.maxLength:
		return fmt.Sprintf("must have at most %d characters", *l.maxLength)
	case l.pattern != nil && !l.pattern.MatchString(v):
		return fmt.Sprintf("must match %q", l.pattern)
	}
	return ""
}

// contains compares numbers by value: a schema decodes them as float64.
func contains(enum []any, value any) bool {
	for _, allowed := range enum {
		if reflect.DeepEqual(allowed, value) {
			return true
		}
		if integer, ok := value.(int64); ok && allowed == float64(integer) {
			return true
		}
	}
	return false
}

func valid(enum []any) []string {
	values := make([]string, 0, len(enum))
	for _, v := range enum {
		values = append(values, fmt.Sprint(v))
	}
	return values
}
