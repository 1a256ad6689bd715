"""The server over a real unix socket: documents, refusals, streams that resume, and who may ask."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.api.fake_service import FakeService

from holdfast.api.server import LARGEST_BODY, ApiServer, listen
from holdfast.api.service import LogLine, Service
from holdfast.api.wire import STATUS
from holdfast.core import events
from holdfast.errors import Busy, Refused, StoreError, Unavailable
from holdfast.model.event import Event

DEADLINE_S = 10.0


class World:
    """A served fake and a client of it."""

    def __init__(self, service: FakeService, server: ApiServer, client: aiohttp.ClientSession) -> None:
        self.service = service
        self.server = server
        self.client = client
        self.crashes: list[str] = []

    async def get(self, path: str, **headers: str) -> tuple[int, Any]:
        async with self.client.get(f"http://holdfast{path}", headers=headers) as answer:
            return answer.status, json.loads(await answer.read())

    async def post(self, path: str, body: Any = None, raw: bytes | None = None) -> tuple[int, list[Any]]:
        async with self.client.post(f"http://holdfast{path}", data=json.dumps(body) if raw is None else raw) as answer:
            return answer.status, [json.loads(line) for line in (await answer.read()).splitlines() if line.strip()]


@asynccontextmanager
async def world(path: Path, *, trusted: Callable[[int], bool] | None = None, heartbeat_s: float = 15.0) -> AsyncIterator[World]:
    service = FakeService()
    service.put(declared("shop"), declared("blog"))
    crashes: list[str] = []
    service_port: Service = service
    server = ApiServer(
        service_port,
        path,
        crashed=lambda where, error: crashes.append(f"{where}: {error!r}"),
        trusted=trusted or (lambda uid: uid == os.geteuid()),
        heartbeat_s=heartbeat_s,
    )
    await server.start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as client:
            it = World(service, server, client)
            it.crashes = crashes
            yield it
    finally:
        await server.stop()


def run(story: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE_S):
            await story

    asyncio.run(bounded())


def declared(name: str, at: float = 1.0) -> Event:
    return events.application_declared(at=at, application=name, repository="/r", path=".", target_revision="main")


def test_answers_are_envelopes(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            code, document = await it.get("/v1/status")
            assert (code, document["apiVersion"], document["kind"], document["warnings"]) == (200, "holdfast.dev/v1", "Status", [])
            assert [each["name"] for each in document["data"]["applications"]] == ["blog", "shop"]
            assert [each["name"] for each in (await it.get("/v1/status?application=shop"))[1]["data"]["applications"]] == ["shop"]
            assert (await it.get("/v1/status?at=0.5"))[1]["data"] == {"applications": []}
            assert (await it.get("/v1/version"))[1]["data"]["version"] == "9.9.9"
            assert (await it.get("/v1/history?application=shop"))[1]["data"]["events"][0]["type"] == "application.declared"
            assert (await it.get("/v1/tree"))[1]["kind"] == "Tree"
            assert (await it.get("/v1/doctor"))[1] == {
                "apiVersion": "holdfast.dev/v1",
                "kind": "Doctor",
                "data": {"checks": []},
                "warnings": [],
            }
            assert (await it.get("/v1/plan?application=shop&revision=v1"))[0] == 200
            assert it.service.asked == [("plan", "shop", "v1")]

    run(story())


def test_events_are_cut_and_filtered(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            it.service.put(declared("shop", at=5.0))
            assert [each["seq"] for each in (await it.get("/v1/events?after=1"))[1]["data"]["events"]] == [2, 3]
            assert [each["seq"] for each in (await it.get("/v1/events?since=2"))[1]["data"]["events"]] == [3]
            assert [each["seq"] for each in (await it.get("/v1/events?application=shop&limit=1"))[1]["data"]["events"]] == [1]

    run(story())


REFUSED = {
    "no route": ("/v1/nothing", 404, "HF7001"),
    "root": ("/", 404, "HF7001"),
    "another method": ("/v1/sync", 405, "HF7001"),
    "unknown Application": ("/v1/status?application=ship", 404, "HF7004"),
    "unknown field": ("/v1/status?applicaton=shop", 400, "HF7005"),
    "a field twice": ("/v1/status?application=a&application=b", 400, "HF7005"),
    "no number": ("/v1/events?after=-1", 400, "HF7005"),
    "no instant": ("/v1/status?at=nan", 400, "HF7005"),
    "missing field": ("/v1/plan", 400, "HF7005"),
    "control characters": ("/v1/status?application=a%1b%5b31m", 400, "HF7005"),
    "no list": ("/v1/plan?application=shop&resources=7", 400, "HF7005"),
    "no JSON": ("/v1/plan?application=shop&resources=[", 400, "HF7005"),
    "a list of no texts": ("/v1/plan?application=shop&resources=[7]", 400, "HF7005"),
    "text too long": (f"/v1/status?application={'a' * 2000}", 400, "HF7005"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_known_is_refused(case: str, socket_path: Path) -> None:
    path, status, code = REFUSED[case]

    async def story() -> None:
        async with world(socket_path) as it:
            answer = await it.get(path)
            assert (answer[0], answer[1]["kind"], answer[1]["data"]["code"]) == (status, "Error", code)
            assert it.crashes == []

    run(story())


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"[" * 5000, b'{"application":"shop","surplus":1}', b'{"application":1}', b""])
def test_bodies_are_read_strictly(raw: bytes, socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            status, lines = await it.post("/v1/sync", raw=raw)
            assert (status, lines[-1]["data"]["code"], it.service.asked, it.crashes) == (400, "HF7005", [], [])

    run(story())


def test_a_large_body_is_refused(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            status, lines = await it.post("/v1/sync", {"application": "a" * LARGEST_BODY})
            assert (status, lines[0]["data"]["code"], it.service.asked) == (413, "HF7006", [])

    run(story())


@pytest.mark.parametrize("kind", STATUS)
def test_every_class_of_error_has_its_status(kind: type, socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            it.service.fail["status"] = kind("HF0000", "cannot look: told so", hint="try")
            status, document = await it.get("/v1/status")
            assert (status, document["data"]["message"], document["data"]["hint"]) == (STATUS[kind], "cannot look: told so", "try")

    run(story())


def test_a_defect_is_told_without_its_text(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            it.service.fail["status"] = ValueError("the password is tulip")
            status, document = await it.get("/v1/status")
            assert (status, document["data"]["code"]) == (500, "HF9001")
            assert "tulip" not in json.dumps(document)
            assert it.crashes == ["/v1/status: ValueError('the password is tulip')"]
            assert (await it.get("/v1/version"))[0] == 200

    run(story())


def test_a_stranger_is_refused_whatever_is_asked(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path, trusted=lambda uid: uid != os.geteuid()) as it:
            for path in ("/v1/status", "/v1/nothing", "/v1/events?follow=1"):
                status, document = await it.get(path)
                assert (status, document["data"]["code"]) == (403, "HF7002")
            assert (await it.post("/v1/down", {"application": "shop"}))[0] == 403
            assert it.service.asked == []

    run(story())


def test_the_person_is_who_the_kernel_says(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            await it.post("/v1/suspend", {"application": "shop", "reason": "audit"})
            [(_, _, person, reason)] = it.service.asked
            assert (person.split()[0], reason) == (str(os.geteuid()), "audit")

    run(story())


def test_the_socket_is_private_and_goes_with_the_server(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path):
            assert stat.S_IMODE(os.stat(socket_path).st_mode) == 0o600
            assert stat.S_IMODE(os.stat(socket_path.parent).st_mode) == 0o711
            with pytest.raises(Busy, match="another daemon answers") as refused:
                listen(socket_path)
            assert refused.value.code == "HF7003"

    run(story())
    assert not socket_path.exists()


def test_what_a_dead_daemon_left_is_replaced(socket_path: Path) -> None:
    listen(socket_path).close()
    assert socket_path.exists()

    async def story() -> None:
        async with world(socket_path) as it:
            assert (await it.get("/v1/version"))[0] == 200

    run(story())


def test_a_run_folder_that_is_no_folder_is_refused(socket_path: Path) -> None:
    elsewhere = socket_path.parent.parent / "elsewhere"
    elsewhere.mkdir()
    socket_path.parent.symlink_to(elsewhere)
    with pytest.raises(Refused) as refused:
        listen(socket_path)
    assert (refused.value.code, list(elsewhere.iterdir())) == ("HF7008", [])


def test_a_folder_that_cannot_be_made_is_unavailable(socket_path: Path) -> None:
    (socket_path.parent).write_text("")
    with pytest.raises(Unavailable) as refused:
        listen(socket_path / "deeper")
    assert refused.value.code == "HF7007"


def test_a_long_path_is_reached_too(socket_path: Path) -> None:
    deep = socket_path.parent / ("d" * 60) / ("e" * 60) / "api.sock"
    listen(deep).close()
    assert stat.S_ISSOCK(os.stat(deep).st_mode)


async def messages(answer: aiohttp.ClientResponse) -> AsyncIterator[dict[str, str]]:
    """Yield server-sent events; a comment is {"comment": …}."""
    async for line in _blocks(answer):
        fields = (part.partition(":")[::2] for part in line.splitlines())
        yield {name or "comment": value.strip() for name, value in fields}


async def _blocks(answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
    text = ""
    async for chunk in answer.content.iter_any():
        text += chunk.decode()
        while "\n\n" in text:
            block, _, text = text.partition("\n\n")
            yield block


def test_events_stream_and_resume(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            async with it.client.get("http://holdfast/v1/events?after=1&follow=1") as answer:
                assert answer.content_type == "text/event-stream"
                assert (answer.headers["X-Accel-Buffering"], answer.headers["Cache-Control"]) == ("no", "no-store, no-transform")
                stream = messages(answer)
                assert await anext(stream) == {"comment": "heartbeat"}
                first = await anext(stream)
                assert (first["id"], first["event"], json.loads(first["data"])["seq"]) == ("2", "application.declared", 2)
                it.service.put(declared("late"))
                assert (await anext(stream))["id"] == "3"
            it.service.put(declared("later"))
            async with it.client.get("http://holdfast/v1/events?after=1&follow=1", headers={"Last-Event-ID": "3"}) as answer:
                ids = [message async for message in first_of(messages(answer), 2)]
                assert ids[1]["id"] == "4"

    run(story())


async def first_of(source: AsyncIterator[dict[str, str]], count: int) -> AsyncIterator[dict[str, str]]:
    for _ in range(count):
        yield await anext(source)


def test_a_stream_of_one_application_hears_no_other(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it, it.client.get("http://holdfast/v1/events?follow=1&application=shop") as answer:
            stream = messages(answer)
            await anext(stream)
            await it.service.followed_by(1)
            it.service.put(declared("blog"), events.daemon_started(at=2.0, version="1", pid=2), declared("shop"))
            assert [(await anext(stream))["id"], (await anext(stream))["id"]] == ["4", "5"]

    run(story())


def test_a_silent_stream_has_a_heartbeat(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path, heartbeat_s=0.01) as it, it.client.get("http://holdfast/v1/events?follow=1") as answer:
            assert [message async for message in first_of(messages(answer), 4)] == [{"comment": "heartbeat"}] * 4

    run(story())


def test_a_stream_whose_source_fails_says_so(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            it.service.fail["follow"] = StoreError("HF0000", "cannot read: the disk is gone")
            async with it.client.get("http://holdfast/v1/events?after=1&follow=1") as answer:
                told = [message async for message in messages(answer)]
            assert [message.get("event") for message in told] == [None, "application.declared", "error"]
            assert (json.loads(told[2]["data"])["status"], "id" in told[2]) == (507, False)

    run(story())


def test_followers_go_with_their_reader_and_with_the_server(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path, heartbeat_s=0.01) as it:
            async with it.client.get("http://holdfast/v1/events?follow=1") as answer:
                await anext(messages(answer))
                await it.service.followed_by(1)
            await it.service.followed_by(0)
            async with it.client.get("http://holdfast/v1/events?follow=1") as answer:
                await anext(messages(answer))
                await it.service.followed_by(1)
                await it.server.stop()
                assert it.service.followers == 0

    run(story())


OPERATION = {"operation": {"id": "o-1", "phase": "Succeeded", "message": "1 changes applied"}, "accepted": True}


def test_long_work_tells_its_events_and_ends_with_its_result(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            it.service.operation = OPERATION
            it.service.during = [declared("blog"), declared("shop")]
            it.service.gate = asyncio.Event()
            async with it.client.post("http://holdfast/v1/sync", data=b'{"application":"shop","approve":"abc"}') as answer:
                line = json.loads(await answer.content.readline())
                assert (line["kind"], line["data"]["seq"]) == ("Event", 4)
                it.service.gate.set()
                end = json.loads(await answer.content.readline())
            assert (end["kind"], end["data"], end["status"]) == ("Operation", OPERATION, 200)
            [(_, application, _, approve, wait)] = it.service.asked
            assert (application, approve, wait) == ("shop", "abc", True)

    run(story())


def test_what_happens_last_is_told_before_the_result(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            it.service.operation = OPERATION
            it.service.during = [declared("blog"), declared("shop"), declared("shop")]
            _, lines = await it.post("/v1/sync", {"application": "shop"})
            assert [line["data"].get("seq") for line in lines] == [4, 5, None]

    run(story())


@pytest.mark.parametrize("route", ["sync", "rollback", "down"])
def test_long_work_that_fails_ends_with_its_error(route: str, socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            it.service.fail[route] = Refused("HF2004", "cannot go on: it would delete too much", hint="approve it")
            status, lines = await it.post(f"/v1/{route}", {"application": "shop"})
            assert (status, lines[-1]["kind"], lines[-1]["status"], lines[-1]["data"]["code"]) == (200, "Error", 403, "HF2004")
            it.service.fail[route] = ValueError("tulip")
            _, lines = await it.post(f"/v1/{route}", {"application": "shop"})
            assert (lines[-1]["status"], lines[-1]["data"]["code"], len(it.crashes)) == (500, "HF9001", 1)

    run(story())


def test_work_goes_on_when_its_reader_goes_away(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path, heartbeat_s=0.01) as it:
            it.service.gate = asyncio.Event()
            it.service.during = [declared("shop")]
            async with it.client.post("http://holdfast/v1/sync", data=b'{"application":"shop"}') as answer:
                await answer.content.readline()
            await it.service.followed_by(0)
            it.service.gate.set()
            assert (await it.get("/v1/version"))[0] == 200
            assert it.crashes == []

    run(story())


def test_sync_without_waiting_answers_at_once(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            _, [document] = await it.post("/v1/sync", {"application": "shop", "wait": False})
            assert (document["kind"], "status" in document, it.service.asked[0][-1]) == ("Operation", False, False)

    run(story())


def test_small_acts(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            assert (await it.post("/v1/resume", {"application": "shop"}))[1][0]["kind"] == "Done"
            assert (await it.post("/v1/refresh", {}))[0] == 200
            assert (await it.post("/v1/refresh", {"application": "shop"}))[0] == 200
            assert [each[:2] for each in it.service.asked] == [("resume", "shop"), ("refresh", None), ("refresh", "shop")]

    run(story())


def test_logs_are_lines(socket_path: Path) -> None:
    async def story() -> None:
        async with world(socket_path) as it:
            it.service.lines = [LogLine(source="Process/shop/web", text=f"line {number}\n") for number in range(5)]
            async with it.client.get("http://holdfast/v1/logs?name=shop&lines=2") as answer:
                lines = [json.loads(line) for line in (await answer.read()).splitlines()]
            assert [line.get("text") for line in lines] == ["line 3\n", "line 4\n", None]
            assert lines[-1]["kind"] == "End"
            it.service.fail["logs after"] = Unavailable("HF0000", "cannot read: gone")
            async with it.client.get("http://holdfast/v1/logs?name=shop&follow=1") as answer:
                end = json.loads((await answer.read()).splitlines()[-1])
            assert (end["kind"], end["status"]) == ("Error", 503)

    run(story())
