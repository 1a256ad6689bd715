"""dockerd is started anew under load: nothing is pruned or made twice, and all stands again; also where containers went on."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.docker_stage import NEEDS, SMALL, Dockerd
from tests.real.house import House, house
from tests.real.test_docker_up import APPLICATION, COMPOSE, it_is_gone, said

pytestmark = [pytest.mark.real, pytest.mark.needs("git", *NEEDS)]
MORE = """\
  worker:
    image: {image}
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    networks: [back]
    stop_grace_period: 1s
"""
"""Without a restart policy: only we start it again."""


@pytest.fixture(params=[(), ("--live-restore",)], ids=["containers end with it", "containers go on"])
def dockerd_of_its_own(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Dockerd]:
    found = Dockerd(flags=request.param)
    try:
        with found.inside():
            found.start()
            found.busybox()
            yield found
    finally:
        found.remove()


@pytest.fixture
def shop(dockerd_of_its_own: Dockerd) -> Iterator[House]:
    with house() as it:
        it.file.write_text(APPLICATION.format(repository=it.repository, server=dockerd_of_its_own.address, annotations="{}"))
        yield it
    it_is_gone(dockerd_of_its_own, "shop")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_restart_of_dockerd_loses_and_doubles_nothing(shop: House, dockerd_of_its_own: Dockerd, number: signal.Signals) -> None:
    dockerd = dockerd_of_its_own
    text = COMPOSE.format(image=SMALL, version="one")
    text = text.replace("networks:\n  back:", MORE.format(image=SMALL) + "networks:\n  back:")
    first = shop.commit("first", compose_yaml=text)
    shop.up()
    shop.well(first)
    before = {each["Id"] for each in dockerd.ask("GET", "/containers/json?all=1")}
    data = dockerd.ask("GET", "/volumes/shop_data")["CreatedAt"]
    for _ in range(2):
        dockerd.stop(number)
        shop.reach("it is known that nothing is known", lambda it: it["health"] == "Unknown" or it["sync"] == "Unknown")
        dockerd.start()
        shop.well(first)
    assert said(dockerd) == "one"
    after = dockerd.ask("GET", "/containers/json?all=1")
    assert len(after) == 3
    assert all(each["State"] == "running" for each in after)
    assert {each["Id"] for each in after} == before, "nothing was made anew"
    assert dockerd.ask("GET", "/volumes/shop_data")["CreatedAt"] == data
    pruned = [event for event in shop.client.get("/v1/events")["data"]["events"] if event["type"] == "resource.pruned"]
    assert pruned == []
