{{/*
What the operator may do to the objects of a namespace that it looks after: these verbs, and no others, are what its code calls. Objects are applied server-side,
which takes `patch`, and `create` where they are missing. There is no rule on Secrets: the kubelet mounts them into the pods that need them.
*/}}
{{- define "eventagent.rules" -}}
# Agents are followed; setting and removing their finalizer is a patch.
- apiGroups: [eventagent.dev]
  resources: [eventagents]
  verbs: [list, watch, patch]
# Schedules are followed; what they own goes with them, so they have no finalizer.
- apiGroups: [eventagent.dev]
  resources: [agentschedules]
  verbs: [list, watch]
# Redrives are followed, and deleted where they say so; what they own goes with them.
- apiGroups: [eventagent.dev]
  resources: [deadletterredrives]
  verbs: [list, watch, delete]
# Conditions, numbers.
- apiGroups: [eventagent.dev]
  resources: [eventagents/status, agentschedules/status, deadletterredrives/status]
  verbs: [patch]
# Objects say that their owner is not to vanish before them (blockOwnerDeletion), which some clusters, such as OpenShift's, allow only to those who may set the owner's finalizers.
- apiGroups: [eventagent.dev]
  resources: [eventagents/finalizers, agentschedules/finalizers, deadletterredrives/finalizers]
  verbs: [update]
# The configurations of runners, gateways and ticks; the Service of a gateway. An object that is not known yet is looked for before it is made, since it might be somebody else's.
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, list, watch, create, patch, delete]
# Runners and gateways.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
# Which configurations are still in use.
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list, watch]
# Gateways.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# What a schedule becomes; it goes with its schedule.
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get, list, watch, create, patch]
# How the runs of a schedule ended; what a redrive becomes.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch]
# Why pods are not ready, and with what last words those of a schedule ended.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# What is reported of pods; what the operator reports itself.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list]
{{- end }}
