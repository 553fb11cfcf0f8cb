#!/usr/bin/env bash
# Writes deploy/observability/prometheusrule.yaml, the alerts for the Prometheus operator, from rules.yaml beside it.
set -o errexit -o nounset -o pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../deploy/observability"
{
  cat <<'HEADER'
# Made from rules.yaml by hack/update-observability.sh.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: federation-apiserver
  namespace: kube-federation-system
  labels:
    app.kubernetes.io/name: federation-apiserver
spec:
HEADER
  sed -e '/^#/d' -e 's/^/  /' rules.yaml
} >prometheusrule.yaml
