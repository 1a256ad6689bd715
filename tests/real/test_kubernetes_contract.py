"""The Kubernetes engine on a real API server keeps the laws that it keeps on a simulated one (tests/engines holds that half)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.engines.cluster_world import World
from tests.real.cluster import Cluster
from tests.real.kubernetes_house import wire_of

from holdfast.host.clock import RealClock, RealRandom
from holdfast.model.ids import ResourceId
from holdfast.testing.contracts import engine, kubernetes

pytestmark = pytest.mark.real
MERGE = "application/merge-patch+json"


class Town(World):
    """A namespace of a real cluster, which is out of reach while its API server is dead."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        wire = wire_of(cluster.kubeconfig, timeout_s=5.0)
        super().__init__(wire, namespace, f"{namespace}.example.com", clock=RealClock(), random=RealRandom())
        self._cluster = cluster

    async def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        return await asyncio.to_thread(self._cluster.ask, method, path, body, kind=MERGE if method == "PATCH" else "application/json")

    def _path(self, name: str = "") -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps{'/' if name else ''}{name}"

    async def there(self, name: str) -> Mapping[str, Any] | None:
        status, found = await self._ask("GET", self._path(name))
        assert status in (200, 404)
        return found if status == 200 else None

    async def by_hand(self, name: str, patch: Any, manager: str = "somebody") -> None:
        status, _ = await self._ask("PATCH", f"{self._path(name)}?fieldManager={manager}", patch)
        if status == 404:
            status, _ = await self._ask("POST", f"{self._path()}?fieldManager={manager}", {"metadata": {"name": name}, **patch})
        assert status in (200, 201)

    async def apply_as(self, name: str, manager: str, **data: str) -> None:
        manifest = dict(self.config_map(name, **data).state.fields)
        path = f"{self._path(name)}?fieldManager={manager}&force=true"
        status, _ = await asyncio.to_thread(self._cluster.ask, "PATCH", path, manifest, kind="application/apply-patch+yaml")
        assert status in (200, 201)

    async def take(self, name: str) -> None:
        status, _ = await self._ask("DELETE", self._path(name))
        assert status == 200

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        await asyncio.to_thread(self._cluster.kill, "kube-apiserver")
        try:
            yield
        finally:
            await asyncio.to_thread(self._cluster.start_server)


@asynccontextmanager
async def town(cluster: Cluster, law: str) -> AsyncIterator[Town]:
    namespace = f"t-{law.replace('_', '-')}"[:63].rstrip("-")
    status, _ = await asyncio.to_thread(cluster.ask, "POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    assert status == 201
    found = Town(cluster, namespace)
    await found.begin()
    try:
        yield found
    finally:
        await found.end()


@pytest.mark.parametrize("law", engine.LAWS)
def test_the_kubernetes_engine_keeps_what_every_engine_keeps(cluster: Cluster, law: str) -> None:
    async def run() -> None:
        async with town(cluster, law) as world:
            await engine.LAWS[law](world)

    asyncio.run(run())


@pytest.mark.parametrize("law", kubernetes.LAWS)
def test_the_kubernetes_engine_keeps_its_own_laws(cluster: Cluster, law: str) -> None:
    async def run() -> None:
        async with town(cluster, law) as world:
            await kubernetes.LAWS[law](world)

    asyncio.run(run())
