"""24 things that somebody does by hand in a row, in any order: all that Git says stands in the end, and nothing else was touched."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.docker_house import WELL_BEHAVED, DockerHouse, play

from holdfast.errors import EngineError
from holdfast.model.live import Status
from holdfast.model.resource import Resource
from holdfast.workload.container_spec import (
    AttachmentSpec,
    ContainerLimits,
    ContainerRestart,
    ContainerSpec,
    MountSpec,
    PortSpec,
)

pytestmark = [pytest.mark.real, pytest.mark.needs(*NEEDS)]
ACTS_IN_A_ROW = 24
ROUNDS = 20

Act = Callable[[DockerHouse, str], None]


def asked(verb: str, query: str = "", body: Any = None) -> Act:
    return lambda house, name: house.do(name, verb, query, body)


def removed(house: DockerHouse, name: str) -> None:
    house.dockerd.ask("DELETE", f"/containers/{house.namespace}-{name}?force=1")


def renamed(house: DockerHouse, name: str) -> None:
    house.do(name, "rename", f"?name={house.namespace}-{name}-away")


def swapped(house: DockerHouse, name: str) -> None:
    """Put another container under the name."""
    removed(house, name)
    body = {"Image": SMALL, "Cmd": ["sleep", "1000"], "Env": ["ODD=1"], "StopSignal": "SIGKILL"}
    made = house.dockerd.ask("POST", f"/containers/create?name={house.namespace}-{name}", body)
    house.dockerd.ask("POST", f"/containers/{made['Id']}/start")


def plugged(network: str, verb: str) -> Act:
    def act(house: DockerHouse, name: str) -> None:
        whole = network if network == "bridge" else f"{house.namespace}-{network}"
        house.dockerd.ask("POST", f"/networks/{whole}/{verb}", {"Container": f"{house.namespace}-{name}", "Force": True})

    return act


def unnetted(house: DockerHouse, name: str) -> None:
    """Take everything off a network, and the network away."""
    whole = f"{house.namespace}-back"
    for container in house.dockerd.ask("GET", f"/networks/{whole}")["Containers"]:
        house.dockerd.ask("POST", f"/networks/{whole}/disconnect", {"Container": container, "Force": True})
    house.dockerd.ask("DELETE", f"/networks/{whole}")


ACTS: dict[str, Act] = {
    "stop": asked("stop", "?t=1"),
    "kill": asked("kill"),
    "pause": asked("pause"),
    "unpause": asked("unpause"),
    "restart": asked("restart", "?t=1"),
    "memory": asked("update", body={"Memory": 40 << 20, "MemorySwap": 80 << 20}),
    "shares": asked("update", body={"CpuShares": 100}),
    "policy": asked("update", body={"RestartPolicy": {"Name": "no"}}),
    "rename": renamed,
    "remove": removed,
    "swap": swapped,
    "disconnect": plugged("back", "disconnect"),
    "connect": plugged("bridge", "connect"),
    "no network": unnetted,
}


@settings(max_examples=2, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
@given(
    acts=st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.sampled_from(["web", "db"])), min_size=ACTS_IN_A_ROW, max_size=ACTS_IN_A_ROW)
)
def test_whatever_is_done_by_hand_all_stands_in_the_end(
    dockerd: Dockerd, tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, str]]
) -> None:
    async def script(house: DockerHouse) -> None:
        bystander = dockerd.ask("POST", f"/containers/create?name={house.namespace}-bystander", {"Image": SMALL, "Cmd": ["sleep", "1000"]})
        dockerd.ask("POST", f"/containers/{bystander['Id']}/start")
        volume = dockerd.ask("POST", "/volumes/create", {"Name": f"{house.namespace}-theirs"})
        before = dockerd.ask("GET", f"/containers/{bystander['Id']}/json")

        base = {"image": SMALL, "command": WELL_BEHAVED, "restart": ContainerRestart(policy="unless-stopped")}
        back = house.network("back")
        resources: list[Resource] = [back, house.volume("data")]
        on = (AttachmentSpec(network="back"),)
        limits = ContainerLimits(memory=64 << 20)
        resources.append(house.container(ContainerSpec(**base, networks=on, limits=limits), "web"))  # type: ignore[arg-type]
        mounts = (MountSpec(type="volume", source="data", target="/data"),)
        ports = (PortSpec(target=80, published="18090", host_ip="127.0.0.1"),)
        resources.append(house.container(ContainerSpec(**base, networks=on, mounts=mounts, ports=ports), "db"))  # type: ignore[arg-type]
        for resource in resources:
            await house.roll(resource)
        data = dockerd.ask("GET", f"/volumes/{house.namespace}-data")["CreatedAt"]

        for number, (name, target) in enumerate(acts):
            with suppress(AssertionError):  # it may be paused, gone or stopped already
                ACTS[name](house, target)
            if number % 5 == 4:
                await converged(house, resources, rounds=1)
        await converged(house, resources, rounds=ROUNDS)

        for resource in resources:
            assert await house.state(resource) == resource.state
        assert {(await house.health(each)).status for each in resources if each.id.kind == "Container"} == {Status.HEALTHY}
        after = dockerd.ask("GET", f"/containers/{bystander['Id']}/json")
        assert (after["State"]["StartedAt"], after["HostConfig"]) == (before["State"]["StartedAt"], before["HostConfig"])
        assert dockerd.ask("GET", f"/volumes/{volume['Name']}")["Name"] == volume["Name"]
        assert dockerd.ask("GET", f"/volumes/{house.namespace}-data")["CreatedAt"] == data
        names = sorted(name for each in house.ours(running=False) for name in each["Names"])
        assert names == [f"/{house.namespace}-{name}" for name in ("bystander", "db", "web")]

    play(dockerd, tmp_path_factory.mktemp("storm"), script, limit_s=300.0)


async def converged(house: DockerHouse, resources: list[Resource], *, rounds: int) -> None:
    """Heal what differs, in the order of needs, as often as it takes and not more than so often."""
    for _ in range(rounds):
        off = [resource for resource in resources if await house.state(resource) != resource.state]
        if not off:
            return
        for resource in off:
            with suppress(EngineError):  # a need that is gone comes first in the next round
                await house.roll(resource)
