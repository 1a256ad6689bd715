"""References: what an object of a cluster needs of others that are declared with it.

Only what the API server or the kubelet would refuse or wait for: the Namespace it lies in, the definition of its kind, and the ConfigMaps,
Secrets, claims and accounts that a pod names (not those marked optional). Used by kind, which keeps the needs that the same Application
declares. Law: an answer depends on the manifest alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from holdfast.kit.canonical import Json
from holdfast.kubernetes.health import group_kind


class Reference(NamedTuple):
    """An object that another one names: `kind` with its group, an empty namespace for one of the whole cluster."""

    kind: str
    namespace: str
    name: str


_TEMPLATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Pod": ("spec",),
        "apps/Deployment": ("spec", "template", "spec"),
        "apps/StatefulSet": ("spec", "template", "spec"),
        "apps/DaemonSet": ("spec", "template", "spec"),
        "apps/ReplicaSet": ("spec", "template", "spec"),
        "batch/Job": ("spec", "template", "spec"),
        "batch/CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    }
)
"""Where a kind keeps the specification of its pods."""
_RBAC = "rbac.authorization.k8s.io"


def references(manifest: Mapping[str, Json], namespace: str) -> Iterator[Reference]:
    """Yield what `manifest`, which lies in `namespace` (empty: in none), needs. An object may be named twice."""
    group, kind = group_kind(manifest)
    if namespace:
        yield Reference("Namespace", "", namespace)
    full = f"{group}/{kind}" if group else kind
    if full in _TEMPLATES:
        yield from _of_pod(_at(manifest, *_TEMPLATES[full]), namespace)
    elif full in (f"{_RBAC}/RoleBinding", f"{_RBAC}/ClusterRoleBinding"):
        role = _at(manifest, "roleRef")
        if isinstance(role, dict) and isinstance(role.get("kind"), str) and isinstance(role.get("name"), str):
            is_wide = role["kind"] == "ClusterRole"
            yield Reference(f"{_RBAC}/{role['kind']}", "" if is_wide else namespace, str(role["name"]))
    elif full == "argoproj.io/Application" and isinstance(project := _at(manifest, "spec", "project"), str):
        yield Reference("argoproj.io/AppProject", namespace, project)


def definition_of(manifest: Mapping[str, Json]) -> tuple[str, str]:
    """Return group and kind that a CustomResourceDefinition brings; empty where it is none."""
    if group_kind(manifest) != ("apiextensions.k8s.io", "CustomResourceDefinition"):
        return "", ""
    group, kind = _at(manifest, "spec", "group"), _at(manifest, "spec", "names", "kind")
    return (group, kind) if isinstance(group, str) and isinstance(kind, str) else ("", "")


def _of_pod(pod: Json, namespace: str) -> Iterator[Reference]:
    if not isinstance(pod, dict):
        return
    if isinstance(account := pod.get("serviceAccountName"), str) and account and account != "default":
        yield Reference("ServiceAccount", namespace, account)
    if isinstance(priority := pod.get("priorityClassName"), str) and priority and not priority.startswith("system-"):
        yield Reference("scheduling.k8s.io/PriorityClass", "", priority)
    for secret in _items(pod.get("imagePullSecrets")):
        yield from _named("Secret", namespace, secret)
    for volume in _items(pod.get("volumes")):
        yield from _named("ConfigMap", namespace, volume.get("configMap"))
        yield from _named("Secret", namespace, volume.get("secret"), "secretName")
        yield from _named("PersistentVolumeClaim", namespace, volume.get("persistentVolumeClaim"), "claimName")
        for source in _items(_at(volume, "projected", "sources")):
            yield from _named("ConfigMap", namespace, source.get("configMap"))
            yield from _named("Secret", namespace, source.get("secret"))
    for container in (*_items(pod.get("initContainers")), *_items(pod.get("containers"))):
        for source in _items(container.get("envFrom")):
            yield from _named("ConfigMap", namespace, source.get("configMapRef"))
            yield from _named("Secret", namespace, source.get("secretRef"))
        for variable in _items(container.get("env")):
            yield from _named("ConfigMap", namespace, _at(variable, "valueFrom", "configMapKeyRef"))
            yield from _named("Secret", namespace, _at(variable, "valueFrom", "secretKeyRef"))


def _named(kind: str, namespace: str, source: Json, key: str = "name") -> Iterator[Reference]:
    if isinstance(source, dict) and isinstance(name := source.get(key), str) and name and source.get("optional") is not True:
        yield Reference(kind, namespace, name)


def _items(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _at(value: Json | Mapping[str, Json], *path: str) -> Json:
    found: Json | Mapping[str, Json] = value
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else found
