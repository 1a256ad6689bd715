"""The way to one issuer: HTTPS, nonces, and what is retried without anybody noticing.

A nonce is good for one request. Every answer brings a new one; where it is refused all the same (they expire, and servers restart) the same
request is signed again with the nonce of the refusal. Answers are bounded, redirects are not followed, and an address that the issuer
names is only used where nobody in between can read along.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

import holdfast
from holdfast.edge.issuer import is_private_enough
from holdfast.engines.acme import wire
from holdfast.engines.acme.problem import Refusal, error_of, nonsense
from holdfast.errors import TimedOut, Unavailable
from holdfast.host.connection import without_farewell
from holdfast.kit.clock import Clock

Sign = Callable[[str, str], bytes]
"""From address and nonce to the body of a request."""
LARGEST = 1 << 20
NONCES = 32
NONCE_TRIES = 24
"""Half of all nonces may be refused, and still one request in sixteen million fails."""
TIMEOUT_S = 30.0
JOSE = "application/jose+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A success: status, headers by lower-case name, all `Link` headers, and the body."""

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    body: bytes = b""
    retry_after_s: float | None = None


class Transport:
    """`trust` decides whose certificate the issuer itself may show. Close it when done."""

    def __init__(self, *, issuer: str, trust: ssl.SSLContext, clock: Clock, timeout_s: float = TIMEOUT_S) -> None:
        self._issuer = issuer
        self._trust = trust
        self._clock = clock
        self._timeout_s = timeout_s
        self._nonces: deque[str] = deque(maxlen=NONCES)
        self._session: aiohttp.ClientSession | None = None
        self.new_nonce_url: str | None = None

    async def get(self, verb: str, url: str) -> Reply:
        """Ask without a signature: the directory, and renewal information. `verb` is for errors: `ask`, `order from` …"""
        reply, document = await self._ask(verb, "GET", url, None)
        if document is not None:
            raise error_of(self._issuer, verb, reply.status, document, reply.retry_after_s)
        return reply

    async def post(self, verb: str, url: str, sign: Sign) -> Reply:
        """Send a signed request, again where only its nonce was refused."""
        for _ in range(NONCE_TRIES):
            body = sign(url, await self._nonce(verb))
            reply, document = await self._ask(verb, "POST", url, body)
            if document is None:
                return reply
            error = error_of(self._issuer, verb, reply.status, document, reply.retry_after_s)
            if not (isinstance(error, Refusal) and error.type == "badNonce"):
                raise error
        raise nonsense(self._issuer, verb, f"it refused {NONCE_TRIES} nonces in a row")

    async def _nonce(self, verb: str) -> str:
        if self._nonces:
            return self._nonces.pop()
        if self.new_nonce_url is None:
            raise nonsense(self._issuer, verb, "its directory names no place for nonces")
        await self._ask(verb, "HEAD", self.new_nonce_url, None)
        if not self._nonces:
            raise nonsense(self._issuer, verb, "it gave no nonce")
        return self._nonces.pop()

    async def _ask(self, verb: str, method: str, url: str, body: bytes | None) -> tuple[Reply, Mapping[str, Any] | None]:
        """Return the answer, and its problem document where it is no success ({} where it has none)."""
        if not is_private_enough(url):
            raise nonsense(self._issuer, verb, f"it named an address that is not encrypted: {url[:200]!r}")
        headers = {"Content-Type": JOSE} if body is not None else {}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._opened().request(method, url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                data = await _bounded(answer)
        except TimeoutError as error:
            raise TimedOut("HF3141", f"cannot {verb} issuer {self._issuer}: no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            reason = _reason(error)
            raise Unavailable("HF3140", f"cannot {verb} issuer {self._issuer}: {reason[:1].lower()}{reason[1:]}") from error
        if nonce := answer.headers.get("Replay-Nonce"):
            self._nonces.append(nonce)
        if data is None:
            raise nonsense(self._issuer, verb, f"an answer of more than {LARGEST} bytes")
        reply = Reply(
            url=url,
            status=answer.status,
            headers={name.lower(): value for name, value in answer.headers.items()},
            links=tuple(answer.headers.getall("Link", ())),
            body=data,
            retry_after_s=wire.retry_after(answer.headers.get("Retry-After"), self._clock.now()),
        )
        return reply, None if 200 <= answer.status < 300 else _document(reply)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=without_farewell(aiohttp.TCPConnector(ssl=self._trust, limit=16)),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": f"holdfast/{holdfast.__version__}", "Accept-Language": "en"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _bounded(answer: aiohttp.ClientResponse) -> bytes | None:
    """Return the body, None where it is too large."""
    body = b""
    async for part in answer.content.iter_any():
        body += part
        if len(body) > LARGEST:
            return None
    return body


def _document(reply: Reply) -> Mapping[str, Any]:
    if "problem+json" not in reply.headers.get("content-type", ""):
        return {}
    try:
        found = json.loads(reply.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _reason(error: Exception) -> str:
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(system, ssl.SSLCertVerificationError):
        return f"its own certificate is not trusted: {system.verify_message}"
    return (system.strerror if isinstance(system, OSError) else None) or str(system) or type(system).__name__
