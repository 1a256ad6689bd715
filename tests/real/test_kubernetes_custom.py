"""Health by a user's Lua on a real API server: the script's verdict, what a failing one makes of an object, what is not run twice."""

from __future__ import annotations

import asyncio

import pytest
from tests.real.cluster import Cluster
from tests.real.kubernetes_house import DESTINATION, running_engine

from holdfast.engines.kubernetes.custom import CustomHealth
from holdfast.host.lua import Lua
from holdfast.kit.canonical import Json
from holdfast.kubernetes.customization import Customizations, read_customizations
from holdfast.kubernetes.normal import normalize
from holdfast.kubernetes.object_id import object_id
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Change, Reason, Verb
from holdfast.model.resource import Resource
from holdfast.model.state import State

pytestmark = pytest.mark.real
SCRIPT = """
if obj.data.phase == "loop" then while true do end end
if obj.data.phase == "broken" then return nothing.there end
if obj.data.phase == "silent" then return nil end
return {status = obj.data.phase, message = obj.metadata.name .. " says so"}
"""


def step(name: str, phase: str) -> Step:
    manifest: dict[str, Json] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"},
        "data": {"phase": phase},
    }
    resource = Resource(id=object_id(DESTINATION, "ConfigMap", "default", name), state=State.of(normalize(manifest)))
    change = Change(id=resource.id, verb=Verb.UPDATE, reason=Reason.DECLARED, before=None, after=resource.state)
    return Step(operation="op", verb=StepVerb.APPLY, change=change, resource=resource)


def test_the_users_script_is_the_health_of_its_kind(cluster: Cluster) -> None:
    said = [read_customizations("cm", {"resource.customizations.health.ConfigMap": SCRIPT})]
    phases = {"well": "Healthy", "odd": "Fine", "broken": "broken", "loop": "loop", "silent": "silent"}

    async def run() -> dict[str, tuple[Json, Json]]:
        async with running_engine(cluster, custom=CustomHealth(lambda: said[-1], Lua())) as house:
            steps = [step(name, phase) for name, phase in phases.items()]
            for each in steps:
                await house.engine.apply(each)
            live = await house.engine.observe([each.id for each in steps])
            handles = {id.name: seen.handle or {} for id, seen in live.observed.items()}
            said.append(Customizations())
            (left,) = (await house.engine.observe([steps[0].id])).observed.values()
            assert "health" not in (left.handle or {}), "a kind without a script has no verdict of one"
            return {name: (handle.get("health"), handle.get("message")) for name, handle in handles.items()}

    found = asyncio.run(run())
    assert found["well"] == ("Healthy", "well says so")
    assert found["silent"] == (None, None)
    assert {found[name][0] for name in ("odd", "broken", "loop")} == {"Unknown"}
    assert "attempt to index" in str(found["broken"][1])
    assert "processor time" in str(found["loop"][1])
    assert "answered no status" in str(found["odd"][1])


def test_a_script_is_run_once_for_one_version_of_an_object() -> None:
    runs: list[str] = []

    class Counting(Lua):
        async def run(self, script: str, name: str, names: object) -> Json:
            runs.append(name)
            return {"status": "Healthy"}

    scripts = {"ConfigMap": SCRIPT, "Secret": "return {status = os.time() > 5 and 'Degraded' or 'Healthy'}"}
    said = read_customizations("cm", {f"resource.customizations.health.{kind}": script for kind, script in scripts.items()})
    custom = CustomHealth(lambda: said, Counting())

    def live(version: str, kind: str = "ConfigMap") -> dict[str, Json]:
        return {"apiVersion": "v1", "kind": kind, "metadata": {"uid": "1", "resourceVersion": version}, "data": {}}

    async def run() -> None:
        for version in ("1", "1", "2", "2"):
            await custom.judge(live(version))
        for _ in range(3):
            await custom.judge(live("1", "Secret"))

    asyncio.run(run())
    assert runs == ["the health check of ConfigMap"] * 2 + ["the health check of Secret"] * 3, "one that asks the time is run at each look"
