{{/* The labels by which the Service and the budget find the server's pods: those of the kustomizations too. */}}
{{- define "federation-apiserver.selector" -}}
app.kubernetes.io/name: federation-apiserver
{{- end }}

{{- define "federation-apiserver.labels" -}}
{{ include "federation-apiserver.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "federation-apiserver.auditPolicy" -}}
{{ .Values.audit.policy | default (.Files.Get "base/audit-policy.yaml") }}
{{- end }}

{{- define "federation-apiserver.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{/* A file of the kustomizations' base, in the namespace of the release. */}}
{{- define "federation-apiserver.here" -}}
{{- $context := index . 0 }}
{{- index . 1 | toString | replace "namespace: kube-federation-system" (printf "namespace: %s" $context.Release.Namespace) }}
{{- end }}
