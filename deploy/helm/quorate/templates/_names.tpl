{{/* What everything of the release is called: short enough for a pod's number behind it, in a name of DNS. */}}
{{- define "quorate.name" -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) -}}
{{- $name | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{/* What pods are found by: it never changes. */}}
{{- define "quorate.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "quorate.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "quorate.selector" . }}
{{- end }}

{{- define "quorate.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "quorate.name" .) "default" .Values.serviceAccount.create) -}}
{{- end }}
