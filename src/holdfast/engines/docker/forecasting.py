"""Forecasting: what image a change will run, told in a plan and held to by the apply, so that a tag that moves in between is no surprise.

Asked is the registry, by the engine of the host, which is who would fetch it; else the host's own store. Where neither knows, that is said:
unknown is not absent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from holdfast.engines.docker.building import Building
from holdfast.engines.docker.host import DockerHost
from holdfast.engines.docker.image import Forecast, Images, digest_of, is_fresh, read_reference
from holdfast.engines.docker.platform import fits
from holdfast.errors import EngineError
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import all_of
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Resource
from holdfast.workload.contained import read
from holdfast.workload.container_spec import ContainerSpec


class Forecasting:
    def __init__(self, *, images: Images, building: Building, clock: Clock) -> None:
        self._images = images
        self._building = building
        self._clock = clock

    async def told(self, changes: Mapping[ResourceId, Resource], host_of: Callable[[str], DockerHost]) -> dict[ResourceId, str]:
        """Return a sentence for each change that runs an image; replicas of one resource are told alike, by one question."""
        by_declared: dict[ResourceId, Resource] = {}
        for resource in changes.values():
            if resource.state.fields.get("replicas") != 0:
                by_declared.setdefault(resource.declared_id, resource)
        asked = [*by_declared.items()]
        found = await all_of(*(self._of(declared, each, host_of) for declared, each in asked)) if asked else []
        words = {declared: text for (declared, _), text in zip(asked, found, strict=True)}
        return {id: text for id, each in changes.items() if (text := words.get(each.declared_id))}

    async def _of(self, declared: ResourceId, resource: Resource, host_of: Callable[[str], DockerHost]) -> str:
        spec = read(resource.state.fields).spec
        try:
            host = host_of(resource.id.destination)
            if spec.build is not None:
                if await self._building.is_built(host, spec.image, spec.build):
                    return f"runs image {spec.image}, which is built already"
                return f"builds image {spec.image} from {spec.build.context}"
            return await self._image(host, declared, spec)
        except EngineError as error:
            return f"image {spec.image}: it is not known which one it is: {error.message}"

    async def _image(self, host: DockerHost, declared: ResourceId, spec: ContainerSpec) -> str:
        named = read_reference(spec.image)
        if named.digest is not None:
            return ""  # Git says it
        pin = self._images.is_held(declared, spec.image, spec.pull_policy)
        if pin is not None and ((held := await host.image(pin.id)) is None or fits(held, spec.platform)):
            return f"runs image {spec.image} as {pin.digest or pin.id}, as it was pinned"
        local = await host.image(spec.image)
        if local is not None and not fits(local, spec.platform):
            local = None
        if local is not None and not is_fresh(spec.pull_policy):
            return await self._tell(declared, spec, digest_of(local, spec.image), str(local["Id"]), "as the host has it")
        if spec.pull_policy == "never":
            return f"image {spec.image}: the host does not have it, and it is never fetched"
        try:
            digest = await self._images.asked(host, spec.image)
        except EngineError as error:
            if local is None:
                return f"image {spec.image}: it is not known which one it is: {error.message}"
            who = "as the host has it, since the registry does not answer"
            return await self._tell(declared, spec, digest_of(local, spec.image), str(local["Id"]), who)
        return await self._tell(declared, spec, digest, None, "as the registry has it")

    async def _tell(self, declared: ResourceId, spec: ContainerSpec, digest: str | None, id: str | None, who: str) -> str:
        await self._images.promise(declared, Forecast(reference=spec.image, digest=digest, id=id, at=self._clock.now()))
        return f"runs image {spec.image} as {digest or id}, {who}"
