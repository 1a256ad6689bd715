"""Breaker: whether requests of a path are passed on, judged by how its application answered of late. Pure; the log is read by the engine.

    closed ──(most fail, or are slow)──▶ open ──(`open` later)──▶ half-open ──(trials well, or nobody came)──▶ closed
                                           ◀───────(trials fail)─────┘

Half-open lets one request of ten through. Laws: below `minRequests` in the window a closed breaker never opens; an open one closes only
by way of half-open; answers to what was asked before a change of phase do not count after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from holdfast.edge.route_spec import BreakerSpec
from holdfast.model.ids import ResourceId

SUFFIX = ".open"
TRIAL, REST = ".trial", ".rest"
"""The two shares that requests fall into. A flag of a share keeps its requests away."""
TRIAL_PERCENT = 10
WINDOW_S = 10
"""Over which a closed breaker is judged, in whole seconds."""
TRIALS = 5
"""Answers that settle a half-open breaker."""
SLOWEST = 0.01
"""Of the answers, as `latencyP99` says it."""
_SEPARATOR = re.compile(r" ?[,:] ?")


class Phase(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A path with a breaker. `key`: before its flags, and in the log."""

    site: ResourceId
    path: str
    key: str
    spec: BreakerSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of an application: when the request came and was answered (seconds of one clock), its status, 0 where none was
    waited for, and how long the head of the answer took."""

    at: float
    began_at: float
    status: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Answers of one second, or of several."""

    second: int = 0
    requests: int = 0
    errors: int = 0
    slow: int = 0

    def plus(self, other: Count) -> Count:
        return Count(
            second=self.second, requests=self.requests + other.requests, errors=self.errors + other.errors, slow=self.slow + other.slow
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """`since`: when the phase began, by the clock of the answers."""

    phase: Phase = Phase.CLOSED
    since: float = float("-inf")
    counts: tuple[Count, ...] = ()
    """By second, ascending: at most `WINDOW_S` of them."""

    def total(self, now: float) -> Count:
        """Return the answers of the window."""
        found = Count()
        for each in self.counts:
            if self.phase is not Phase.CLOSED or each.second > now - WINDOW_S:
                found = found.plus(each)
        return found


def take(breaker: Breaker, answers: Iterable[Answer], spec: BreakerSpec) -> Breaker:
    """Count answers to what was asked in this phase; while open nothing is counted."""
    if breaker.phase is Phase.OPEN:
        return breaker
    counts = {each.second: each for each in breaker.counts}
    for answer in answers:
        if answer.began_at >= breaker.since:
            second = int(answer.at // 1)
            counts[second] = counts.get(second, Count(second=second)).plus(_counted(answer, spec))
    return replace(breaker, counts=tuple(counts[second] for second in sorted(counts))[-WINDOW_S:])


def _counted(answer: Answer, spec: BreakerSpec) -> Count:
    is_slow = spec.latency_p99 is not None and answer.seconds > spec.latency_p99
    return Count(requests=1, errors=int(answer.status >= 500), slow=int(is_slow))


def turn(breaker: Breaker, now: float, spec: BreakerSpec) -> Breaker:
    """Return the breaker as it is by now."""
    total = breaker.total(now)
    match breaker.phase:
        case Phase.CLOSED:
            if total.requests >= spec.min_requests and reason(total, spec):
                return Breaker(phase=Phase.OPEN, since=now)
        case Phase.OPEN:
            if now - breaker.since >= spec.open:
                return Breaker(phase=Phase.HALF_OPEN, since=now)
        case Phase.HALF_OPEN:
            if total.requests >= TRIALS or now - breaker.since >= spec.open:
                return Breaker(phase=Phase.OPEN if reason(total, spec) else Phase.CLOSED, since=now)
    return breaker


def reason(total: Count, spec: BreakerSpec) -> str | None:
    """Return why these answers open a breaker; None where they do not. The slowest hundredth is slower than a limit where more than one of
    a hundred answers is."""
    if not total.requests:
        return None
    if total.errors / total.requests >= spec.error_ratio:
        return f"{total.errors} of {total.requests} answers failed"
    if spec.latency_p99 is not None and total.slow > SLOWEST * total.requests:
        return f"{total.slow} of {total.requests} answers took longer than {spec.latency_p99:g} s"
    return None


def flags_of(key: str, phase: Phase) -> frozenset[str]:
    """Return the files that keep requests of a path away."""
    shares = {Phase.CLOSED: (), Phase.HALF_OPEN: (REST,), Phase.OPEN: (TRIAL, REST)}[phase]
    return frozenset(f"{key}{share}{SUFFIX}" for share in shares)


def phase_of(key: str, flags: frozenset[str]) -> Phase:
    """Return the phase that files say: what an earlier life left."""
    return next((phase for phase in (Phase.OPEN, Phase.HALF_OPEN) if flags_of(key, phase) <= flags), Phase.CLOSED)


FORMAT = "$holdfast_guarded|$msec|$request_time|$upstream_status|$upstream_header_time|$upstream_response_time"
"""One line of the log that breakers are judged by."""


def read(line: str, *, ahead_s: float) -> tuple[str, Answer] | None:
    """Return whose answer a line of the log tells of; None where nobody was asked. `ahead_s`: how far the wall clock, which the line is
    told in, is ahead of the clock of the answers."""
    try:
        key, at, took, statuses, heads, wholes = line.split("|")
        head, whole = _last(heads), _last(wholes)
        seconds = head if head is not None else whole
        if not key or seconds is None:
            return None
        status = _SEPARATOR.split(statuses)[-1]
        ended_at = float(at) - ahead_s
        return key, Answer(at=ended_at, began_at=ended_at - float(took), status=int(status) if status.isdigit() else 0, seconds=seconds)
    except ValueError:
        return None


def _last(times: str) -> float | None:
    """Return how long all tries took that a variable of nginx tells; None where the last of them came to nothing."""
    found = _SEPARATOR.split(times)
    return None if found[-1] in {"-", ""} else sum(float(time) for time in found if time not in {"-", ""})
