"""Steps: what a rollout asks of the docker engine, each safe to repeat and to cancel.

A newcomer gets a name of its own and the final one at the switch, so that old and new can stand beside each other. What served before a
stop-first rollout is stopped and kept until the switch: a newcomer that fails leaves it to be started again. What failed is kept, stopped,
for inspection, until the next one comes. No step removes a volume, and a container that has data in a volume without a name hands it on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from holdfast.engines.docker import entrypoint, label
from holdfast.engines.docker.building import Building
from holdfast.engines.docker.client import segment
from holdfast.engines.docker.failure import Missing, NameTaken, PortTaken
from holdfast.engines.docker.finding import Finding
from holdfast.engines.docker.grounding import Grounding
from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.image import Images
from holdfast.engines.docker.keeping import Keeping
from holdfast.engines.docker.mending import Mending
from holdfast.engines.docker.reading import tail
from holdfast.engines.docker.roster import Roster
from holdfast.engines.docker.shape import Shape, shape
from holdfast.engines.docker.showing import archive, owned, shown
from holdfast.engines.docker.unit import Instance, Unit
from holdfast.engines.docker.view import ANONYMOUS
from holdfast.errors import Bug, Conflict, EngineError, Rejected, TimedOut
from holdfast.host.thread import in_thread
from holdfast.kit.clock import Random
from holdfast.model.labels import APPLICATION
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Reason
from holdfast.model.resource import Resource
from holdfast.model.state import State

MONITOR_S = 1.0
"""How long what is new in Git must stay up, without a health check, to take the place of what serves."""
LOG_LINES = 20
INSPECTION_S = 3
"""Between the stop signal and SIGKILL of a newcomer that failed."""
Left = Callable[[str], Awaitable[None]]
"""Told of a declared resource of which a container serves no longer; returns once nobody sends it anything new."""
Fetching = Callable[[Unit, str | None], None]
"""Told how far an image is that a unit waits for; None: it waits no longer."""


class Steps:
    """One method a verb. The walker sees to it that one resource is in one hand at a time."""

    def __init__(
        self,
        *,
        installation: str,
        roster: Roster,
        grounding: Grounding,
        images: Images,
        building: Building,
        keeping: Keeping,
        finding: Finding,
        mending: Mending,
        random: Random,
        left: Left,
        fetching: Fetching,
        who_has: Callable[[DockerHost, str], Awaitable[str]],
    ) -> None:
        self._installation = installation
        self._roster = roster
        self._grounding = grounding
        self._images = images
        self._building = building
        self._keeping = keeping
        self._finding = finding
        self._mending = mending
        self._random = random
        self._left = left
        self._fetching = fetching
        self._who_has = who_has

    async def apply(self, host: DockerHost, step: Step) -> None:
        match step.verb:
            case StepVerb.APPLY:
                await self._apply(host, step, _desired(step))
            case StepVerb.START:
                await self._start(host, step, _desired(step))
            case StepVerb.GATE:
                await self._gate(host, step)
            case StepVerb.SWITCH:
                await self._switch(host, step)
            case StepVerb.DRAIN:
                await self._drain(step)
            case StepVerb.STOP:
                await self._stop(host, step)
            case StepVerb.DISCARD:
                await self._discard(host, step)
            case StepVerb.DELETE:
                await self._delete(host, step)

    # Up

    async def _start(self, host: DockerHost, step: Step, resource: Resource) -> None:
        if step.private:
            return  # a container has sockets of its own
        found = shape(resource.id, _application(resource), resource.state, self._grounding, image="", own={})
        unit = self._roster.unit_of(resource, found.name)
        serving = unit.serving
        if unit.candidate is None and serving is not None and serving.operation == step.operation and serving.state == resource.state:
            return  # told twice, after the switch
        candidate = unit.candidate
        if candidate is not None and (candidate.state != resource.state or candidate.operation != step.operation):
            await self._finding.remove(host, unit, candidate)
            candidate = None
        if unit.failed is not None:
            await self._finding.remove(host, unit, unit.failed)
        await self._take_over(host, unit, resource)
        image = await self._image(host, unit, step, resource, found)
        await self._grounding.lay(unit.application, found.it.spec)
        if candidate is None:
            candidate = Instance(token=self._random.token(8), state=resource.state, operation=step.operation)
            unit.candidate = candidate
            unit.suspended = None
            await self._roster.save(unit)
        if candidate.container is None:
            candidate.container = await self._made(host, unit, candidate, resource, image)
            await self._roster.save(unit)
        await self._set_off(host, unit, candidate, step)

    async def _take_over(self, host: DockerHost, unit: Unit, resource: Resource) -> None:
        """Enter what stands in the place of what served, where it is another container: one that was taken over, or made by hand."""
        found = await self._finding.standing(host, resource.id, unit)
        if found is not None and (unit.serving is None or unit.serving.container != found):
            if unit.serving is not None:
                unit.leaving.append(unit.serving)
            unit.serving = Instance(token="", state=resource.state, operation="", container=found)
            await self._roster.save(unit)

    async def _image(self, host: DockerHost, unit: Unit, step: Step, resource: Resource, found: Shape) -> Mapping[str, Any]:
        spec = found.it.spec
        try:
            if spec.build is not None:
                declared, told = resource.declared_id, lambda text: self._fetching(unit, text)
                return await self._building.image(host, declared, unit.application, spec.image, spec.build, step.operation, told)
            return await self._images.pinned(
                host,
                resource.declared_id,
                spec.image,
                spec.pull_policy,
                step.operation,
                lambda text: self._fetching(unit, text),
                spec.platform,
            )
        finally:
            self._fetching(unit, None)

    async def _made(self, host: DockerHost, unit: Unit, instance: Instance, resource: Resource, image: Mapping[str, Any]) -> str:
        """Make a container with all that it has before its start, unless it is there by the token of the instance; return its id."""
        own = {
            label.ID: str(resource.id),
            label.HOUSE: self._installation,
            label.INSTANCE: instance.token,
            label.APPLICATION: unit.application,
            label.STATE: resource.state.digest,
        }
        reference = await self._called(host, resource, image)
        found = shape(resource.id, unit.application, resource.state, self._grounding, image=reference, own=own)
        known = await self._finding.by_token(host, instance.token)
        container = known or await self._create(host, unit, found, f"{found.name}.{instance.token[:8]}")
        await self._show(host, unit, container, found)
        for network, endpoint in list(found.endpoints.items())[1:]:
            await self._mending.connect(host, container, network, endpoint)
        return container

    async def _create(self, host: DockerHost, unit: Unit, found: Shape, name: str) -> str:
        body = {**found.body, "HostConfig": {**found.body["HostConfig"]}}
        await self._hand_on(host, unit, body)
        query: dict[str, Any] = {"name": name, **({"platform": found.it.spec.platform} if found.it.spec.platform else {})}
        try:
            said = await host.api.post(f"create container {found.name}", "/containers/create", query, body)
        except NameTaken as error:
            return error.holder  # a name of ours: our own first try
        except Missing as error:
            raise Conflict("HF3204", error.message, hint="it is looked at and planned again") from error
        return str(said["Id"])

    async def _show(self, host: DockerHost, unit: Unit, container: str, found: Shape) -> None:
        """Copy into a container what it is shown of the release, and the files that have an owner or a mode of their own."""
        mounts, given, own = shown(found.it.spec), owned(found.it.spec), entrypoint.files(found.it.spec)
        if mounts or given or own:
            release = str(self._grounding.release(unit.application, found.it)) if mounts else None
            files = self._grounding.contents(unit.id, (each.source for each in given if each.source))
            data = await in_thread(archive, release, mounts, files, given, own)
            await host.api.put(f"copy files to container {unit.name}", f"/containers/{segment(container)}/archive", {"path": "/"}, data)

    async def _called(self, host: DockerHost, resource: Resource, image: Mapping[str, Any]) -> str:
        """Return how the image is called in the container: as Git says where that means this very image now, else by its id."""
        name = str(resource.state.fields["image"])
        here = await host.image(name)
        return name if here is not None and here["Id"] == image["Id"] else str(image["Id"])

    async def _hand_on(self, host: DockerHost, unit: Unit, body: dict[str, Any]) -> None:
        """Let a newcomer see what its predecessor has in volumes without a name, where it says nothing else of those places.

        Only one of two may write there: the predecessor is stopped first.
        """
        before = await host.inspect(unit.serving.container) if unit.serving is not None and unit.serving.container is not None else None
        if before is None:
            return
        host_config = body["HostConfig"]
        taken = {each["Target"] for each in host_config.get("Mounts") or () if each.get("Source") or each["Type"] != "volume"}
        taken |= {str(line).split(":")[1] for line in host_config.get("Binds") or ()}
        found = [
            each
            for each in before.get("Mounts") or ()
            if each.get("Type") == "volume" and ANONYMOUS.fullmatch(str(each.get("Name"))) and each["Destination"] not in taken
        ]
        if not found:
            return
        handed = {each["Destination"] for each in found}
        host_config["Mounts"] = [
            *(each for each in host_config.get("Mounts") or () if each["Target"] not in handed),
            *({"Type": "volume", "Source": each["Name"], "Target": each["Destination"]} for each in found),
        ]
        assert unit.serving is not None
        await self._finding.stop(host, unit, unit.serving)

    async def _set_off(self, host: DockerHost, unit: Unit, instance: Instance, step: Step) -> None:
        """Start a container, and learn what the engine made of it."""
        assert instance.container is not None
        if instance.learnt:
            return
        try:
            await self._finding.start(host, instance.container, unit.name)
        except PortTaken as error:
            holder = await self._who_has(host, error.address)
            raise PortTaken(f"{error.message}{holder}", address=error.address, hint=error.hint) from error
        resource = _desired(step)
        wanted = shape(resource.id, unit.application, resource.state, self._grounding, image="", own={})
        await self._mending.learn(host, unit, instance, wanted.endpoints)

    async def _gate(self, host: DockerHost, step: Step) -> None:
        if step.private:
            return
        unit, candidate = self._candidate(step)
        if candidate is None:
            return
        loop = asyncio.get_running_loop()
        deadline = loop.time() + step.deadline_s
        is_trial = step.change.before is not None and step.change.reason is not Reason.DRIFTED  # else nothing serves, or it ran before
        stays_until: float | None = None
        restarts: int | None = None
        while True:
            seen = await host.inspect(candidate.container) if candidate.container is not None else None
            if seen is None:
                raise Conflict("HF3204", f"cannot start {step.id}: its container is gone", hint="it is looked at and planned again")
            state = seen.get("State") or {}
            restarts = seen.get("RestartCount") if restarts is None else restarts
            if state.get("Status") in {"exited", "dead", "restarting"} or seen.get("RestartCount") != restarts:
                if _is_completed(state, candidate):
                    return
                raise await self._dead(host, unit, candidate, state)
            health = (state.get("Health") or {}).get("Status")
            if health == "unhealthy":
                raise await self._dead(host, unit, candidate, state)
            if state.get("Status") == "running" and health in {None, "", "none", "healthy"}:
                if health == "healthy" or not is_trial:
                    return
                stays_until = stays_until or loop.time() + MONITOR_S
                if loop.time() >= stays_until:
                    return
            if loop.time() >= deadline:
                why = f"its health is {health}" if health else f"it is {state.get('Status')}"
                raise TimedOut(
                    "HF3221",
                    f"cannot start {step.id}: not ready within {step.deadline_s:g} s, {why}",
                    log=await tail(host, candidate.container or "", LOG_LINES),
                    hint=f"holdfast logs {step.id}",
                )
            await host.news_of(str(seen["Id"]), min(deadline, stays_until or deadline))

    async def _dead(self, host: DockerHost, unit: Unit, candidate: Instance, state: Mapping[str, Any]) -> EngineError:
        log = await tail(host, candidate.container or "", LOG_LINES)
        last = next((line for line in reversed(log) if line.strip()), "")
        if (state.get("Health") or {}).get("Status") == "unhealthy":
            found = state["Health"].get("Log") or ()
            output = " ".join(str(found[-1].get("Output") or "").split())[:200] if found else ""
            words = f"its health check fails{f': {output}' if output else ''}"
        elif state.get("OOMKilled"):
            words = "it ran out of memory"
        else:
            words = f"it ended with exit code {state.get('ExitCode')}"
        said = f"; its last line: {last.strip()[:200]}" if last else ""
        message = f"cannot start {unit.id}: it ended before it was ready, {words}{said}"
        return Rejected(
            "HF3220", message, log=log, is_dead=True, hint=f"it is kept, stopped: docker inspect {(candidate.container or '')[:12]}"
        )

    def _candidate(self, step: Step) -> tuple[Unit, Instance | None]:
        """Return the candidate of an operation, None where it serves already; raises Conflict where there is neither."""
        unit = self._roster.get(step.id)
        if unit is not None and unit.candidate is not None and unit.candidate.container is not None:
            return unit, unit.candidate
        if unit is not None and unit.serving is not None and unit.serving.operation == step.operation:
            return unit, None
        raise Conflict("HF3222", f"cannot {step.verb} {step.id}: it has no candidate", hint="it is looked at and planned again")

    async def _switch(self, host: DockerHost, step: Step) -> None:
        unit, candidate = self._candidate(step)
        if candidate is not None:
            if unit.serving is not None:
                unit.leaving.append(unit.serving)
            unit.serving, unit.candidate, unit.suspended = candidate, None, None
            await self._roster.save(unit)
        await self._name(host, unit)
        for each in [each for each in unit.leaving if each.is_stopped]:
            await self._finding.remove(host, unit, each)
        await self._roster.save(unit)
        await self._tidy(host, unit)

    async def _name(self, host: DockerHost, unit: Unit) -> None:
        """Give what serves its name; what had it before, where it is ours, makes way."""
        assert unit.serving is not None
        assert unit.serving.container is not None
        ours = {each.container for each in unit.leaving}
        for _ in range(2):
            try:
                await self._mending.rename(host, unit.serving.container, unit.name)
            except NameTaken as error:
                if await self._finding.is_ours(host, unit, error.holder):
                    await self._finding.end(host, error.holder)  # a copy of ours that somebody made meanwhile, labels and all
                    continue
                if error.holder not in ours:
                    raise
                await self._mending.rename(host, error.holder, f"{unit.name}.{error.holder[:8]}")
            else:
                return

    async def _drain(self, step: Step) -> None:
        unit = self._roster.get(step.id)
        if unit is not None and unit.leaving:
            await self._left(str(unit.declared))

    # In place

    async def _apply(self, host: DockerHost, step: Step, resource: Resource) -> None:
        found = shape(resource.id, _application(resource), resource.state, self._grounding, image="", own={})
        unit = self._roster.unit_of(resource, found.name)
        if resource.state.fields.get("replicas") == 0:
            await self._take_over(host, unit, resource)
            unit.suspended = resource.state
            for each in unit:
                each.is_stopped = True
            await self._roster.save(unit)
            await self._left(str(unit.declared))
            await self._remove_all(host, unit)
            await self._roster.save(unit)
            return
        await self._take_over(host, unit, resource)
        serving = unit.serving
        if serving is None or not await self._mending.mend(host, unit, serving, found, resource.state, step.operation):
            for verb in (StepVerb.START, StepVerb.GATE, StepVerb.SWITCH, StepVerb.DRAIN, StepVerb.STOP):
                await self.apply(host, _as(step, verb))

    # Down

    async def _stop(self, host: DockerHost, step: Step) -> None:
        """End what served before; where the operation has started nothing yet (stop first), stop what serves and keep it for the switch."""
        unit = self._roster.get(step.id) if step.resource is None else await self._entered(host, step.resource)
        if unit is None:
            return
        serving = unit.serving
        is_first = serving is not None and serving.operation != step.operation and unit.candidate is None
        if is_first and serving is not None:
            if not serving.is_stopped:
                serving.is_stopped = True
                await self._roster.save(unit)
                await self._left(str(unit.declared))
            await self._finding.stop(host, unit, serving)
            return
        if unit.candidate is not None:
            return
        for each in tuple(unit.leaving):
            await self._finding.stop(host, unit, each)
            await self._finding.remove(host, unit, each)
        await self._roster.save(unit)
        await self._tidy(host, unit)

    async def _tidy(self, host: DockerHost, unit: Unit) -> None:
        """Remove images that are past the last few; what cannot go now goes with the next rollout."""
        with suppress(EngineError):
            await self._keeping.tidy(host, unit.declared)

    async def _entered(self, host: DockerHost, resource: Resource) -> Unit:
        """Return the unit of a resource with what stands in its place: it may have been taken over, or made by hand."""
        found = shape(resource.id, _application(resource), resource.state, self._grounding, image="", own={})
        unit = self._roster.unit_of(resource, found.name)
        if unit.candidate is None:
            await self._take_over(host, unit, resource)
        return unit

    async def _discard(self, host: DockerHost, step: Step) -> None:
        """End the candidate and keep it for inspection; start what served before again where it was stopped for it.

        Where it serves already, since the switch came about although nobody heard, end what served before.
        """
        unit = self._roster.get(step.id)
        if unit is None or step.private:
            return
        candidate = unit.candidate
        if candidate is None:
            if unit.serving is not None and unit.serving.operation == step.operation:
                await self._stop(host, step)
            elif unit.serving is not None and unit.serving.is_stopped:
                await self._finding.begin_again(host, unit, unit.serving)
            return
        unit.candidate = None
        if candidate.container is None:
            candidate.container = await self._finding.by_token(host, candidate.token)
        if candidate.container is not None:
            unit.failed = candidate
        await self._roster.save(unit)
        if candidate.container is not None:
            await self._finding.put_away(host, unit, candidate, INSPECTION_S)
        if unit.serving is not None and unit.serving.is_stopped:
            await self._finding.begin_again(host, unit, unit.serving)
        await self._roster.save(unit)

    async def _delete(self, host: DockerHost, step: Step) -> None:
        unit = self._roster.get(step.id)
        if unit is None:
            standing = await self._finding.standing(host, step.id, None)
            if standing is not None:
                await self._left(str(step.id))
                await self._finding.end(host, standing)
            return
        if (standing := await self._finding.standing(host, step.id, unit)) is not None and standing not in {
            each.container for each in unit
        }:
            unit.leaving.append(Instance(token="", state=State.of({}), operation="", container=standing))
        for each in unit:
            each.is_stopped = True
        await self._roster.save(unit)
        await self._left(str(unit.declared))
        await self._remove_all(host, unit)
        unit.suspended = None
        await self._roster.save(unit)
        if not any(other.declared == unit.declared for other in self._roster):
            await self._images.forget(unit.declared)

    async def _remove_all(self, host: DockerHost, unit: Unit) -> None:
        for each in tuple(unit):
            await self._finding.stop(host, unit, each)
            await self._finding.remove(host, unit, each)


def _desired(step: Step) -> Resource:
    if step.resource is None:
        raise Bug("HF9001", f"cannot {step.verb} {step.id}: the step carries no resource")
    return step.resource


def _as(step: Step, verb: StepVerb) -> Step:
    return Step(operation=step.operation, verb=verb, change=step.change, resource=step.resource, private=False, deadline_s=step.deadline_s)


def _application(resource: Resource) -> str:
    return resource.labels.get(APPLICATION, resource.id.namespace)


def _is_completed(state: Mapping[str, Any], candidate: Instance) -> bool:
    """Say whether a container did its work and ended, as its policy has it."""
    restart = candidate.state.fields.get("restart")
    policy = restart.get("policy", "no") if isinstance(restart, dict) else "no"
    return state.get("Status") == "exited" and state.get("ExitCode") == 0 and policy in {"no", "on-failure"}
