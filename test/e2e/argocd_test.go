package e2e

import (
	"os"
	"path"
	"path/filepath"

	"github.com/stretchr/testify/require"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// argoHealth is the health of an object as Argo CD finds it with deploy/argocd/argocd-cm.yaml.
func (f *federation) argoHealth(object *unstructured.Unstructured) (status, message string) {
	f.t.Helper()
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	// A script of a user gets no other libraries there.
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		require.NoError(f.t, state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)))
	}
	state.SetGlobal("obj", toLua(state, object.Object))
	require.NoError(f.t, state.DoString(f.healthScript(object)))
	health, ok := state.Get(-1).(*lua.LTable)
	require.True(f.t, ok, "the script returns %v", state.Get(-1))
	return lua.LVAsString(health.RawGetString("status")), lua.LVAsString(health.RawGetString("message"))
}

// healthScript is what the ConfigMap has for the kind of an object.
func (f *federation) healthScript(object *unstructured.Unstructured) string {
	f.t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "deploy", "argocd", "argocd-cm.yaml"))
	require.NoError(f.t, err)
	var configMap struct {
		Data map[string]string `json:"data"`
	}
	require.NoError(f.t, yaml.UnmarshalStrict(data, &configMap))
	var customizations map[string]map[string]string
	require.NoError(f.t, yaml.UnmarshalStrict([]byte(configMap.Data["resource.customizations"]), &customizations))
	kind := object.GroupVersionKind()
	for pattern, customization := range customizations {
		matches, err := path.Match(pattern, kind.Group+"/"+kind.Kind)
		require.NoError(f.t, err)
		if matches {
			return customization["health.lua"]
		}
	}
	require.Fail(f.t, "no health script", "for %s", kind)
	return ""
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case bool:
		return lua.LBool(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case []any:
		table := state.CreateTable(len(value), 0)
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(value))
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	default:
		return lua.LNil
	}
}
