"""A database in a container, closed and proven so on a real Docker Engine: a real Redis on a network that was made internal."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.house import House, house
from tests.real.test_docker_up import APPLICATION, it_is_gone

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "redis-server", *NEEDS)]

DB, REDIS = "Container/shop/db", "holdfast-test/redis:7"
CLOSED, OPENED = "port 6379 is closed to other networks", "port 6379 is open to Container/shop/web"
COMPOSE = """\
services:
  web:
    image: {small}
    command: ["sh", "-c", "echo {turn}; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    networks: [front, back]
    depends_on: [db]
  front:
    image: {small}
    command: [sleep, "100000"]
    stop_signal: SIGKILL
    networks: [front]
  db:
    image: {redis}
    networks: [back]
    {more}
networks: {{ front: {{}}, back: {{}} }}
"""


@pytest.fixture(scope="module")
def redis() -> dict[str, str]:
    """The files of a Redis: the program of this host with the libraries that it is linked to."""
    program = subprocess.run(("sh", "-c", "command -v redis-server"), capture_output=True, text=True, check=True).stdout.strip()
    linked = subprocess.run(("ldd", program), capture_output=True, text=True, check=True).stdout
    return {path: path for path in (program, *re.findall(r"(/\S+) \(0x", linked))}


@pytest.fixture
def shop(dockerd: Dockerd, redis: dict[str, str]) -> Iterator[House]:
    program = next(iter(redis))
    dockerd.image(REDIS, redis, [f'CMD ["{program}","--bind","0.0.0.0","--protected-mode","no","--save",""]'])
    try:
        with house() as it:
            it.file.write_text(APPLICATION.format(repository=it.repository, server=dockerd.address, annotations="{}"))
            yield it
    finally:
        it_is_gone(dockerd, "shop")


def commit(shop: House, turn: int, more: str = "") -> str:
    return shop.commit(f"turn {turn}", compose_yaml=COMPOSE.format(small=SMALL, redis=REDIS, turn=turn, more=more))


def proofs(it: dict[str, Any]) -> dict[str, str]:
    return next(({proof["claim"]: proof["verdict"] for proof in each["proofs"]} for each in it["resources"] if each["id"] == DB), {})


def evidence(it: dict[str, Any], claim: str) -> str:
    found = [proof["evidence"] for each in it["resources"] if each["id"] == DB for proof in each["proofs"] if proof["claim"] == claim]
    return str(found[0]) if found else ""


def conditions(it: dict[str, Any], type: str) -> list[str]:
    return [condition["message"] for condition in it["conditions"] if condition["type"] == type]


def test_a_database_on_an_internal_network_is_proven_closed_until_a_stranger_joins(shop: House, dockerd: Dockerd) -> None:
    first = commit(shop, 1)
    shop.up()
    shop.well(first)
    it = shop.reach("proofs", lambda it: proofs(it).get(CLOSED) == proofs(it).get(OPENED) == "proven")
    assert dockerd.ask("GET", "/networks/shop_back")["Internal"] is True, "nobody needs it as a way out"
    assert dockerd.ask("GET", "/networks/shop_front")["Internal"] is False
    assert any("network back is made internal" in words for words in conditions(it, "Warning"))
    address = dockerd.ask("GET", "/containers/shop-db-1/json")["NetworkSettings"]["Networks"]["shop_back"]["IPAddress"]
    front = dockerd.ask("GET", "/containers/shop-front-1/json")["State"]["Pid"]
    dropped = re.compile(rf"the network of pid {front} \(.*?\) at {re.escape(address)}:6379: silent")
    it = shop.reach("a look from a network that Docker drops packets of", lambda it: bool(dropped.search(evidence(it, CLOSED))))
    assert evidence(it, OPENED) == f"Container/shop/web at {address}:6379"

    # Somebody runs a container of theirs on the private network.
    body = {"Image": SMALL, "Cmd": ["sleep", "1000"], "HostConfig": {"NetworkMode": "shop_back"}}
    stranger = dockerd.ask("POST", "/containers/create?name=stranger", body)["Id"]
    dockerd.ask("POST", f"/containers/{stranger}/start")
    pid = dockerd.ask("GET", f"/containers/{stranger}/json")["State"]["Pid"]
    commit(shop, 2)
    it = shop.reach("the refuted claim", lambda it: proofs(it).get(CLOSED) == "refuted")
    assert it["health"] == "Degraded"
    assert f"the network of pid {pid} (sleep) at {address}:6379" in conditions(it, "Exposed")[0]
    dockerd.ask("DELETE", f"/containers/{stranger}?force=1")
    it = shop.reach("the proof again", lambda it: proofs(it).get(CLOSED) == "proven" and it["health"] == "Healthy")
    assert conditions(it, "Exposed") == []


def test_a_database_that_is_to_be_published_is_refused_and_what_stands_stays(shop: House, dockerd: Dockerd) -> None:
    first = commit(shop, 1)
    shop.up()
    shop.well(first)
    before = dockerd.ask("GET", "/containers/shop-db-1/json")["Id"]
    commit(shop, 2, 'ports: ["6379:6379"]')
    it = shop.reach("the refusal", lambda it: bool(conditions(it, "RenderError")))
    assert "the database redis is published" in conditions(it, "RenderError")[0]
    found = dockerd.ask("GET", "/containers/shop-db-1/json")
    assert (found["Id"], found["NetworkSettings"]["Ports"]) == (before, {})
