{{- define "federation-apiserver.args" -}}
{{- if eq .Values.certificates.mode "selfManaged" }}
- --self-managed-serving-certificate
{{- else }}
- --tls-cert-file=/etc/federation-apiserver/serving/tls.crt
- --tls-private-key-file=/etc/federation-apiserver/serving/tls.key
{{- end }}
- --secure-port=8443
- --kubefed-namespace=$(POD_NAMESPACE)
- --audit-policy-file=/etc/federation-apiserver/audit/audit-policy.yaml
- --audit-log-path=-
{{- if eq .Values.etcd.mode "external" }}
- --etcd-servers={{ join "," .Values.etcd.external.servers }}
- --etcd-cafile=/etc/federation-apiserver/etcd/ca.crt
- --etcd-certfile=/etc/federation-apiserver/etcd/tls.crt
- --etcd-keyfile=/etc/federation-apiserver/etcd/tls.key
- --shutdown-delay-duration=10s
{{- else }}
- --data-dir=/var/lib/federation-apiserver/data
{{- end }}
{{- if .Values.encryption.secretName }}
- --encryption-provider-config=/etc/federation-apiserver/encryption/encryption.yaml
- --encryption-provider-config-automatic-reload=true
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end }}

{{/* name, mountPath and source of each volume that the mode asks for, beside that of the audit policy. */}}
{{- define "federation-apiserver.secrets" -}}
{{- if ne .Values.certificates.mode "selfManaged" }}
- {name: serving, secretName: {{ .Values.certificates.secretName }}}
{{- end }}
{{- if eq .Values.etcd.mode "external" }}
- {name: etcd, secretName: {{ .Values.etcd.external.secretName }}}
{{- end }}
{{- if .Values.encryption.secretName }}
- {name: encryption, secretName: {{ .Values.encryption.secretName }}}
{{- end }}
{{- end }}

{{- define "federation-apiserver.pod" -}}
metadata:
  labels:
    {{- include "federation-apiserver.selector" . | nindent 4 }}
  annotations:
    # A changed policy is read by new pods.
    checksum/audit-policy: {{ include "federation-apiserver.auditPolicy" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: federation-apiserver
  enableServiceLinks: false
  terminationGracePeriodSeconds: 60
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if eq .Values.etcd.mode "external" }}
  affinity:
    podAntiAffinity:
      preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "federation-apiserver.selector" . | nindent 14 }}
  topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "federation-apiserver.selector" . | nindent 8 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
  - name: federation-apiserver
    image: {{ include "federation-apiserver.image" . }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    args:
    {{- include "federation-apiserver.args" . | trim | nindent 4 }}
    env:
    - name: POD_NAMESPACE
      valueFrom:
        fieldRef:
          fieldPath: metadata.namespace
    ports:
    - name: https
      containerPort: 8443
      protocol: TCP
    startupProbe:
      httpGet: {path: /readyz, port: https, scheme: HTTPS}
      periodSeconds: 2
      timeoutSeconds: 5
      failureThreshold: 150
    readinessProbe:
      httpGet: {path: /readyz, port: https, scheme: HTTPS}
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    livenessProbe:
      httpGet: {path: /livez, port: https, scheme: HTTPS}
      periodSeconds: 10
      timeoutSeconds: 15
      failureThreshold: 6
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
    - name: audit
      mountPath: /etc/federation-apiserver/audit
      readOnly: true
    {{- range include "federation-apiserver.secrets" . | fromYamlArray }}
    - name: {{ .name }}
      mountPath: /etc/federation-apiserver/{{ .name }}
      readOnly: true
    {{- end }}
    {{- if eq .Values.etcd.mode "embedded" }}
    - name: data
      mountPath: /var/lib/federation-apiserver
    {{- end }}
  volumes:
  - name: audit
    configMap:
      name: federation-apiserver-audit
  {{- range include "federation-apiserver.secrets" . | fromYamlArray }}
  - name: {{ .name }}
    secret:
      secretName: {{ .secretName }}
      defaultMode: 0440
  {{- end }}
{{- end }}
