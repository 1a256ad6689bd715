"""Files of Helm repositories over HTTP: one GET, bounded, of which the server proves who it is.

An index names where archives lie, mostly elsewhere, and such places redirect (GitHub to its storage), so redirects are followed: to https,
a few times, and without the credentials once the host is another one. A host on an address that is not public is asked only where the local
configuration names it. Answers are taken as they are sent, since some servers call an archive's own compression their encoding.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

import holdfast
from holdfast.errors import Refused, SourceError
from holdfast.host.connection import without_farewell
from holdfast.host.helm_credentials import HelmLogin
from holdfast.host.reach import GuardedResolver, MayReach, PrivateAddress, is_private, private_of

MOST_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer: its body, and what to ask with next time; `None` for what has not changed since."""

    body: bytes | None
    etag: str = ""
    modified: str = ""


class Web:
    """`allow_http` gets an address that is not encrypted, `may_reach` host and port of one on a private address. Close it when done."""

    def __init__(self, *, allow_http: Callable[[str], bool], may_reach: MayReach | None, trust: ssl.SSLContext | None = None) -> None:
        self._allow_http = allow_http
        self._may_reach = may_reach
        self._trust = trust
        self._sessions: dict[HelmLogin, aiohttp.ClientSession] = {}
        """By what they trust and show; user and password are no part of a session."""

    async def get(
        self, url: str, *, home: str, subject: str, login: HelmLogin, since: Page | None = None, limit: int, timeout_s: float
    ) -> Page:
        """Return what lies at `url`, of which `since` was the last answer. `home` is the repository that `login` is for.

        Raises `SourceError`: HF4070 no answer, HF4071 credentials wanted, HF4012 who answers is not proven, HF4014 redirects that are not
        followed, HF4018 too large, HF4075 nothing there; `Refused`: HF4004 not encrypted, HF4080 a private address.
        """
        try:
            async with asyncio.timeout(timeout_s):
                return await self._get(url, _origin(home), subject, login, since, limit)
        except TimeoutError as error:
            raise _no_answer(subject, url, f"it did not answer within {timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
            raise _failure(subject, url, error) from error

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions = {}

    async def _get(
        self, url: str, home: tuple[str, str | None, int | None], subject: str, login: HelmLogin, since: Page | None, limit: int
    ) -> Page:
        at = url
        for _ in range(MOST_REDIRECTS + 1):
            self._check(at, subject)
            headers = {"Accept-Encoding": "gzip"} | _conditions(since)
            if login.password is not None and (login.everywhere or _origin(at) == home):
                headers["Authorization"] = _basic(login.user, login.password.reveal())
            async with self._session(login).get(URL(at, encoded=True), headers=headers, allow_redirects=False) as answer:
                if answer.status in _MOVED and "Location" in answer.headers:
                    at = _next(at, answer.headers["Location"], subject)
                    continue
                if answer.status == 304 and since is not None:
                    return Page(body=None, etag=since.etag, modified=since.modified)
                if answer.status != 200:
                    raise _refusal(subject, at, answer.status)
                body = await _body(answer, limit, subject)
                return Page(body=body, etag=answer.headers.get("ETag", ""), modified=_modified(answer))
        raise SourceError("HF4014", f"cannot read {subject}: {_place(url)} answered with more than {MOST_REDIRECTS} redirects")

    def _check(self, url: str, subject: str) -> None:
        found = urlsplit(url)
        host, port = found.hostname or "", found.port or (443 if found.scheme == "https" else 80)
        if found.scheme not in ("https", "http"):
            raise SourceError("HF4075", f"cannot read {subject}: its index names {_place(url)}, which is no https:// address")
        if found.scheme == "http" and not self._allow_http(url):
            raise Refused(
                "HF4004",
                f"cannot read {subject}: http:// is neither private nor proof of who answers ({_place(url)})",
                hint="use https://; the local configuration can allow http",
            )
        if self._may_reach is not None and is_private(host) and not self._may_reach(host, port):
            raise _private(subject, url, PrivateAddress(host, host))

    def _session(self, login: HelmLogin) -> aiohttp.ClientSession:
        key = HelmLogin(ca_file=login.ca_file, cert_file=login.cert_file, key_file=login.key_file)
        if key not in self._sessions:
            self._sessions[key] = aiohttp.ClientSession(
                connector=without_farewell(
                    aiohttp.TCPConnector(
                        ssl=_trust(key) or self._trust or True,
                        limit=8,
                        resolver=GuardedResolver(self._may_reach) if self._may_reach is not None else None,
                    )
                ),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": f"holdfast/{holdfast.__version__}", "Accept": "*/*"},
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._sessions[key]


def _trust(login: HelmLogin) -> ssl.SSLContext | None:
    """Return whom a login trusts beside the system's, and what it shows; None for the usual."""
    if not login.ca_file and not login.cert_file:
        return None
    trust = ssl.create_default_context()
    try:
        if login.ca_file:
            trust.load_verify_locations(login.ca_file)
        if login.cert_file:
            trust.load_cert_chain(login.cert_file, login.key_file or None)
    except OSError as error:  # an SSLError is one too
        files = ", ".join(file for file in (login.ca_file, login.cert_file, login.key_file) if file)
        raise SourceError("HF4081", f"cannot read certificates in {files}: {(error.strerror or 'they cannot be read').lower()}") from error
    return trust


def _conditions(since: Page | None) -> dict[str, str]:
    if since is None:
        return {}
    return {key: value for key, value in (("If-None-Match", since.etag), ("If-Modified-Since", since.modified)) if value}


def _next(url: str, location: str, subject: str) -> str:
    found = urljoin(url, location)
    target = urlsplit(found)
    if target.scheme != "https" and target.scheme != urlsplit(url).scheme:
        raise SourceError(
            "HF4014",
            f"cannot read {subject}: {_place(url)} answered with a redirect to {target.scheme or 'nothing'}://, which is not followed",
            hint="write the address that it redirects to, with https://",
        )
    return found


async def _body(answer: aiohttp.ClientResponse, limit: int, subject: str) -> bytes:
    """Return the body; unpacked where the server packed it for the way, which is not so where it calls the archive itself packed."""
    is_packed = answer.headers.get("Content-Encoding", "").lower() == "gzip" and not answer.url.path.endswith((".tgz", ".tar.gz"))
    unpack = zlib.decompressobj(wbits=31) if is_packed else None
    pieces: list[bytes] = []
    size = 0
    async for sent in answer.content.iter_any():
        piece = unpack.decompress(sent, limit + 1 - size) if unpack is not None else sent
        size += len(piece)
        pieces.append(piece)
        if size > limit or (unpack is not None and unpack.unconsumed_tail):
            raise SourceError("HF4018", f"cannot read {subject}: {_place(str(answer.url))} answered more than {limit} bytes")
    if unpack is not None and not unpack.eof:
        raise ValueError("its answer ended early")
    return b"".join(pieces)


def _modified(answer: aiohttp.ClientResponse) -> str:
    """Return when a page was modified last; "" where it may be modified once more in the very second of its answer (RFC 9110 §8.8.2.2)."""
    modified, sent = answer.headers.get("Last-Modified", ""), answer.headers.get("Date", "")
    try:
        is_over = parsedate_to_datetime(modified) < parsedate_to_datetime(sent)
    except (ValueError, TypeError):
        is_over = False
    return modified if is_over else ""


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _origin(url: str) -> tuple[str, str | None, int | None]:
    found = urlsplit(url)
    return found.scheme, found.hostname, found.port


def _place(url: str) -> str:
    """Return an address for people: without its query, which often signs it."""
    found = urlsplit(url)
    text = f"{found.scheme}://{found.netloc.rpartition('@')[2]}{found.path}"
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def _refusal(subject: str, url: str, status: int) -> SourceError:
    if status in (401, 403):
        return SourceError(
            "HF4071",
            f"cannot read {subject}: {_place(url)} wants credentials that Holdfast does not have",
            hint="`helm repo add --username … --password-stdin`, as the user that runs Holdfast, keeps them where they are looked for",
        )
    if status in (404, 410):
        return SourceError("HF4075", f"cannot read {subject}: there is nothing at {_place(url)}", hint="look at the address")
    return _no_answer(subject, url, f"it answered with status {status}")


def _no_answer(subject: str, url: str, reason: str) -> SourceError:
    return SourceError("HF4070", f"cannot read {subject}: {_place(url)}: {reason}", hint="it is tried again by itself; look at the server")


def _failure(subject: str, url: str, error: Exception) -> SourceError | Refused:
    if (private := private_of(error)) is not None:
        return _private(subject, url, private)
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(error, aiohttp.ClientConnectorCertificateError) or isinstance(system, ssl.SSLError):
        why = system.verify_message if isinstance(system, ssl.SSLCertVerificationError) else "no trusted connection"
        hint = "add its certificate to the system's store, or `helm repo add --ca-file`"
        return SourceError("HF4012", f"cannot read {subject}: {_place(url)} did not prove who it is: {why}", hint=hint)
    reason = (system.strerror if isinstance(system, OSError) else None) or str(system) or type(system).__name__
    return _no_answer(subject, url, "".join(letter if letter.isprintable() else "?" for letter in reason)[:200].lower())


def _private(subject: str, url: str, error: PrivateAddress) -> Refused:
    host = urlsplit(url).netloc.rpartition("@")[2]
    hint = f"where that is right, name {host} in charts.private of the local configuration"
    return Refused("HF4080", f"cannot read {subject}: {error}, and nothing on this host allows that", hint=hint)
