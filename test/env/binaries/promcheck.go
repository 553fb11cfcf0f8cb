package binaries

import (
	"context"
	"path/filepath"

	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// PromCheck returns the path of promcheck, which judges alert rules and dashboards with Prometheus' parser and engine, and
// builds it first if the cache lacks it.
func (r Repository) PromCheck(ctx context.Context, report progress.Reporter) (string, error) {
	module := r.Path("hack", "tools", "promcheck")
	dir, err := r.cached(ctx, module, "promcheck", report, func(output string) error {
		return build{
			title: "promcheck",
			dir:   module,
			// Without cgo a machine needs nothing but Go.
			env:      []string{"CGO_ENABLED=0"},
			flags:    []string{"-trimpath", "-ldflags", "-s -w"},
			packages: []string{"."},
			output:   filepath.Join(output, "promcheck"),
		}.run(ctx, report)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "promcheck"), nil
}
