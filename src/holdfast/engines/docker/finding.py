"""Finding and handling single containers: what stands in the place of a resource, starting, stopping, removing.

A container is found by its id, else by the token that it carries, else by the name that it should have or the place in a compose project.
Stopping says so first: a container that we stopped has not drifted. Nothing here removes a volume.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from holdfast.engines.docker import label
from holdfast.engines.docker.client import segment
from holdfast.engines.docker.failure import Missing, Stale
from holdfast.engines.docker.grounding import Described
from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.roster import Roster
from holdfast.engines.docker.unit import Instance, Unit
from holdfast.engines.docker.view import STOP_S
from holdfast.errors import Conflict, EngineError
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.workload.contained import Contained, read

ANSWER_S = 30.0
"""Beyond the grace of a stop."""
MOST_READ = 1024
Containers = Mapping[str, Mapping[str, Any]]


class Finding:
    def __init__(self, *, installation: str, roster: Roster, described: Described) -> None:
        self._installation = installation
        self._roster = roster
        self._described = described
        self._read: dict[str, Contained] = {}
        """By the digests of their states: every look asks for each, and reading one costs more than inspecting it."""

    # Which

    async def standing(self, host: DockerHost, id: ResourceId, unit: Unit | None) -> str | None:
        return self.among(await host.containers(), id, unit)

    def among(self, containers: Containers, id: ResourceId, unit: Unit | None) -> str | None:
        """Return the container that stands in the place of a resource, None where none does."""
        serving = unit.serving if unit is not None else None
        if serving is not None and serving.container in containers:
            return serving.container
        if serving is not None and serving.token and (found := _with_token(containers, serving.token)) is not None:
            return found
        others = {each.container for each in unit if each.container is not None} if unit is not None else set()
        known = self._known(id)
        name = label.container_name(id, known.spec, known.replica) if known is not None else unit.name if unit is not None else ""
        for container, each in containers.items():
            if container in others or self._is_somebody_elses(id, each.get("Labels") or {}):
                continue
            if f"/{name}" in (each.get("Names") or ()):
                return container
        return self._composed(containers, others, id, known) if known is not None else None

    def _composed(self, containers: Containers, others: set[str], id: ResourceId, known: Contained) -> str | None:
        """Return the container that compose made for this place of its project."""
        place = label.of_container(known.spec, known.replica, "")
        keys = (label.PROJECT, label.SERVICE, label.NUMBER, label.ONEOFF)
        for container, each in containers.items():
            labels = each.get("Labels") or {}
            is_there = place and all(labels.get(key) == place[key] for key in keys)
            if is_there and label.ID not in labels and container not in others:
                return container
        return None

    def extra(self, containers: Containers, id: ResourceId) -> tuple[str, ...]:
        """Return the names of containers that somebody else added to a service of ours (`compose up --scale`): shown, never touched."""
        known = self._known(id)
        if known is None or known.replica not in {None, 0} or known.spec.service is None:
            return ()
        stem = id.name.removesuffix(".0") if known.replica == 0 else id.name
        found = []
        for each in containers.values():
            labels = each.get("Labels") or {}
            is_here = labels.get(label.PROJECT) == known.spec.project and labels.get(label.SERVICE) == known.spec.service
            if not is_here or label.ID in labels or labels.get(label.ONEOFF, "False").lower() == "true":
                continue
            number = labels.get(label.NUMBER, "0")
            at = int(number) - 1 if number.isdecimal() else -1
            ids = [id._replace(name=f"{stem}.{at}"), *([id] if at == 0 else [])]
            if not any(True for one in ids for _ in self._described(one)):
                found.append(str((each.get("Names") or ["?"])[0]).lstrip("/"))
        return tuple(sorted(found))

    def _is_somebody_elses(self, id: ResourceId, labels: Mapping[str, str]) -> bool:
        """Say whether a container was made for another resource, or by another installation."""
        return label.ID in labels and (labels[label.ID] != str(id) or labels.get(label.HOUSE) != self._installation)

    def _known(self, id: ResourceId) -> Contained | None:
        found = next(iter(self._described(id)), None)
        if found is None:
            return None
        known = self._read.get(found.state.digest)
        if known is None:
            if len(self._read) >= MOST_READ:
                self._read.clear()
            known = self._read[found.state.digest] = read(found.state.fields)
        return known

    async def is_ours(self, host: DockerHost, unit: Unit, container: str) -> bool:
        """Say whether a container that no record names was made for a unit by us, by its labels: what copies ours takes them along."""
        if container in {each.container for each in unit}:
            return False
        found = ((await host.inspect(container) or {}).get("Config") or {}).get("Labels") or {}
        return found.get(label.ID) == str(unit.id) and found.get(label.HOUSE) == self._installation

    async def by_token(self, host: DockerHost, token: str) -> str | None:
        return _with_token(await host.containers(), token) if token else None

    # Handling

    async def start(self, host: DockerHost, container: str, name: str) -> None:
        await host.api.knock()
        try:
            await host.api.post(f"start container {name}", f"/containers/{segment(container)}/start")
        except Stale as error:
            body: Json = {"Container": name, "Force": True}  # by name: its id is on no endpoint any more
            with suppress(EngineError):
                await host.api.post(f"clear network {error.network}", f"/networks/{segment(error.network)}/disconnect", None, body)
            raise

    async def stop(self, host: DockerHost, unit: Unit, instance: Instance) -> None:
        """Stop an instance by its own signal and grace."""
        if instance.container is None:
            instance.container = await self.by_token(host, instance.token)
        if not instance.is_stopped:
            instance.is_stopped = True
            await self._roster.save(unit)
        if instance.container is not None:
            await self.halt(host, instance.container, unit.name)

    async def halt(self, host: DockerHost, container: str, name: str, grace_s: int | None = None) -> None:
        """Stop a container, whatever it does now; None: within the grace that it was made with."""
        seen = await host.inspect(container)
        if seen is None:
            return
        state, config = seen.get("State") or {}, seen.get("Config") or {}
        if state.get("Status") in {"exited", "created", "dead"}:
            return
        if state.get("Paused"):
            await host.api.post(f"unpause container {name}", f"/containers/{segment(container)}/unpause")
        grace = grace_s if grace_s is not None else int(config.get("StopTimeout") or STOP_S)
        try:
            await host.api.post(
                f"stop container {name}", f"/containers/{segment(container)}/stop", {"t": grace}, timeout_s=grace + ANSWER_S
            )
        except Missing:
            return

    async def remove(self, host: DockerHost, unit: Unit, instance: Instance) -> None:
        """Remove the container of an instance, and forget the instance."""
        if instance.container is None:
            instance.container = await self.by_token(host, instance.token)
        if instance.container is not None:
            await self.take_away(host, instance.container, unit.name)
        if unit.serving is instance:
            unit.serving = None
        if unit.candidate is instance:
            unit.candidate = None
        if unit.failed is instance:
            unit.failed = None
        unit.leaving = [each for each in unit.leaving if each is not instance]
        await self._roster.save(unit)

    async def take_away(self, host: DockerHost, container: str, name: str) -> None:
        """Remove a container; its volumes stay."""
        try:
            await host.api.delete(f"remove container {name}", f"/containers/{segment(container)}", {"force": True})
        except Missing:
            return
        except Conflict as error:
            if "already in progress" not in error.message:
                raise

    async def end(self, host: DockerHost, container: str) -> None:
        """Stop and remove what no record of ours names."""
        await self.halt(host, container, container[:12])
        await self.take_away(host, container, container[:12])

    async def put_away(self, host: DockerHost, unit: Unit, instance: Instance, grace_s: int) -> None:
        """Stop a newcomer that failed, and see to it that its restart policy never brings it back."""
        assert instance.container is not None
        instance.is_stopped = True
        await self._roster.save(unit)
        path = f"/containers/{segment(instance.container)}/update"
        try:
            await host.api.post(f"update container {unit.name}", path, None, {"RestartPolicy": {"Name": "no"}})
            await self.halt(host, instance.container, unit.name, grace_s)
        except Missing:
            return

    async def begin_again(self, host: DockerHost, unit: Unit, instance: Instance) -> None:
        """Start what served before, and was stopped to make room."""
        if instance.container is not None:
            await self.start(host, instance.container, unit.name)
        instance.is_stopped = False
        await self._roster.save(unit)


def _with_token(containers: Containers, token: str) -> str | None:
    return next((id for id, each in containers.items() if (each.get("Labels") or {}).get(label.INSTANCE) == token), None)
