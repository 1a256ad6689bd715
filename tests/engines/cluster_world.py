"""Worlds for the laws of the Kubernetes engine: the same engine against a simulated API server, or a real one, by a wire with moods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.real.kubernetes_house import DESTINATION, rules
from tests.real.process_house import MemoryRecords

from holdfast.engines.kubernetes.client import Client
from holdfast.engines.kubernetes.engine import KubernetesEngine
from holdfast.engines.kubernetes.transport import Transport, Wire
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks
from holdfast.kubernetes.normal import normalize
from holdfast.kubernetes.object_id import kind_name, namespace_of, object_id
from holdfast.model.ids import ResourceId
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.moody_wire import MoodyWire
from holdfast.testing.simulated_cluster import SimulatedCluster
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom


def resource_of(manifest: dict[str, Json]) -> Resource:
    metadata = manifest["metadata"]
    assert isinstance(metadata, dict)
    id = object_id(DESTINATION, kind_name(manifest), str(metadata.get("namespace") or ""), str(metadata["name"]))
    return Resource(id=id, state=State.of(normalize(manifest)))


def config_map(namespace: str, name: str, **data: Json) -> Resource:
    return resource_of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data})


class World:
    """Implements ClusterWorld but for what is done by hand. `group` is that of its definition."""

    maps = "/api/v1/configmaps"

    def __init__(self, wire: Wire, namespace: str, group: str, *, clock: Clock, random: Random) -> None:
        self.clock = clock
        self.namespace = namespace
        self.moods: MoodyWire
        self.engine: KubernetesEngine
        self._wire = wire
        self._group = group
        self._random = random
        self._records = MemoryRecords()
        self._tasks: Tasks
        self._crashed: list[tuple[str, BaseException]] = []

    async def begin(self) -> None:
        self.moods = MoodyWire(self._wire, self.clock)
        self.engine = KubernetesEngine(
            {DESTINATION: Client(Transport(self.moods, clock=self.clock, random=self._random))},
            known=frozenset({"Process", "File"}),
            rules=rules(),
            records=self._records,
            clock=self.clock,
            random=self._random,
            crashed=lambda name, error: self._crashed.append((name, error)),
        )
        self._tasks = await Tasks().__aenter__()
        self._tasks.start("engine", self.engine.run())

    async def end(self) -> None:
        await self.engine.aclose()
        await self._tasks.stop()
        await self._tasks.__aexit__(None, None, None)
        assert self._crashed == []

    async def restart(self) -> None:
        await self.end()
        await self.begin()

    def resource(self, name: str, version: int) -> Resource:
        return self.config_map(name, version=str(version))

    def config_map(self, name: str, **data: str) -> Resource:
        return config_map(self.namespace, name, **data)

    def elsewhere(self, name: str) -> Resource:
        return config_map(f"{self.namespace}-elsewhere", name, a="1")

    def definition(self) -> Resource:
        part: Json = {"type": "object", "properties": {"name": {"type": "string"}, "colour": {"type": "string", "default": "red"}}}
        spec: Json = {"type": "object", "properties": {"parts": {"type": "array", "items": part}}}
        schema: Json = {"type": "object", "properties": {"spec": spec}}
        versions: Json = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]
        return resource_of(
            {
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": {"name": f"things.{self._group}"},
                "spec": {
                    "group": self._group,
                    "scope": "Namespaced",
                    "names": {"plural": "things", "kind": "Thing"},
                    "versions": versions,
                },
            }
        )

    def thing(self, name: str) -> Resource:
        metadata: Json = {"name": name, "namespace": self.namespace}
        spec: Json = {"parts": [{"name": "wheel"}]}
        return resource_of({"apiVersion": f"{self._group}/v1", "kind": "Thing", "metadata": metadata, "spec": spec})

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    async def standing(self, id: ResourceId) -> int:
        return int(await self.there(id.name) is not None)

    async def there(self, name: str) -> Mapping[str, Any] | None:
        raise NotImplementedError

    async def by_hand(self, name: str, patch: Any, manager: str = "somebody") -> None:
        raise NotImplementedError

    async def disturb(self, id: ResourceId) -> None:
        assert namespace_of(id) == self.namespace
        await self.by_hand(id.name, {"data": {"version": "somebody else's"}})


class SimulatedWorld(World):
    def __init__(self, seed: int) -> None:
        clock, random = SimulatedClock(), SimulatedRandom(seed)
        self.cluster = SimulatedCluster(clock=clock, random=random, has_streaming=seed % 4 != 3)
        self.cluster.write("somebody", "v1", "namespaces", "", "shop", {})
        super().__init__(self.cluster, "shop", "example.com", clock=clock, random=random)

    async def there(self, name: str) -> Mapping[str, Any] | None:
        return self.cluster.find("configmaps", self.namespace, name)

    async def by_hand(self, name: str, patch: Any, manager: str = "somebody") -> None:
        self.cluster.write(manager, "v1", "configmaps", self.namespace, name, patch)

    async def apply_as(self, name: str, manager: str, **data: str) -> None:
        manifest = dict(config_map(self.namespace, name, **data).state.fields)
        self.cluster.apply_as(manager, "v1", "configmaps", self.namespace, name, manifest)

    async def take(self, name: str) -> None:
        self.cluster.take("configmaps", self.namespace, name)

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        self.cluster.is_silent = True
        self.cluster.hang_up()
        try:
            yield
        finally:
            self.cluster.is_silent = False
