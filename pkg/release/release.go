// Package release says what a binary of this project was built from.
package release

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is what the linker writes into a released binary: hack/build.sh. The
// library's own variable for this is no place for it: the library takes it for
// the version of Kubernetes whose behaviour it shall have.
var version string

// Describe returns a line with the name of a program, its version, the revision
// of the source where known, and the compiler and platform.
func Describe(program string) string {
	info, ok := debug.ReadBuildInfo()
	return describe(program, version, info, ok)
}

func describe(program, version string, info *debug.BuildInfo, ok bool) string {
	revision := ""
	if version == "" {
		version = "unknown"
		if ok {
			version = info.Main.Version
		}
	}
	if version == "" || version == "(devel)" {
		version = "devel"
	}
	if ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" && setting.Value != "" {
				revision = ", revision " + setting.Value
			}
		}
	}
	return fmt.Sprintf("%s %s%s (%s, %s/%s)", program, version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
