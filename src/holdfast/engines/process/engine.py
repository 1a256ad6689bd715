"""The process engine: observes and applies Processes of this host through the keeper."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from pathlib import Path
from typing import Protocol

from holdfast.host.users import RunUser
from holdfast.kit.clock import Clock, Random
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.operation import Step
from holdfast.model.ports import Emit, Records, Secrets
from holdfast.model.resource import Resource
from holdfast.workload.probe import Due, ProbeKind


class Users(Protocol):
    """As whom programs run."""

    def user_of(self, application: str, user: str | None) -> Awaitable[RunUser]: ...


class Places(Protocol):
    """Where an Application's files are."""

    def release(self, application: str, release_id: str) -> Path: ...

    def data_dir(self, application: str, user: RunUser) -> Path: ...

    def log_dir(self, application: str) -> Path: ...


class ProcessEngine:
    """Implements ports.Engine and ports.Logs, and answers the probe controller."""

    name = "process"
    kinds = frozenset({"Process"})

    def __init__(
        self,
        *,
        run_dir: Path,
        records: Records,
        secrets: Secrets,
        users: Users,
        places: Places,
        emit: Emit,
        clock: Clock,
        random: Random,
        search_path: str,
        allowed: frozenset[str],
        applied: Callable[[ResourceId], Resource | None],
        crashed: Callable[[str, BaseException], None] | None = None,
    ) -> None: ...

    async def start(self) -> None: ...

    async def run(self) -> None: ...

    async def aclose(self) -> None: ...

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        raise NotImplementedError

    async def apply(self, step: Step) -> None:
        raise NotImplementedError

    def watch(self) -> AsyncIterator[ResourceId]:
        raise NotImplementedError

    async def tail(self, id: ResourceId, lines: int) -> tuple[str, ...]:
        raise NotImplementedError

    def follow(self, id: ResourceId) -> AsyncIterator[str]:
        raise NotImplementedError

    def due(self, now: float) -> tuple[Due, ...]:
        raise NotImplementedError

    def next_due_at(self) -> float | None:
        raise NotImplementedError

    def answer(self, key: str, kind: ProbeKind, *, ok: bool, detail: str) -> None:
        raise NotImplementedError

    def on_due(self, wake: Callable[[], None]) -> None:
        raise NotImplementedError
