"""Health: what the state of a live object means, in Argo CD's six words.

Order: going away → Progressing; then a user's script for the kind, which the engine runs (`judged` makes its answer a verdict); then the
rule files (a user's, then `health/`), of which the own group's counts before one for many groups; then kstatus, the general rule. Kinds
without a status of their own (ConfigMap, Role) have no verdict: applied is all there is to them. Laws: what a script or rule fails with is
Unknown with its reason, never a crash; a kind without a rule is Healthy only where its own status says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kubernetes.health_rule import Cel, RuleFile, read_rules
from holdfast.kubernetes.kstatus import Kstatus, compute, needs_status
from holdfast.model.live import Health, Status

_OF_KSTATUS: Mapping[Kstatus, Status] = {
    Kstatus.CURRENT: Status.HEALTHY,
    Kstatus.IN_PROGRESS: Status.PROGRESSING,
    Kstatus.FAILED: Status.DEGRADED,
    Kstatus.TERMINATING: Status.PROGRESSING,
    Kstatus.UNKNOWN: Status.UNKNOWN,
}
_STATUSES = frozenset(status.value for status in Status)


@dataclass(slots=True)
class HealthRules:
    """Every rule there is, each group's file read when the first object of it is judged."""

    read: Callable[[str], bytes | None]
    """From a file's name without its suffix (`cert-manager.io`, `_.crossplane.io`, `core`) to its bytes; None where there is none."""
    own: Callable[[str], bytes | None] | None = None
    """The same of a user's folder, which is asked first."""
    cel: Cel | None = None
    """Compiles what rules say in CEL; None where it is not installed."""
    wide: tuple[str, ...] = ()
    """Suffixes of groups that a file stands for: `crossplane.io` of `_.crossplane.io`."""
    errors: list[DeclarationError] = field(default_factory=list)
    """Of files that could not be read; their kinds are judged by the general rule."""
    _files: dict[tuple[str, bool], RuleFile | None] = field(default_factory=dict)
    _of_kind: dict[tuple[str, str], tuple[RuleFile, ...]] = field(default_factory=dict)
    """Group and kind → what has rules for it: nothing, for most of what there are thousands of."""

    def judge(self, live: Mapping[str, Json], now: Instant) -> Health | None:
        """Return the health of a live object, or None where applied is all there is to it."""
        if is_going(live):
            return Health(Status.PROGRESSING, "Pending deletion")
        return self.by_rule(live) or self._general(live, now)

    def by_rule(self, live: Mapping[str, Json]) -> Health | None:
        """Return what a rule file says of a live object; None where none knows its kind."""
        group, kind = group_kind(live)
        files = self._of_kind.get((group, kind))
        if files is None:
            files = self._of_kind[group, kind] = tuple(self._files_of(group, kind))
        for file in files:
            if (verdict := file.judge(kind, dict(live))) is not None:
                return verdict
        return None

    def _files_of(self, group: str, kind: str) -> Iterator[RuleFile]:
        for name in (group or "core", *(f"_.{suffix}" for suffix in self.wide if group.endswith(f".{suffix}"))):
            for read in (self.own, self.read):
                file = self._file(name, read) if read is not None else None
                if file is not None and file.knows(kind):
                    yield file

    def _general(self, live: Mapping[str, Json], now: Instant) -> Health | None:
        status = live.get("status")
        if not status and not needs_status(*group_kind(live)):
            return None
        result = compute(live, now)
        if result.status is Kstatus.CURRENT and not (isinstance(status, dict) and status):
            return None
        return Health(_OF_KSTATUS[result.status], result.message)

    def _file(self, name: str, read: Callable[[str], bytes | None]) -> RuleFile | None:
        key = (name, read is self.own)
        if key not in self._files:
            data = read(name)
            found = read_rules(f"{name}.yaml", data, self.cel) if data is not None else None
            if isinstance(found, tuple):
                self.errors.extend(found)
                found = None
            self._files[key] = found
        return self._files[key]


def is_going(live: Mapping[str, Json]) -> bool:
    """Say whether an object is being deleted."""
    metadata = live.get("metadata")
    return isinstance(metadata, dict) and bool(metadata.get("deletionTimestamp"))


def judged(answer: Json) -> Health | None:
    """Return the health that a user's script answered: {status, message}; None where it answered nothing, Unknown where nonsense."""
    if answer is None:
        return None
    status, message = (answer.get("status"), answer.get("message")) if isinstance(answer, dict) else (None, None)
    if not isinstance(status, str) or status not in _STATUSES:
        return Health(Status.UNKNOWN, f"the script answered no status of {', '.join(sorted(_STATUSES))}")
    return Health(Status(status), message if isinstance(message, str) else "")


def group_kind(live: Mapping[str, Json]) -> tuple[str, str]:
    """Return the group (empty: core) and the kind of an object."""
    version, kind = live.get("apiVersion"), live.get("kind")
    return (version.rpartition("/")[0] if isinstance(version, str) else "", kind if isinstance(kind, str) else "")
