{{- define "whohungup.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "whohungup.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "whohungup.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "whohungup.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "whohungup.selectorLabels" -}}
app.kubernetes.io/name: {{ include "whohungup.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "whohungup.labels" -}}
{{ include "whohungup.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "whohungup.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "whohungup.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "whohungup.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{- define "whohungup.listen" -}}
{{- if contains ":" .Values.listenAddress }}
{{- printf "[%s]:%v" .Values.listenAddress .Values.port }}
{{- else }}
{{- printf "%s:%v" .Values.listenAddress .Values.port }}
{{- end }}
{{- end }}

{{/* "true" if only the pod itself can reach the port. */}}
{{- define "whohungup.isPrivate" -}}
{{- $private := or (hasPrefix "127." .Values.listenAddress) (eq .Values.listenAddress "::1") }}
{{- if and $private (or .Values.service.enabled .Values.serviceMonitor.enabled .Values.podMonitor.enabled) }}
{{- fail "listenAddress is a loopback address, which neither a Service nor a monitor reaches" }}
{{- end }}
{{- if $private }}true{{ end }}
{{- end }}

{{- define "whohungup.hasService" -}}
{{- if or .Values.service.enabled .Values.serviceMonitor.enabled }}true{{ end }}
{{- end }}

{{/* The agent refuses requests under names that it was not given. */}}
{{- define "whohungup.allowedHosts" -}}
{{- $names := .Values.allowedHosts }}
{{- if include "whohungup.hasService" . }}
{{- $short := include "whohungup.fullname" . }}
{{- $full := printf "%s.%s" $short .Release.Namespace }}
{{- $svc := printf "%s.svc" $full }}
{{- $names = concat (list $short $full $svc (printf "%s.%s" $svc .Values.clusterDomain)) $names }}
{{- end }}
{{- join "," $names }}
{{- end }}

{{/* What each capability is for, as a comment; README.md has what is lost without it. */}}
{{- define "whohungup.why" -}}
{{- get (dict
  "BPF" "Create maps, load programs, read BTF."
  "PERFMON" "Load and attach tracing programs and iterators, which read kernel memory."
  "NET_ADMIN" "Load and attach cgroup_skb programs: HTTP."
  "SYS_PTRACE" "Read links in /proc of other processes: owners of sockets, products, /proc/1/root with the names of pods."
  "DAC_READ_SEARCH" "List /proc/PID/fd of other users, and read the runtimes' files."
  "SYS_ADMIN" "Enter other network namespaces, to find connections older than the agent; BPF run-time statistics."
) . }}
{{- end }}

{{/* How the kubelet asks; takes webConfig and a path. */}}
{{- define "whohungup.probe" -}}
{{- $web := first . }}
{{- if $web.asks -}}
tcpSocket: {port: metrics}
{{- else if $web.tls -}}
httpGet: {path: {{ last . }}, port: metrics, scheme: HTTPS}
{{- else -}}
httpGet: {path: {{ last . }}, port: metrics}
{{- end }}
{{- end }}

{{/* The same for both kinds of monitor; takes the monitor's values and webConfig. */}}
{{- define "whohungup.endpoint" -}}
{{- $web := last . }}
{{- with first . }}
port: metrics
path: /metrics
{{- if $web.tls }}
scheme: https
{{- end }}
{{- with .tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
relabelings:
  # WhohungupDown knows an agent by a job with this word in its name.
  - targetLabel: job
    replacement: whohungup
  {{- with .relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
