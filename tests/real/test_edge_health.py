"""Applications that fail behind a real nginx: they are left out and come back, and a breaker cuts them off, without one reload."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import pytest
from tests.real.nginx_house import DEADLINE_S, NginxHouse, play

from holdfast.edge.render_guard import PLAIN_PAGE
from holdfast.edge.route_spec import Backend, BreakerSpec, ErrorPageSpec, HealthSpec
from holdfast.edge.site import SitePartKind
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.kit.tasks import Tasks
from holdfast.model.live import Observation, Status
from holdfast.testing.contracts.nginx import site

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]

HOST = "a.example.com"
QUICK = HealthSpec(path="/ready", interval=0.2, timeout=0.5, passes=2, fails=2, expect=(200,))


class Moody:
    """An application on a port of its own that answers as it is told to; None: not at all."""

    def __init__(self) -> None:
        self.status: int | None = 200
        self.delay_s = 0.0
        self.looks = 0
        self.asked = 0
        self.port = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Moody]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /ready "):
                    self.looks += 1
                else:
                    self.asked += 1
                await asyncio.sleep(self.delay_s)
                if self.status is None:
                    break
                body = self.address.encode()
                words = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(words.encode() + body)
        writer.close()


class Crowd:
    """Asks again and again over kept connections; counts what it is answered with: status and who answered."""

    def __init__(self, house: NginxHouse, path: str = "/") -> None:
        self._house = house
        self._path = path
        self.seen: Counter[tuple[int, str]] = Counter()

    def taken(self) -> Counter[tuple[int, str]]:
        seen, self.seen = self.seen, Counter()
        return seen

    @asynccontextmanager
    async def asking(self, size: int = 8) -> AsyncIterator[Crowd]:
        async with Tasks() as tasks:
            for number in range(size):
                tasks.start(f"visitor {number}", self._ask())
            try:
                yield self
            finally:
                await tasks.stop()

    async def _ask(self) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._house.http)
            try:
                while True:
                    writer.write(f"GET {self._path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                    body = await reader.readexactly(int(length.partition(b":")[2]))
                    self.seen[int(head[9:12]), body.decode()[:40]] += 1
                    await asyncio.sleep(0.002)
            except (EOFError, OSError):
                continue  # nginx closes a connection after some requests, and at a reload
            finally:
                writer.close()


async def until_only(crowd: Crowd, answers: set[tuple[int, str]], span_s: float = 0.15) -> None:
    """Wait until nothing but these answers is seen for a moment."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            crowd.taken()
            await asyncio.sleep(span_s)
            if set(crowd.seen) == answers:
                return


async def until_unasked(application: Moody) -> None:
    """Wait until an application is asked for nothing, half a second long; what was on its way to it is let through."""
    async with asyncio.timeout(DEADLINE_S):
        asked = -1
        while application.asked != asked:
            asked = application.asked
            await asyncio.sleep(0.5)


def health(seen: Observation) -> tuple[Status, str]:
    found = SitePartKind().health(site("a"), seen, time.time())
    return found.status, found.message


def spec(*applications: Moody, **fields: object) -> SiteSpec:
    targets = tuple(each.address for each in applications)
    return SiteSpec(hosts=(HOST,), certificate="none", targets=targets, **fields)  # type: ignore[arg-type]


def test_a_target_that_fails_is_left_out_and_comes_back_without_a_reload() -> None:
    async def story(house: NginxHouse) -> None:
        async with Moody().serving() as one, Moody().serving() as two, Moody().serving() as three:
            resource = site("a", spec(one, two, three, health=QUICK))
            await house.apply(resource)
            reloads, pid = len(house.events("edge.reloaded")), house.pid()
            async with Crowd(house).asking() as crowd:
                everybody = {(200, each.address) for each in (one, two, three)}
                await until_only(crowd, everybody)
                one.status = 503
                failed = await house.until_told("edge.target_failed")
                assert failed.data["message"] == "it answers 503"
                assert (failed.data["target"], failed.data["left_out"], failed.data["application"]) == (one.address, 1, "shop")
                await until_only(crowd, everybody - {(200, one.address)})
                assert health(await house.seen(resource.id)) == (
                    Status.DEGRADED,
                    f"1 of 3 targets failing, left out: {one.address}: it answers 503",
                )
                two.status = None
                await house.until_told("edge.target_failed", 2)
                await until_only(crowd, {(200, three.address)})
                three.status = 500
                last = await house.until_told("edge.target_failed", 3)
                assert last.data["left_out"] == 0, "where none passes, all are asked"
                one.status = two.status = three.status = 200
                await house.until_told("edge.target_returned", 3)
                await until_only(crowd, everybody)
            assert health(await house.seen(resource.id)) == (Status.HEALTHY, "")
            assert list((house.root / "flags").iterdir()) == []
            assert (len(house.events("edge.reloaded")), house.pid()) == (reloads, pid)

    play(story)


def test_nobody_who_is_left_out_is_asked_over_a_connection_that_was_kept() -> None:
    async def story(house: NginxHouse) -> None:
        async with Moody().serving() as slow, Moody().serving() as well:
            await house.apply(site("a", spec(slow, well, health=QUICK)))
            async with Crowd(house).asking() as crowd:
                await until_only(crowd, {(200, slow.address), (200, well.address)})
                slow.delay_s = 1.0  # it hangs, and its connections stay open
                await house.until_told("edge.target_failed")
                await until_only(crowd, {(200, well.address)})
                await until_unasked(slow)
                assert slow.looks > 2, "it is still looked at"

    play(story)


