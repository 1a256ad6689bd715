"""What visitors get: the certificate that a real TLS server shows, whoever signed it, and what is said where none does."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast.engines.acme.pair import Pair, make_key, self_signed
from holdfast.errors import TimedOut, Unavailable
from holdfast.host.tls import leaf_of, served


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


async def pair(*hosts: str, kind: str = "ecdsa-p256", ago_s: float = 0.0) -> Pair:
    return self_signed(await make_key(kind), hosts, now=time.time() - ago_s, lifetime_s=86_400.0, common_name="Nobody's CA")


@asynccontextmanager
async def server(tmp_path: Path, *pairs: Pair) -> AsyncIterator[int]:
    """Serve one pair for each name; others are refused."""
    contexts: dict[str, ssl.SSLContext] = {}
    for number, found in enumerate(pairs):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "chain.pem").write_bytes(found.chain)
        (folder / "key.pem").write_text(found.key.reveal())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "chain.pem", folder / "key.pem")
        der = ssl.PEM_cert_to_DER_cert(found.chain.decode())
        contexts |= dict.fromkeys(leaf_of([der]).names, context)

    def choose(wrapped: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        if name not in contexts:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        wrapped.context = contexts[name]
        return None

    front = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    front.load_cert_chain(tmp_path / "0" / "chain.pem", tmp_path / "0" / "key.pem")
    front.sni_callback = choose
    listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=front)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


@pytest.mark.parametrize("kind", ["ecdsa-p256", "ecdsa-p384", "rsa-2048"])
def test_the_certificate_of_a_name_is_seen_whoever_signed_it(tmp_path: Path, kind: str) -> None:
    async def story() -> None:
        shop, www = await pair("shop.example.com", "127.0.0.1", kind=kind), await pair("www.example.com", kind=kind)
        async with server(tmp_path, shop, www) as port:
            seen = await served("127.0.0.1", port, server_name="www.example.com", timeout_s=10)
            assert (seen.leaf.names, seen.leaf.key, seen.leaf.issuer) == (("www.example.com",), kind, "Nobody's CA")
            assert seen.protocol == "TLSv1.3"
            assert seen.der == ssl.PEM_cert_to_DER_cert(www.chain.decode())
            other = await served("127.0.0.1", port, server_name="shop.example.com", timeout_s=10)
            assert other.leaf.names == ("shop.example.com", "127.0.0.1")
            assert other.leaf.serial != seen.leaf.serial

    run(story())


def test_an_expired_one_is_seen_too(tmp_path: Path) -> None:
    async def story() -> None:
        async with server(tmp_path, await pair("shop.example.com", ago_s=5 * 86_400.0)) as port:
            seen = await served("127.0.0.1", port, server_name="shop.example.com", timeout_s=10)
            assert seen.leaf.left_share(time.time()) == 0.0

    run(story())


def test_a_name_that_nobody_serves_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with server(tmp_path, await pair("shop.example.com")) as port:
            with pytest.raises(Unavailable) as caught:
                await served("127.0.0.1", port, server_name="evil.example.com", timeout_s=10)
            assert caught.value.code == "HF3160"
            assert f"evil.example.com at 127.0.0.1:{port}: the connection was closed" in caught.value.message

    run(story())


def test_where_nobody_speaks_tls_that_is_told() -> None:
    async def story() -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        listening = await asyncio.start_server(plain, "127.0.0.1", 0)
        async with listening:
            port = listening.sockets[0].getsockname()[1]
            with pytest.raises(Unavailable) as caught:
                await served("127.0.0.1", port, server_name="shop.example.com", timeout_s=10)
            assert caught.value.code == "HF3160"
        with pytest.raises(Unavailable) as gone:
            await served("127.0.0.1", port, server_name="shop.example.com", timeout_s=10)
        assert "shop.example.com at 127.0.0.1" in gone.value.message

    run(story())


def test_where_nobody_answers_in_time_that_is_told() -> None:
    async def story() -> None:
        ended = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await ended.wait()
            writer.close()

        listening = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with listening:
            with pytest.raises(TimedOut) as caught:
                await served("127.0.0.1", listening.sockets[0].getsockname()[1], server_name="shop.example.com", timeout_s=0.2)
            assert caught.value.code == "HF3161"
            ended.set()

    run(story())


@pytest.mark.parametrize("data", [b"", b"nonsense", b"0" * 1000])
def test_what_is_no_certificate_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        leaf_of([data])
