"""The client of one Docker Engine: requests, streams, and the version of the API that both sides speak.

Thin: paths and documents are Docker's, and what an answer means is its caller's affair. Every request has a time limit, every answer a
size limit, and every failure is one of the house's: Unavailable, TimedOut, Conflict, Rejected (`failure`). Versions are negotiated, never
pinned: Engine 29 raised the least version and broke who had.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from yarl import URL

import holdfast
from holdfast.engines.docker.address import Address
from holdfast.engines.docker.failure import error_of, plain
from holdfast.engines.docker.raw import Hijacked
from holdfast.engines.docker.way import Way
from holdfast.errors import EngineError, Rejected, TimedOut, Unavailable
from holdfast.kit.canonical import Json

LEAST, MOST = (1, 41), (1, 52)
"""API versions: 1.41 is Engine 20.10, 1.52 is Engine 29."""
TIMEOUT_S = 30.0
LARGEST = 64 << 20
LONGEST_LINE = 4 << 20
Query = Mapping[str, str | int | bool | Json | tuple[str, ...]]
"""A tuple is said once for each of its texts."""
Body = bytes | AsyncIterable[bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What an engine says of itself: release (`20.10.24`), and the version of the API that is spoken with it (`1.41`)."""

    engine: str
    api: str
    system: str = "linux"


