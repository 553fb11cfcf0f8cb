#!/usr/bin/env bash
# Runs the linters of .golangci.yaml. The linter is built from its pinned module
# on first use, and again when the pin or the Go version changes.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "${root}"

key=$( (cat hack/tools/lint/go.mod hack/tools/lint/go.sum; go env GOVERSION) | sha256sum | cut -c1-16)
linter=${root}/.cache/lint/${key}/golangci-lint
if [[ ! -x ${linter} ]]; then
  echo "building golangci-lint"
  CGO_ENABLED=0 go -C hack/tools/lint build -trimpath -o "${linter}" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
fi
GOLANGCI_LINT_CACHE=${root}/.cache/lint/results "${linter}" run ./...
