"""The wire: what a visitor of a web site gets: the handshake, and the head of one answer.

One connection, one request, nothing verified and no redirect followed: this looks at what is there, and others judge. Knows the PROXY
protocol, since whoever listens for it hears nobody else. Callers: the nginx engine, and proofs of web sites.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.errors import TimedOut, Unavailable
from holdfast.kit.canonical import digest_bytes

HEAD_LIMIT = 64 * 1024
PROXIED = b"PROXY TCP4 127.0.0.1 127.0.0.1 65535 %d\r\n"
AGENT = "holdfast-look"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Whom to ask, and for which host. `is_proxied`: whether the PROXY protocol is spoken there."""

    address: str
    """An address, or `unix:/path`, where the port is of no account."""
    port: int
    host: str
    is_tls: bool
    path: str = "/"
    is_proxied: bool = False
    server_name: str | None = None
    """Whom to ask for in the handshake; the host without."""
    headers: tuple[tuple[str, str], ...] = ()
    """What else is said."""

    @property
    def url(self) -> str:
        usual = 443 if self.is_tls else 80
        return f"{'https' if self.is_tls else 'http'}://{self.host}{'' if self.port == usual else f':{self.port}'}{self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The head of an answer; of the handshake the certificate (SHA-256 over its DER) and the protocol, "" without TLS."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name; of several the last."""
    certificate: str = ""
    protocol: str = ""


class HostWire:
    """Asks for real. Raises `Unavailable` (HF3190) where nobody answers as a web server, `TimedOut` (HF3191) where nobody does in time."""

    def __init__(self) -> None:
        self.context = _anybody()
        """For handshakes with whoever answers."""

    async def visit(self, visit: Visit, *, timeout_s: float) -> Seen:
        try:
            async with asyncio.timeout(timeout_s):
                reader, writer = await self._connected(visit)
                try:
                    return await _asked(reader, writer, visit)
                finally:
                    writer.transport.abort()
        except TimeoutError as error:
            raise TimedOut("HF3191", f"cannot visit {visit.url}: no answer within {timeout_s:g} s") from error
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:  # ssl.SSLError is an OSError
            raise Unavailable("HF3190", f"cannot visit {visit.url}: {_reason(error)}") from error

    async def _connected(self, visit: Visit) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        name = (visit.server_name or visit.host) if visit.is_tls else None
        context = self.context if visit.is_tls else None
        if visit.address.startswith("unix:"):
            return await asyncio.open_unix_connection(visit.address[5:], ssl=context, server_hostname=name, limit=HEAD_LIMIT)
        if not visit.is_proxied:
            return await asyncio.open_connection(visit.address, visit.port, ssl=context, server_hostname=name, limit=HEAD_LIMIT)
        reader, writer = await asyncio.open_connection(visit.address, visit.port, limit=HEAD_LIMIT)
        writer.write(PROXIED % visit.port)
        if visit.is_tls:
            await writer.start_tls(self.context, server_hostname=name)
        return reader, writer


async def _asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, visit: Visit) -> Seen:
    more = "".join(f"{name}: {value}\r\n" for name, value in visit.headers)
    head = f"GET {visit.path} HTTP/1.1\r\nHost: {visit.host}\r\nUser-Agent: {AGENT}\r\n{more}Connection: close\r\n\r\n"
    writer.write(head.encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *rest = head.split("\r\n")
    version, _, status = first.partition(" ")
    if not version.startswith("HTTP/"):
        raise ValueError("the answer is no HTTP")
    pairs = (line.partition(":") for line in rest if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    wrapped: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    if wrapped is None:
        return Seen(status=int(status[:3]), headers=headers)
    shown = wrapped.getpeercert(binary_form=True) or b""
    return Seen(status=int(status[:3]), headers=headers, certificate=digest_bytes(shown), protocol=wrapped.version() or "")


def _anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the connection was closed without an answer"
    if isinstance(error, ssl.SSLError):
        said = (error.reason or str(error)).replace("_", " ").lower()
        return "it refused the name" if said == "tlsv1 unrecognized name" else said
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()  # asyncio puts addresses in the place of the reason
    return str(error) or type(error).__name__
