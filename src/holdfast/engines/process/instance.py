"""Instances and units: what the engine knows of each Process, and the records from which a new daemon knows it again.

A unit is one resource; an instance is one life of it in one slot, through all restarts. An instance is journalled before it is first
started. Its restarts need no write: attempt k is the spawn id `<base>/<k>`, so a new daemon finds the newest attempt by asking the keeper
for what begins with the base, and the keeper starts no id twice. What follows the start (pid, start time) is written after the fact, for
the day on which the keeper is gone too and its successor must be told whom to adopt.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from holdfast.host.keeper_state import HeldSocket
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.state import State
from holdfast.workload.run import Run, read
from holdfast.workload.supervisor import ENDED, Command, Machine, Phase


@dataclass(slots=True, kw_only=True)
class Attempt:
    """The newest start of an instance, as far as a successor of the keeper must know it."""

    number: int
    pid: int
    start_time: int
    boot_id: str
    started_at: float
    """Wall clock."""
    log_at: int = 0
    """How long its log file was when it started."""
    restarts: int = 0
    ready: bool = False
    ended: str = ""
    """The phase in which it ended and was left; "" while it runs, and where it is to be started again."""
    message: str = ""
    exited: bool = False
    """Whether its exit was told already."""
    notify_path: str | None = None
    cgroup: str | None = None
    """The cgroup.procs file that it was started into."""
    sockets: list[dict[str, Any]] = field(default_factory=list)
    """What it was handed: name, fd and address."""

    def to_json(self) -> dict[str, Json]:
        return {item.name: getattr(self, item.name) for item in fields(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Attempt:
        return cls(**{item.name: data[item.name] for item in fields(cls) if item.name in data})


@dataclass(slots=True, kw_only=True)
class Instance:
    """One instance. What is not in `to_json` is of this daemon's life only."""

    id: ResourceId
    slot: int
    base: str
    """Spawn ids are `<base>/<attempt>`."""
    state: State
    """As applied."""
    operation: str
    is_private: bool
    """Whether it tries itself on sockets of its own instead of the shared ones."""
    machine: Machine
    run: Run
    last: Attempt | None = None
    sockets: dict[str, HeldSocket] = field(default_factory=dict)
    """What it serves, by name."""
    is_going: bool = False
    """Whether it is to end for good."""
    is_found: bool = False
    """Whether an earlier daemon started it and no step has touched it since."""
    replace: str | None = None
    """Why a fresh instance is wanted."""
    next_at: float | None = None
    """Wall clock of the next start, while it waits for that."""
    log: tuple[str, ...] = ()
    """The last lines of the attempt that ended last."""
    lost: tuple[str, ...] = ()
    """Names of sockets that it has but the keeper could not take back."""
    todo: deque[Command] = field(default_factory=deque)
    is_busy: bool = False
    bell: Wakeup = field(default_factory=Wakeup)
    timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    @property
    def spawn_id(self) -> str:
        return f"{self.base}/{self.machine.attempt}"

    @property
    def pid(self) -> int | None:
        return self.machine.pid

    @property
    def is_ended(self) -> bool:
        return self.machine.phase in ENDED

    @property
    def is_serving_well(self) -> bool:
        return self.machine.phase in (Phase.READY, Phase.COMPLETED)

    def set_timer(self, name: str, handle: asyncio.TimerHandle | None) -> None:
        """Keep a timer; an older one of that name is cancelled."""
        if old := self.timers.pop(name, None):
            old.cancel()
        if handle is not None:
            self.timers[name] = handle

    def drop_timers(self) -> None:
        for name in tuple(self.timers):
            self.set_timer(name, None)

    def to_json(self) -> dict[str, Json]:
        return {
            "slot": self.slot,
            "base": self.base,
            "state": dict(self.state.fields),
            "operation": self.operation,
            "private": self.is_private,
            "last": self.last.to_json() if self.last else None,
        }

    @classmethod
    def from_json(cls, id: ResourceId, data: Mapping[str, Any], *, is_candidate: bool) -> Instance:
        run = read(data["state"])
        return cls(
            id=id,
            slot=data["slot"],
            base=data["base"],
            state=State.of(data["state"]),
            operation=data["operation"],
            is_private=data["private"],
            machine=Machine(spec=run.spec, is_candidate=is_candidate),
            run=run,
            last=Attempt.from_json(data["last"]) if data["last"] else None,
            is_found=True,
        )


@dataclass(slots=True, kw_only=True)
class Unit:
    """One resource: what serves, what is to serve, what is on its way out. `suspended` is its state where it is not to run."""

    id: ResourceId
    declared: ResourceId
    application: str
    suspended: State | None = None
    serving: Instance | None = None
    candidate: Instance | None = None
    leaving: list[Instance] = field(default_factory=list)

    def __iter__(self) -> Iterator[Instance]:
        """Yield its instances, the one that serves first."""
        if self.serving is not None:
            yield self.serving
        if self.candidate is not None:
            yield self.candidate
        yield from self.leaving

    @property
    def is_empty(self) -> bool:
        return self.suspended is None and next(iter(self), None) is None

    def remove(self, instance: Instance) -> None:
        if self.serving is instance:
            self.serving = None
        if self.candidate is instance:
            self.candidate = None
        self.leaving = [other for other in self.leaving if other is not instance]

    def to_json(self) -> dict[str, Json]:
        return {
            "id": list(self.id),
            "declared": list(self.declared),
            "application": self.application,
            "suspended": dict(self.suspended.fields) if self.suspended else None,
            "serving": self.serving.to_json() if self.serving else None,
            "candidate": self.candidate.to_json() if self.candidate else None,
            "leaving": [instance.to_json() for instance in self.leaving],
        }

    @classmethod
    def from_json(cls, data: Any) -> Unit:
        id = ResourceId(*data["id"])

        def instance(value: Any, *, is_candidate: bool = False) -> Instance | None:
            return Instance.from_json(id, value, is_candidate=is_candidate) if value else None

        return cls(
            id=id,
            declared=ResourceId(*data["declared"]),
            application=data["application"],
            suspended=State.of(data["suspended"]) if data["suspended"] is not None else None,
            serving=instance(data["serving"]),
            candidate=instance(data["candidate"], is_candidate=True),
            leaving=[Instance.from_json(id, value, is_candidate=False) for value in data["leaving"]],
        )
