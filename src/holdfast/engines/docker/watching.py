"""Watching: what happens to containers of ours, told as events of the house; and who ended them, which a look alone cannot say.

Docker restarts by its policy and tells nobody that it goes on for ever: a container that ends again and again is told once, and again after
it stood for a while.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from holdfast.engines.docker import seeing
from holdfast.engines.docker.host import DockerHost, Happened
from holdfast.engines.docker.reading import tail
from holdfast.engines.docker.roster import Roster
from holdfast.engines.docker.telling import made
from holdfast.engines.docker.unit import Instance, Unit
from holdfast.errors import EngineError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Severity
from holdfast.model.ports import Emit

LOG_LINES = 20
LOOPS_AFTER = 3
"""Restarts in a row by policy that make a crash loop."""
REMEMBERED = 512
KILLED = frozenset({137, 143})
"""128 + SIGKILL and SIGTERM: somebody ended it."""


class Watching:
    def __init__(self, *, roster: Roster, emit: Emit, clock: Clock) -> None:
        self._roster = roster
        self._emit = emit
        self._clock = clock
        self._tasks: Tasks | None = None
        self._stopped: OrderedDict[str, None] = OrderedDict()
        self._looping: set[str] = set()
        self._turn = 0

    def begin(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def was_stopped(self, inspected: Mapping[str, Any]) -> bool:
        """Say whether somebody ended a container: a stop or kill was seen, or it ended by a signal that nobody sends itself."""
        state = inspected.get("State") or {}
        return str(inspected.get("Id")) in self._stopped or (state.get("ExitCode") in KILLED and not state.get("OOMKilled"))

    def take(self, host: DockerHost, event: Happened) -> None:
        container = event.whose
        if event.action in {"stop", "kill"}:
            self._stopped[container] = None
            if len(self._stopped) > REMEMBERED:
                self._stopped.popitem(last=False)
        elif event.action in {"start", "destroy"}:
            self._stopped.pop(container, None)
        found = self._roster.instance_of(container)
        if found is None or self._tasks is None:
            return
        unit, instance = found
        if event.action == "die":
            self._turn += 1
            self._tasks.start(f"tell of {unit.name} {self._turn}", self._died(host, unit, instance, event), guard=True)

    async def _died(self, host: DockerHost, unit: Unit, instance: Instance, event: Happened) -> None:
        log = list(await tail(host, event.whose, LOG_LINES))
        code = int(event.attributes.get("exitCode") or 0)
        is_asked = instance.is_stopped
        data: dict[str, Json] = {
            "container": event.whose[:12],
            "exit_code": code,
            "expected": is_asked,
            "candidate": unit.candidate is instance,
            "log": [] if is_asked else [*log],
        }
        severity = Severity.INFO if is_asked or code == 0 else Severity.WARNING
        await self._emit(made("container.exited", unit, self._clock.now(), data, severity=severity))
        if not is_asked:
            await self._loops(host, unit, event.whose, log)

    async def _loops(self, host: DockerHost, unit: Unit, container: str, log: list[str]) -> None:
        try:
            seen = await host.inspect(container)
        except EngineError:
            return
        restarts = int((seen or {}).get("RestartCount") or 0)
        if restarts < LOOPS_AFTER:
            self._looping.discard(container)
            return
        if container in self._looping:
            return
        self._looping.add(container)
        now = self._clock.now()
        data: dict[str, Json] = {
            "container": container[:12],
            "restarts": restarts,
            "next_at": now + seeing.again_s(restarts),
            "log": [*log],
        }
        key = f"crash_looping:{unit.id}"
        await self._emit(made("container.crash_looping", unit, now, data, severity=Severity.ERROR, key=key))
