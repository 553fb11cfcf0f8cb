#!/usr/bin/env bash
# Fails where go mod tidy would change a module of this repository.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
status=0
while read -r file; do
  module=$(dirname "${file}")
  if ! go -C "${module}" mod tidy -diff; then
    echo "${module}: run go mod tidy" >&2
    status=1
  fi
done < <(git ls-files 'go.mod' '*/go.mod')
exit "${status}"
