"""Counting probes: when one is due, and when passes or failures in a row make a verdict.

Pure: time comes in as `now`, in seconds of any clock that only grows. The supervisor machine holds one Probing per running instance; the
probe controller asks what is due and answers. Rules as Kubernetes has them: startup holds back the other two; a failure counts once a
`period`; and one of our own: a gate that has not passed yet is asked often, so that a program that is ready is seen to be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json
from holdfast.workload.process_spec import Probes, ProbeSpec

EAGER = Backoff(first_s=0.005, factor=2.0, cap_s=0.25)
"""Between tries of a gate that has not passed yet: the first ones within milliseconds, then every 250 ms."""


class ProbeKind(StrEnum):
    STARTUP = "startup"
    READINESS = "readiness"
    LIVENESS = "liveness"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One look to be done now: `method` http, tcp, unix, exec or log; `target` as the port Net takes it (http: `ask`, `headers` too)."""

    key: str
    """Names the instance and the probe; one look per key is under way at a time."""
    kind: ProbeKind
    method: str
    timeout_s: float
    target: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One probe of one instance. `is_passing` None: no verdict yet."""

    spec: ProbeSpec
    next_at: float | None
    """When it is due; None while a look is under way, or where only the program itself speaks (notify)."""
    tries: int = 0
    passes: int = 0
    failures: int = 0
    failed_at: float | None = None
    """When a failure was last counted."""
    is_passing: bool | None = None
    detail: str = ""

    @property
    def is_told(self) -> bool:
        """Whether the program says it by itself, on NOTIFY_SOCKET."""
        return self.spec.notify


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """All probes of one instance. Those that startup holds back have no Count yet."""

    probes: Probes
    counts: Mapping[ProbeKind, Count]

    @property
    def is_started(self) -> bool:
        count = self.counts.get(ProbeKind.STARTUP)
        return count is None or count.is_passing is True

    @property
    def is_ready(self) -> bool:
        """Whether startup has passed and readiness passes; without either it is for `minReady` to say."""
        count = self.counts.get(ProbeKind.READINESS)
        return self.is_started and (self.probes.readiness is None or (count is not None and count.is_passing is True))

    @property
    def gates(self) -> bool:
        """Whether a probe says when it is ready."""
        return self.probes.startup is not None or self.probes.readiness is not None

    @property
    def detail(self) -> str:
        """What the gate that does not pass saw last."""
        for kind in (ProbeKind.STARTUP, ProbeKind.READINESS):
            count = self.counts.get(kind)
            if count is not None and not count.is_passing and count.detail:
                return f"{kind} probe: {count.detail}"
        return ""


def begin(probes: Probes, now: float, *, is_ready: bool = False) -> Probing:
    """Return the probes of an instance that starts now; of one that is taken over as ready, they go on from there."""
    probing = Probing(probes=probes, counts={})
    if probes.startup is not None:
        probing = _with(probing, ProbeKind.STARTUP, _count(probes.startup, ProbeKind.STARTUP, now, is_ready))
    return _started(probing, now, is_ready) if probing.is_started else probing


def _started(probing: Probing, now: float, is_ready: bool = False) -> Probing:
    for kind, spec in ((ProbeKind.READINESS, probing.probes.readiness), (ProbeKind.LIVENESS, probing.probes.liveness)):
        if spec is not None:
            probing = _with(probing, kind, _count(spec, kind, now, is_ready))
    return probing


def _count(spec: ProbeSpec, kind: ProbeKind, now: float, is_ready: bool) -> Count:
    is_watchdog = spec.notify and kind is ProbeKind.LIVENESS
    first = None if spec.notify else now + spec.initial_delay
    if kind is ProbeKind.STARTUP and is_ready:
        first = None
    return Count(spec=spec, next_at=now + spec.initial_delay + spec.period if is_watchdog else first, is_passing=True if is_ready else None)


def _with(probing: Probing, kind: ProbeKind, count: Count) -> Probing:
    return replace(probing, counts={**probing.counts, kind: count})


def next_at(probing: Probing) -> float | None:
    """Return when a look, or a word of the program, is next due; None while all are under way or settled."""
    return min((count.next_at for count in probing.counts.values() if count.next_at is not None), default=None)


def due(probing: Probing, now: float) -> tuple[ProbeKind, ...]:
    """Return the probes to ask now; a missed word of the program is in `overdue`."""
    return tuple(kind for kind, count in probing.counts.items() if not count.is_told and count.next_at is not None and count.next_at <= now)


def overdue(probing: Probing, now: float) -> tuple[ProbeKind, ...]:
    """Return the probes whose program should have spoken by now (WATCHDOG=1)."""
    return tuple(kind for kind, count in probing.counts.items() if count.is_told and count.next_at is not None and count.next_at <= now)


def asked(probing: Probing, kind: ProbeKind) -> Probing:
    """Say that a look of `kind` is under way: it is not due again before it is answered."""
    count = probing.counts.get(kind)
    return probing if count is None else _with(probing, kind, replace(count, next_at=None))


def answered(probing: Probing, kind: ProbeKind, *, ok: bool, detail: str, now: float) -> Probing:
    """Return the probing after one answer. An answer to a probe that is not there (a late one) changes nothing."""
    count = probing.counts.get(kind)
    if count is None or (kind is ProbeKind.STARTUP and count.is_passing):
        return probing
    was_started = probing.is_started
    probing = _with(probing, kind, _passed(count, kind, now) if ok else _failed(count, kind, detail, now))
    return _started(probing, now) if not was_started and probing.is_started else probing


def _passed(count: Count, kind: ProbeKind, now: float) -> Count:
    passes = count.passes + 1
    is_passing = True if passes >= count.spec.success_threshold else count.is_passing
    count = replace(count, passes=passes, failures=0, failed_at=None, is_passing=is_passing, tries=count.tries + 1, detail="")
    return replace(count, next_at=_again(count, kind, now))


def _failed(count: Count, kind: ProbeKind, detail: str, now: float) -> Count:
    is_new = count.failed_at is None or now - count.failed_at >= count.spec.period
    failures = count.failures + 1 if is_new else count.failures
    is_lost = failures >= count.spec.failure_threshold
    waits = kind is ProbeKind.READINESS and count.is_passing is None
    count = replace(
        count,
        passes=0,
        failures=failures,
        failed_at=now if is_new else count.failed_at,
        is_passing=False if is_lost and not waits else count.is_passing,
        tries=count.tries + 1,
        detail=detail,
    )
    return replace(count, next_at=_again(count, kind, now))


def _again(count: Count, kind: ProbeKind, now: float) -> float | None:
    """Return when to ask next: startup once passed never; a gate that has not passed yet soon; else after its period."""
    if kind is ProbeKind.STARTUP and count.is_passing:
        return None
    if count.is_told:
        return now + count.spec.period if kind is ProbeKind.LIVENESS else None
    if kind is not ProbeKind.LIVENESS and count.is_passing is None:
        return now + min(count.spec.period, EAGER.ceiling(count.tries))
    return now + count.spec.period


def told(probing: Probing, fields: Mapping[str, str], now: float) -> Probing:
    """Take in what it said by sd_notify(3): READY=1 passes its gates, STOPPING=1 and RELOADING=1 end readiness, WATCHDOG=1 lives."""
    if fields.get("READY") == "1":
        for kind in (ProbeKind.STARTUP, ProbeKind.READINESS):
            probing = _says(probing, kind, True, now)
    elif fields.get("STOPPING") == "1" or fields.get("RELOADING") == "1":
        probing = _says(probing, ProbeKind.READINESS, False, now)
    if fields.get("WATCHDOG") == "1" and (count := probing.counts.get(ProbeKind.LIVENESS)) is not None and count.is_told:
        probing = answered(probing, ProbeKind.LIVENESS, ok=True, detail="", now=now)
    return probing


def _says(probing: Probing, kind: ProbeKind, is_passing: bool, now: float) -> Probing:
    count = probing.counts.get(kind)
    if count is None or not count.is_told:
        return probing
    was_started = probing.is_started
    detail = "" if is_passing else "the program said that it does not serve"
    probing = _with(probing, kind, replace(count, is_passing=is_passing, next_at=None, detail=detail))
    return _says(_started(probing, now), ProbeKind.READINESS, True, now) if not was_started and probing.is_started else probing
