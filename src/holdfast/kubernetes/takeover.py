"""Takeover: fields that Argo CD or kubectl applied before us become ours alone.

An apply makes a field ours and leaves it theirs too; what two own stays when one of them no longer says it, so that nothing which Git
removes would ever go. So the entries of those before us are dropped from the record of owners. What only they had is nobody's then: it
stays as it is, as defaults do. client-go's `csaupgrade` gives all of it to the one who applies, whose next apply would take back what
kubectl owns only because it was a default, such as the replicas of an autoscaler. Laws: nothing but the record of owners is changed
(kubectl's note of what it applied stays too: a Deployment counts a change of its annotations as a new generation); entries of anybody else
stay; once patched, there is nothing to patch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.kubernetes.drift import owned
from holdfast.kubernetes.field_set import FieldSet, read_fields

PREDECESSORS = frozenset({"argocd-controller", "argocd-application-controller", "kubectl-client-side-apply"})
"""Field managers of Argo CD (on the server's side or not; the second by the name of its program) and of `kubectl apply`."""


def is_shared(live: Mapping[str, Json], manager: str) -> bool:
    """Say whether fields that `manager` applied are those of a predecessor too."""
    return _has_predecessor(live) and next(_shared(live, owned(live, manager) or frozenset()), None) is not None


def takeover(live: Mapping[str, Any], manager: str) -> list[dict[str, Any]]:
    """Return the JSON patch (RFC 6902) after which what `manager` applied is its own alone; empty where it is so.

    It holds for this version of the object only: another is a conflict (409).
    """
    if not _has_predecessor(live):
        return []
    ours = owned(live, manager) or frozenset()
    shared = sorted(_shared(live, ours), reverse=True)
    if not shared:
        return []
    version = {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}
    return [version, *({"op": "remove", "path": f"/metadata/managedFields/{at}"} for at in shared)]


def _has_predecessor(live: Mapping[str, Any]) -> bool:
    return any(entry.get("manager") in PREDECESSORS for entry in live["metadata"].get("managedFields") or ())


def _shared(live: Mapping[str, Any], ours: FieldSet) -> Iterator[int]:
    """Yield the place of each entry of a predecessor that has fields of ours."""
    for at, entry in enumerate(live["metadata"].get("managedFields") or ()):
        if entry.get("manager") in PREDECESSORS and not entry.get("subresource") and read_fields(entry.get("fieldsV1")) & ours:
            yield at
