"""The example of the article for real: web and PostgreSQL on an internal network, TLS in front; deploys and kills under visitors."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from functools import partial

import pytest
from tests.engines.docker_stage import NEEDS, Dockerd
from tests.real.docker_shop import Shop, shop
from tests.real.test_edge_up import Visitors

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "nginx", *NEEDS)]
DEPLOYS, KILLS = 3, 4


@pytest.fixture
def it(dockerd: Dockerd) -> Iterator[Shop]:
    with shop(dockerd) as found:
        yield found


def test_nobody_is_lost_by_deploys_and_kills_and_the_database_keeps_what_it_has(it: Shop, dockerd: Dockerd) -> None:
    it.house.well_at(it.version("1"))
    first = it.ask()
    assert first["version"] == "1"
    for each in dockerd.ask("GET", "/containers/json"):
        assert not any(port.get("PublicPort") for port in each["Ports"]), "nothing is published"
    with socket.socket() as stranger:
        stranger.settimeout(1.0)
        assert stranger.connect_ex(("127.0.0.1", 5432)) != 0
    assert dockerd.ask("GET", "/networks/shop_app_net")["Internal"] is True

    with Visitors(it) as visitors:
        for number in range(DEPLOYS):
            it.house.well(it.version(f"{number + 2}"))
        for number in range(KILLS):
            container, pid = it.kill("web", number)
            it.house.until("the container is back", partial(it.is_back, container, pid))
        it.house.well()
    assert visitors.failures == []
    assert visitors.answers > 100
    last = it.ask()
    assert last["version"] == str(DEPLOYS + 1)
    assert int(last["opened"]) >= int(first["opened"]) + 2 * DEPLOYS


def test_the_database_is_started_again_with_what_it_had_and_a_changed_variable_is_put_back(it: Shop, dockerd: Dockerd) -> None:
    it.house.well_at(it.version("1"))
    opened = int(it.ask()["opened"])
    after = it.house.newest()
    dockerd.ask("DELETE", "/containers/shop-db-1?force=1")
    it.house.happened("resource.healed", "Container/shop/db", after)
    it.house.well()
    assert int(it.ask()["opened"]) >= opened

    found = dockerd.ask("GET", "/containers/shop-web-1/json")
    env = [line.replace("VERSION=1", "VERSION=0") for line in found["Config"]["Env"]]
    dockerd.ask("DELETE", "/containers/shop-web-1?force=1")
    body = {**{key: found["Config"][key] for key in ("Image", "Labels", "Cmd")}, "Env": env, "HostConfig": found["HostConfig"]}
    after = it.house.newest()
    made = dockerd.ask("POST", "/containers/create?name=shop-web-1", body)
    dockerd.ask("POST", f"/containers/{made['Id']}/start")
    it.house.happened("resource.healed", "Container/shop/web.0", after)
    it.house.well()
    assert "VERSION=1" in dockerd.ask("GET", "/containers/shop-web-1/json")["Config"]["Env"]
