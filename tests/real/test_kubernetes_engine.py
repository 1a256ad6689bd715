"""The Kubernetes engine against a real API server: the contract of every engine, and what only a cluster does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from tests.real.cluster import Cluster, running
from tests.real.kubernetes_house import DESTINATION, Running, running_engine

from holdfast.errors import Rejected, TimedOut, Unavailable
from holdfast.host.clock import RealClock
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kubernetes.normal import normalize
from holdfast.kubernetes.object_id import kind_name, namespace_of, object_id
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.operation import RolloutStyle, Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.ports import Engine
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.contracts import engine as contract

pytestmark = pytest.mark.real
WAIT_S = 20.0
LOOK_AGAIN_S = 0.02
T = TypeVar("T")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("cluster")) as started:
        yield started


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    name = f"t-{abs(hash(request.node.name)) % 10**9}"
    status, _ = cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert status == 201
    return name


def resource_of(manifest: dict[str, Json]) -> Resource:
    metadata = manifest["metadata"]
    assert isinstance(metadata, dict)
    id = object_id(DESTINATION, kind_name(manifest), str(metadata.get("namespace") or ""), str(metadata["name"]))
    return Resource(id=id, state=State.of(normalize(manifest)))


def config_map(namespace: str, name: str, **data: Json) -> Resource:
    return resource_of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data})


def apply_of(resource: Resource) -> Step:
    change = Change(id=resource.id, verb=Verb.UPDATE, reason=Reason.DECLARED, before=None, after=resource.state)
    return Step(operation="op", verb=StepVerb.APPLY, change=change, resource=resource)


async def until(look: Callable[[], Awaitable[T]], is_so: Callable[[T], bool]) -> T:
    """Look again and again until it is so; fails after WAIT_S."""
    clock = RealClock()
    async with asyncio.timeout(WAIT_S):
        while not is_so(found := await look()):
            await clock.sleep(LOOK_AGAIN_S)
    return found


class ClusterWorld:
    """ConfigMaps of one namespace."""

    def __init__(self, house: Running, namespace: str) -> None:
        self._house = house
        self._namespace = namespace
        self.clock: Clock = RealClock()

    @property
    def engine(self) -> Engine:
        return self._house.engine

    def resource(self, name: str, version: int) -> Resource:
        return config_map(self._namespace, name, version=str(version))

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def _path(self, id: ResourceId) -> str:
        return f"/api/v1/namespaces/{namespace_of(id)}/configmaps/{id.name}"

    async def standing(self, id: ResourceId) -> int:
        status, _ = await asyncio.to_thread(self._house.cluster.ask, "GET", self._path(id))
        return int(status == 200)

    async def restart(self) -> None:
        await self._house.end()
        await self._house.start()

    async def disturb(self, id: ResourceId) -> None:
        body = {"data": {"version": "somebody else's"}}
        await asyncio.to_thread(self._house.cluster.ask, "PATCH", self._path(id), body, kind="application/merge-patch+json")

    @asynccontextmanager
    async def deaf(self, id: ResourceId) -> AsyncIterator[None]:
        await asyncio.to_thread(self._house.cluster.kill, "kube-apiserver")
        try:
            yield
        finally:
            await asyncio.to_thread(self._house.cluster.start_server)


@pytest.mark.parametrize("law", contract.LAWS)
def test_it_keeps_the_contract_of_engines(law: str, cluster: Cluster, namespace: str) -> None:
    async def run() -> None:
        async with running_engine(cluster) as house:
            await contract.LAWS[law](ClusterWorld(house, namespace))

    asyncio.run(run())


def test_what_others_add_is_no_drift_and_what_they_take_says_by_whom(cluster: Cluster, namespace: str) -> None:
    wanted = resource_of(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "containers": [
                            {
                                "name": "web",
                                "image": "web:1",
                                "ports": [{"containerPort": 80}],
                                "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
                            }
                        ],
                        "volumes": [{"name": "scratch", "emptyDir": {}}],
                    },
                },
            },
        }
    )
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"

    async def state(house: Running) -> State | None:
        return (await house.engine.observe([wanted.id])).observed[wanted.id].state

    async def run() -> None:
        async with running_engine(cluster) as house:
            await house.engine.apply(apply_of(wanted))
            assert await state(house) == wanted.state
            assert house.records.all() == {}
            # An autoscaler scales, a mesh injects: not ours.
            for body, kind in (
                ({"spec": {"replicas": 7}}, "application/merge-patch+json"),
                (
                    {"spec": {"template": {"spec": {"containers": [{"name": "sidecar", "image": "mesh:3"}]}}}},
                    "application/strategic-merge-patch+json",
                ),
            ):
                status, _ = await asyncio.to_thread(cluster.ask, "PATCH", f"{path}?fieldManager=others", body, kind=kind)
                assert status == 200
            await asyncio.sleep(0.3)
            assert await state(house) == wanted.state
            theirs = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}}
            await asyncio.to_thread(
                cluster.ask, "PATCH", f"{path}?fieldManager=somebody", theirs, kind="application/strategic-merge-patch+json"
            )
            await until(lambda: state(house), lambda seen: seen != wanted.state)
            seen = (await house.engine.observe([wanted.id])).observed[wanted.id]
            assert seen.handle is not None
            assert seen.handle["taken"] == {'.spec.template.spec.containers[name="web"].image': "somebody"}
            await house.engine.apply(apply_of(wanted))
            assert await state(house) == wanted.state

    asyncio.run(run())


def test_a_default_within_what_we_own_is_no_drift(cluster: Cluster, namespace: str) -> None:
    """A StatefulSet's claims are one atomic list: the server writes into what we applied, and its answer counts."""
    claim: Json = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}},
    }
    wanted = resource_of(
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": {"name": "db", "namespace": namespace},
            "spec": {
                "serviceName": "db",
                "selector": {"matchLabels": {"app": "db"}},
                "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [{"name": "db", "image": "db:1"}]}},
                "volumeClaimTemplates": [claim],
            },
        }
    )

    async def run() -> None:
        async with running_engine(cluster) as house:
            await house.engine.apply(apply_of(wanted))
            assert (await house.engine.observe([wanted.id])).observed[wanted.id].state == wanted.state
            assert len(house.records.all()) == 1
            await house.end()
            await house.start()
            assert (await house.engine.observe([wanted.id])).observed[wanted.id].state == wanted.state

    asyncio.run(run())


