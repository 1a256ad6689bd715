"""What the machine says happened, as the events that the house writes: whose it was, its pid and slot, and what it wrote last.

The shapes of `process.*` are those of core.events, which an engine may not import.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from holdfast.engines.process.instance import Instance, Unit
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.workload.supervisor import Emit

WHO: Mapping[str, tuple[str, ...]] = MappingProxyType({"process.oom": ("pid",), "process.crash_looping": ()})
"""Which of pid and slot an event names; others both."""


def event(unit: Unit, instance: Instance, said: Emit, *, at: Instant, pid: int | None, spawn_id: str, log: tuple[str, ...] = ()) -> Event:
    """Return the event of what a machine emitted; `pid` and `spawn_id` of the attempt that it is about."""
    who: dict[str, Json] = {"pid": pid, "slot": instance.slot}
    data = {**{name: who[name] for name in WHO.get(said.type, who)}, **_of_type(said, at, spawn_id, log)}
    key = f"crash_looping:{unit.id}" if said.type == "process.crash_looping" else None
    operation = instance.operation if said.type == "process.started" and spawn_id.endswith("/1") else None
    return made(said.type, unit, at, data, severity=said.severity, key=key, operation=operation)


def made(
    type: str,
    unit: Unit,
    at: Instant,
    data: Mapping[str, Json],
    *,
    severity: Severity = Severity.INFO,
    key: str | None = None,
    operation: str | None = None,
) -> Event:
    whose = {"application": unit.application, "id": str(unit.id), "destination": unit.id.destination}
    return Event(type=type, subject=str(unit.id), at=at, severity=severity, key=key, operation=operation, data={**whose, **data})


def _of_type(said: Emit, at: Instant, spawn_id: str, log: tuple[str, ...]) -> dict[str, Json]:
    data: dict[str, Any] = dict(said.data)
    match said.type:
        case "process.started":
            return {"spawn": spawn_id, "candidate": data["candidate"]}
        case "process.exited":
            data.pop("reason", None)
            return {**data, "signal": signal_name(data["signal"]), "log": list(log)}
        case "process.crash_looping":
            delay_s = data.pop("delay_s")
            return {**data, "next_at": at + delay_s, "log": list(log)}
    return data


def signal_name(number: int | None) -> str | None:
    """Return `SIGKILL` for 9; a number without a name as `signal 40`."""
    if number is None:
        return None
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
