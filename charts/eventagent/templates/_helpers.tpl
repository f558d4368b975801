{{/* Begin of the names of all objects; what is appended has at most 19 characters. */}}
{{- define "eventagent.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $name = ternary .Release.Name (printf "%s-eventagent" .Release.Name) (contains "eventagent" .Release.Name) -}}
{{- end -}}
{{- $name | trunc 44 | trimSuffix "-" -}}
{{- end }}

{{/* Name of what belongs to the operator's own pods: Deployment, ServiceAccount, Lease, roles. */}}
{{- define "eventagent.controller" -}}
{{ include "eventagent.fullname" . }}-controller
{{- end }}

{{/* Labels by which the operator's pods are selected; they never change. */}}
{{- define "eventagent.selectorLabels" -}}
app.kubernetes.io/name: eventagent
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: controller
{{- end }}

{{/* Labels of all objects. Not `managed-by: eventagent`: that is how the operator knows what it made itself. */}}
{{- define "eventagent.labels" -}}
{{ include "eventagent.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "eventagent.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* The pod template of a kind of pods that the operator makes, as JSON: they pull the operator's own image. */}}
{{- define "eventagent.podTemplate" -}}
{{- $base := dict -}}
{{- with .root.Values.image.pullSecrets }}{{ $base = dict "imagePullSecrets" . }}{{ end -}}
{{- mustMergeOverwrite $base (deepCopy .own) | toJson -}}
{{- end }}
