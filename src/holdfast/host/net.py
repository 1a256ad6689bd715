"""Looks from outside: connect, and ask over HTTP. The real side of the port `Net`, for probes and proofs.

aiohttp is imported by this module and `reach` alone of the host floor, its sessions are made when first asked, and every look has a
connection of its own: a kept one would prove that the program answered once, not that it takes new visitors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiohttp

from holdfast.errors import TimedOut, Unavailable
from holdfast.host.acceptance import is_queued
from holdfast.kit.canonical import Json
from holdfast.model.ports import HttpAnswer

BODY_LIMIT = 64 * 1024
ACCEPTED_S = 0.004
"""Between two looks whether a connection was accepted; the first one mostly says so."""
LOCAL: Mapping[str, str] = {"localhost": "127.0.0.1"}
"""Names that need no resolver (a resolver is a thread)."""


class HostNet:
    """Raises `Unavailable` (HF3090) where nobody answers, `TimedOut` (HF3091) where nobody answers in time. Close it when done."""

    def __init__(self) -> None:
        self._tcp: aiohttp.ClientSession | None = None

    async def connect(self, target: Mapping[str, Json], *, timeout_s: float) -> None:
        """Connect, and wait until a program has accepted: a held socket takes connections that nobody ever will."""
        transport: asyncio.WriteTransport | None = None
        try:
            async with asyncio.timeout(timeout_s):
                transport = await _connect(target)
                while is_queued(transport.get_extra_info("socket")):  # noqa: ASYNC110 - the kernel rings no bell for it
                    await asyncio.sleep(ACCEPTED_S)
        except TimeoutError as error:
            raise _late("connect to", target, timeout_s) from error
        except OSError as error:
            raise _refused("connect to", target, error) from error
        finally:
            if transport is not None:
                transport.abort()

    async def http(
        self,
        target: Mapping[str, Json],
        *,
        method: str = "GET",
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
    ) -> HttpAnswer:
        try:
            async with asyncio.timeout(timeout_s):
                if "path" not in target:
                    return await _ask(self._session(), target, method, path, headers)
                connector = aiohttp.UnixConnector(path=str(target["path"]), force_close=True)
                async with aiohttp.ClientSession(connector=connector) as session:
                    return await _ask(session, target, method, path, headers)
        except TimeoutError as error:
            raise _late("ask", target, timeout_s) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _refused("ask", target, error) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._tcp is None:
            self._tcp = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True, limit=0), timeout=aiohttp.ClientTimeout(total=None)
            )
        return self._tcp

    async def aclose(self) -> None:
        if self._tcp is not None:
            await self._tcp.close()
            self._tcp = None


async def _connect(target: Mapping[str, Json]) -> asyncio.WriteTransport:
    loop = asyncio.get_running_loop()
    if "path" in target:
        transport, _ = await loop.create_unix_connection(asyncio.Protocol, str(target["path"]))
    else:
        transport, _ = await loop.create_connection(asyncio.Protocol, *_address(target))
    return transport


async def _ask(
    session: aiohttp.ClientSession, target: Mapping[str, Json], method: str, path: str, headers: Mapping[str, str] | None
) -> HttpAnswer:
    host, port = _address(target) if "path" not in target else ("localhost", 80)
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{port}{path if path.startswith('/') else f'/{path}'}"
    async with session.request(method, url, headers=headers, allow_redirects=False, auto_decompress=False) as answer:
        body = b""
        async for part in answer.content.iter_any():
            body += part
            if len(body) >= BODY_LIMIT:
                break
        return HttpAnswer(status=answer.status, body=body[:BODY_LIMIT], headers=dict(answer.headers))


def _address(target: Mapping[str, Json]) -> tuple[str, int]:
    host, port = str(target.get("host") or "127.0.0.1"), target.get("port")
    if not isinstance(port, int):
        raise ValueError(f"no port in {dict(target)}")
    return LOCAL.get(host, host), port


def place(target: Mapping[str, Json]) -> str:
    """Return a target as people write it."""
    return str(target["path"]) if "path" in target else f"{target.get('host') or '127.0.0.1'}:{target.get('port')}"


def _late(verb: str, target: Mapping[str, Json], timeout_s: float) -> TimedOut:
    return TimedOut("HF3091", f"cannot {verb} {place(target)}: no answer within {timeout_s:g} s")


def _refused(verb: str, target: Mapping[str, Json], error: Exception) -> Unavailable:
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    reason = (system.strerror if isinstance(system, OSError) else None) or str(system) or type(system).__name__
    return Unavailable("HF3090", f"cannot {verb} {place(target)}: {reason[:1].lower()}{reason[1:]}")
