"""The Kubernetes engine against a real API server: the contract of every engine, and what only a cluster does."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from tests.engines.cluster_world import config_map, resource_of
from tests.real.cluster import Cluster
from tests.real.kubernetes_house import DESTINATION, Running, running_engine

from holdfast.errors import Rejected, Unavailable
from holdfast.host.clock import RealClock
from holdfast.kit.canonical import Json
from holdfast.model.live import Live
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.model.state import State

pytestmark = pytest.mark.real
WAIT_S = 20.0
LOOK_AGAIN_S = 0.02
T = TypeVar("T")


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    name = f"t-{abs(hash(request.node.name)) % 10**9}"
    status, _ = cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    assert status == 201
    return name


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
            assert await house.engine.watches.verify() == {}

    asyncio.run(run())


def test_a_hole_in_the_cache_is_found_and_mended(cluster: Cluster, namespace: str) -> None:
    there = config_map(namespace, "there", a="1")
    key = (namespace, "there")

    async def run() -> None:
        async with running_engine(cluster) as house:
            await house.engine.apply(apply_of(there))
            await house.engine.observe([there.id])
            assert await house.engine.watches.verify() == {}  # the watch has told of it by now
            cache = house.engine.watches._caches[DESTINATION, "ConfigMap"]
            del cache._seen[key]  # as if an event had been lost
            assert await house.engine.watches.verify() == {"ConfigMap": (key,)}
            await until(lambda: house.engine.observe([there.id]), lambda live: live.observed[there.id].state == there.state)
            assert cache.lists == 2
            assert await house.engine.watches.verify() == {}

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
