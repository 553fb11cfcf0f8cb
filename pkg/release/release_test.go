package release

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDescribe(t *testing.T) {
	info := func(version, revision string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: revision}}}
	}
	for _, test := range []struct {
		stamped string
		info    *debug.BuildInfo
		ok      bool
		want    string
	}{
		{"v1.0.0", info("(devel)", ""), true, "server v1.0.0 ("},
		{"v1.0.0", info("(devel)", "abc"), true, "server v1.0.0, revision abc ("},
		{"", info("v1.2.3", "abc"), true, "server v1.2.3, revision abc ("},
		{"", info("(devel)", ""), true, "server devel ("},
		{"", nil, false, "server unknown ("},
		{"v1.0.0", nil, false, "server v1.0.0 ("},
	} {
		require.Contains(t, describe("server", test.stamped, test.info, test.ok), test.want)
	}
}
