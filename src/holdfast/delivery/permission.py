"""Permission: what a project lets the objects of one Application be, and where they may lie.

Made by `build` from the project; asked of everything that a revision declares, before anything of it is planned (Argo CD asks when it
syncs: `IsGroupKindNamePermitted`, `IsDestinationPermitted`). Law: one object that is not permitted refuses the whole revision, naming
every one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from holdfast.delivery.project_spec import GroupKind, ProjectDestination
from holdfast.errors import DeclarationError, RefusedDeclaration, Where
from holdfast.kit import glob
from holdfast.model.ids import DOCKER, HOST, ResourceId
from holdfast.model.resource import Desired, Origin

OWN_GROUP = "holdfast.dev"
CLUSTER = "-"
"""The namespace of what lies in none."""
RULES = (
    "destinations",
    "clusterResourceWhitelist",
    "clusterResourceBlacklist",
    "namespaceResourceWhitelist",
    "namespaceResourceBlacklist",
)
"""Fields of a project that say something of objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """Equal values permit the same."""

    project: str
    server: str = ""
    name: str = ""
    """The destination as projects compare it; one of the two may be empty."""
    destinations: tuple[ProjectDestination, ...] = ()
    cluster_allowed: tuple[GroupKind, ...] | None = None
    cluster_denied: tuple[GroupKind, ...] = ()
    namespaced_allowed: tuple[GroupKind, ...] | None = None
    namespaced_denied: tuple[GroupKind, ...] = ()
    places: Mapping[str, Where]
    """Rule → where the project says it, or would."""

    def refusals(self, desired: Desired) -> tuple[DeclarationError, ...]:
        """Return an error (HF1108, HF1109) for each declared object, hooks too, that the project does not permit, at its own place."""
        found: dict[ResourceId, DeclarationError] = {}
        for resource in (*desired, *(hook.resource for hook in desired.hooks)):
            id = resource.declared_id
            if id not in found and (error := self._refusal(id, resource.origin)) is not None:
                found[id] = error
        return tuple(error for _, error in sorted(found.items()))

    def _refusal(self, id: ResourceId, origin: Origin | None) -> DeclarationError | None:
        group, kind = group_and_kind(id)
        if (rule := self._broken_rule(group, kind, id)) is not None:
            said = f"project {self.project} does not permit {kind} of group {group or 'core'}"
            hint = f"{_MEND[rule]} of the AppProject, or take it out of the Application"
            return self._error("HF1108", id, origin, said, rule, hint)
        if id.namespace != CLUSTER and not permits_destination(self.destinations, self.server, self.name, id.namespace):
            said = f"project {self.project} does not permit namespace {id.namespace} at {self.server or self.name}"
            hint = "add it to spec.destinations of the AppProject, or put the object into a namespace that is there"
            return self._error("HF1109", id, origin, said, "destinations", hint)
        return None

    def permits_namespaced(self, group: str, kind: str) -> bool:
        """Say whether objects of a kind may be declared in a namespace."""
        return self._broken_rule(group, kind, ResourceId(self.server or self.name, kind, "", "")) is None

    def _broken_rule(self, group: str, kind: str, id: ResourceId) -> str | None:
        if id.namespace == CLUSTER:
            # Argo CD: what lies in no namespace needs to be allowed; without a list nothing of it is.
            if not _lists(self.cluster_allowed or (), group, kind, id.name):
                return "clusterResourceWhitelist"
            return "clusterResourceBlacklist" if _lists(self.cluster_denied, group, kind, id.name) else None
        if self.namespaced_allowed is not None and not _lists(self.namespaced_allowed, group, kind):
            return "namespaceResourceWhitelist"
        return "namespaceResourceBlacklist" if _lists(self.namespaced_denied, group, kind) else None

    def _error(self, code: str, id: ResourceId, origin: Origin | None, said: str, rule: str, hint: str) -> DeclarationError:
        where = [Where(path=origin.path, line=origin.line)] if origin is not None else []
        return RefusedDeclaration(code, f"cannot declare {id}: {said}", where=[*where, self.places[rule]], hint=hint)


_MEND: Mapping[str, str] = {
    "clusterResourceWhitelist": "add it to spec.clusterResourceWhitelist",
    "clusterResourceBlacklist": "take it out of spec.clusterResourceBlacklist",
    "namespaceResourceWhitelist": "add it to spec.namespaceResourceWhitelist",
    "namespaceResourceBlacklist": "take it out of spec.namespaceResourceBlacklist",
}


def group_and_kind(id: ResourceId) -> tuple[str, str]:
    """Return API group and kind of an id; the kinds of a host are of the group of this house."""
    group, _, kind = id.kind.rpartition("/")
    is_host = id.destination == HOST or id.destination.startswith(DOCKER)
    return (OWN_GROUP if is_host and not group else group), kind


def permits_destination(destinations: Sequence[ProjectDestination], server: str, name: str, namespace: str) -> bool:
    """Say whether `destinations` permit a place, of which `server` or `name` may be empty."""
    is_permitted = False
    for item in destinations:
        is_server = bool(server) and allows(item.server, server)
        is_name = bool(name) and allows(item.name, name)
        is_namespace = allows(item.namespace, namespace)
        if (is_server or is_name) and is_namespace:
            is_permitted = True
        elif any(_is_denied(item, server, name, is_server, is_name, is_namespace)):
            return False
    return is_permitted


def _is_denied(item: ProjectDestination, server: str, name: str, is_server: bool, is_name: bool, is_namespace: bool) -> Iterator[bool]:
    for pattern, is_met in ((item.server, is_server), (item.name, is_name), (item.namespace, is_namespace)):
        yield pattern.startswith("!") and not is_met


def fits(pattern: str, text: str, separated: bool = False) -> bool:
    return pattern == "*" or glob.matches(pattern, text, separated)


def allows(pattern: str, text: str) -> bool:
    return not fits(pattern.removeprefix("!"), text) if pattern.startswith("!") else fits(pattern, text)


def _lists(items: Sequence[GroupKind], group: str, kind: str, name: str | None = None) -> bool:
    """Say whether a kind is in a list; `name` counts where the list may name objects (Argo CD: cluster resources)."""
    return any(
        fits(item.kind, kind, True) and fits(item.group, group, True) and (name is None or not item.name or fits(item.name, name, True))
        for item in items
    )
