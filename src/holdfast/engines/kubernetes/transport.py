"""The way to one API server: one session, a pace that the server sets, and what is tried again without anybody noticing.

Tried again: what the server asked us to (429 with Retry-After), a connection that broke where asking twice is asking once, and once a
refusal of credentials that can be renewed. Everything else is an error of the house (answer). Watches go past the pace: they stay open.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

import holdfast
from holdfast.engines.kubernetes.answer import Answer, Gone, NotFound, Question, error_of
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.pace import Pace
from holdfast.errors import TimedOut, Unavailable
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random

TIMEOUT_S = 30.0
LARGEST = 64 << 20
"""Of one answer; a list comes in pages."""
TRIES = 6
AGAIN = Backoff(first_s=0.05, factor=2.0, cap_s=5.0)
SILENT_S = 90.0
"""A watch that says nothing for so long is broken: a server sends a bookmark about every minute (KEP-956)."""


class Transport:
    """Close it when done."""

    def __init__(self, credentials: Credentials, *, clock: Clock, random: Random, timeout_s: float = TIMEOUT_S) -> None:
        self.server = credentials.access.server
        self.pace = Pace()
        self.requests = 0
        """Sent so far, watches included."""
        self._credentials = credentials
        self._clock = clock
        self._random = random
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()

    async def ask(self, question: Question) -> Answer:
        """Ask and return a success. Raises NotFound, Gone, and the EngineErrors of `answer`."""
        attempt, is_refused = 0, False
        while True:
            attempt += 1
            try:
                answer = await self._once(question, is_refused=is_refused)
            except Unavailable:
                if attempt >= TRIES or not (question.method == "GET" or question.is_safe):
                    raise
                await self._clock.sleep(AGAIN.equal_jitter(attempt, self._random.random()))
                continue
            if answer.status < 300:
                return answer
            if answer.status == 401 and self._credentials.can_renew and not is_refused:
                is_refused = True
                continue
            if answer.status == 429 or (answer.status == 503 and answer.retry_after_s is not None):
                self.pace.was_too_much(answer.retry_after_s)
                if attempt < TRIES:
                    wait_s = answer.retry_after_s or 0.0
                    await self._clock.sleep(wait_s + AGAIN.full_jitter(attempt, self._random.random()))
                    continue
            raise self._raised(question, answer)

    def _raised(self, question: Question, answer: Answer) -> Exception:
        if answer.status == 404 and answer.said.get("details", {}).get("name"):
            return NotFound(question.subject)
        if answer.status == 410:
            return Gone(question.subject)
        return error_of(question, answer, self.server)

    async def _once(self, question: Question, *, is_refused: bool) -> Answer:
        async with self.pace.turn():
            began = self._clock.monotonic()
            async with self._sent(question, is_refused=is_refused, timeout_s=self._timeout_s) as reply:
                answer = Answer(status=reply.status, body=await _whole(reply), headers=dict(reply.headers))
            if answer.status < 400:
                self.pace.went_well(self._clock.monotonic() - began)
            return answer

    @asynccontextmanager
    async def stream(self, question: Question) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch and yield its lines as they come; the block ends it. Raises as `ask` does, before the first line."""
        is_refused = False
        while True:
            async with self._sent(question, is_refused=is_refused, timeout_s=None) as reply:
                if reply.status == 401 and self._credentials.can_renew and not is_refused:
                    is_refused = True
                    continue
                if reply.status >= 300:
                    answer = Answer(status=reply.status, body=await _whole(reply), headers=dict(reply.headers))
                    if answer.status == 429:
                        self.pace.was_too_much(answer.retry_after_s)
                    raise self._raised(question, answer)
                try:
                    yield _lines(reply, question, self.server)
                finally:
                    # A watch is left in the middle: nobody waits for the farewell of TLS, which the server may never answer.
                    if reply.connection is not None and reply.connection.transport is not None:
                        reply.connection.transport.abort()
                return

    @asynccontextmanager
    async def _sent(self, question: Question, *, is_refused: bool, timeout_s: float | None) -> AsyncIterator[aiohttp.ClientResponse]:
        what = f"cannot {question.verb or question.method.lower()} {question.subject or question.path}"
        session = await self._opened()
        headers = {**await self._credentials.headers(is_refused=is_refused), "Accept": question.accept}
        if question.body is not None:
            headers["Content-Type"] = question.kind
        self.requests += 1
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
                        connector=aiohttp.TCPConnector(ssl=trust if trust is not None else True, limit=0),
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
