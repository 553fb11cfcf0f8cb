#!/usr/bin/env bash
# Fails where the generated code is not what hack/update-codegen.sh would write.
# It generates in a copy, so a failure leaves this tree as it is.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "${root}"

copy=$(mktemp -d)
trap 'rm -rf "${copy}"' EXIT
git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- --ignore-failed-read --file=- 2>/dev/null | tar --extract --directory="${copy}" --file=-
mkdir -p "${root}/.cache/codegen/bin" "${copy}/.cache/codegen"
ln -s "${root}/.cache/codegen/bin" "${copy}/.cache/codegen/bin"
# The generators look for files with git.
git -C "${copy}" init --quiet

if ! log=$("${copy}/hack/update-codegen.sh" 2>&1); then
  printf '%s\n' "${log}" >&2
  exit 1
fi

status=0
for path in apis generated docs/api hack/api-violations.list; do
  diff --unified --recursive --new-file "${path}" "${copy}/${path}" || status=1
done
if ((status != 0)); then
  echo "generated code is out of date: run hack/update-codegen.sh" >&2
fi
exit "${status}"
