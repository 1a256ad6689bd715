"""Mending in place: what Docker changes without a new container, and what is learnt of one that stands as it should.

Limits and restart policy by update; stopped, paused, renamed and disconnected by their opposites. What else differs needs a new container.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from holdfast.engines.docker import view
from holdfast.engines.docker.body import LIMITS
from holdfast.engines.docker.client import segment
from holdfast.engines.docker.failure import Missing, NameTaken, Stale
from holdfast.engines.docker.finding import Finding
from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.image import Images
from holdfast.engines.docker.roster import Roster
from holdfast.engines.docker.seeing import acts_of
from holdfast.engines.docker.shape import Shape
from holdfast.engines.docker.unit import Instance, Unit
from holdfast.engines.docker.view import Mark, View
from holdfast.errors import Conflict
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.state import State
from holdfast.workload.build import tag

HOT = ("limits.", "restart")
NETWORK = "network."


class Mending:
    def __init__(self, *, roster: Roster, finding: Finding, images: Images, mark: Mark) -> None:
        self._roster = roster
        self._finding = finding
        self._images = images
        self._mark = mark

    async def learn(self, host: DockerHost, unit: Unit, instance: Instance, networks: Collection[str] = ()) -> None:
        """Remember what a container of ours looks like right after it was made, and joined `networks`.

        Raises Conflict where it is gone, or lacks one of them: what is learnt holds ever after.
        """
        seen = await host.inspect(instance.container or "")
        if seen is None:
            raise Conflict("HF3204", f"cannot start {unit.id}: its container is gone", hint="it is looked at and planned again")
        live = view.view(seen, self._mark)
        if lacking := sorted(name for name in networks if f"{NETWORK}{name}" not in live):
            raise Conflict(
                "HF3204", f"cannot start {unit.id}: it is not on network {', '.join(lacking)}", hint="it is looked at and planned again"
            )
        instance.learnt = live
        await self._roster.save(unit)

    async def wanted(
        self, host: DockerHost, declared: ResourceId, instance: Instance | None, shaped: Shape, seen: Mapping[str, Any]
    ) -> View:
        """Return what a container that we did not make, or know nothing of, should look like."""
        if instance is not None and instance.learnt:
            return instance.learnt
        image = await self._image(host, declared, shaped, seen)
        return shaped.wanted(image, self._mark)

    async def _image(self, host: DockerHost, declared: ResourceId, shaped: Shape, seen: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the image that a container should have: the pinned one, else that of its name, else its own."""
        pin, spec = self._images.pin(declared), shaped.it.spec
        names = {spec.image, *([tag(spec.image, spec.build)] if spec.build is not None else [])}
        named = pin.id if pin is not None and pin.reference in names else spec.image
        found = await host.image(named) or await host.image(str(seen.get("Image")))
        return found or {"Id": seen.get("Image"), "Config": seen.get("Config") or {}}

    def differing(self, instance: Instance | None, wanted: View, live: View) -> tuple[str, ...]:
        learnt = instance is not None and bool(instance.learnt)
        return view.drift(wanted, live) if learnt else view.unlike(wanted, live)

    async def mend(self, host: DockerHost, unit: Unit, instance: Instance, shaped: Shape, state: State, operation: str) -> bool:
        """Bring a container to `state` in place; False where that takes a new one."""
        seen = await host.inspect(instance.container or "")
        if seen is None:
            return False
        wanted = {**await self.wanted(host, unit.declared, instance, shaped, seen), **self._hot(shaped)}
        if instance.learnt:
            wanted = {key: value for key, value in wanted.items() if not key.startswith(HOT) or self._is_hot_wanted(key, shaped, instance)}
        live = view.view(seen, self._mark)
        differing = self.differing(instance, wanted, live)
        if any(not key.startswith((*HOT, NETWORK)) for key in differing):
            return False
        acts = acts_of(seen, state.fields, unit.name, is_stopped_by_hand=True)
        if "health" in acts or not await self._update(host, unit, instance, shaped, wanted, live, differing):
            return False
        if "renamed" in acts:
            await self._reclaim(host, unit, str(seen["Id"]))
        if "paused" in acts:
            await host.api.post(f"unpause container {unit.name}", f"/containers/{segment(str(seen['Id']))}/unpause")
        for key in differing:
            if key.startswith(NETWORK):
                await self._network(host, str(seen["Id"]), key.removeprefix(NETWORK), shaped, key in live)
        if "stopped" in acts:
            await self._finding.start(host, str(seen["Id"]), unit.name)
        instance.state, instance.is_stopped = state, False
        if not instance.operation:
            instance.operation = operation
        await self.learn(host, unit, instance)
        return True

    async def _reclaim(self, host: DockerHost, unit: Unit, container: str) -> None:
        """Give a container its name again; a copy of ours that somebody made under it, labels and all, goes. Raises NameTaken."""
        try:
            await self.rename(host, container, unit.name)
        except NameTaken as error:
            if not await self._finding.is_ours(host, unit, error.holder):
                raise
            await self._finding.end(host, error.holder)
            await self.rename(host, container, unit.name)

    def _hot(self, shaped: Shape) -> dict[str, Json]:
        """Return what of the spec is hot, as a view has it."""
        found: dict[str, Json] = {f"limits.{view.camel(name)}": shown for name, shown in view.limits_of(shaped.body["HostConfig"])}
        policy = shaped.body["HostConfig"]["RestartPolicy"]
        if policy["Name"] != "no":
            count = policy["MaximumRetryCount"]
            found["restart"] = {"policy": policy["Name"], **({"maxAttempts": count} if count else {})}
        return found

    def _is_hot_wanted(self, key: str, shaped: Shape, instance: Instance) -> bool:
        """Say whether a hot value is wanted: Git says it, or the engine filled it in although nobody asked."""
        if key in self._hot(shaped):
            return True
        before: Any = instance.state.fields.get("restart" if key == "restart" else "limits") or {}
        return key != "restart" and key.partition(".")[2] not in before

    async def _update(
        self, host: DockerHost, unit: Unit, instance: Instance, shaped: Shape, wanted: View, live: View, differing: tuple[str, ...]
    ) -> bool:
        """Change limits and restart policy where they differ; False where Docker cannot take a limit away again."""
        keys = {key for key in differing if key.startswith(HOT)}
        gone = {key for key in keys if key not in wanted} - {"restart", "limits.pids", "limits.memorySwap"}
        if gone:
            return False
        if not keys:
            return True
        config = shaped.body["HostConfig"]
        body: dict[str, Json] = {"RestartPolicy": config["RestartPolicy"]}
        asked = {key: config[key] for key in (*(key for key, _ in LIMITS.values()), "CpusetCpus") if key in config}
        asked.pop("OomScoreAdj", None)
        body |= asked
        if "Memory" in body and "MemorySwap" not in body:
            body["MemorySwap"] = int(config["Memory"]) * 2  # as at creation; a lower one refuses more memory
        if "limits.pids" in keys and "PidsLimit" not in body:
            body["PidsLimit"] = -1
        await host.api.post(f"update container {unit.name}", f"/containers/{segment(instance.container or '')}/update", None, body)
        return True

    async def _network(self, host: DockerHost, container: str, network: str, shaped: Shape, is_on: bool) -> None:
        """Put a container on a network as it should be, or off it."""
        if is_on:
            await self.disconnect(host, container, network)
        if network in shaped.endpoints:
            await self.connect(host, container, network, shaped.endpoints[network])

    async def connect(self, host: DockerHost, container: str, network: str, endpoint: Mapping[str, Any]) -> None:
        body: Json = {"Container": container, "EndpointConfig": dict(endpoint)}
        try:
            await host.api.post(f"connect to network {network}", f"/networks/{segment(network)}/connect", None, body)
        except Stale:
            return  # it is on it already

    async def disconnect(self, host: DockerHost, container: str, network: str) -> None:
        body: Json = {"Container": container, "Force": True}
        try:
            await host.api.post(f"disconnect from network {network}", f"/networks/{segment(network)}/disconnect", None, body)
        except Missing:
            return

    async def rename(self, host: DockerHost, container: str, name: str) -> None:
        """Give a container a name; its own is no error. Raises NameTaken."""
        seen = await host.inspect(container)
        if seen is not None and str(seen.get("Name")).lstrip("/") != name:
            await host.api.post(f"rename container to {name}", f"/containers/{segment(container)}/rename", {"name": name})
