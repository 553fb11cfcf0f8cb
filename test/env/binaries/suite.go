package binaries

import (
	"context"
	"fmt"
	"os"

	"github.com/kubefederation/federation-apiserver/test/env/filelock"
	"github.com/kubefederation/federation-apiserver/test/env/progress"
)

// kubeFedSuite is the package of KubeFed's own end-to-end tests.
const kubeFedSuite = "sigs.k8s.io/kubefed/test/e2e"

// KubeFedSuite returns the executable with KubeFed's own end-to-end tests, as they
// were released, and builds it first if the cache lacks it.
func (r Repository) KubeFedSuite(ctx context.Context, report progress.Reporter) (string, error) {
	module := r.Path("hack", "tools", "kubefed-e2e")
	key, err := cacheKey(ctx, module)
	if err != nil {
		return "", err
	}
	path := r.Path(".cache", "bin", "kubefed-e2e-"+key)
	if exists(path) {
		return path, nil
	}
	lock, err := filelock.Acquire(ctx, path+".lock", func() { report.Step("waiting for another build of KubeFed's suite") })
	if err != nil {
		return "", err
	}
	defer lock.Release()
	if exists(path) {
		return path, nil
	}
	report.Step("building KubeFed's suite: a minute or two once, then cached")
	unfinished := path + ".unfinished"
	command := goCommand(ctx, module, "test", "-c", "-trimpath", "-o", unfinished, kubeFedSuite)
	command.Env = append(command.Env, "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build KubeFed's suite: %w\n%s", err, output)
	}
	if err := os.Rename(unfinished, path); err != nil {
		return "", fmt.Errorf("build KubeFed's suite: %w", err)
	}
	return path, nil
}
