package binaries

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const helmModule = "helm.sh/helm/v4"

// Helm returns the path of Helm's command, and builds it first if the cache lacks it.
func (r Repository) Helm(ctx context.Context, report progress.Reporter) (string, error) {
	module := r.Path("hack", "tools", "helm")
	dir, err := r.cached(ctx, module, "Helm", report, func(output string) error {
		version, err := goCommand(ctx, module, "list", "-m", "-f", "{{.Version}}", helmModule).Output()
		if err != nil {
			return fmt.Errorf("find the version of %s: %w", helmModule, withStderr(err))
		}
		return build{
			title: "Helm",
			dir:   module,
			// Without cgo a machine needs nothing but Go.
			env: []string{"CGO_ENABLED=0"},
			// A chart may ask for the version of Helm that renders it.
			flags:    []string{"-trimpath", "-ldflags", "-s -w -X " + helmModule + "/internal/version.version=" + strings.TrimSpace(string(version))},
			packages: []string{helmModule + "/cmd/helm"},
			output:   filepath.Join(output, "helm"),
		}.run(ctx, report)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "helm"), nil
}