def test_a_version_that_the_server_does_not_prefer_is_watched_as_applied(cluster: Cluster, namespace: str) -> None:
    wanted = resource_of(
        {
            "apiVersion": "autoscaling/v1",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "maxReplicas": 5,
                "targetCPUUtilizationPercentage": 70,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            },
        }
    )

    async def run() -> None:
        async with running_engine(cluster) as house:
            for _ in range(2):
                await house.engine.apply(apply_of(wanted))
                assert (await house.engine.observe([wanted.id])).observed[wanted.id].state == wanted.state
                await house.end()
                await house.start()
                assert (await house.engine.observe([wanted.id])).observed[wanted.id].state == wanted.state

    asyncio.run(run())


def test_nothing_is_asked_when_in_sync(cluster: Cluster, namespace: str) -> None:
    maps = [config_map(namespace, f"many-{number}", a="1") for number in range(100)]

    async def run() -> None:
        async with running_engine(cluster) as house:
            async with asyncio.TaskGroup() as group:
                for each in maps:
                    group.create_task(house.engine.apply(apply_of(each)))
            before = await asyncio.to_thread(cluster.requests)
            for _ in range(10):
                live = await house.engine.observe([each.id for each in maps])
                assert all(live.observed[each.id].state == each.state for each in maps)
            after = await asyncio.to_thread(cluster.requests)
            assert {verb: count - before.get(verb, 0) for verb, count in after.items() if count != before.get(verb, 0)}.keys() <= {"GET"}
            assert await house.engine.verify() == {}

    asyncio.run(run())


def test_a_hole_in_the_cache_is_found_and_mended(cluster: Cluster, namespace: str) -> None:
    there = config_map(namespace, "there", a="1")
    key = (namespace, "there")

    async def run() -> None:
        async with running_engine(cluster) as house:
            await house.engine.apply(apply_of(there))
            await house.engine.observe([there.id])
            assert await house.engine.verify() == {}  # the watch has told of it by now
            cache = house.engine._clusters[DESTINATION].caches["ConfigMap"]
            del cache._seen[key]  # as if an event had been lost
            assert await house.engine.verify() == {"ConfigMap": (key,)}
            await until(lambda: house.engine.observe([there.id]), lambda live: live.observed[there.id].state == there.state)
            assert cache.lists == 2
            assert await house.engine.verify() == {}

    asyncio.run(run())


