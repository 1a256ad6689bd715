"""Steps: what a rollout asks of the process engine, each safe to repeat and to cancel.

What a step has changed of a unit is journalled before its effect; what must follow happens by events, not by the waiting step: a step that
is cancelled leaves nothing behind that would not come to its end by itself, and the same step again waits for the same instance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from holdfast.engines.process import cgroup
from holdfast.engines.process.instance import Instance, Unit
from holdfast.engines.process.roster import Roster
from holdfast.engines.process.scribe import Scribe
from holdfast.engines.process.supervision import Supervision
from holdfast.errors import Bug, Conflict, Rejected, TimedOut
from holdfast.host.keeper import listeners
from holdfast.kit.clock import Random
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.resource import Resource
from holdfast.workload.process import ProcessKind
from holdfast.workload.run import read
from holdfast.workload.supervisor import Cause, Machine, Phase, Promoted, Revised, Start

UNDER_WAY = frozenset({Phase.IDLE, Phase.STARTING, Phase.WARMING, Phase.READY, Phase.UNREADY})
NEVER_ALONE = frozenset({Phase.IDLE, Phase.STARTING})
Left = Callable[[str], Awaitable[None]]
"""Told of a declared resource of which an instance serves no longer; returns once nobody sends it anything new."""


class Steps:
    """One method a verb. The walker sees to it that one resource is in one hand at a time."""

    def __init__(self, *, roster: Roster, supervision: Supervision, scribe: Scribe, random: Random, left: Left) -> None:
        self._left = left
        self._roster = roster
        self._supervision = supervision
        self._scribe = scribe
        self._random = random
        self._kind = ProcessKind()

    async def apply(self, step: Step) -> None:
        match step.verb:
            case StepVerb.APPLY:
                await self._apply(step, _desired(step))
            case StepVerb.START:
                await self._start(step, _desired(step))
            case StepVerb.GATE:
                await self._gate(step)
            case StepVerb.SWITCH:
                await self._switch(step)
            case StepVerb.DRAIN:
                await self._drain(step)
            case StepVerb.STOP:
                await self._stop(step)
            case StepVerb.DISCARD:
                await self._discard(step)
            case StepVerb.DELETE:
                await self._delete(step)

    # Up

    async def _start(self, step: Step, resource: Resource) -> None:
        unit = self._roster.unit_of(resource)
        candidate = unit.candidate
        if candidate is not None and self._is_asked_for(candidate, step, resource):
            candidate.is_found = False
            if candidate.operation != step.operation:
                candidate.operation = step.operation
                await self._scribe.save(unit.id)
        else:
            if candidate is not None:
                await self._end(candidate, step.deadline_s)
                unit = self._roster.unit_of(resource)
            candidate = await self._bring_in(unit, step, resource, is_candidate=True)
        await self._set_off(candidate, step)

    def _is_asked_for(self, candidate: Instance, step: Step, resource: Resource) -> bool:
        """Say whether a candidate is the one that the step wants; of an earlier operation only where it is well."""
        is_same = candidate.state == resource.state and candidate.is_private == step.private and not candidate.is_going
        return is_same and (candidate.operation == step.operation or candidate.machine.phase in UNDER_WAY)

    async def _bring_in(self, unit: Unit, step: Step, resource: Resource, *, is_candidate: bool) -> Instance:
        """Enter a new instance: its slot, its ground and its sockets, journalled, not yet started."""
        slot = self._roster.free_slot(unit.declared)
        run = read(resource.state.fields)
        instance = Instance(
            id=unit.id,
            slot=slot,
            base=f"{unit.id}/{slot}/{self._random.token(5)}",
            state=resource.state,
            operation=step.operation,
            is_private=step.private,
            machine=Machine(spec=run.spec, is_candidate=is_candidate),
            run=run,
        )
        if is_candidate:
            unit.candidate = instance
        else:
            unit.serving = instance
        self._roster.add(instance)
        try:
            await self._supervision.hold(instance)
            await self._scribe.save(unit.id)
        except BaseException:
            self._supervision.end(instance)
            raise
        return instance

    async def _set_off(self, instance: Instance, step: Step) -> None:
        """Start an instance, unless that was done, and wait until it runs or could not."""
        if instance.machine.phase is Phase.IDLE:
            self._supervision.feed(instance, Start())
        deadline = asyncio.get_running_loop().time() + step.deadline_s
        while instance.machine.phase in NEVER_ALONE:
            if not await instance.bell.wait_until(deadline) and instance.machine.phase in NEVER_ALONE:
                raise TimedOut("HF3023", f"cannot start {instance.id}: the keeper did not start it within {step.deadline_s:g} s")

    async def _gate(self, step: Step) -> None:
        candidate = self._candidate(step)
        if candidate is None:
            return
        deadline = asyncio.get_running_loop().time() + step.deadline_s
        is_due = False
        while not candidate.is_serving_well:
            if candidate.is_ended or not self._roster.has(candidate):
                raise self._dead(candidate)
            if is_due:
                raise self._late(candidate, step)
            is_due = not await candidate.bell.wait_until(deadline)

    def _candidate(self, step: Step) -> Instance | None:
        """Return the candidate of an operation, None where it serves already; raises Conflict where there is neither."""
        unit = self._roster.get(step.id)
        if unit is not None and unit.candidate is not None:
            return unit.candidate
        if unit is not None and unit.serving is not None and unit.serving.operation == step.operation:
            return None
        raise Conflict("HF3024", f"cannot {step.verb} {step.id}: it has no candidate", hint="it is looked at and planned again")

    def _dead(self, candidate: Instance) -> Rejected:
        ending = candidate.machine.ending
        words = ending.message if ending else "it was ended meanwhile"
        if ending is not None and ending.cause is Cause.START:
            return Rejected(
                "HF3021", f"cannot start {candidate.id}: {words}", is_dead=True, hint="mend the command, or install the program"
            )
        log = self._supervision.log_of(candidate)
        last = next((line for line in reversed(log) if line.strip()), "")
        said = _who_has_port(candidate.run.spec.port) + (f"; its last line: {last.strip()[:200]}" if last else "")
        return Rejected(
            "HF3022",
            f"cannot start {candidate.id}: it ended before it was ready, {words}{said}",
            log=log,
            is_dead=True,
            hint=_logs(candidate),
        )

    def _late(self, candidate: Instance, step: Step) -> TimedOut:
        why = candidate.machine.message or f"it is {candidate.machine.phase}"
        return TimedOut(
            "HF3023",
            f"cannot start {candidate.id}: not ready within {step.deadline_s:g} s, {why}",
            log=self._supervision.log_of(candidate),
            hint=_logs(candidate),
        )

    async def _switch(self, step: Step) -> None:
        candidate = self._candidate(step)
        if candidate is None:
            return
        if candidate.is_ended and candidate.machine.phase is not Phase.COMPLETED:
            raise self._dead(candidate)
        unit = self._roster.unit_of(_desired(step))
        if unit.serving is not None:
            unit.leaving.append(unit.serving)
            unit.serving.set_timer("cron", None)
        unit.serving, unit.candidate, unit.suspended = candidate, None, None
        self._supervision.feed(candidate, Promoted())
        self._supervision.plan_cron(candidate)
        await self._scribe.save(unit.id)

    async def _drain(self, step: Step) -> None:
        """Have what is new go to who serves now; finishing what it has begun is what a program does at the stop signal."""
        unit = self._roster.get(step.id)
        if unit is not None and unit.leaving:
            await self._left(str(unit.declared))

    # In place

    async def _apply(self, step: Step, resource: Resource) -> None:
        unit = self._roster.unit_of(resource)
        if resource.state.fields.get("suspended"):
            await self._suspend(unit, step, resource)
            return
        serving = unit.serving
        if serving is not None and not self._is_in_place(serving, resource):
            await self._end(serving, step.deadline_s)
            unit, serving = self._roster.unit_of(resource), None
        if serving is None:
            unit.suspended = None
            serving = await self._bring_in(unit, step, resource, is_candidate=False)
            self._supervision.plan_cron(serving)
            await self._set_off(serving, step)
        elif serving.state != resource.state:
            await self._revise(unit, serving, step, resource)
        else:
            _limit_memory(serving)
            await self._set_off(serving, step)

    def _is_in_place(self, serving: Instance, resource: Resource) -> bool:
        return serving.state == resource.state or self._kind.style(serving.state, resource.state) is RolloutStyle.IN_PLACE

    async def _revise(self, unit: Unit, serving: Instance, step: Step, resource: Resource) -> None:
        serving.state, serving.run, serving.operation = resource.state, read(resource.state.fields), step.operation
        await self._scribe.save(unit.id)
        _limit_memory(serving)
        self._supervision.feed(serving, Revised(serving.run.spec))
        self._supervision.plan_cron(serving)

    async def _suspend(self, unit: Unit, step: Step, resource: Resource) -> None:
        unit.suspended = resource.state
        if unit.serving is not None:
            unit.leaving.append(unit.serving)
            unit.serving = None
        await self._scribe.save(unit.id)
        await self._end_all(unit, step)

    # Down

    async def _stop(self, step: Step) -> None:
        """End what served before; where the operation has started nothing yet (stop first), what serves."""
        unit = self._roster.get(step.id)
        if unit is None:
            return
        serving = unit.serving
        if serving is not None and serving.operation != step.operation:
            unit.leaving.append(serving)
            unit.serving = None
        if unit.candidate is None and unit.serving is None:
            unit.suspended = None
        await self._scribe.save(unit.id)
        for instance in tuple(unit.leaving):
            self._supervision.end(instance)
        for instance in tuple(unit.leaving):
            await self._supervision.ended(instance, step.deadline_s)
        self._roster.tidy(unit)
        await self._scribe.save(step.id)

    async def _discard(self, step: Step) -> None:
        """End the candidate; where it serves already, since the switch came about although nobody heard, what served before."""
        unit = self._roster.get(step.id)
        if unit is None:
            return
        if unit.candidate is not None:
            await self._end(unit.candidate, step.deadline_s)
        elif unit.serving is not None and unit.serving.operation == step.operation:
            for instance in tuple(unit.leaving):
                await self._end(instance, step.deadline_s)

    async def _delete(self, step: Step) -> None:
        unit = self._roster.get(step.id)
        if unit is not None:
            unit.suspended = None
            if unit.serving is not None:
                unit.leaving.append(unit.serving)
                unit.serving = None
            await self._scribe.save(unit.id)
            await self._left(str(unit.declared))
            await self._supervision.close_doors(unit)
            await self._end_all(unit, step)
            await self._supervision.release_unneeded(unit.declared)
        await self._scribe.save(step.id)

    async def _end_all(self, unit: Unit, step: Step) -> None:
        for instance in tuple(unit):
            self._supervision.end(instance)
        for instance in tuple(unit):
            await self._supervision.ended(instance, step.deadline_s)
        self._roster.tidy(unit)

    async def _end(self, instance: Instance, deadline_s: float) -> None:
        self._supervision.end(instance)
        await self._supervision.ended(instance, deadline_s)
        await self._scribe.save(instance.id)


def _desired(step: Step) -> Resource:
    if step.resource is None:
        raise Bug("HF9001", f"cannot {step.verb} {step.id}: the step carries no resource")
    return step.resource


def _limit_memory(serving: Instance) -> None:
    limit = serving.run.spec.limits.memory
    if serving.last is not None and serving.last.cgroup is not None and limit is not None:
        cgroup.limit_to(serving.last.cgroup, limit)


def _who_has_port(port: int | None) -> str:
    """Return who listens on the port that a program was to bind itself, as the end of a sentence; "" where nobody does."""
    holder = listeners.find_tcp("0.0.0.0", port) if port is not None else None
    return f"; port {port} is in use by pid {holder[0]} ({holder[1]})" if holder else ""


def _logs(instance: Instance) -> str:
    return f"holdfast logs {instance.id}"
