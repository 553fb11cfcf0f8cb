package binaries

import (
	"context"
	"path/filepath"

	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const externalDNSModule = "sigs.k8s.io/external-dns"

// ExternalDNS returns the path of external-dns, and builds it first if the cache lacks it.
func (r Repository) ExternalDNS(ctx context.Context, report progress.Reporter) (string, error) {
	module := r.Path("hack", "tools", "external-dns")
	dir, err := r.cached(ctx, module, "external-dns", report, func(output string) error {
		return build{
			title: "external-dns",
			dir:   module,
			// Without cgo a machine needs nothing but Go.
			env:      []string{"CGO_ENABLED=0"},
			flags:    []string{"-trimpath", "-ldflags", "-s -w"},
			packages: []string{externalDNSModule},
			output:   filepath.Join(output, "external-dns"),
		}.run(ctx, report)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "external-dns"), nil
}