def test_a_new_daemon_knows_who_was_left_out() -> None:
    async def story(house: NginxHouse) -> None:
        async with Moody().serving() as one, Moody().serving() as two:
            resource = site("a", spec(one, two, health=QUICK))
            await house.apply(resource)
            one.status = 500
            await house.until_told("edge.target_failed")
            reloads = len(house.events("edge.reloaded"))
            async with house.restarted():
                assert health(await house.seen(resource.id))[0] is Status.DEGRADED
                one.status = 200
                await house.until_told("edge.target_returned")
                assert health(await house.seen(resource.id)) == (Status.HEALTHY, "")
                assert len(house.events("edge.reloaded")) == reloads

    play(story)


def test_of_many_targets_two_that_fail_cost_a_reload() -> None:
    async def story(house: NginxHouse) -> None:
        moody = [Moody() for _ in range(6)]
        async with moody[0].serving(), moody[1].serving(), moody[2].serving(), moody[3].serving(), moody[4].serving(), moody[5].serving():
            await house.apply(site("a", spec(*moody, health=QUICK)))
            reloads = len(house.events("edge.reloaded"))
            async with Crowd(house).asking() as crowd:
                moody[0].status = 503
                await house.until_told("edge.target_failed")
                await until_only(crowd, {(200, each.address) for each in moody[1:]})
                assert len(house.events("edge.reloaded")) == reloads
                moody[1].status = 503
                await house.until_told("edge.reloaded", reloads + 1)
                await until_only(crowd, {(200, each.address) for each in moody[2:]})
                moody[0].status = moody[1].status = 200
                await house.until_told("edge.target_returned", 2)
                await until_only(crowd, {(200, each.address) for each in moody})

    play(story)


@pytest.mark.parametrize("has_page", [False, True])
def test_a_breaker_cuts_off_an_application_that_fails_and_tries_it_again(has_page: bool) -> None:
    pages = (ErrorPageSpec(statuses=(500, 502), page="<h1>sorry</h1>"),) if has_page else None

    async def story(house: NginxHouse) -> None:
        async with Moody().serving() as app, Moody().serving() as spare:
            breaker = BreakerSpec(error_ratio=0.5, min_requests=20, open=1.0, fallback=Backend(targets=(spare.address,)))
            resource = site("a", spec(app, breaker=breaker, error_pages=pages))
            await house.apply(resource)
            reloads = len(house.events("edge.reloaded"))
            async with Crowd(house).asking() as crowd:
                await until_only(crowd, {(200, app.address)})
                app.status = None  # it ends connections without an answer
                opened = await house.until_told("edge.breaker_opened")
                assert "answers failed" in str(opened.data["message"])
                await until_only(crowd, {(200, spare.address)})
                asked = app.asked
                crowd.taken()
                state, message = health(await house.seen(resource.id))
                assert (state, message.partition(":")[0]) == (Status.DEGRADED, "the breaker is open")
                await house.until_told("edge.breaker_half_opened")
                await house.until_told("edge.breaker_opened", 2)
                assert 5 * (app.asked - asked) < crowd.taken().total(), "a tenth is let through, until it is known to fail"
                app.status = 200
                await house.until_told("edge.breaker_closed")
                await until_only(crowd, {(200, app.address)})
            assert health(await house.seen(resource.id)) == (Status.HEALTHY, "")
            assert len(house.events("edge.reloaded")) == reloads

    play(story)


def test_an_application_that_is_slow_is_cut_off_too_and_one_path_does_not_speak_for_another() -> None:
    async def story(house: NginxHouse) -> None:
        async with Moody().serving() as app, Moody().serving() as other:
            breaker = BreakerSpec(latency_p99=0.2, min_requests=10, open=30.0)
            paths = (PathSpec(path="/other", targets=(other.address,), breaker=BreakerSpec(open=1.0)),)
            await house.apply(site("a", spec(app, breaker=breaker, paths=paths)))
            async with Crowd(house).asking() as crowd, Crowd(house, "/other").asking() as others:
                await until_only(crowd, {(200, app.address)})
                app.delay_s = 0.4
                opened = await house.until_told("edge.breaker_opened")
                assert "took longer than 0.2 s" in str(opened.data["message"])
                await until_only(crowd, {(503, PLAIN_PAGE[:40])}, span_s=0.5)
                others.taken()
                await asyncio.sleep(0.1)
                assert set(others.seen) == {(200, other.address)}

    play(story)


def test_nothing_is_left_open_by_a_daemon_that_ends_in_order() -> None:
    async def story(house: NginxHouse) -> None:
        async with Moody().serving() as app:
            await house.apply(site("a", spec(app, breaker=BreakerSpec(min_requests=5, open=60.0))))
            app.status = 500
            async with Crowd(house).asking():
                await house.until_told("edge.breaker_opened")
            assert len(list((house.root / "flags").iterdir())) == 2
            await house.leave()
            assert list((house.root / "flags").iterdir()) == []

    play(story)
