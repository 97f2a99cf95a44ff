{{- /*
How the objects come about: each begins as the file that kustomize applies (shipped/ leads to the folders of
deploy/), is patched by the same JSON Patches, and then takes the values. So what no value changes stands
in one place.
*/ -}}

{{- /* The name of every object. It does not depend on the release, because one cluster needs one pullkey. */ -}}
{{- define "pullkey.name" -}}
{{ .Values.nameOverride | default "pullkey" }}
{{- end }}

{{- /* Labels of the Pods, and of every object, as deploy/base/kustomization.yaml writes them. */ -}}
{{- define "pullkey.labels" -}}
app.kubernetes.io/name: pullkey
app.kubernetes.io/component: webhook
app.kubernetes.io/part-of: pullkey
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- /* Labels of every object: also those that Helm's users expect. */ -}}
{{- define "pullkey.objectLabels" -}}
{{ include "pullkey.labels" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* The documents of a shipped file, as a list under "list". Arguments: root, path. */ -}}
{{- define "pullkey.documents" -}}
{{- $list := list }}
{{- range splitList "\n---\n" ((index . 0).Files.Get (index . 1) | required (printf "the chart lacks the file %s" (index . 1))) }}
{{- $list = append $list (fromYaml .) }}
{{- end }}
{{- dict "list" $list | toYaml }}
{{- end }}

{{- /* Writes an object under our names, labels and namespace. Arguments: root, object. */ -}}
{{- define "pullkey.object" -}}
{{- $root := index . 0 }}
{{- $object := index . 1 }}
{{- $metadata := $object.metadata }}
{{- $_ := set $metadata "name" ($metadata.name | replace "pullkey" (include "pullkey.name" $root)) }}
{{- if hasKey $metadata "namespace" }}
{{- $_ := set $metadata "namespace" $root.Release.Namespace }}
{{- end }}
{{- $_ := set $metadata "labels" (mergeOverwrite (dict) ($metadata.labels | default dict) (fromYaml (include "pullkey.objectLabels" $root))) }}
{{- toYaml $object }}
{{- end }}

{{- /*
Applies the JSON Patch in a shipped file to an object, in place: the operations add and replace, as far as the patches
use them. The test operations are for kustomize; tests/manifests compares what comes out. Arguments: root, object, path.
*/ -}}
{{- define "pullkey.patch" -}}
{{- $object := index . 1 }}
{{- range fromYamlArray ((index . 0).Files.Get (index . 2) | required (printf "the chart lacks the file %s" (index . 2))) }}
{{- if ne .op "test" }}
{{- $value := .value }}
{{- $steps := splitList "/" (trimPrefix "/" .path) }}
{{- $appends := eq (last $steps) "-" }}
{{- if $appends }}
{{- $steps = initial $steps }}
{{- end }}
{{- $place := $object }}
{{- range initial $steps }}
{{- if kindIs "slice" $place }}
{{- $place = index $place (int .) }}
{{- else }}
{{- $place = index $place . }}
{{- end }}
{{- end }}
{{- $member := last $steps }}
{{- if $appends }}
{{- $value = append (index $place $member) $value }}
{{- end }}
{{- $_ := set $place $member $value }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The image, by digest where there is one. */ -}}
{{- define "pullkey.image" -}}
{{- $image := .Values.image }}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* The text of the InjectorConfiguration. */ -}}
{{- define "pullkey.configuration" -}}
{{- if kindIs "string" .Values.config }}
{{- .Values.config }}
{{- else if .Values.config }}
{{- merge (dict) .Values.config (dict "apiVersion" "pullkey.dev/v1alpha1" "kind" "InjectorConfiguration") | toYaml }}
{{- else }}
{{- .Files.Get "shipped/base/config.yaml" }}
{{- end }}
{{- end }}

{{- /* Its name ends in a hash of the content, so that a change is a rollout and a rollback finds what it had. */ -}}
{{- define "pullkey.configMapName" -}}
{{ include "pullkey.name" . }}-config-{{ include "pullkey.configuration" . | sha256sum | trunc 10 }}
{{- end }}

{{- define "pullkey.isSelfIssued" -}}
{{- if eq .Values.certificate.mode "selfIssued" }}true{{ end }}
{{- end }}

{{- /* The Secret that is mounted where the certificate comes from files. */ -}}
{{- define "pullkey.certificateSecret" -}}
{{ .Values.certificate.secretName | default (printf "%s-tls" (include "pullkey.name" .)) }}
{{- end }}
