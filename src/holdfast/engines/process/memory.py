"""Memory by sampling: where a limit is declared and no cgroup keeps it, the group's memory is looked at every now and then.

Above its limit an instance is to be replaced, rolling: the machine says so once, and heal sees the difference of state.
"""

from __future__ import annotations

from holdfast.engines.process.instance import Instance
from holdfast.engines.process.roster import Roster
from holdfast.engines.process.supervision import Supervision
from holdfast.host import proc
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Wakeup
from holdfast.workload.supervisor import MemoryOver

SAMPLE_S = 2.0


class MemoryWatch:
    """Sleeps until an instance with a limit is started; then looks as long as there is one."""

    def __init__(self, *, roster: Roster, supervision: Supervision, clock: Clock) -> None:
        self._roster = roster
        self._supervision = supervision
        self._clock = clock
        self._bell = Wakeup()
        supervision.on_limited(self._bell.wake)

    async def run(self) -> None:
        while True:
            await self._bell.wait()
            while limited := {instance.pid: instance for instance in self._roster.instances() if _is_sampled(instance)}:
                used = proc.memory_of_groups([pid for pid in limited if pid is not None])
                for pid, instance in limited.items():
                    self._judge(instance, used.get(pid or 0, 0))
                await self._clock.sleep(SAMPLE_S)

    def _judge(self, instance: Instance, used: int) -> None:
        limit = instance.run.spec.limits.memory
        if limit is not None and used > limit and instance.replace is None:
            self._supervision.feed(instance, MemoryOver(used))


def _is_sampled(instance: Instance) -> bool:
    has_group = instance.last is not None and instance.last.cgroup is not None
    return instance.run.spec.limits.memory is not None and not has_group and instance.pid is not None and not instance.is_going
