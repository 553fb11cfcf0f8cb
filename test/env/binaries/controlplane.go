package binaries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kubefederation/federation-apiserver/test/env/filelock"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

const (
	kubernetesModule = "k8s.io/kubernetes"
	kwokModule       = "sigs.k8s.io/kwok"
	etcdPackage      = "go.etcd.io/etcd/server/v3"
	// recipe changes when the way of building does: it is part of the cache's key.
	recipe = "1"
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
	key, err := cacheKey(ctx, module)
	if err != nil {
		return "", err
	}
	dir := r.Path(".cache", "bin", key)
	if exists(dir) {
		return dir, nil
	}
	lock, err := filelock.Acquire(ctx, dir+".lock", func() { report.Step("waiting for another build of the control planes") })
	if err != nil {
		return "", err
	}
	defer lock.Release()
	if exists(dir) {
		return dir, nil
	}
	report.Step("building the control planes: minutes once, then cached")
	// What a killed build left is of no use: go's own cache holds the expensive part.
	unfinished := dir + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return "", fmt.Errorf("build the control planes: %w", err)
	}
	if err := buildControlPlane(ctx, module, unfinished, report); err != nil {
		return "", err
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return "", fmt.Errorf("build the control planes: %w", err)
	}
	report.Step("built the control planes")
	return dir, nil
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

// cacheKey changes with everything that the executables are made from.
func cacheKey(ctx context.Context, module string) (string, error) {
	hash := sha256.New()
	hash.Write([]byte(recipe + "\n"))
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", fmt.Errorf("key of the cached executables: %w", err)
		}
		hash.Write([]byte(strconv.Itoa(len(data)) + "\n"))
		hash.Write(data)
	}
	toolchain, err := goCommand(ctx, module, "env", "GOVERSION", "GOOS", "GOARCH").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version of Go: %w", withStderr(err))
	}
	hash.Write(toolchain)
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
