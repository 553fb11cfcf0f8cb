package binaries

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const (
	kubernetesModule = "k8s.io/kubernetes"
	kwokModule       = "sigs.k8s.io/kwok"
	etcdPackage      = "go.etcd.io/etcd/server/v3"
)

var controlPlanePackages = []string{
	kubernetesModule + "/cmd/kube-apiserver",
	kubernetesModule + "/cmd/kube-controller-manager",
	kubernetesModule + "/cmd/kube-scheduler",
	kubernetesModule + "/cmd/kubectl",
	kwokModule + "/cmd/kwok",
}

// ControlPlane returns the folder with the executables of a control plane (etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler, kubectl, kwok) and KWOK's stages, and builds them first if the cache lacks
// them.
func (r Repository) ControlPlane(ctx context.Context, report progress.Reporter) (string, error) {
	module := r.Path("hack", "sandbox", "controlplane")
	return r.cached(ctx, module, "the control planes", report, func(output string) error {
		return buildControlPlane(ctx, module, output, report)
	})
}

func buildControlPlane(ctx context.Context, module, output string, report progress.Reporter) error {
	version, err := goCommand(ctx, module, "list", "-m", "-f", "{{.Version}}", kubernetesModule).Output()
	if err != nil {
		return fmt.Errorf("find the version of %s: %w", kubernetesModule, withStderr(err))
	}
	ldflags := versionFlags(strings.TrimSpace(string(version)))
	if err := os.MkdirAll(output, 0o755); err != nil {
		return fmt.Errorf("build the control planes: %w", err)
	}
	for _, b := range []build{
		// The package is called "server", so its executable needs a name of its own.
		{title: "etcd", packages: []string{etcdPackage}, output: filepath.Join(output, "etcd")},
		{title: "control planes", packages: controlPlanePackages, output: output},
	} {
		b.dir = module
		// Without cgo a machine needs nothing but Go.
		b.env = []string{"CGO_ENABLED=0"}
		b.flags = []string{"-trimpath", "-ldflags", ldflags}
		if err := b.run(ctx, report); err != nil {
			return err
		}
	}
	return copyStages(ctx, module, filepath.Join(output, "kwok-stages"))
}

// versionFlags make the components report the release that they were built from.
func versionFlags(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	flags := []string{"-s", "-w"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags, "-X", pkg+".gitVersion="+version)
		if len(parts) == 3 {
			flags = append(flags, "-X", pkg+".gitMajor="+parts[0], "-X", pkg+".gitMinor="+parts[1])
		}
	}
	return strings.Join(flags, " ")
}

// copyStages takes the life of simulated nodes and pods from KWOK's module: the executable has none built in.
func copyStages(ctx context.Context, module, output string) error {
	source, err := goCommand(ctx, module, "list", "-m", "-f", "{{.Dir}}", kwokModule).Output()
	if err != nil {
		return fmt.Errorf("find the source of %s: %w", kwokModule, withStderr(err))
	}
	for _, kind := range []string{"node", "pod"} {
		stages := filepath.Join(strings.TrimSpace(string(source)), "kustomize", "stage", kind, "fast")
		files, err := filepath.Glob(filepath.Join(stages, "*.yaml"))
		if err != nil || len(files) == 0 {
			return errors.Join(fmt.Errorf("no stages for a %s in %s", kind, stages), err)
		}
		if err := os.MkdirAll(filepath.Join(output, kind), 0o755); err != nil {
			return fmt.Errorf("copy stages: %w", err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("copy stages: %w", err)
			}
			if err := os.WriteFile(filepath.Join(output, kind, filepath.Base(file)), data, 0o644); err != nil {
				return fmt.Errorf("copy stages: %w", err)
			}
		}
	}
	return nil
}
