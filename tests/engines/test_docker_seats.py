"""Where a service of containers is asked: what Docker says while one waits to be started again takes nobody's seat away."""

from __future__ import annotations

from typing import Any

from holdfast.engines.docker.seats import Seats
from holdfast.model.ids import ResourceId

HOST = "unix:///var/run/docker.sock"
WEB = ResourceId(HOST, "Container", "shop", "web")
FIRST, SECOND = WEB._replace(name="web.0"), WEB._replace(name="web.1")


def inspected(ip: str, **state: bool) -> dict[str, Any]:
    return {
        "State": {"Running": True, **state},
        "Config": {"ExposedPorts": {"8080/tcp": {}}},
        "HostConfig": {"NetworkMode": "shop_net"},
        "NetworkSettings": {"Networks": {"shop_net": {"IPAddress": ip}}, "Ports": {}},
    }


def told() -> tuple[Seats, list[None]]:
    moves: list[None] = []
    return Seats(lambda: moves.append(None)), moves


def test_a_container_that_was_killed_keeps_its_seat_until_it_is_back() -> None:
    it, moves = told()
    it.seen(FIRST, WEB, inspected("10.0.0.3"))
    it.seen(SECOND, WEB, inspected("10.0.0.4"))
    assert it.of(str(WEB), ()) == ("10.0.0.3:8080", "10.0.0.4:8080")
    moves.clear()
    it.seen(FIRST, WEB, inspected("", Restarting=True))  # so Docker tells of one that waits: running, and nowhere
    it.seen(FIRST, WEB, inspected("", Running=False))
    it.seen(FIRST, WEB, inspected("10.0.0.3"))
    assert it.of(str(WEB), ()) == ("10.0.0.3:8080", "10.0.0.4:8080")
    assert moves == []


def test_one_that_comes_back_elsewhere_is_asked_there() -> None:
    it, moves = told()
    it.seen(FIRST, WEB, inspected("10.0.0.3"))
    it.seen(FIRST, WEB, inspected("10.0.0.9"))
    assert it.of(str(WEB), ()) == ("10.0.0.9:8080",)
    it.gone(FIRST)
    assert it.of(str(WEB), ()) == ()
    assert len(moves) == 3
