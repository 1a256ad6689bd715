"""Broken requests to a served API: whatever comes in over the socket is answered or the connection is closed; nothing of it is a defect.

And what a request says, as values: fields are read, or refused with the name of the field.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.api.fake_service import FakeService
from tests.laws.fuzz import IS_SOAK, bounded, edited, words

from holdfast.api.server import ApiServer
from holdfast.api.service import Service
from holdfast.api.wire import Fields, envelope, error_document, instant, json_object, number, switch, text
from holdfast.core import events
from holdfast.errors import UsageError

pytestmark = pytest.mark.fuzz

PATIENCE_S = 20.0
QUIET_S = 0.2
"""After which a server that says nothing is waiting for the rest of a request."""
STATUS = re.compile(rb"HTTP/\d\.\d (\d{3}) ")


class Served:
    """A real server on a real socket, in a loop and a thread of its own, before a service without a world."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), name="api")
        self.crashes: list[str] = []

    def begin(self) -> None:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        self._loop.close()

    async def _serve(self) -> None:
        service = FakeService()
        service.put(events.application_declared(at=1.0, application="shop", repository="/r", path=".", target_revision="main"))
        port: Service = service
        server = ApiServer(port, self._path, crashed=lambda where, error: self.crashes.append(f"{where}: {error!r}"))
        await server.start()
        self._ready.set()
        try:
            await self._ended.wait()
        finally:
            await server.stop()

    def answer(self, data: bytes) -> bytes:
        """Send all, and return what comes; the server closes, or is told that there is no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(self._path))
            received = b""
            connection.settimeout(QUIET_S)
            try:
                connection.sendall(data)
                while part := self._more(connection):
                    received += part
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server has heard enough
            return received

    def _more(self, connection: socket.socket) -> bytes:
        try:
            return connection.recv(1 << 16)
        except TimeoutError:
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(PATIENCE_S)
            return connection.recv(1 << 16)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        it = Served(Path(folder) / "run" / "api.sock")
        it.begin()
        try:
            yield it
        finally:
            it.end()


def request(method: str, target: str, body: bytes | None = None, *headers: str) -> bytes:
    length = [] if body is None else [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: holdfast", *headers, *length, "", ""]).encode() + (body or b"")


LAST = request("GET", "/v1/version", None, "Connection: close")
LOOKS = ("version", "doctor", "status?application=shop&at=1.5", "tree", "plan?application=shop&revision=main", "history?application=shop")
CORPUS = (
    *(request("GET", f"/v1/{look}", None, "Connection: close") for look in LOOKS),
    request("GET", "/v1/events?after=0&since=0&limit=5&application=shop"),
    request("GET", "/v1/events?follow=1", None, "Last-Event-ID: 0"),
    request("GET", "/v1/logs?name=web&lines=3"),
    *(request("POST", f"/v1/{act}", b'{"application": "shop", "approve": null}') for act in ("sync", "down")),
    request("POST", "/v1/sync", b'{"application": "shop", "wait": false}'),
    request("POST", "/v1/rollback", b'{"application": "shop", "to": "0123abc"}'),
    *(request("POST", f"/v1/{act}", b'{"application": "shop"}') for act in ("suspend", "resume", "refresh")),
    b'POST /v1/refresh HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"app\r\n0\r\n\r\n',
    request("GET", "/v1/version") * 3,
)
WORDS = words(
    r"\r\n¦\n¦\r\n\r\n¦\0¦\xff¦\xed\xa0\x80¦ ¦\t¦:¦%¦%00¦%ff¦%ud800¦%ed%a0%80¦?¦&¦#¦Content-Length: 9999999999\r\n¦Content-Length: -1\r\n"
    r"¦Content-Length: 3\r\n¦Transfer-Encoding: chunked\r\n¦Expect: 100-continue\r\n¦Content-Encoding: gzip\r\n"
    r"¦Content-Encoding: deflate\r\n"
    r"¦Upgrade: websocket\r\nConnection: upgrade\r\n¦Cookie: a=b; =\r\n¦HTTP/0.9¦HTTP/2.0¦PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    r"¦CONNECT ¦OPTIONS "
    r"¦HEAD ¦/../¦//¦http://x/¦*¦application=shop&application=blog¦at=nan¦at=1e999¦after=-1¦limit=99999999999999999999¦follow=2¦name="
    r"¦{\"¦\"}¦[]¦null¦\"\\ud800\"¦\"application\": {}¦\"x\": ¦999999999999999999999999999999"
)


@settings(max_examples=5_000 if IS_SOAK else 60)
@given(data=edited(CORPUS, WORDS))
def test_any_bytes_are_answered_or_hung_up_on_and_the_next_request_is_served(served: Served, data: bytes) -> None:
    with bounded():
        received = served.answer(data + LAST)
    assert served.crashes == []
    if received:
        statuses = [int(found) for found in STATUS.findall(received)]
        assert statuses, received
        assert all(status < 500 for status in statuses), received
    assert served.answer(LAST).startswith(b"HTTP/1.1 200 OK")


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(["1", "true", "shop", "1e3", "nan"])
)
VALUES = LEAVES | st.lists(LEAVES, max_size=3) | st.dictionaries(st.text(max_size=6), LEAVES, max_size=3)
READERS: Mapping[str, Callable[[Any], Any]] = {"text": text, "number": number, "instant": instant, "switch": switch}


def refusal(act: Callable[[], Any]) -> UsageError | None:
    """Return how `act` refused, None where it did not."""
    try:
        act()
    except UsageError as error:
        return error
    return None


@given(st.dictionaries(st.sampled_from(sorted(READERS)) | st.text(max_size=6), VALUES, max_size=4))
def test_any_field_is_read_or_refused_by_its_name(values: dict[str, Any]) -> None:
    fields = Fields(values)
    found: dict[str, Any] = {}

    def take() -> None:
        found.update({name: fields.take(name, read) for name, read in READERS.items()})
        fields.end()

    if (refused := refusal(take)) is not None:
        assert refused.code == "HF7005"
        assert any(name in refused.message for name in values)
    else:
        assert set(values) <= set(READERS)
        assert all((found[name] is None) is (values[name] is None) for name in values)
        assert json.loads(envelope("Done", found))["data"].keys() == READERS.keys()


@given(edited([b'{"application": "shop", "approve": null, "wait": false}', b"{}", b'[{"a": 1.5e3}]'], WORDS))
def test_any_body_is_an_object_or_refused(body: bytes) -> None:
    with bounded():
        refused = refusal(lambda: json_object(body))
    if refused is None:
        assert json_object(body) == (json.loads(body) if body else {})
    else:
        assert refused.code == "HF7005"
        assert json.loads(error_document(refused))["kind"] == "Error"
