"""The wire: the handshake and the head of one answer, from a real server, and what is said where there is none."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.real.edge_house import self_signed

from holdfast.errors import EngineError
from holdfast.host.wire import HostWire, Seen, Visit
from holdfast.kit.canonical import digest_bytes

HOST = "shop.example.com"
ANSWER = b"HTTP/1.1 204 No Content\r\nX-One: 1\r\nX-One: 2\r\n\r\n"


@asynccontextmanager
async def server(
    answer: bytes | None, context: ssl.SSLContext | None = None, *, is_proxied: bool = False
) -> AsyncIterator[tuple[int, list[str]]]:
    """Lend the port of a server that says `answer`, or nothing and waits, and what it was told."""
    told: list[str] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            told.append((await reader.readuntil(b"\r\n\r\n")).decode())
            if answer is None:
                await over.wait()
            else:
                writer.write(answer)
                await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listener:
        yield listener.sockets[0].getsockname()[1], told
        over.set()


def served_by(folder: Path) -> tuple[ssl.SSLContext, str]:
    """Return a server's context, and the digest of the certificate that it shows."""
    chain, key = self_signed(HOST)
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
    return context, digest_bytes(ssl.PEM_cert_to_DER_cert(chain.decode()))


def visit(port: int, *, is_tls: bool = False) -> Visit:
    return Visit(address="127.0.0.1", port=port, host=HOST, path="/look", is_tls=is_tls)


def test_the_head_of_an_answer_is_seen() -> None:
    async def story() -> None:
        async with server(ANSWER) as (port, told):
            assert await HostWire().visit(visit(port), timeout_s=5) == Seen(status=204, headers={"x-one": "2"})
            assert told[0].startswith(f"GET /look HTTP/1.1\r\nHost: {HOST}\r\n")

    asyncio.run(story())


def test_the_certificate_of_a_handshake_is_seen(tmp_path: Path) -> None:
    async def story() -> None:
        context, digest = served_by(tmp_path)
        async with server(ANSWER, context) as (port, _):
            seen = await HostWire().visit(visit(port, is_tls=True), timeout_s=5)
            assert (seen.status, seen.certificate, seen.protocol) == (204, digest, "TLSv1.3")

    asyncio.run(story())


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (b"", "HF3190", "the connection was closed without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "HF3190", "the answer is no HTTP"),
        (b"HTTP/1.1 " + b"x" * 200_000, "HF3190", "cannot visit"),
        (None, "HF3191", "no answer within 0.05 s"),
    ],
)
def test_what_is_no_answer_is_said(answer: bytes | None, code: str, words: str) -> None:
    async def story() -> None:
        async with server(answer) as (port, _):
            with pytest.raises(EngineError) as caught:
                await HostWire().visit(visit(port), timeout_s=0.05 if answer is None else 5)
            assert caught.value.code == code
            assert words in caught.value.message

    asyncio.run(story())


def test_a_port_that_nobody_has_and_one_without_tls_are_told_apart() -> None:
    async def story() -> None:
        async with server(ANSWER) as (port, _):
            with pytest.raises(EngineError, match=f"cannot visit https://{HOST}:{port}/look: "):
                await HostWire().visit(visit(port, is_tls=True), timeout_s=5)
        with pytest.raises(EngineError, match=f"cannot visit http://{HOST}:{port}/look: .*refused"):
            await HostWire().visit(visit(port), timeout_s=5)

    asyncio.run(story())
