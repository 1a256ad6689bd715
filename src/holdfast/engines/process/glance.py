"""Glance: what the records and the kernel say of Processes, without touching anything, for plans without a daemon."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from holdfast.engines.process import seeing
from holdfast.engines.process.instance import Instance, Unit
from holdfast.host import proc
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.workload.supervisor import Adopted, advance


class ProcessGlance:
    """`records` are the process engine's, as the store has them; `mark` is that of the installation."""

    def __init__(self, *, records: Mapping[str, Json], clock: Clock, mark: str) -> None:
        self._mark = mark
        self._units = {unit.id: unit for unit in map(Unit.from_json, records.values())}
        self._clock = clock

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        now = self._clock.now()
        for id in ids:
            for instance in self._units.get(id, ()):
                self._find(instance, now)
        return Live(observed={id: seeing.observation(self._units.get(id), now, self._mark) for id in ids})

    def _find(self, instance: Instance, now: float) -> None:
        """Take an instance as running whose process is still that one."""
        last = instance.last
        if last is not None and last.boot_id == proc.boot_id() and proc.is_same(last.pid, last.start_time):
            found = Adopted(last.number, last.pid, max(0.0, now - last.started_at), last.ready, last.restarts)
            instance.machine, _ = advance(instance.machine, found, self._clock.monotonic(), 0.0)
