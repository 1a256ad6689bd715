"""Sites that turn requests away, on a real nginx: maintenance and pause by Git and by a person, without a reload and without a failure."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.real.edge_house import Application
from tests.real.nginx_house import NginxHouse, play
from tests.real.rolling import processes_of

from holdfast.edge.route_spec import MaintenanceSpec, PauseSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.engines.nginx.closing import Closed, How
from holdfast.testing.contracts.nginx import site

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]
HOST = "a.example.com"


@dataclass
class Asked:
    """One request of a client in a thread of its own."""

    port: int
    method: str = "GET"
    path: str = "/"
    body: bytes | None = None
    status: int = 0
    answer: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=30), server_hostname=HOST)
        connection.request(self.method, self.path, self.body, {"Host": HOST})
        answer = connection.getresponse()
        text = answer.read().decode()
        self.status, self.headers = answer.status, dict(answer.getheaders())
        self.answer = json.loads(text) if text.startswith("{") else text
        connection.close()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    async def over(self) -> Asked:
        await asyncio.to_thread(self._thread.join)
        return self


def part(house: NginxHouse) -> Any:
    return house.engine.parts()[site("a").id]


async def waiting(house: NginxHouse, count: int) -> None:
    async def so_many() -> bool:
        return len(house.nginx._gate._waiting) == count  # type: ignore[attr-defined]

    await house.until(so_many, f"{count} wait")


def test_requests_of_a_paused_site_wait_and_are_then_answered_as_they_were_asked() -> None:
    async def story(house: NginxHouse) -> None:
        with Application().serving() as application:
            await house.apply(site("a", SiteSpec(hosts=(HOST,), targets=(application.address,))))
            processes = processes_of(house.pid())
            await house.engine.close(part(house), Closed(how=How.PAUSE, by="ann"))
            asked = [Asked(house.https), Asked(house.https, "POST", "/a%20b?x=1&y=%2F", b"body")]
            await waiting(house, 2)
            assert application.asked == ["GET /"], "but for the look that proved it"
            altered = await Asked(house.https, path="/a%2Fb").over()
            assert (altered.status, altered.headers["Retry-After"]) == (503, "120")
            assert not any(each.is_over for each in asked)
            assert await house.engine.open(part(house), "ann")
            get, post = [await each.over() for each in asked]
            assert (get.status, get.answer[":method"], get.answer[":path"]) == (200, "GET", "/")
            assert (post.status, post.answer[":method"], post.answer[":path"]) == (200, "POST", "/a%20b?x=1&y=%2F")
            assert post.answer[":body"] == "body"
            assert processes_of(house.pid()) == processes
            assert [(event.data["how"], event.data["by"]) for event in house.events("edge.switched")] == [("pause", "ann"), ("open", "ann")]

    play(story)


def test_who_waits_too_long_gets_503_and_when_to_come_back() -> None:
    async def story(house: NginxHouse) -> None:
        with Application().serving() as application:
            spec = SiteSpec(hosts=(HOST,), targets=(application.address,), pause=PauseSpec(enabled=True, max=0.3))
            await house.apply(site("a", spec))
            late = await Asked(house.https).over()
            assert (late.status, late.headers["Retry-After"]) == (503, "120")
            seen = await house.seen(site("a").id)
            assert seen.handle is not None
            assert seen.handle["paused"] is True
            assert application.asked == [], "nobody visits a Site that is paused, not even we"

    play(story)


def test_maintenance_by_a_person_has_a_message_outlives_the_daemon_is_not_healed_away_and_ends_in_time() -> None:
    async def story(house: NginxHouse) -> None:
        with Application().serving() as application:
            await house.apply(site("a", SiteSpec(hosts=(HOST,), targets=(application.address,))))
            processes = processes_of(house.pid())
            until = house.engine._clock.now() + 4.0
            closed = Closed(how=How.MAINTENANCE, by="ann", until=until, message="Back at <noon>")
            await house.engine.close(part(house), closed)
            answer = await Asked(house.https).over()
            assert (answer.status, "Back at &lt;noon&gt;" in answer.answer) == (503, True)
            seen = await house.seen(site("a").id)
            assert seen.state is not None
            assert seen.state == site("a", SiteSpec(hosts=(HOST,), targets=(application.address,))).state
            async with house.restarted():
                assert (await Asked(house.https).over()).status == 503
                assert house.engine.closed(part(house)) == closed
                ended = await house.until_told("edge.switched", 2)
                assert (ended.data["how"], ended.data["by"]) == ("open", "its time")
                assert house.engine._clock.now() >= until
                assert (await Asked(house.https).over()).status == 200
            assert processes_of(house.pid()) == processes
            assert house.events("edge.drifted") == []

    play(story)


def test_a_flag_that_somebody_takes_away_is_seen_and_put_back() -> None:
    async def story(house: NginxHouse) -> None:
        wanted = site("a", SiteSpec(hosts=(HOST,), targets=("127.0.0.1:9",)))
        await house.apply(wanted)
        await house.engine.close(part(house), Closed(how=How.MAINTENANCE, by="ann"))
        (flag,) = [each for each in (house.root / "flags").iterdir() if each.name.endswith(".maintenance")]
        flag.unlink()
        await house.until_seen(wanted.id, lambda seen: seen.state != wanted.state, "it is seen")
        await house.apply(wanted)
        assert flag.exists()
        assert (await house.seen(wanted.id)).state == wanted.state

    play(story)


def test_what_git_says_holds_again_where_a_person_takes_back_what_he_said() -> None:
    async def story(house: NginxHouse) -> None:
        spec = SiteSpec(hosts=(HOST,), targets=("127.0.0.1:9",), maintenance=MaintenanceSpec(enabled=True, page="<p>ours"))
        await house.apply(site("a", spec))
        assert not await house.engine.open(part(house), "ann")
        await house.engine.close(part(house), Closed(how=How.MAINTENANCE, by="ann", message="soon"))
        assert "soon" in (await Asked(house.https).over()).answer
        assert await house.engine.open(part(house), "ann")
        assert (await Asked(house.https).over()).answer == "<p>ours"

    play(story)
