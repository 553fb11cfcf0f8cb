package overrides_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kubefederation/federation-apiserver/pkg/overrides"
)

func TestPointer(t *testing.T) {
	for path, test := range map[string]struct {
		pointer string
		dotted  bool
		err     string
	}{
		"/spec/replicas":                     {pointer: "/spec/replicas"},
		"/":                                  {pointer: "/"},
		"/metadata/annotations/a.b~1c":       {pointer: "/metadata/annotations/a.b~1c"},
		"/data/a~0b":                         {pointer: "/data/a~0b"},
		"/spec/list/-":                       {pointer: "/spec/list/-"},
		"/data/with.dots":                    {pointer: "/data/with.dots"},
		"/data/with space":                   {pointer: "/data/with space"},
		"spec.replicas":                      {pointer: "/spec/replicas", dotted: true},
		"spec":                               {pointer: "/spec", dotted: true},
		"spec.template.spec.containers.0":    {pointer: "/spec/template/spec/containers/0", dotted: true},
		"data.a~b":                           {pointer: "/data/a~0b", dotted: true},
		"":                                   {err: "must not be empty"},
		"/data/a~2b":                         {err: "'~' must be written ~0"},
		"/data/a~":                           {err: "'~' must be written ~0"},
		"spec/replicas":                      {err: "must be a JSON pointer that begins with '/'"},
		"metadata.annotations.example.com/a": {err: "must be a JSON pointer that begins with '/'"},
		"spec.containers[0].image":           {err: "must be a JSON pointer that begins with '/'"},
		".spec.replicas":                     {err: "empty segments"},
		"spec..replicas":                     {err: "empty segments"},
		"spec.":                              {err: "empty segments"},
	} {
		t.Run(path, func(t *testing.T) {
			pointer, dotted, err := overrides.Pointer(path)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, test.pointer, pointer)
			require.Equal(t, test.dotted, dotted)
		})
	}
}

// escaped writes segments as a JSON pointer.
func escaped(segments []string) string {
	var pointer strings.Builder
	for _, segment := range segments {
		pointer.WriteByte('/')
		pointer.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(segment))
	}
	return pointer.String()
}

func TestSegmentsUndoEscapes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segments := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("ab~/01.é "))), 1, 5).Draw(t, "segments")
		pointer, dotted, err := overrides.Pointer(escaped(segments))
		require.NoError(t, err)
		require.False(t, dotted)
		require.Equal(t, segments, overrides.Segments(pointer))
	})
}

func TestDottedPathIsThePointerOfItsSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		segments := rapid.SliceOfN(rapid.StringMatching(`[a-z0-9~-]{1,5}`), 1, 5).Draw(t, "segments")
		pointer, dotted, err := overrides.Pointer(strings.Join(segments, "."))
		require.NoError(t, err)
		require.True(t, dotted)
		require.Equal(t, segments, overrides.Segments(pointer))
	})
}

func TestForbidden(t *testing.T) {
	forbidden := map[string]string{
		"":                                      "whole object",
		"/":                                     "whole object",
		"/kind":                                 "kind",
		"/kind/x":                               "kind",
		"/status":                               "status",
		"/status/replicas":                      "status",
		"/metadata":                             "metadata must not be overridden as a whole",
		"/metadata/labels/kubefed.io~1managed":  "kubefed.io/managed",
		"/metadata/labels/kubefed.io~1managed/": "kubefed.io/managed",
	}
	for _, field := range []string{
		"name", "namespace", "generateName", "uid", "resourceVersion", "ownerReferences", "managedFields", "finalizers",
		"generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink",
	} {
		forbidden["/metadata/"+field] = "metadata." + field
		forbidden["/metadata/"+field+"/0"] = "metadata." + field
	}
	for pointer, reason := range forbidden {
		require.Contains(t, overrides.Forbidden(pointer), reason, "pointer %q", pointer)
	}
	for _, pointer := range []string{
		"/apiVersion", "/spec", "/spec/replicas", "/spec/kind", "/spec/template/metadata/name", "/data/status",
		"/metadata/labels", "/metadata/labels/app", "/metadata/labels/kubefed.io~1other", "/metadata/annotations",
		"/metadata/annotations/kubefed.io~1managed", "/metadataname", "/Kind",
	} {
		require.Empty(t, overrides.Forbidden(pointer), "pointer %q", pointer)
	}
}
