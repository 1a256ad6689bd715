"""Probe: looks at what engines say is due, from outside, and answers them. A timeout is a failure, never "go on anyway"."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from holdfast.errors import EngineError, TimedOut
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.ports import Net
from holdfast.workload.probe import Due, ProbeKind

LOOKS = 64
"""Looks under way at once; further ones wait, so that a thousand slow programs cannot use up our descriptors."""
PASSING = range(200, 400)
"""As Kubernetes has it."""


class Probed(Protocol):
    """Whoever has probes that somebody else must ask."""

    def due(self, now: float) -> tuple[Due, ...]:
        """Return the looks to be done now; each counts as asked."""
        ...

    def next_due_at(self) -> float | None:
        """Return when to ask `due` again, by the monotonic clock; None: when told."""
        ...

    def answer(self, key: str, kind: ProbeKind, *, ok: bool, detail: str) -> None: ...

    def on_due(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever `next_due_at` may have become earlier."""
        ...


class ProbeController:
    """Narrow neighbours: who is probed, and the net to look through."""

    def __init__(self, *, probed: Probed, net: Net, clock: Clock, crashed: Callable[[str, BaseException], None]) -> None:
        self._probed = probed
        self._net = net
        self._clock = clock
        self._crashed = crashed
        self._bell = Wakeup()
        self._room = asyncio.Semaphore(LOOKS)

    async def run(self) -> None:
        self._probed.on_due(self._bell.wake)
        async with Tasks(on_crash=self._crashed) as tasks:
            turn = 0
            while True:
                for due in self._probed.due(self._clock.monotonic()):
                    turn += 1
                    tasks.start(f"probe {turn} {due.key} {due.kind}", self._look(due), guard=True)
                await self._bell.wait_until(self._next_turn())

    def _next_turn(self) -> float | None:
        """Return when something is due, on the loop's own clock."""
        at = self._probed.next_due_at()
        return None if at is None else asyncio.get_running_loop().time() + max(0.0, at - self._clock.monotonic())

    async def _look(self, due: Due) -> None:
        try:
            async with self._room:
                ok, detail = await self._ask(due)
        except Exception:  # an unanswered probe would never be asked again; one that is cancelled is no failure of the program
            self._probed.answer(due.key, due.kind, ok=False, detail="the look itself failed")
            raise
        self._probed.answer(due.key, due.kind, ok=ok, detail=detail)

    async def _ask(self, due: Due) -> tuple[bool, str]:
        try:
            if due.method != "http":
                await self._net.connect(due.target, timeout_s=due.timeout_s)
                return True, ""
            return await self._get(due)
        except TimedOut:
            return False, f"no answer within {due.timeout_s:g} s"
        except EngineError as error:
            return False, error.message

    async def _get(self, due: Due) -> tuple[bool, str]:
        path, headers = due.target.get("ask"), due.target.get("headers")
        answer = await self._net.http(
            due.target,
            path=path if isinstance(path, str) else "/",
            headers={str(name): str(value) for name, value in headers.items()} if isinstance(headers, dict) else None,
            timeout_s=due.timeout_s,
        )
        return (True, "") if answer.status in PASSING else (False, f"HTTP {answer.status}")
