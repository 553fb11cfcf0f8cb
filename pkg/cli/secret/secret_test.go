package secret

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/kubefederation/federation-apiserver/pkg/cli/jsondiff"
)

func secretOf(data map[string]any) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": "Secret", "data": data}
}

func TestMask(t *testing.T) {
	object := secretOf(map[string]any{"a": "cGFzc3dvcmQ="})
	object["stringData"] = map[string]any{"b": "password"}
	object["metadata"] = map[string]any{"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": "password"}}
	Mask(object)
	require.Equal(t, map[string]any{"apiVersion": "v1", "kind": "Secret",
		"data": map[string]any{"a": "***"}, "stringData": map[string]any{"b": "***"},
		"metadata": map[string]any{"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": "***"}}}, object)

	other := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "b"}}
	Mask(other)
	require.Equal(t, map[string]any{"a": "b"}, other["data"])
}

func TestMaskPair(t *testing.T) {
	before, after := secretOf(map[string]any{"same": "1", "changed": "1", "gone": "1"}), secretOf(map[string]any{"same": "1", "changed": "2", "new": "1"})
	MaskPair(before, after)
	require.Equal(t, map[string]any{"same": "***", "changed": "*** (before)", "gone": "***"}, before["data"])
	require.Equal(t, map[string]any{"same": "***", "changed": "*** (after)", "new": "***"}, after["data"])
}

func TestMaskChanges(t *testing.T) {
	masked := MaskChanges([]jsondiff.Change{{Path: "/data/a", Before: "x", After: "y"}, {Path: "/type", Before: "x", After: "y"}})
	require.Equal(t, []jsondiff.Change{{Path: "/data/a", Before: "***", After: "***"}, {Path: "/type", Before: "x", After: "y"}}, masked)
}

// No value of a Secret is left, whatever it is.
func TestNothingIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.MapOf(rapid.StringMatching(`[a-c]`), rapid.StringMatching(`VALUE[0-9]`))
		draw := func(name string) map[string]any {
			data := map[string]any{}
			for key, value := range values.Draw(t, name) {
				data[key] = value
			}
			return secretOf(data)
		}
		before, after := draw("before"), draw("after")
		MaskPair(before, after)
		text, err := json.Marshal([]any{before, after})
		require.NoError(t, err)
		require.NotContains(t, string(text), "VALUE")
	})
}
