#!/usr/bin/env bash
# Fails where Go files are not formatted.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
unformatted=$(git ls-files -z '*.go' ':!generated' | xargs -0 gofmt -l)
if [[ -n ${unformatted} ]]; then
  printf 'not formatted (run gofmt -w):\n%s\n' "${unformatted}" >&2
  exit 1
fi
