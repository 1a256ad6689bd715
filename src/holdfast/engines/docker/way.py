"""The way to one engine: a unix socket, TCP with or without TLS, or `docker system dial-stdio` at the other end of ssh.

Both what aiohttp needs for requests and a raw connection for what leaves HTTP (attach, exec). ssh is the operator's program with the
operator's keys and known hosts; it may not ask anybody anything.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import aiohttp

from holdfast.engines.docker.address import PLAIN_PORT, TLS_PORT, Address
from holdfast.errors import Rejected
from holdfast.host.command import end_group
from holdfast.host.connection import without_farewell

LIMIT = 64
"""Connections at once: requests of many containers, and a stream or two for each."""
LINE_LIMIT = 1 << 20
PASSED = ("HOME", "PATH", "SSH_AUTH_SOCK", "USER")
"""What ssh needs to find its keys and agent."""
GRACE_S = 2.0
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Way(Protocol):
    def connector(self) -> aiohttp.BaseConnector: ...

    async def opened(self) -> Pair:
        """Return a connection of its own. Raises OSError."""
        ...

    async def knock(self) -> None:
        """Make a connection and close it, where that costs nothing. Raises OSError."""
        ...

    def last_words(self) -> str:
        """Return what the way itself last said of a failure, "" where it says nothing."""
        ...

    async def aclose(self) -> None:
        """End what the way itself started; its connections are closed before."""
        ...


def way_to(address: Address, *, certificates: Path | None = None, ssh: str = "ssh") -> Way:
    """Return the way to an address; `certificates` is a folder with ca.pem, cert.pem and key.pem as Docker has it. Raises Rejected."""
    if address.scheme == "unix":
        return SocketWay(address.path)
    if address.scheme == "ssh":
        return SshWay(address, ssh)
    return TcpWay(address, tls(certificates) if certificates is not None else None)


def tls(folder: Path) -> ssl.SSLContext:
    """Return who may answer, and who we are: as Docker's DOCKER_CERT_PATH. Raises Rejected (HF3216)."""
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        if (folder / "cert.pem").exists():
            context.load_cert_chain(str(folder / "cert.pem"), str(folder / "key.pem"))
    except (OSError, ssl.SSLError) as error:
        reason = f"{folder} does not hold a usable ca.pem, cert.pem and key.pem ({error.strerror or error})"
        raise Rejected("HF3216", f"cannot speak TLS with a Docker host: {reason}") from error
    return context


class SocketWay:
    def __init__(self, path: str) -> None:
        self._path = path

    def connector(self) -> aiohttp.BaseConnector:
        return aiohttp.UnixConnector(self._path, limit=LIMIT)

    async def opened(self) -> Pair:
        return await asyncio.open_unix_connection(self._path, limit=LINE_LIMIT)

    async def knock(self) -> None:
        _, writer = await self.opened()
        writer.transport.abort()

    def last_words(self) -> str:
        return ""

    async def aclose(self) -> None:
        pass


class TcpWay:
    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        self._context = context
        self.host = address.host
        self.port = address.port or (PLAIN_PORT if context is None else TLS_PORT)

    def connector(self) -> aiohttp.BaseConnector:
        return without_farewell(_TcpConnector(self))

    async def opened(self) -> Pair:
        return await asyncio.open_connection(self.host, self.port, ssl=self._context, limit=LINE_LIMIT)

    async def knock(self) -> None:
        _, writer = await self.opened()
        writer.transport.abort()

    def last_words(self) -> str:
        return ""

    async def aclose(self) -> None:
        pass

    async def connected(self, factory: Any) -> Any:
        """Return a protocol of aiohttp's on a new connection."""
        _, protocol = await asyncio.get_running_loop().create_connection(factory, self.host, self.port, ssl=self._context)
        return protocol


class SshWay:
    """Each connection is an ssh of its own, which ends with it."""

    def __init__(self, address: Address, program: str) -> None:
        self._address = address
        self._program = program
        self._said = os.memfd_create("ssh")
        self._running: list[asyncio.subprocess.Process] = []

    async def aclose(self) -> None:
        for process in self._running:
            if process.returncode is None:  # of one that ended long ago the number may be another's
                await end_group(process, GRACE_S)
        self._running.clear()
        if self._said != -1:
            os.close(self._said)
            self._said = -1

    async def knock(self) -> None:
        pass  # each would be an ssh of its own

    def last_words(self) -> str:
        """Return the last line that ssh wrote to its standard error."""
        if self._said == -1:
            return ""
        said = os.pread(self._said, 1 << 16, 0).decode(errors="replace").strip().splitlines()
        return f"ssh: {said[-1]}" if said else ""

    def connector(self) -> aiohttp.BaseConnector:
        return _TcpConnector(self)

    async def opened(self) -> Pair:
        ours = await self._dialled()
        return await asyncio.open_connection(sock=ours, limit=LINE_LIMIT)

    async def connected(self, factory: Any) -> Any:
        ours = await self._dialled()
        _, protocol = await asyncio.get_running_loop().create_connection(factory, sock=ours)
        return protocol

    def command(self) -> tuple[str, ...]:
        """Return how ssh is called: no prompt, no terminal, no forwarding, and a word of its own between options and host."""
        address = self._address
        port = ("-p", str(address.port)) if address.port else ()
        who = f"{address.user}@{address.host}" if address.user else address.host
        options = ("-T", "-x", "-a", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=30")
        return (self._program, *options, *port, "--", who, "docker", "system", "dial-stdio")

    async def _dialled(self) -> socket.socket:
        """Start ssh with one end of a socket pair as its standard input and output; return the other. It ends when either side closes."""
        self._running = [process for process in self._running if process.returncode is None]
        os.ftruncate(self._said, 0)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *self.command(),
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=self._said,
                    env=_passed(os.environ),
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            raise
        self._running.append(process)
        ours.setblocking(False)
        return ours


def _passed(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: environment[name] for name in PASSED if name in environment}


class _TcpConnector(aiohttp.BaseConnector):
    """Connections as a way makes them, pooled by aiohttp: whatever stands in the address of a request, there is one place to go."""

    allowed_protocol_schema_set = frozenset({"http"})

    def __init__(self, way: TcpWay | SshWay) -> None:
        super().__init__(limit=LIMIT)
        self._way = way

    async def _create_connection(self, req: Any, traces: Any, timeout: Any) -> Any:
        try:
            return await self._way.connected(self._factory)
        except OSError as error:
            with suppress(AttributeError):
                raise aiohttp.ClientConnectorError(req.connection_key, error) from error
            raise
