package overrides

import (
	"errors"
	"fmt"
	"strings"

	typesv1beta1 "github.com/kubefederation/federation-apiserver/apis/types/v1beta1"
)

var (
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
)

// Pointer turns the path of an override into a JSON pointer (RFC 6901).
//
// A path that begins with a slash is a pointer already. Any other is the dotted
// form of the first KubeFed releases (dotted is then true): spec.replicas means
// /spec/replicas. Dots inside of a segment cannot be expressed in it.
func Pointer(path string) (pointer string, dotted bool, err error) {
	if path == "" {
		return "", false, errors.New("must not be empty")
	}
	if strings.HasPrefix(path, "/") {
		for i := range len(path) {
			if path[i] == '~' && (i+1 == len(path) || path[i+1] != '0' && path[i+1] != '1') {
				return "", false, errors.New("'~' must be written ~0, and '/' within a segment ~1")
			}
		}
		return path, false, nil
	}
	if strings.ContainsAny(path, "/[]") {
		return "", true, errors.New("must be a JSON pointer that begins with '/', such as /spec/replicas")
	}
	segments := strings.Split(path, ".")
	for i, segment := range segments {
		if segment == "" {
			return "", true, errors.New("must not have empty segments between its dots; a JSON pointer begins with '/'")
		}
		segments[i] = escape.Replace(segment)
	}
	return "/" + strings.Join(segments, "/"), true, nil
}

// Segments splits a JSON pointer into its decoded segments.
func Segments(pointer string) []string {
	if pointer == "" {
		return nil
	}
	segments := strings.Split(pointer[1:], "/")
	for i, segment := range segments {
		segments[i] = unescape.Replace(segment)
	}
	return segments
}

// protectedMetadata are the fields of metadata that no override may touch: they
// are the identity of the object or belong to the member.
var protectedMetadata = map[string]struct{}{
	"name":                       {},
	"namespace":                  {},
	"generateName":               {},
	"uid":                        {},
	"resourceVersion":            {},
	"generation":                 {},
	"creationTimestamp":          {},
	"deletionTimestamp":          {},
	"deletionGracePeriodSeconds": {},
	"ownerReferences":            {},
	"managedFields":              {},
	"finalizers":                 {},
	"selfLink":                   {},
}

// Forbidden says why no override may have this JSON pointer, or nothing if one
// may. It looks at decoded segments, so that escapes hide nothing, and at every
// prefix.
func Forbidden(pointer string) (reason string) {
	segments := Segments(pointer)
	if len(segments) == 0 || len(segments) == 1 && segments[0] == "" {
		return "the whole object must not be overridden"
	}
	switch segments[0] {
	case "kind":
		return "the kind must not be overridden"
	case "status":
		return "the status belongs to the member and must not be overridden"
	case "metadata":
	default:
		return ""
	}
	if len(segments) == 1 {
		return "metadata must not be overridden as a whole"
	}
	if _, protected := protectedMetadata[segments[1]]; protected {
		return fmt.Sprintf("metadata.%s must not be overridden", segments[1])
	}
	if segments[1] == "labels" && len(segments) > 2 && segments[2] == typesv1beta1.ManagedLabel {
		return fmt.Sprintf("the label %s must not be overridden", typesv1beta1.ManagedLabel)
	}
	return ""
}
