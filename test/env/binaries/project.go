package binaries

import (
	"context"
	"fmt"
	"os"

	"github.com/kubefederation/federation-apiserver/test/env/filelock"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// RaceVariable set to anything has this project's executables built with the race detector, which needs a C compiler.
const RaceVariable = "FEDERATION_TEST_RACE"

// Project builds this project's executables, federation-apiserver and kubectl-fed, and returns their folder. Go itself
// knows what has changed, so there is no key: unchanged source costs about a second. The flags are those of go test, so
// that both share what is compiled.
func (r Repository) Project(ctx context.Context, report progress.Reporter) (string, error) {
	name, race := "project", os.Getenv(RaceVariable) != ""
	if race {
		name = "project-race"
	}
	dir := r.Path(".cache", "bin", name)
	lock, err := filelock.Acquire(ctx, dir+".lock", nil)
	if err != nil {
		return "", err
	}
	defer lock.Release()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("build the project: %w", err)
	}
	b := build{
		title:    "federation-apiserver and kubectl-fed",
		dir:      string(r),
		flags:    []string{"-ldflags", "-s -w"},
		packages: []string{"./cmd/..."},
		// The trailing separator makes it a folder even for one package.
		output: dir + string(os.PathSeparator),
	}
	if race {
		b.title += " with the race detector"
		b.flags = append(b.flags, "-race")
		b.env = []string{"CGO_ENABLED=1"}
	}
	if err := b.run(ctx, report); err != nil {
		return "", err
	}
	return dir, nil
}
