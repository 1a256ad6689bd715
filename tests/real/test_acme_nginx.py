"""Certificates as a real nginx serves them: it always starts, renewals lose no handshake, and what it shows is what visitors get."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.engines.acme_stage import LOOK_AGAIN_S, SEARCH_PATH, House, until
from tests.ports import free_port

from holdfast.edge.issuer_spec import AuthoritySpec, IssuerSpec
from holdfast.errors import EngineError, Unavailable
from holdfast.host.tls import served
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]

NAME = "shop.example.com"
CONFIGURATION = """
daemon off; master_process on; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    server {{ listen 127.0.0.1:{port} ssl default_server; ssl_reject_handshake on; }}
    server {{
        listen 127.0.0.1:{port} ssl; server_name {name};
        ssl_certificate {pair}/fullchain.pem; ssl_certificate_key {pair}/key.pem;
        return 200 "ok";
    }}
}}
"""


@asynccontextmanager
async def nginx(folder: Path, house: House, id: ResourceId) -> AsyncIterator[tuple[int, int]]:
    """Serve what the engine holds; lend the port and the master's pid."""
    port = free_port()
    os.makedirs(folder)
    configuration = CONFIGURATION.format(folder=folder, port=port, name=NAME, pair=house.served(id))
    (folder / "nginx.conf").write_text(configuration)
    program = shutil.which("nginx", path=SEARCH_PATH) or "nginx"
    process = await asyncio.create_subprocess_exec(program, "-p", str(folder), "-c", str(folder / "nginx.conf"))
    try:
        await shows(port, None)
        yield port, process.pid
    finally:
        process.terminate()
        await process.wait()


async def serial(port: int) -> str:
    return (await served("127.0.0.1", port, server_name=NAME, timeout_s=10)).leaf.serial


async def shows(port: int, expected: str | None) -> None:
    """Wait until visitors get a certificate; None: any."""
    async with asyncio.timeout(30):
        while True:
            with suppress(EngineError):
                if await serial(port) == expected or expected is None:
                    return
            await asyncio.sleep(LOOK_AGAIN_S)


def test_renewals_under_load_lose_no_handshake(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(folder=tmp_path / "state", issuers=[IssuerSpec(name="local", authority=AuthoritySpec())])
        async with house.open():
            id = await house.apply(NAME)
            async with nginx(tmp_path / "nginx", house, id) as (port, pid):
                seen: list[str] = []
                failed: list[EngineError] = []

                async def visit() -> None:
                    while True:
                        try:
                            seen.append(await serial(port))
                        except EngineError as error:
                            failed.append(error)

                expected = [await serial(port)]
                async with Tasks() as tasks:
                    for number in range(4):
                        tasks.start(f"visitor {number}", visit())
                    for _ in range(5):
                        got = await house.renew.force(id)
                        os.kill(pid, signal.SIGHUP)
                        await shows(port, got.leaf.serial)
                        expected.append(got.leaf.serial)
                    enough = len(seen) + 100
                    await until(lambda: len(seen) >= enough, "visits")
                    await tasks.stop()
                assert failed == []
                assert set(seen) <= set(expected)
                assert seen[-1] == expected[-1]
        assert "emerg" not in (tmp_path / "nginx" / "error.log").read_text()

    asyncio.run(story())


def test_a_name_that_nginx_refuses_is_told_as_that(tmp_path: Path) -> None:
    async def story() -> None:
        house = House(folder=tmp_path / "state")
        async with house.open():
            id = await house.apply(NAME)
            async with nginx(tmp_path / "nginx", house, id) as (port, _):
                with pytest.raises(Unavailable) as caught:
                    await served("127.0.0.1", port, server_name="evil.example.com", timeout_s=10)
                assert caught.value.message == f"cannot shake hands with evil.example.com at 127.0.0.1:{port}: it refused the name"

    asyncio.run(story())
