#!/usr/bin/env bash
# Builds federation-apiserver and kubectl-fed for GOOS and GOARCH into a folder: static, and with VERSION (vX.Y.Z) in them.
set -o errexit -o nounset -o pipefail

output=${1:?usage: [GOOS=...] [GOARCH=...] [VERSION=vX.Y.Z] hack/build.sh FOLDER}
mkdir -p "${output}"
output=$(cd "${output}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=${VERSION:-v0.0.0-dev}
if [[ ! ${version} =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
  echo "VERSION ${version}: must be like v1.2.3 or v1.2.3-rc.1" >&2
  exit 1
fi
module=github.com/kubefederation/federation-apiserver
flags=(
  -s -w
  -X "${module}/pkg/release.version=${version}"
  # The user agent, which members' audit logs have.
  -X "k8s.io/client-go/pkg/version.gitVersion=${version}"
)
CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "${flags[*]}" -o "${output}/" ./cmd/federation-apiserver ./cmd/kubectl-fed