def test_a_server_that_is_killed_comes_back_and_nothing_was_absent(cluster: Cluster, namespace: str) -> None:
    maps = [config_map(namespace, f"kept-{number}", a="1") for number in range(20)]

    async def run() -> None:
        async with running_engine(cluster) as house:
            for each in maps:
                await house.engine.apply(apply_of(each))
            await asyncio.to_thread(cluster.kill, "kube-apiserver", signal.SIGKILL)
            try:

                async def look() -> Live:
                    live = await house.engine.observe([each.id for each in maps])
                    assert all(seen.state is not None for seen in live.observed.values())
                    return live

                await until(look, lambda seen: not seen.observed)
                with pytest.raises(Unavailable):
                    await house.engine.apply(apply_of(maps[0]))
            finally:
                await asyncio.to_thread(cluster.start_server)
            changed = config_map(namespace, "kept-0", a="2")
            await house.engine.apply(apply_of(changed))
            live = await until(lambda: house.engine.observe([each.id for each in maps]), lambda seen: not seen.unreachable)
            assert live.observed[changed.id].state == changed.state
            assert all(live.observed[each.id].state == each.state for each in maps[1:])

    asyncio.run(run())


def test_a_definition_that_comes_later_is_found(cluster: Cluster, namespace: str) -> None:
    schema: Json = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    versions: Json = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]
    group = f"{namespace}.example.com"
    definition = resource_of(
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"things.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"}, "versions": versions},
        }
    )
    thing = resource_of(
        {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "one", "namespace": namespace}, "spec": {"size": 1}}
    )

    async def run() -> None:
        async with running_engine(cluster) as house:
            assert (await house.engine.observe([thing.id])).observed[thing.id].state is None
            with pytest.raises(Unavailable) as raised:
                await house.engine.apply(apply_of(thing))
            assert raised.value.code == "HF3304"
            await house.engine.apply(apply_of(definition))
            async with asyncio.timeout(WAIT_S):
                while True:
                    seen = (await house.engine.observe([definition.id])).observed[definition.id]
                    if (seen.handle or {}).get("health") == "Healthy":
                        break
                    await asyncio.sleep(0.02)
                while True:
                    try:
                        await house.engine.apply(apply_of(thing))
                        break
                    except Unavailable:
                        await asyncio.sleep(0.05)
            assert (await house.engine.observe([thing.id])).observed[thing.id].state == thing.state

    asyncio.run(run())


def test_a_deletion_that_hangs_names_its_finalizer(cluster: Cluster, namespace: str) -> None:
    held = config_map(namespace, "held", a="1")
    path = f"/api/v1/namespaces/{namespace}/configmaps/held"

    async def run() -> None:
        async with running_engine(cluster) as house:
            await house.engine.apply(apply_of(held))
            hold: Any = {"metadata": {"finalizers": ["example.com/hold"]}}
            await asyncio.to_thread(cluster.ask, "PATCH", path, hold, kind="application/merge-patch+json")
            change = Change(id=held.id, verb=Verb.DELETE, reason=Reason.PRUNED, before=held.state, after=None)
            step = Step(operation="op", verb=StepVerb.DELETE, change=change, resource=None, deadline_s=1.0)
            with pytest.raises(TimedOut, match=r"example\.com/hold"):
                await house.engine.apply(step)
            seen = (await house.engine.observe([held.id])).observed[held.id]
            assert seen.handle is not None
            assert seen.handle["health"] == "Progressing"
            await asyncio.to_thread(cluster.ask, "PATCH", path, {"metadata": {"finalizers": None}}, kind="application/merge-patch+json")
            await house.engine.apply(step)
            assert (await house.engine.observe([held.id])).observed[held.id].state is None

    asyncio.run(run())


def test_a_cluster_that_nobody_named_is_unknown_not_empty(cluster: Cluster) -> None:
    async def run() -> None:
        async with running_engine(cluster) as house:
            elsewhere = config_map("default", "a")
            elsewhere = Resource(id=elsewhere.id._replace(destination="other"), state=elsewhere.state)
            live = await house.engine.observe([elsewhere.id])
            assert live.observed == {}
            assert elsewhere.id in live.unreachable
            with pytest.raises(Unavailable):
                await house.engine.apply(apply_of(elsewhere))
            step = apply_of(config_map("default", "a"))
            with pytest.raises(Rejected):
                await house.engine.apply(Step(operation="op", verb=StepVerb.SWITCH, change=step.change, resource=step.resource))

    asyncio.run(run())
