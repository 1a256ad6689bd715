"""How connections to an API server are left, against a server that never says farewell."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engines.silent import WAIT_S, Silent

from holdfast.engines.kubernetes.answer import Question
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.host.clock import RealClock
from holdfast.kit.tasks import Tasks
from holdfast.kubernetes.kubeconfig import Access

WATCH = Question(method="GET", path="/api/v1/pods", query=(("watch", "true"),), verb="watch", subject="pods")


@pytest.fixture(
    params=[b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n"], ids=["before-an-answer", "in-the-middle"]
)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Silent]:
    silent = Silent(tmp_path, request.param)
    yield silent
    silent.close()


def test_a_watch_that_is_left_leaves_no_connection_behind(server: Silent) -> None:
    access = Access(server=f"https://127.0.0.1:{server.port}", authority_data=base64.b64encode(server.authority).decode())

    async def story() -> None:
        wire = HttpWire(Credentials(access, base=Path("/"), clock=RealClock(), environment={}))

        async def watch() -> None:
            async with wire.stream(WATCH) as (_, lines):
                async for _ in lines:
                    pass

        async with Tasks(on_crash=lambda name, error: None) as tasks:
            tasks.start("watch", watch())
            assert await asyncio.to_thread(server.was_asked.wait, WAIT_S)
            await tasks.stop()
        assert await asyncio.to_thread(server.is_over.wait, WAIT_S), "the connection is closed before the session is"
        await wire.aclose()

    asyncio.run(story())
