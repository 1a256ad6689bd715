"""Sync windows: whether an Application may be synced at an instant, and when that answer changes next.

Argo CD's rules (`SyncWindows.CanSync`). No window concerns the Application: allowed. A deny window that is open wins: denied, unless a
person asks and every open deny window has `manualSync`. An allow window that is open: allowed. Allow windows, none open: denied, unless a
person asks and all of them have `manualSync`. Where Argo CD adds today's offset of a time zone to UTC, the zone's own calendar is asked
here, so that windows keep their local hours when the clocks change. A window is open from its start until before its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.core.policy import WindowVerdict
from holdfast.delivery.project_spec import SyncWindowSpec
from holdfast.kit import glob
from holdfast.kit.clock import Instant
from holdfast.kit.cron import Cron
from holdfast.kit.duration import format_duration

_MOST_OPENINGS = 16
"""How many openings that run into each other are followed to find when a window closes."""
_MOST_EDGES = 64
"""How many openings and closings are looked at to find where the answer changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncWindow:
    """One window that concerns an Application."""

    is_deny: bool
    schedule: str
    cron: Cron
    duration_s: float
    zone: str
    allows_manual: bool
    description: str = ""

    @classmethod
    def of(cls, spec: SyncWindowSpec) -> SyncWindow:
        return cls(
            is_deny=spec.kind == "deny",
            schedule=spec.schedule,
            cron=Cron.parse(spec.schedule),
            duration_s=spec.duration,
            zone=spec.time_zone,
            allows_manual=spec.manual_sync,
            description=spec.description,
        )

    def __str__(self) -> str:
        text = f"'{self.schedule}' for {format_duration(self.duration_s)} ({self.zone})"
        return f"{text}, {self.description}" if self.description else text

    def is_open(self, at: Instant) -> bool:
        start = self.cron.previous_at_or_before(at, self.zone)
        return start is not None and at < start + self.duration_s

    def edge_after(self, at: Instant) -> Instant | None:
        """Return when it closes, where it is open at `at`, else when it opens next; None: never in eight years.

        A window whose openings run into each other for long is still open at what is returned.
        """
        start = self.cron.previous_at_or_before(at, self.zone)
        if start is None or at >= start + self.duration_s:
            return self.cron.next_after(at, self.zone)
        for _ in range(_MOST_OPENINGS):
            later = self.cron.previous_at_or_before(start + self.duration_s, self.zone)
            if later is None or later == start:
                break
            start = later
        return start + self.duration_s


def concerns(spec: SyncWindowSpec, application: str, namespace: str, clusters: Sequence[str]) -> bool:
    """Say whether a window is for an Application, of whose destination `clusters` are server and name. One without globs is for none."""
    asked = ((spec.applications, (application,)), (spec.namespaces, (namespace,)), (spec.clusters, clusters))
    found = [any(glob.matches(pattern, text) for pattern in patterns for text in texts) for patterns, texts in asked if patterns]
    return bool(found) and (all(found) if spec.and_operator else any(found))


def verdict(windows: Sequence[SyncWindow], now: Instant, manual: bool) -> WindowVerdict:
    """Return whether a sync may begin at `now`, for a person (`manual`) or by itself, and until when that holds at least.

    `until` is where the answer changes; where that lies beyond many openings and closings, the last of those that were looked at.
    """
    refusal = _refusal(windows, now, manual)
    return WindowVerdict(allowed=refusal is None, reason=refusal or "", until=_changes_at(windows, now, manual, refusal is None))


def _refusal(windows: Sequence[SyncWindow], at: Instant, manual: bool) -> str | None:
    """Return why a sync may not begin at `at`; None where it may."""
    open_ones = [window for window in windows if window.is_open(at)]
    if denying := [window for window in open_ones if window.is_deny]:
        strict = [window for window in denying if not (manual and window.allows_manual)]
        return f"sync window {strict[0]} denies it" if strict else None
    allowing = [window for window in windows if not window.is_deny]
    if not allowing or any(not window.is_deny for window in open_ones):
        return None
    if manual and all(window.allows_manual for window in allowing):
        return None
    return f"outside of sync window {' and '.join(map(str, allowing))}"


def _changes_at(windows: Sequence[SyncWindow], now: Instant, manual: bool, is_allowed: bool) -> Instant | None:
    at = now
    for _ in range(_MOST_EDGES):
        edges = [(edge, window) for window in windows if (edge := window.edge_after(at)) is not None]
        if not edges:
            return None
        before, (at, window) = at, min(edges, key=lambda found: found[0])
        if (_refusal(windows, at, manual) is None) != is_allowed or (window.is_open(before) and window.is_open(at)):
            break
    return at
