"""Proofs of real sockets: a port and a unix path that answer, then fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from holdfast.controllers.prove import ProveController
from holdfast.host.clock import RealClock, RealRandom
from holdfast.host.net import HostNet
from holdfast.kit.secret import Redactor
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.plan import Owned
from holdfast.model.proof import Claim
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.store.journal import StoreJournal
from holdfast.store.sqlite import SqliteStore
from holdfast.walk.ledger import Ledger

pytestmark = pytest.mark.real

DEADLINE_S = 20.0
WEB = ResourceId(HOST, "Process", "shop", "web")


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer), suppress(ConnectionError):
        if await reader.read(1_000):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()


async def heard(journal: StoreJournal, after: int, wanted: Callable[[list[Event]], bool]) -> list[Event]:
    """Return the claims that are told of after `after`, as soon as they are the `wanted` ones."""
    told: list[Event] = []
    async with asyncio.timeout(DEADLINE_S):
        async for event in journal.follow(after):
            if event.type.startswith("claim."):
                told.append(event)
            if wanted(told):
                break
    return told


def test_what_answers_is_proven_and_what_falls_silent_is_refuted(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "shop").mkdir()
        store = await SqliteStore.open(tmp_path / "store.sqlite", clock=RealClock())
        journal, net = StoreJournal(store, RealClock(), Redactor()), HostNet()
        await journal.load()
        by_port = await asyncio.start_server(answer, "127.0.0.1", 0)
        by_path = await asyncio.start_unix_server(answer, tmp_path / "shop" / "web.sock")
        port = by_port.sockets[0].getsockname()[1]
        claims = (
            Claim(text=f"answers on port {port}", method="tcp", target={"host": "127.0.0.1", "port": port}),
            Claim(text="answers over HTTP", method="http", target={"host": "127.0.0.1", "port": port, "ask": "/"}),
            Claim(text="answers on web.sock", method="unix", target={"path": "web.sock"}),
            Claim(text="answers HTTP on web.sock", method="http", target={"path": "web.sock", "ask": "/"}),
        )
        ledger = Ledger(journal, {})
        await ledger.put(
            Owned(application="shop", resource=Resource(id=WEB, state=State.of({}), claims=claims), revision="r", operation="o")
        )
        crashes: list[BaseException] = []
        prove = ProveController(
            ledger=ledger,
            net=net,
            journal=journal,
            clock=RealClock(),
            random=RealRandom(),
            data_dir=lambda application: tmp_path / application,
            crashed=lambda name, error: crashes.append(error),
        )
        async with Tasks() as tasks:
            tasks.start("prove", prove.run())
            first = await heard(journal, 0, lambda told: len(told) == 4)
            assert {(event.type, event.data["claim"]) for event in first} == {("claim.proven", claim.text) for claim in claims}
            assert "200, 2 bytes" in str(first[1].data["evidence"])
            by_port.close()
            by_path.close()
            await by_port.wait_closed()
            await by_path.wait_closed()
            prove.settled("shop", (WEB,))
            then = await heard(journal, first[-1].seq, lambda told: len(told) == 4)
            assert {event.type for event in then} == {"claim.refuted"}
            await tasks.stop()
        assert crashes == []
        await net.aclose()
        await store.close()

    asyncio.run(main())
