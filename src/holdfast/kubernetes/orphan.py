"""Orphans: objects of a namespace that no Application has, looked for where an AppProject asks for it (Argo CD's orphaned resources).

Pure: what is served, and names of objects, in; ids out. As Argo CD has it (`isKnownOrphanedResourceExclusion`, `GetNamespaceTopLevel-
Resources`, the exclusions that its `argocd-cm` comes with): what stands at the top counts, not what another object owns; what the cluster
itself puts into every namespace is nobody's, and neither is what only tells of something else. Law: a kind that was not listed has no
orphans here and is not said to have none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from holdfast.kit.glob import matches
from holdfast.kubernetes.discovery import ApiResource, Discovery
from holdfast.kubernetes.object_id import object_id
from holdfast.model.ids import ResourceId
from holdfast.model.terms import OrphanPattern

Object: TypeAlias = Mapping[str, Any]
CLAIM = "PersistentVolumeClaim"
SET = "apps/StatefulSet"
TOKEN_OF = "kubernetes.io/service-account.name"
"""Annotation of a Secret that is the token of a ServiceAccount."""
NEVER = frozenset(
    "Event Endpoints coordination.k8s.io/Lease cert-manager.io/CertificateRequest "
    "cilium.io/CiliumIdentity cilium.io/CiliumEndpoint cilium.io/CiliumEndpointSlice".split()
)
NEVER_OF = frozenset(
    "events.k8s.io metrics.k8s.io discovery.k8s.io authentication.k8s.io authorization.k8s.io wgpolicyk8s.io reports.kyverno.io".split()
)
"""Groups whose objects only tell of others."""


def kinds(discovery: Discovery, permits: Callable[[str, str], bool]) -> tuple[ApiResource, ...]:
    """Return the kinds to list, by name: those that lie in a namespace and that `permits` (of group and kind) lets an Application declare.

    What a project denies is not its users' to clear away.
    """
    preferred = (versions[0] for _, versions in sorted(discovery.kinds.items()))
    return tuple(
        each
        for each in preferred
        if each.is_namespaced
        and "list" in each.verbs
        and each.name not in NEVER
        and each.group not in NEVER_OF
        and permits(each.group, each.kind)
    )


def orphans(
    destination: str,
    found: Mapping[str, Iterable[Object]],
    known: Collection[ResourceId],
    ignored: Collection[OrphanPattern],
) -> tuple[ResourceId, ...]:
    """Return the orphans among `found`, objects of one namespace by kind, in order; `known` is all that Applications have or declare."""
    items = {kind: [*each] for kind, each in found.items()}
    sets = {id.name for id in known if id.kind == SET} | {_name(item) for item in items.get(SET, ())}
    return tuple(
        sorted(
            id
            for kind, each in items.items()
            for item in each
            if not _has_reason(kind, item, sets)
            and (id := object_id(destination, kind, _namespace(item), _name(item))) not in known
            and not any(_is_named(pattern, id) for pattern in ignored)
        )
    )


def _has_reason(kind: str, item: Object, sets: Collection[str]) -> bool:
    """Say whether something is there without anybody's having to declare it."""
    metadata = item["metadata"]
    if metadata.get("ownerReferences"):
        return True
    match kind:
        case "ServiceAccount":
            return _name(item) == "default"
        case "ConfigMap":
            return _name(item) == "kube-root-ca.crt"
        case "Service":
            return (_namespace(item), _name(item)) == ("default", "kubernetes")
        case "Secret":
            return TOKEN_OF in (metadata.get("annotations") or {})
        case "PersistentVolumeClaim":  # of a template of a StatefulSet, which does not own it unless it is asked to
            return any(re.fullmatch(rf".+-{re.escape(name)}-\d+", _name(item)) for name in sets)
    return False


def _is_named(pattern: OrphanPattern, id: ResourceId) -> bool:
    group, _, kind = id.kind.rpartition("/")
    is_kind = not pattern.kind or matches(pattern.kind, kind)
    return is_kind and matches(pattern.group, group) and (not pattern.name or matches(pattern.name, id.name))


def _name(item: Object) -> str:
    return str(item["metadata"]["name"])


def _namespace(item: Object) -> str:
    return str(item["metadata"].get("namespace") or "")
