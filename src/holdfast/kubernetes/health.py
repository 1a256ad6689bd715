"""Health: what the state of a live object means, in Argo CD's six words.

Order: going away → Progressing; then a customisation of the user's, if there is one for the kind; then the rule files (`health/`, and
folders that users name), of which the own group's counts before one for many groups; then kstatus, the general rule. Kinds without a
status of their own (ConfigMap, Role) have no verdict: applied is all there is to them. Laws: an exception of a rule is Unknown with its
reason, never a crash; a kind without a rule is Healthy only where its own status says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kubernetes.health_rule import RuleFile, read_rules
from holdfast.kubernetes.kstatus import Kstatus, compute
from holdfast.model.live import Health, Status

_OF_KSTATUS: Mapping[Kstatus, Status] = {
    Kstatus.CURRENT: Status.HEALTHY,
    Kstatus.IN_PROGRESS: Status.PROGRESSING,
    Kstatus.FAILED: Status.DEGRADED,
    Kstatus.TERMINATING: Status.PROGRESSING,
    Kstatus.UNKNOWN: Status.UNKNOWN,
}


class Custom(Protocol):
    """A user's own check of one kind (Lua, CEL). Raises ValueError with what is wrong with it."""

    def judge(self, live: Mapping[str, Json]) -> Health | None: ...


@dataclass(slots=True)
class HealthRules:
    """Every rule there is, each group's file read when the first object of it is judged."""

    read: Callable[[str], bytes | None]
    """From a file's name without its suffix (`cert-manager.io`, `_.crossplane.io`, `core`) to its bytes; None where there is none."""
    wide: tuple[str, ...] = ()
    """Suffixes of groups that a file stands for: `crossplane.io` of `_.crossplane.io`."""
    customs: Mapping[str, Custom] = field(default_factory=dict)
    """`group/Kind`, or `Kind` of the core group → the user's check."""
    errors: list[DeclarationError] = field(default_factory=list)
    """Of files that could not be read; their kinds are judged by the general rule."""
    _files: dict[str, RuleFile | None] = field(default_factory=dict)

    def judge(self, live: Mapping[str, Json], now: Instant) -> Health | None:
        """Return the health of a live object, or None where applied is all there is to it."""
        metadata = live.get("metadata")
        if isinstance(metadata, dict) and metadata.get("deletionTimestamp"):
            return Health(Status.PROGRESSING, "Pending deletion")
        group, kind = group_kind(live)
        if (custom := self.customs.get(f"{group}/{kind}" if group else kind)) is not None:
            try:
                verdict = custom.judge(live)
            except ValueError as error:
                return Health(Status.UNKNOWN, str(error))
            if verdict is not None:
                return verdict
        return self.by_rule(live) or self._general(live, now)

    def by_rule(self, live: Mapping[str, Json]) -> Health | None:
        """Return what a rule file says of a live object; None where none knows its kind."""
        group, kind = group_kind(live)
        names = [group or "core", *(f"_.{suffix}" for suffix in self.wide if group.endswith(f".{suffix}"))]
        for name in names:
            file = self._file(name)
            if file is not None and (verdict := file.judge(kind, dict(live))) is not None:
                return verdict
        return None

    def _general(self, live: Mapping[str, Json], now: Instant) -> Health | None:
        result = compute(live, now)
        status = live.get("status")
        if result.status is Kstatus.CURRENT and not (isinstance(status, dict) and status):
            return None
        return Health(_OF_KSTATUS[result.status], result.message)

    def _file(self, name: str) -> RuleFile | None:
        if name not in self._files:
            data = self.read(name)
            found = read_rules(f"{name}.yaml", data) if data is not None else None
            if isinstance(found, tuple):
                self.errors.extend(found)
                found = None
            self._files[name] = found
        return self._files[name]


def group_kind(live: Mapping[str, Json]) -> tuple[str, str]:
    """Return the group (empty: core) and the kind of an object."""
    version, kind = live.get("apiVersion"), live.get("kind")
    return (version.rpartition("/")[0] if isinstance(version, str) else "", kind if isinstance(kind, str) else "")
