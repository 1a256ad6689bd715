"""Kind order: in which order kinds are created where waves say nothing (gitops-engine `pkg/sync/sync_tasks.go`).

As needs, not as a sequence: an object waits for those kinds that it cannot do without, and everything else goes at once. A namespaced
object needs its Namespace, a custom resource its definition. The rank stays for whoever lists objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

KINDS = tuple(
    "Namespace NetworkPolicy ResourceQuota LimitRange PodSecurityPolicy PodDisruptionBudget ServiceAccount Secret SecretList ConfigMap "
    "StorageClass PersistentVolume PersistentVolumeClaim CustomResourceDefinition ClusterRole ClusterRoleList ClusterRoleBinding "
    "ClusterRoleBindingList Role RoleList RoleBinding RoleBindingList Service DaemonSet Pod ReplicationController ReplicaSet Deployment "
    "HorizontalPodAutoscaler StatefulSet Job CronJob IngressClass Ingress APIService".split()
)
_RANKS: Mapping[str, int] = MappingProxyType({kind: rank for rank, kind in enumerate(KINDS)})


def rank(kind: str) -> int:
    """Return the place of a kind in the order; kinds that it does not name come after all of them."""
    return _RANKS.get(kind, len(KINDS))
