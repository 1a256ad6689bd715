"""Discovery: which kinds a cluster serves, and how each is asked for (the aggregated form, apidiscovery.k8s.io/v2).

A value, allocated from what the server said. Laws: of several versions of a kind the one that the server prefers counts, unless a manifest
names another that is served; a kind that is not served is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from holdfast.kit.canonical import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResource:
    """One kind in one version."""

    group: str
    version: str
    kind: str
    plural: str
    is_namespaced: bool
    verbs: frozenset[str]
    has_status: bool = False
    """Whether its status is a subresource, so that it is written apart from the rest."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """As `ResourceId.kind` has it: `apps/Deployment`, `Pod`."""
        return f"{self.group}/{self.kind}" if self.group else self.kind

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of a collection, or of one object. Names come from Git: each is one step, whatever is in it."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        steps = [*(("namespaces", namespace) if self.is_namespaced and namespace else ()), self.plural]
        steps += [name, *((subresource,) if subresource else ())] if name else []
        return "/".join((root, *(quote(step, safe="") for step in steps)))


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a cluster serves."""

    kinds: Mapping[str, tuple[ApiResource, ...]] = field(default_factory=dict)
    """`group/Kind` → its versions, the preferred one first."""

    def find(self, kind: str, version: str = "") -> ApiResource | None:
        """Return a kind as `ResourceId.kind` names it, in `version` where that is served, else in the preferred one."""
        served = self.kinds.get(kind, ())
        return next((each for each in served if each.version == version), served[0] if served else None)

    @property
    def api_versions(self) -> tuple[str, ...]:
        """Each API version that is served, and each with its kinds: what `.Capabilities.APIVersions` of a chart holds."""
        served = [each for versions in self.kinds.values() for each in versions]
        return tuple(sorted({each.api_version for each in served} | {f"{each.api_version}/{each.kind}" for each in served}))

    def joined(self, other: Discovery) -> Discovery:
        return Discovery({**self.kinds, **other.kinds})


def read_discovery(document: Json) -> Discovery:
    """Return what an APIGroupDiscoveryList says. ValueError where it is none."""
    groups = document.get("items") if isinstance(document, dict) else None
    if not isinstance(document, dict) or document.get("kind") != "APIGroupDiscoveryList" or not isinstance(groups, list):
        raise ValueError("it is no APIGroupDiscoveryList")
    found: dict[str, list[ApiResource]] = {}
    for group in groups:
        if not isinstance(group, dict):
            continue
        metadata = group.get("metadata")
        name = str(metadata.get("name") or "") if isinstance(metadata, dict) else ""
        for version in _dicts(group.get("versions")):  # the server lists the preferred one first
            for resource in _dicts(version.get("resources")):
                each = _resource(name, str(version.get("version") or ""), resource)
                if each is not None:
                    found.setdefault(each.name, []).append(each)
    return Discovery({kind: tuple(versions) for kind, versions in found.items()})


def _resource(group: str, version: str, value: Mapping[str, Json]) -> ApiResource | None:
    response, plural, scope, verbs = value.get("responseKind"), value.get("resource"), value.get("scope"), value.get("verbs")
    kind = response.get("kind") if isinstance(response, dict) else None
    if not isinstance(kind, str) or not kind or not isinstance(plural, str) or not version:
        return None
    return ApiResource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        is_namespaced=scope == "Namespaced",
        verbs=frozenset(str(verb) for verb in verbs) if isinstance(verbs, list) else frozenset(),
        has_status=any(each.get("subresource") == "status" for each in _dicts(value.get("subresources"))),
    )


def _dicts(value: Json) -> list[dict[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
