#!/usr/bin/env bash
# Checks what tests do not: format, lint, generated code, modules.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "${root}"

failed=()
for check in gofmt vet lint modules codegen; do
  echo "verify ${check}"
  "hack/verify-${check}.sh" || failed+=("${check}")
done
if ((${#failed[@]} > 0)); then
  echo "verify failed: ${failed[*]}" >&2
  exit 1
fi