class Client:
    """One engine. `doing` of each call is a verb and its object, for errors: `create container web`. Close it when done."""

    def __init__(self, address: Address, way: Way, *, timeout_s: float = TIMEOUT_S) -> None:
        self.address = address
        self._way = way
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None
        self._version: Version | None = None
        self._turn = asyncio.Lock()

    async def version(self) -> Version:
        """Return what was negotiated, asking the engine once. Raises Rejected (HF3202) where no version is common."""
        async with self._turn:
            if self._version is None:
                self._version = await self._negotiated()
            return self._version

    async def knock(self) -> None:
        """See that it still lets somebody in.

        An engine that is about to end lets nobody in any more and then stops its containers, and answers on old connections meanwhile
        (moby `cmd/dockerd`): what one sees then is no drift, and a container that one starts then is lost to the next engine.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._way.knock()
        except TimeoutError as error:
            raise self._late("look", self._timeout_s) from error
        except OSError as error:
            raise self._lost("look", error) from error

    def forget_version(self) -> None:
        """Ask again with the next request: the engine may be another one."""
        self._version = None

    async def _negotiated(self) -> Version:
        said = await self._json("GET", "ask for the version", "/version", {}, None, {}, self._timeout_s)
        if not isinstance(said, dict):
            raise self._nonsense("ask for the version")
        theirs, least = _pair(said.get("ApiVersion")), _pair(said.get("MinAPIVersion") or "1.12")
        release = plain(said.get("Version") or "unknown")
        if theirs < LEAST or least > MOST:
            side = f"it speaks API {_text(least)} to {_text(theirs)}, and {_text(LEAST)} to {_text(MOST)} are known here"
            hint = "update the Docker Engine to 20.10 or later" if theirs < LEAST else "update Holdfast"
            raise Rejected("HF3202", f"cannot use the Docker Engine {release} at {self.address}: {side}", hint=hint)
        return Version(engine=release, api=_text(min(theirs, MOST)), system=plain(said.get("Os") or "linux"))

    # Documents

    async def get(self, doing: str, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Any:
        return await self._call("GET", doing, path, query, None, headers or {}, None)

    async def post(
        self,
        doing: str,
        path: str,
        query: Query | None = None,
        body: Json = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        """Send a document; return the answer's, None where it has none."""
        data = json.dumps(body, separators=(",", ":")).encode() if body is not None else None
        return await self._call("POST", doing, path, query, data, headers or {}, timeout_s)

    async def put(self, doing: str, path: str, query: Query | None, data: bytes, *, content_type: str = "application/x-tar") -> Any:
        return await self._call("PUT", doing, path, query, data, {"Content-Type": content_type}, None)

    async def delete(self, doing: str, path: str, query: Query | None = None) -> Any:
        return await self._call("DELETE", doing, path, query, None, {}, None)

    async def _call(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None,
        data: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float | None,
    ) -> Any:
        return await self._json(method, doing, await self._versioned(path), query or {}, data, headers, timeout_s or self._timeout_s)

    async def _json(
        self, method: str, doing: str, path: str, query: Query, data: bytes | None, headers: Mapping[str, str], timeout_s: float
    ) -> Any:
        try:
            async with asyncio.timeout(timeout_s), self._request(method, path, query, data, headers) as answer:
                body = await _bounded(answer, LARGEST)
        except TimeoutError as error:
            raise self._late(doing, timeout_s) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._lost(doing, error) from error
        if answer.status >= 400:
            raise error_of(doing, answer.status, _document(body))
        if answer.status == 304 or not body.strip():
            return None
        if "json" not in answer.headers.get("Content-Type", "json"):
            return body.decode(errors="replace")
        found = _document(body)
        if found is None:
            raise self._nonsense(doing)
        return found

    # Streams

    async def messages(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None = None,
        data: Body | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the documents of a stream as they come: events, progress of a pull or a build. Close it when done.

        What a stream says of a failure is among its documents; only what comes before the stream is raised, and its end without an end.
        """
        async with self.stream(method, doing, path, query, data, headers=headers) as answer:
            rest = b""
            async for piece in answer:
                *lines, rest = (rest + piece).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    raise self._nonsense(doing)
                for line in lines:
                    if isinstance(found := _document(line) if line.strip() else None, dict):
                        yield found
            if isinstance(found := _document(rest) if rest.strip() else None, dict):
                yield found

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None = None,
        data: Body | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a stream of bytes, without a time limit: logs (take it apart with `raw.pieces`), archives, progress, events."""
        versioned = await self._versioned(path)
        async with AsyncExitStack() as stack:
            try:
                answer = await stack.enter_async_context(self._request(method, versioned, query or {}, data, headers or {}))
                if answer.status >= 400:
                    raise error_of(doing, answer.status, _document(await _bounded(answer, LARGEST)))
            except TimeoutError as error:
                raise self._late(doing, self._timeout_s) from error
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise self._lost(doing, error) from error
            yield self._pieces(doing, answer)

    async def _pieces(self, doing: str, answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for piece in answer.content.iter_any():
                yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise self._lost(doing, error) from error

    async def hijack(self, doing: str, path: str, query: Query | None = None, body: Json = None, *, is_terminal: bool = False) -> Hijacked:
        """Leave HTTP for a raw connection in both directions: attach and exec (`Upgrade: tcp`)."""
        target = await self._versioned(path) + _query(query or {})
        data = json.dumps(body).encode() if body is not None else b""
        head = (
            f"POST {target} HTTP/1.1\r\nHost: docker\r\nUser-Agent: {_AGENT}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await self._way.opened()
                try:
                    writer.write(head.encode() + data)
                    status, headers = _head(await reader.readuntil(b"\r\n\r\n"))
                    if status not in {101, 200}:
                        length = min(int(headers.get("content-length", "0")), LARGEST)
                        raise error_of(doing, status, _document(await reader.readexactly(length)))
                except BaseException:
                    writer.transport.abort()
                    raise
        except TimeoutError as error:
            raise self._late(doing, self._timeout_s) from error
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise self._lost(doing, error) from error
        return Hijacked(reader, writer, is_terminal=is_terminal)

    # Below

    async def _versioned(self, path: str) -> str:
        return f"/v{(self._version or await self.version()).api}{path}"

    def _request(self, method: str, path: str, query: Query, data: Body | None, headers: Mapping[str, str]) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=self._way.connector(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeout_s),
                headers={"User-Agent": _AGENT},
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=1 << 18,
            )
        kind = {"Content-Type": "application/json"} if data is not None and "Content-Type" not in headers else {}
        url = URL(f"http://docker{path}{_query(query)}", encoded=True)
        return self._session.request(method, url, data=data, headers={**kind, **headers}, allow_redirects=False)

    def _late(self, doing: str, limit_s: float) -> EngineError:
        return TimedOut("HF3212", f"cannot {doing} at {self.address}: no answer within {limit_s:g} s")

    def _lost(self, doing: str, error: Exception) -> EngineError:
        system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        if isinstance(system, PermissionError):
            hint = "run Holdfast as root or in the group of the socket; who may use it is root of that host"
            return Rejected("HF3214", f"cannot {doing}: the socket {self.address} is not ours to use", hint=hint)
        hint = "start the Docker Engine (systemctl start docker), or check destination.server"
        reason = self._way.last_words() or _reason(system)
        return Unavailable("HF3201", f"cannot {doing}: cannot reach the Docker Engine at {self.address}: {plain(reason)}", hint=hint)

    def _nonsense(self, doing: str) -> EngineError:
        return Unavailable("HF3215", f"cannot {doing} at {self.address}: the answer cannot be read")

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        await self._way.aclose()


_AGENT = f"holdfast/{holdfast.__version__}"


def segment(text: str) -> str:
    """Return a name as one part of a path."""
    return quote(text, safe="")


def _query(query: Query) -> str:
    written = {key: _value(value) for key, value in query.items() if value is not None}
    return f"?{urlencode(written, doseq=True)}" if written else ""


def _value(value: Any) -> str | tuple[str, ...]:
    if isinstance(value, tuple):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else json.dumps(value, separators=(",", ":"))


def _pair(text: object) -> tuple[int, int]:
    major, _, minor = str(text).partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


def _text(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _document(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except ValueError:
        return None


def _head(data: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers of an answer; ValueError where it is no HTTP."""
    first, *rest = data.decode("latin-1").split("\r\n")
    version, _, status = first.partition(" ")
    if not version.startswith("HTTP/1."):
        raise ValueError("the answer is no HTTP")
    pairs = (line.partition(":") for line in rest if line)
    return int(status[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _bounded(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return the body; ValueError where it is too large."""
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > limit:
            raise ValueError(f"an answer of more than {limit} bytes")
    return bytes(body)


def _reason(error: BaseException) -> str:
    said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return plain(said[:1].lower() + said[1:])
