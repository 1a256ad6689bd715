"""The docker engine on a real dockerd: what somebody does by hand is seen by its class and mended, and nothing else is touched."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.docker_house import WELL_BEHAVED, DockerHouse, play, with_env

from holdfast.errors import Conflict, EngineError, Rejected
from holdfast.model.live import Status
from holdfast.model.operation import StepVerb
from holdfast.model.resource import Resource
from holdfast.workload.container_spec import (
    AttachmentSpec,
    ContainerLimits,
    ContainerRestart,
    ContainerSpec,
    ContainerStop,
    HealthcheckSpec,
    MountSpec,
    NetworkSpec,
    PortSpec,
    UpdateSpec,
)

pytestmark = [pytest.mark.real, pytest.mark.needs(*NEEDS)]

SPEC = ContainerSpec(
    image=SMALL,
    command=WELL_BEHAVED,
    env={"WORD": "first"},
    networks=(AttachmentSpec(network="front"), AttachmentSpec(network="back", aliases=("store",))),
    mounts=(MountSpec(type="volume", source="data", target="/data"), MountSpec(type="tmpfs", target="/scratch", size=1 << 20)),
    limits=ContainerLimits(memory=64 << 20, pids=50),
    restart=ContainerRestart(policy="unless-stopped"),
    labels={"team": "shop"},
    update=UpdateSpec(order="start-first"),
)


async def shop(house: DockerHouse, spec: ContainerSpec = SPEC) -> Resource:
    """Bring up two networks, a volume and a container on them."""
    for part in (house.network("front"), house.network("back", NetworkSpec(internal=True)), house.volume("data")):
        assert await house.roll(part) == (StepVerb.APPLY,)
        assert await house.state(part) == part.state
    web = house.container(spec)
    await house.roll(web)
    assert await house.state(web) == web.state
    return web


@dataclass(frozen=True)
class Act:
    """What somebody does by hand, the class that it is seen as, and whether it is mended without a new container."""

    do: Callable[[DockerHouse], None]
    seen_as: str
    in_place: bool


def _by_hand(house: DockerHouse, **other: Any) -> None:
    """Make the container anew, under its name, with something else in it."""
    found = house.named("web")
    config = {key: found["Config"].get(key) for key in ("Image", "Cmd", "Env", "Labels", "ExposedPorts")}
    house.dockerd.ask("DELETE", f"/containers/{found['Id']}?force=1")
    host = {**found["HostConfig"], **other.pop("HostConfig", {})}
    names = list(found["NetworkSettings"]["Networks"])
    body = {**config, "HostConfig": host, **other}
    made = house.dockerd.ask("POST", f"/containers/create?name={house.namespace}-web", body)
    for name in names:
        if name != host["NetworkMode"]:
            house.dockerd.ask("POST", f"/networks/{name}/connect", {"Container": made["Id"]})
    house.dockerd.ask("POST", f"/containers/{made['Id']}/start")


def _disconnect(house: DockerHouse) -> None:
    house.dockerd.ask("POST", f"/networks/{house.namespace}-back/disconnect", {"Container": f"{house.namespace}-web"})


def _connect(house: DockerHouse) -> None:
    house.dockerd.ask("POST", "/networks/bridge/connect", {"Container": f"{house.namespace}-web"})


def _remove(house: DockerHouse) -> None:
    house.dockerd.ask("DELETE", f"/containers/{house.namespace}-web?force=1")


ACTS = {
    "update memory": Act(lambda it: it.do("web", "update", body={"Memory": 32 << 20, "MemorySwap": 64 << 20}), "attribute", True),
    "update restart": Act(lambda it: it.do("web", "update", body={"RestartPolicy": {"Name": "no"}}), "attribute", True),
    "update pids": Act(lambda it: it.do("web", "update", body={"PidsLimit": 9}), "attribute", True),
    "limit what Git does not": Act(lambda it: it.do("web", "update", body={"CpuShares": 5}), "attribute", False),
    "stop": Act(lambda it: it.do("web", "stop", "?t=1"), "stopped", True),
    "kill": Act(lambda it: it.do("web", "kill"), "stopped", True),
    "pause": Act(lambda it: it.do("web", "pause"), "paused", True),
    "rename": Act(lambda it: it.do("web", "rename", f"?name={it.namespace}-other"), "renamed", True),
    "disconnect": Act(_disconnect, "network", True),
    "connect elsewhere": Act(_connect, "network", True),
    "remove": Act(_remove, "missing", False),
    "another variable": Act(lambda it: _by_hand(it, Env=["WORD=second"]), "attribute", False),
    "another label": Act(lambda it: _by_hand(it, Labels={"team": "other"}), "attribute", False),
    "another mount": Act(lambda it: _by_hand(it, HostConfig={"Mounts": []}), "mount", False),
    "read-only": Act(lambda it: _by_hand(it, HostConfig={"ReadonlyRootfs": True}), "attribute", False),
}


@pytest.mark.parametrize("name", ACTS)
def test_what_is_done_by_hand_is_seen_and_mended(dockerd: Dockerd, tmp_path: Path, name: str) -> None:
    act = ACTS[name]

    async def script(house: DockerHouse) -> None:
        web = await shop(house)
        before = house.named("web")["Id"]
        act.do(house)

        async def drifted() -> bool:
            return (await house.state(web)) != web.state

        await house.until(drifted)
        assert act.seen_as in await house.drift(web)
        verbs = await house.roll(web)
        assert await house.state(web) == web.state
        assert (await house.health(web)).status is Status.HEALTHY
        assert len(house.ours(running=False)) == 1
        assert (house.named("web")["Id"] == before) is act.in_place
        assert (verbs == (StepVerb.APPLY,)) is act.in_place

    play(dockerd, tmp_path, script)


def test_another_image_of_the_same_name_is_seen_only_where_it_is_used(dockerd: Dockerd, tmp_path: Path) -> None:
    """A tag that moves changes nothing; a heal brings up what was pinned, and not what the tag means by then."""

    async def script(house: DockerHouse) -> None:
        tag = f"{house.namespace}/web:1"
        dockerd.busybox(tag)
        web = house.container(ContainerSpec(image=tag, command=WELL_BEHAVED))
        await house.roll(web)
        image = house.named("web")["Image"]
        dockerd.busybox(tag, ('CMD ["sleep","5"]', "LABEL other=1"))
        assert await house.state(web) == web.state
        _remove(house)
        await house.roll(web)
        assert house.named("web")["Image"] == image
        found = house.named("web")
        dockerd.ask("DELETE", f"/containers/{found['Id']}?force=1")
        body = {"Image": tag, "Cmd": list(WELL_BEHAVED)}
        made = dockerd.ask("POST", f"/containers/create?name={house.namespace}-web", body)
        dockerd.ask("POST", f"/containers/{made['Id']}/start")
        assert "image" in await house.drift(web)
        await house.roll(web)
        assert await house.state(web) == web.state
        assert house.named("web")["Image"] == image

    play(dockerd, tmp_path, script)


def test_an_unhealthy_container_is_replaced(dockerd: Dockerd, tmp_path: Path) -> None:
    check = HealthcheckSpec(test=("CMD", "test", "!", "-e", "/tmp/sick"), interval=0.3, timeout=1.0, retries=1, start_period=0.0)

    async def script(house: DockerHouse) -> None:
        web = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED, healthcheck=check))
        await house.roll(web)
        before = house.named("web")["Id"]
        run = dockerd.ask("POST", f"/containers/{before}/exec", {"Cmd": ["touch", "/tmp/sick"]})
        dockerd.ask("POST", f"/exec/{run['Id']}/start", {"Detach": True})

        async def sick() -> bool:
            return (await house.state(web)) != web.state

        await house.until(sick)
        assert await house.drift(web) == ["health"]
        assert (await house.health(web)).status is Status.DEGRADED
        await house.roll(web)
        assert house.named("web")["Id"] != before
        assert (await house.health(web)).status is Status.HEALTHY

    play(dockerd, tmp_path, script)


def test_a_newcomer_that_fails_leaves_what_serves_and_is_kept_for_inspection(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        web = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED))
        await house.roll(web)
        before = house.named("web")["Id"]
        bad = house.container(ContainerSpec(image=SMALL, command=("sh", "-c", "echo no luck; exit 7")))
        ahead = house.steps(web.state, bad)
        await house.engine.apply(ahead[0])
        with pytest.raises(Rejected, match="exit code 7") as failed:
            await house.engine.apply(ahead[1])
        assert failed.value.is_dead
        assert failed.value.log == ("no luck",)
        await house.engine.apply(replace(ahead[1], verb=StepVerb.DISCARD))
        assert house.named("web")["Id"] == before
        assert await house.state(web) == web.state
        kept = [each for each in house.ours(running=False) if each["Id"] != before]
        assert [each["State"] for each in kept] == ["exited"]
        house.known[web.id] = web
        await house.roll(house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED, env={"A": "1"})))
        assert len(house.ours(running=False)) == 1

    play(dockerd, tmp_path, script)


def test_a_stop_first_newcomer_that_fails_gives_the_place_back(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        spec = ContainerSpec(image=SMALL, command=WELL_BEHAVED, ports=(PortSpec(target=80, published="18080", host_ip="127.0.0.1"),))
        web = house.container(spec)
        await house.roll(web)
        before = house.named("web")["Id"]
        bad = house.container(replace(spec, command=("false",)))
        ahead = house.steps(web.state, bad)
        assert [step.verb for step in ahead] == [StepVerb.STOP, StepVerb.START, StepVerb.GATE, StepVerb.SWITCH]
        for step in ahead[:2]:
            await house.engine.apply(step)
        with pytest.raises(Rejected):
            await house.engine.apply(ahead[2])
        await house.engine.apply(replace(ahead[2], verb=StepVerb.DISCARD))
        assert (house.named("web")["Id"], house.named("web")["State"]["Running"]) == (before, True)
        assert await house.state(web) == web.state

    play(dockerd, tmp_path, script)


def test_data_in_a_volume_without_a_name_is_handed_on(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        tag = dockerd.busybox(f"{house.namespace}/data:1", ('CMD ["sleep","1000"]', "VOLUME /data"))
        write = 'test -e /data/kept || echo once > /data/kept; trap "exit 0" TERM; while :; do sleep 0.1; done'
        db = house.container(ContainerSpec(image=tag, command=("sh", "-c", write)), "db")
        await house.roll(db)
        volume = house.named("db")["Mounts"][0]["Name"]
        await house.roll(house.container(ContainerSpec(image=tag, command=("sh", "-c", write), env={"A": "1"}), "db"))
        assert house.named("db")["Mounts"][0]["Name"] == volume
        assert any(each["Name"] == volume for each in dockerd.ask("GET", "/volumes")["Volumes"])
        assert await house.state(house.known[db.id]) == house.known[db.id].state

    play(dockerd, tmp_path, script)


def test_a_port_that_is_taken_is_told_with_its_holder(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        ports = (PortSpec(target=80, published="18081", host_ip="127.0.0.1"),)
        await house.roll(house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED, ports=ports), "first"))
        second = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED, ports=ports), "second")
        with pytest.raises(EngineError, match=f"container {house.namespace}-first has it") as taken:
            await house.roll(second)
        assert taken.value.code == "HF3208"
        with socket.socket() as held:
            held.bind(("127.0.0.1", 18082))
            held.listen()
            third = house.container(
                ContainerSpec(image=SMALL, command=WELL_BEHAVED, ports=(PortSpec(target=80, published="18082", host_ip="127.0.0.1"),)),
                "third",
            )
            with pytest.raises(EngineError, match=r"pid \d+ \(.*\) has it"):
                await house.roll(third)

    play(dockerd, tmp_path, script)


def test_what_is_used_is_not_removed_and_its_users_are_named(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        await shop(house)
        for kind, name in (("Volume", "data"), ("Network", "back")):
            with pytest.raises(Conflict, match=f"used by {house.namespace}-web") as used:
                await house.delete(house.known[house.id(kind, name)])
            assert used.value.code == "HF3209"
        await house.delete(house.known[house.id("Container", "web")])
        for kind, name in (("Network", "back"), ("Network", "front"), ("Volume", "data")):
            part = house.known[house.id(kind, name)]
            await house.delete(part)
            assert await house.state(part) is None

    play(dockerd, tmp_path, script)


def test_an_image_that_is_nowhere_changes_nothing(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        web = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED))
        await house.roll(web)
        for image, policy, code in (
            ("none/of:1", "never", "HF3206"),
            ("127.0.0.1:1/none/of:1", "missing", None),
            ("UPPER", "missing", "HF3206"),
        ):
            bad = house.container(ContainerSpec(image=image, command=WELL_BEHAVED, pull_policy=policy))
            ahead = house.steps(web.state, bad)
            with pytest.raises(EngineError) as failed:
                await house.engine.apply(ahead[0])
            if code is not None:
                assert failed.value.code == code
            await house.engine.apply(replace(ahead[0], verb=StepVerb.DISCARD))
            assert await house.state(web) == web.state
        house.known[web.id] = web
        assert len(house.ours(running=False)) == 1

    play(dockerd, tmp_path, script)


def test_nothing_of_somebody_else_is_touched(dockerd: Dockerd, tmp_path: Path) -> None:
    """Neither what has another name, nor what has our name before we are there, nor what another installation made."""

    async def script(house: DockerHouse) -> None:
        made = dockerd.ask("POST", f"/containers/create?name={house.namespace}-web", {"Image": SMALL, "Cmd": ["sleep", "1000"]})
        web = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED))
        seen = await house.see(web)
        assert seen.state not in (None, web.state)
        assert seen.owned is None
        for step in house.steps(None, web)[:2]:
            await house.engine.apply(step)
        assert house.named("web")["Id"] == made["Id"]
        assert house.named("web")["State"]["Status"] == "created"

    play(dockerd, tmp_path, script)


def test_a_container_that_is_as_declared_is_taken_over_without_a_restart(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        spec = ContainerSpec(image=SMALL, command=WELL_BEHAVED, env={"A": "1"}, stop=ContainerStop(timeout=3.0))
        body = {"Image": SMALL, "Cmd": list(WELL_BEHAVED), "Env": ["A=1"], "StopTimeout": 3}
        made = dockerd.ask("POST", f"/containers/create?name={house.namespace}-web", body)
        dockerd.ask("POST", f"/containers/{made['Id']}/start")
        web = house.container(spec)
        seen = await house.see(web)
        assert (seen.state, seen.owned) == (web.state, None)
        house.inventory[web.id] = web
        await house.see(web)
        await house.restart()
        house.do("web", "update", body={"CpuShares": 7})
        assert "attribute" in await house.drift(web)
        await house.roll(house.container(with_env(spec, A="2")))
        assert len(house.ours(running=False)) == 1
        assert "A=2" in house.named("web")["Config"]["Env"]

    play(dockerd, tmp_path, script)


def test_a_crash_loop_is_told_with_what_it_wrote(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        marker = "test -e /tmp/up || { touch /tmp/up; sleep 1.5; }; echo dying; exit 3"
        web = house.container(ContainerSpec(image=SMALL, command=("sh", "-c", marker), restart=ContainerRestart(policy="always")))
        await house.roll(web)
        told = (await house.until_told("container.crash_looping"))[0]
        assert told.data["restarts"] >= 3  # type: ignore[operator]
        assert "dying" in told.data["log"]  # type: ignore[operator]
        assert [event.data["exit_code"] for event in house.told if event.type == "container.exited"][:1] == [3]
        found = await house.health(web)
        assert found.status is Status.DEGRADED
        assert await house.state(web) == web.state

    play(dockerd, tmp_path, script)


def test_a_job_that_ended_well_is_complete_and_left_alone(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        job = house.container(ContainerSpec(image=SMALL, command=("true",)), "job")
        await house.roll(job)
        assert await house.state(job) == job.state
        assert (await house.health(job)).status is Status.HEALTHY

    play(dockerd, tmp_path, script)


def test_no_replicas_are_no_containers(dockerd: Dockerd, tmp_path: Path) -> None:
    async def script(house: DockerHouse) -> None:
        web = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED))
        await house.roll(web)
        none = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED, replicas=0))
        assert await house.roll(none) == (StepVerb.APPLY,)
        assert await house.state(none) == none.state
        assert house.ours(running=False) == []
        await house.restart()
        assert await house.state(none) == none.state

    play(dockerd, tmp_path, script)


def test_a_copy_of_ours_that_somebody_makes_while_we_heal_goes_and_a_strangers_stays(dockerd: Dockerd, tmp_path: Path) -> None:
    """Who makes a container anew from what inspect says copies our labels too."""

    async def script(house: DockerHouse) -> None:
        web = house.container(ContainerSpec(image=SMALL, command=WELL_BEHAVED))
        await house.roll(web)
        labels = house.named("web")["Config"]["Labels"]
        _remove(house)
        ahead = house.steps(None, web)
        for step in ahead[:2]:
            await house.engine.apply(step)
        copy = {"Image": SMALL, "Cmd": ["sleep", "1000"], "Labels": labels, "StopSignal": "SIGKILL"}
        dockerd.ask("POST", f"/containers/create?name={house.namespace}-web", copy)
        await house.engine.apply(ahead[2])
        assert await house.state(web) == web.state
        assert len(house.ours(running=False)) == 1
        house.do("web", "rename", f"?name={house.namespace}-away")
        stranger = dockerd.ask("POST", f"/containers/create?name={house.namespace}-web", {"Image": SMALL})
        with pytest.raises(Conflict) as taken:
            await house.roll(web)
        assert taken.value.code == "HF3211"
        assert house.named("web")["Id"] == stranger["Id"]

    play(dockerd, tmp_path, script)
