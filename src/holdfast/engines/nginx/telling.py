"""What happened to the edge, as the events that the house writes. It is everybody's: an event names every Application that it touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from holdfast.edge.breaker import Guarded, Phase
from holdfast.edge.part import Part
from holdfast.edge.target_health import Check
from holdfast.engines.nginx.port import Edit
from holdfast.errors import EngineError
from holdfast.kit.canonical import Json, digest, short
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity

SUBJECT = "Edge/holdfast/nginx"
LOG_LINES = 20


def reloaded(*, at: Instant, generation: str, parts: Iterable[Part], seconds: float, draining: int, is_start: bool) -> Event:
    """The generation serves; `draining`: workers that still finish what they had begun."""
    data: dict[str, Json] = {
        "generation": short(generation),
        "sites": [str(part.id) for part in parts],
        "seconds": round(seconds, 3),
        "draining": draining,
        "start": is_start,
    }
    return _event("edge.reloaded", at, parts, data)


def refused(*, at: Instant, generation: str, parts: Iterable[Part], error: EngineError, serving: str | None) -> Event:
    """A configuration could not be brought to serve; `serving`: the one that serves on."""
    data: dict[str, Json] = {
        "generation": short(generation),
        "code": error.code,
        "message": error.message,
        "log": list(error.log[-LOG_LINES:]),
        "serving": short(serving) if serving is not None else None,
    }
    return _event("edge.refused", at, parts, data, severity=Severity.ERROR)


def edited(*, at: Instant, edit: Edit, parts: Iterable[Part]) -> Event:
    """Somebody changed a file that nginx serves from; the diff is all that will be left of it."""
    key = f"edge.edited:{digest([edit.path, edit.diff])[:12]}"
    return _event("edge.edited", at, parts, {"path": edit.path, "diff": edit.diff}, severity=Severity.WARNING, key=key)


def exited(*, at: Instant, log: Iterable[str]) -> Event:
    """The master ended without being asked; it is started again."""
    lines: list[Json] = [*log]
    return _event("edge.exited", at, (), {"log": lines[-LOG_LINES:]}, severity=Severity.ERROR)


def drifted(*, at: Instant, what: str, parts: Iterable[Part]) -> Event:
    """What is served, or seen from outside, is not what was applied."""
    return _event("edge.drifted", at, parts, {"message": what}, severity=Severity.WARNING, key=f"edge.drifted:{what}")


def switched(*, at: Instant, part: Part, how: str, by: str, until: Instant | None = None, message: str = "") -> Event:
    """A Site turns requests away (`how`: maintenance, pause), or answers again as Git says (open)."""
    data: dict[str, Json] = {"site": str(part.declared), "how": how, "by": by, "until": until, "message": message}
    return _event("edge.switched", at, (part,), data)


def target(*, at: Instant, check: Check, target: str, why: str | None, failing: int, left_out: int, parts: Iterable[Part]) -> Event:
    """A target of a path does not pass its check, `why`, or passes it again; `left_out`: how many are not asked."""
    data: dict[str, Json] = {
        "site": str(check.site),
        "path": check.path,
        "target": target,
        "targets": len(check.targets),
        "failing": failing,
        "left_out": left_out,
    }
    if why is None:
        return _event("edge.target_returned", at, parts, data)
    return _event("edge.target_failed", at, parts, {**data, "message": why}, severity=Severity.WARNING)


def breaker(*, at: Instant, guarded: Guarded, phase: Phase, why: str, parts: Iterable[Part]) -> Event:
    """The breaker of a path opened, lets some requests through to see, or closed; `why` it opened."""
    data: dict[str, Json] = {"site": str(guarded.site), "path": guarded.path}
    match phase:
        case Phase.OPEN:
            return _event(
                "edge.breaker_opened", at, parts, {**data, "message": why, "seconds": guarded.spec.open}, severity=Severity.WARNING
            )
        case Phase.HALF_OPEN:
            return _event("edge.breaker_half_opened", at, parts, data)
        case Phase.CLOSED:
            return _event("edge.breaker_closed", at, parts, data)


def _event(
    type: str, at: Instant, parts: Iterable[Part], data: Mapping[str, Json], *, severity: Severity = Severity.INFO, key: str | None = None
) -> Event:
    applications = sorted({part.application for part in parts})
    whose: dict[str, Json] = {"application": applications[0]} if len(applications) == 1 else {}
    names: list[Json] = [*applications]
    return Event(type=type, subject=SUBJECT, at=at, severity=severity, key=key, data={**whose, "applications": names, **data})
