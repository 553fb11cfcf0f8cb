#!/usr/bin/env bash
# Writes all generated code: helpers beside the types, generated/, and the API reference.
set -o errexit -o nounset -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
cd "${root}"

# The generators are installed into the cache of this tree, not into the user's GOBIN.
export GOBIN=${root}/.cache/codegen/bin
mkdir -p "${GOBIN}"

go -C hack/tools/codegen mod download
# shellcheck disable=SC1091 # found in the module cache
source "$(go -C hack/tools/codegen list -m -f '{{.Dir}}' k8s.io/code-generator)/kube_codegen.sh"

# Read-only in the module cache, as those that the script itself lists.
KUBE_CODEGEN_READONLY_PKGS+=(k8s.io/api/autoscaling/v1 k8s.io/api/core/v1 k8s.io/apimachinery/pkg/util/intstr)

module=$(go list -m)
boilerplate=${root}/hack/boilerplate.go.txt
schema=$(mktemp)
trap 'rm -f "${schema}"' EXIT

kube::codegen::gen_helpers --boilerplate "${boilerplate}" apis

kube::codegen::gen_openapi \
  --output-dir generated/openapi --output-pkg "${module}/generated/openapi" \
  --output-model-name-file zz_generated.model_name.go \
  --extra-pkgs k8s.io/api/autoscaling/v1 --extra-pkgs k8s.io/api/core/v1 --extra-pkgs k8s.io/apimachinery/pkg/util/intstr \
  --report-filename hack/api-violations.list --update-report \
  --boilerplate "${boilerplate}" apis

go run ./hack/models-schema >"${schema}"

kube::codegen::gen_client --with-watch --with-applyconfig \
  --applyconfig-openapi-schema "${schema}" \
  --output-dir generated --output-pkg "${module}/generated" \
  --boilerplate "${boilerplate}" apis

go run ./hack/api-reference docs/api
