"""HTTP to one API server: one session, the credentials of a kubeconfig, one question at a time or a watch.

Implements transport.Wire. Whatever breaks on the way is `Unavailable` or `TimedOut`, with the server and the system's own reason.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import aiohttp

import holdfast
from holdfast.engines.kubernetes.answer import Answer, Question, error_of
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.errors import EngineError, Rejected, TimedOut, Unavailable
from holdfast.host.connection import without_farewell

TIMEOUT_S = 30.0
LARGEST = 64 << 20
"""Of one answer; a list comes in pages."""
SILENT_S = 90.0
"""A watch that says nothing for so long is broken: a server sends a bookmark about every minute (KEP-956)."""


class HttpWire:
    """Close it when done."""

    def __init__(self, credentials: Credentials, *, timeout_s: float = TIMEOUT_S) -> None:
        self.server = credentials.access.server
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    @property
    def can_renew(self) -> bool:
        return self._credentials.can_renew

    async def send(self, question: Question, *, is_refused: bool = False) -> Answer:
        async with self._sent(question, is_refused=is_refused, timeout_s=self._timeout_s) as reply:
            return Answer(status=reply.status, body=await _whole(reply), headers=dict(reply.headers))

    @asynccontextmanager
    async def stream(self, question: Question, *, is_refused: bool = False) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        async with self._sent(question, is_refused=is_refused, timeout_s=None) as reply:
            body = await _whole(reply) if reply.status >= 300 else b""
            yield Answer(status=reply.status, body=body, headers=dict(reply.headers)), _lines(reply, question, self.server)

    @asynccontextmanager
    async def socket(self, question: Question, *, protocol: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket that speaks `protocol`. Raises `Unavailable`, `TimedOut`, or what the server answers instead."""
        what, is_refused = f"cannot {question.verb} {question.subject}", False
        while True:
            session = await self._opened()
            try:
                async with asyncio.timeout(self._timeout_s):
                    opened = await session.ws_connect(
                        f"{self.server}{question.path}?{urlencode(question.query)}",
                        protocols=(protocol,),
                        headers=await self._credentials.headers(is_refused=is_refused),
                        max_msg_size=LARGEST,
                        autoclose=False,
                        server_hostname=self._credentials.access.server_name or None,
                        proxy=self._credentials.access.proxy_url or None,
                    )
            except aiohttp.WSServerHandshakeError as error:
                if error.status == 401 and self.can_renew and not is_refused:
                    is_refused = True
                    continue
                raise await self._instead(question, error.status) from error
            except TimeoutError as error:
                raise TimedOut("HF3301", f"{what}: no answer from {self.server} within {self._timeout_s:g} s") from error
            except (aiohttp.ClientError, OSError) as error:
                raise Unavailable("HF3300", f"{what}: {_reason(error)} at {self.server}") from error
            try:
                if opened.protocol != protocol:
                    raise Rejected("HF3344", f"{what}: {self.server} does not speak {protocol}", hint="it needs Kubernetes 1.30 or later")
                yield opened
            finally:
                await opened.close()
            return

    async def _instead(self, question: Question, status: int) -> EngineError:
        """Return the error of a handshake that failed: the same question without it is answered with the server's reason."""
        answer = await self.send(question)
        told = str(answer.said.get("message") or "")
        if answer.status < 400 or "pgrade request required" in told:
            answer = Answer(status=status)
        return error_of(question, answer, self.server)

    @asynccontextmanager
    async def _sent(self, question: Question, *, is_refused: bool, timeout_s: float | None) -> AsyncIterator[aiohttp.ClientResponse]:
        what = f"cannot {question.verb or question.method.lower()} {question.subject or question.path}"
        session = await self._opened()
        headers = {**await self._credentials.headers(is_refused=is_refused), "Accept": question.accept}
        if question.body is not None:
            headers["Content-Type"] = question.kind
        try:
            async with (
                asyncio.timeout(timeout_s),
                session.request(
                    question.method,
                    f"{self.server}{question.path}",
                    params=[*question.query],
                    data=question.body,
                    headers=headers,
                    allow_redirects=False,
                    server_hostname=self._credentials.access.server_name or None,
                    proxy=self._credentials.access.proxy_url or None,
                ) as reply,
            ):
                yield reply
        except TimeoutError as error:
            raise TimedOut("HF3301", f"{what}: no answer from {self.server} within {timeout_s or self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable("HF3300", f"{what}: {_reason(error)} at {self.server}") from error

    async def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            async with self._opening:
                if self._session is None:
                    trust = await self._credentials.trust()
                    self._session = aiohttp.ClientSession(
                        connector=without_farewell(aiohttp.TCPConnector(ssl=trust if trust is not None else True, limit=0)),
                        timeout=aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S),
                        headers={"User-Agent": f"holdfast/{holdfast.__version__}"},
                        cookie_jar=aiohttp.DummyCookieJar(),
                        auto_decompress=True,
                    )
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
            await asyncio.sleep(0)  # what was aborted is closed in the next turn of the loop


async def _whole(reply: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in reply.content.iter_any():
        size += len(part)
        if size > LARGEST:
            raise aiohttp.ClientPayloadError(f"an answer of more than {LARGEST} bytes")
        parts.append(part)
    return b"".join(parts)


async def _lines(reply: aiohttp.ClientResponse, question: Question, server: str) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; ends where the server ends it. A line may be longer than any buffer of aiohttp's."""
    rest = b""
    try:
        while True:
            async with asyncio.timeout(SILENT_S):
                part = await reply.content.readany()
            if not part:
                return
            *whole, rest = (rest + part).split(b"\n") if b"\n" in part else (rest + part,)
            if len(rest) > LARGEST:
                raise Unavailable("HF3300", f"cannot {question.verb} {question.subject}: a line of more than {LARGEST} bytes from {server}")
            for line in whole:
                if line:
                    yield line
    except TimeoutError as error:
        raise TimedOut("HF3301", f"cannot {question.verb} {question.subject}: {server} is silent for {SILENT_S:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable("HF3300", f"cannot {question.verb} {question.subject}: {_reason(error)} at {server}") from error


def _reason(error: Exception) -> str:
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(system, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({system.verify_message})"
    words = (system.strerror if isinstance(system, OSError) else None) or str(system) or type(system).__name__
    return f"{words[:1].lower()}{words[1:]}"
