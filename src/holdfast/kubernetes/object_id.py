"""Object ids: how an object of a cluster is called in the house, and which kinds belong to no namespace.

`apps/Deployment/shop/web`; an object of the whole cluster lies in the namespace `-`, which no namespace can be called.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.kit.canonical import Json
from holdfast.kit.once import one_word
from holdfast.kubernetes.health import group_kind
from holdfast.model.ids import ResourceId

CLUSTER = "-"
"""The namespace of what lies in none."""

CLUSTER_SCOPED = frozenset(
    "Namespace Node PersistentVolume ComponentStatus apiextensions.k8s.io/CustomResourceDefinition apiregistration.k8s.io/APIService "
    "rbac.authorization.k8s.io/ClusterRole rbac.authorization.k8s.io/ClusterRoleBinding storage.k8s.io/StorageClass "
    "storage.k8s.io/CSIDriver storage.k8s.io/CSINode storage.k8s.io/VolumeAttachment storage.k8s.io/VolumeAttributesClass "
    "scheduling.k8s.io/PriorityClass networking.k8s.io/IngressClass networking.k8s.io/IPAddress networking.k8s.io/ServiceCIDR "
    "node.k8s.io/RuntimeClass certificates.k8s.io/CertificateSigningRequest certificates.k8s.io/ClusterTrustBundle "
    "admissionregistration.k8s.io/MutatingWebhookConfiguration admissionregistration.k8s.io/ValidatingWebhookConfiguration "
    "admissionregistration.k8s.io/ValidatingAdmissionPolicy admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding "
    "admissionregistration.k8s.io/MutatingAdmissionPolicy admissionregistration.k8s.io/MutatingAdmissionPolicyBinding "
    "flowcontrol.apiserver.k8s.io/FlowSchema flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration resource.k8s.io/DeviceClass "
    "gateway.networking.k8s.io/GatewayClass cert-manager.io/ClusterIssuer external-secrets.io/ClusterSecretStore "
    "kyverno.io/ClusterPolicy karpenter.sh/NodePool karpenter.sh/NodeClaim snapshot.storage.k8s.io/VolumeSnapshotClass".split()
)
"""Of the API itself, and of what many clusters have; a cluster's own discovery knows the rest."""


_CHILDLESS = frozenset(
    "ConfigMap Secret ServiceAccount Namespace Node LimitRange ResourceQuota PersistentVolume PersistentVolumeClaim PodTemplate "
    "rbac.authorization.k8s.io/Role rbac.authorization.k8s.io/RoleBinding rbac.authorization.k8s.io/ClusterRole "
    "rbac.authorization.k8s.io/ClusterRoleBinding networking.k8s.io/NetworkPolicy networking.k8s.io/Ingress "
    "policy/PodDisruptionBudget autoscaling/HorizontalPodAutoscaler storage.k8s.io/StorageClass scheduling.k8s.io/PriorityClass".split()
)


def propagation_of(kind: str) -> str:
    """Return how an object is deleted: with what it owns first (Argo CD's default), or at once where nothing is ever owned by it."""
    return "Background" if kind in _CHILDLESS else "Foreground"


def kind_name(manifest: Mapping[str, Json]) -> str:
    """Return the kind as ResourceId has it, with its group."""
    group, kind = group_kind(manifest)
    return one_word(f"{group}/{kind}" if group else kind)


def object_id(destination: str, kind: str, namespace: str, name: str) -> ResourceId:
    return ResourceId(destination, kind, namespace or CLUSTER, name)


def namespace_of(id: ResourceId) -> str:
    """Return the namespace to ask for: empty for an object of the whole cluster."""
    return "" if id.namespace == CLUSTER else id.namespace
