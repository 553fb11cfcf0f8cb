package jsondiff

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCompare(t *testing.T) {
	for _, test := range []struct {
		before, after string
		want          []string
	}{
		{`{"a":1}`, `{"a":1}`, nil},
		{`{"a":1}`, `{"a":2}`, []string{"/a: 1 → 2"}},
		{`{"a":{"b":1,"c":2}}`, `{"a":{"c":3,"d":4}}`, []string{"/a/b: removed 1", "/a/c: 2 → 3", "/a/d: added 4"}},
		{`{"a":[1,2]}`, `{"a":[1,3,4]}`, []string{"/a/1: 2 → 3", "/a/2: added 4"}},
		{`{"a":[1,2]}`, `{"a":[1]}`, []string{"/a/1: removed 2"}},
		{`{"a":null}`, `{}`, []string{"/a: removed null"}},
		{`{"a":[1]}`, `{"a":{"b":1}}`, []string{`/a: [1] → {"b":1}`}},
		{`{"a/b~c":1}`, `{"a/b~c":2}`, []string{"/a~1b~0c: 1 → 2"}},
		{`{}`, `{"a":"` + strings.Repeat("x", 300) + `"}`, []string{`/a: added "` + strings.Repeat("x", 199) + "..."}},
	} {
		changes, err := Compare([]byte(test.before), []byte(test.after))
		require.NoError(t, err)
		var got []string
		for _, change := range changes {
			got = append(got, change.String())
		}
		require.Equal(t, test.want, got)
	}
	_, err := Compare([]byte(`{`), []byte(`{}`))
	require.Error(t, err)
}

// Documents are equal if and only if there is no change between them.
func TestNoChangeMeansEqual(t *testing.T) {
	value := rapid.MapOf(rapid.SampledFrom([]string{"a", "b"}), rapid.SliceOf(rapid.IntRange(0, 1)))
	rapid.Check(t, func(t *rapid.T) {
		a, errA := json.Marshal(value.Draw(t, "a"))
		b, errB := json.Marshal(value.Draw(t, "b"))
		require.NoError(t, errA)
		require.NoError(t, errB)
		changes, err := Compare(a, b)
		require.NoError(t, err)
		require.Equal(t, string(a) == string(b), len(changes) == 0, "%s %s", a, b)
	})
}
