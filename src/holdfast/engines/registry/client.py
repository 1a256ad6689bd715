"""The client of image registries: which tags an image has, and which digest a tag is now (OCI distribution specification 1.1, API v2).

Only looks are asked for: GET and HEAD below `/v2/`. Every answer is bounded, a redirect is followed only to where a layer lies, the next
page is asked only of the same registry, and credentials go to the registry that they are for and to the place of tokens that it names, over
TLS. A registry on loopback, or one that the local configuration names, may be asked without TLS.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import json
import ssl
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlencode, urljoin, urlsplit

import aiohttp
from yarl import URL

import holdfast
from holdfast.engines.registry.challenge import Challenge, challenges, read_token, token_url
from holdfast.errors import EngineError, Rejected, TimedOut, Unavailable
from holdfast.host.connection import without_farewell
from holdfast.host.reach import GuardedResolver, MayReach, PrivateAddress, is_private, private_of
from holdfast.host.registry_credentials import Credentials
from holdfast.kit.clock import Clock
from holdfast.kit.image_reference import HUB, ImageReference, is_digest, is_tag

HUB_HOST = "registry-1.docker.io"
"""Where docker.io really answers."""
TIMEOUT_S = 30.0
LARGEST = 4 << 20
MOST_TAGS, PAGE = 200_000, 1_000
MOST_PAGES = 2_000
MOST_REDIRECTS = 5
MOVED = frozenset({301, 302, 303, 307, 308})
EARLY_S = 10.0
"""How long before its end a token is not used any more."""
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
"""An index first: its digest stands for the image on every platform."""
Ask: TypeAlias = Callable[[str], Awaitable[Credentials | None]]
"""From a registry to the credentials for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes


class RegistryClient:
    """All registries. `credentials` answers for each; `is_plain` says which, as host or host:port, are asked over http://.

    `may_reach` says which may be on an address that is not public, by host and port; without it all may.

    Close it when done.
    """

    def __init__(
        self,
        *,
        credentials: Ask,
        clock: Clock,
        is_plain: Callable[[str], bool] | None = None,
        may_reach: MayReach | None = None,
        trust: ssl.SSLContext | None = None,
        timeout_s: float = TIMEOUT_S,
        page: int = PAGE,
    ) -> None:
        self._credentials = credentials
        self._clock = clock
        self._is_plain = is_plain or is_loopback
        self._may_reach = may_reach
        self._trust = trust
        self._timeout_s = timeout_s
        self._page = page
        self._session: aiohttp.ClientSession | None = None
        self._headers: dict[tuple[str, str], tuple[str, float]] = {}
        """By registry and scope the Authorization header, and until when it counts."""
        self._named: set[str] = set()
        """Registries that credentials were found for."""

    async def tags(self, image: ImageReference) -> tuple[str, ...]:
        """Return all tags of an image's repository, as the registry orders them.

        Raises Rejected (HF3240 no such image, HF3241 not allowed), Unavailable (HF3242 no answer, HF3243 asked too often, HF3245 nonsense)
        and TimedOut (HF3244).
        """
        doing = f"list tags of {image.familiar_name}"
        base = self._base(image.registry)
        url: str | None = f"{base}/v2/{image.path}/tags/list?n={self._page}"
        found: dict[str, None] = {}
        for _ in range(MOST_PAGES):
            if url is None:
                return tuple(found)
            answer = await self._ask(doing, "GET", url, image)
            page = _tags(answer.body)
            if page is None:
                raise _nonsense(doing, "it lists no tags")
            found.update(dict.fromkeys(tag for tag in page if is_tag(tag)))
            if len(found) > MOST_TAGS:
                break
            url = _next(url, answer.headers.get("link", ""), doing)
        raise _nonsense(doing, f"it lists more than {len(found):,} tags")

    async def digest(self, image: ImageReference) -> str:
        """Return the digest that an image is now: of its tag, or `latest`; one that it names is asked for and must be there.

        Raises as `tags` does.
        """
        doing = f"find {image.familiar}"
        url = f"{self._base(image.registry)}/v2/{image.path}/manifests/{image.wanted}"
        answer = await self._ask(doing, "HEAD", url, image)
        digest = answer.headers.get("docker-content-digest", "")
        if not digest:  # the specification lets a registry leave it out
            answer = await self._ask(doing, "GET", url, image)
            digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if not is_digest(digest) or (image.digest is not None and digest != image.digest):
            raise _nonsense(doing, "it names another digest" if is_digest(digest) else "it names no digest")
        return digest

    async def manifest(self, image: ImageReference) -> bytes:
        """Return the manifest that an image is now. Raises as `tags` does."""
        doing = f"read {image.familiar}"
        answer = await self._ask(doing, "GET", f"{self._base(image.registry)}/v2/{image.path}/manifests/{image.wanted}", image)
        if image.digest is not None and f"sha256:{hashlib.sha256(answer.body).hexdigest()}" != image.digest:
            raise _nonsense(doing, "it is another than its digest says")
        return answer.body

    async def blob(self, image: ImageReference, digest: str, *, limit: int) -> bytes:
        """Return a layer of an image, of at most `limit` bytes. A registry may have it elsewhere, over TLS. Raises as `tags` does."""
        doing = f"fetch {digest[:19]} of {image.familiar_name}"
        url = f"{self._base(image.registry)}/v2/{image.path}/blobs/{digest}"
        answer = await self._ask(doing, "GET", url, image, limit=limit)
        if f"sha256:{hashlib.sha256(answer.body).hexdigest()}" != digest:
            raise _nonsense(doing, "it is another than its digest says")
        return answer.body

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    # Below

    def _base(self, registry: str) -> str:
        host = HUB_HOST if registry == HUB else registry
        return f"{'http' if self._is_plain(registry) else 'https'}://{host}"

    async def _ask(self, doing: str, method: str, url: str, image: ImageReference, *, limit: int = LARGEST) -> _Answer:
        """Ask as anybody or as before, and where that is not enough as the registry wants it."""
        scope = f"repository:{image.path}:pull"
        answer = await self._send(doing, method, url, self._known(image.registry, scope), limit=limit)
        if answer.status == 401:
            header = await self._authorized(doing, image.registry, scope, answer)
            answer = await self._send(doing, method, url, header, limit=limit)
        if "/blobs/" in url:
            answer = await self._elsewhere(doing, url, answer, limit)
        if answer.status == 200:
            return answer
        raise _refused(doing, image, answer, is_known=image.registry in self._named)

    async def _elsewhere(self, doing: str, url: str, answer: _Answer, limit: int) -> _Answer:
        """Follow where a registry has a layer: without its credentials, and not to where anybody could read along."""
        for _ in range(MOST_REDIRECTS):
            if answer.status not in MOVED:
                return answer
            target = urljoin(url, answer.headers.get("location", ""))
            if urlsplit(target).scheme not in {"https", urlsplit(url).scheme}:
                raise _nonsense(doing, "it has the layer at a place that is no https:// address")
            url, answer = target, await self._send(doing, "GET", target, None, limit=limit)
        return answer

    def _known(self, registry: str, scope: str) -> str | None:
        header, until = self._headers.get((registry, scope), ("", 0.0))
        return header if self._clock.monotonic() < until else None

    async def _authorized(self, doing: str, registry: str, scope: str, answer: _Answer) -> str | None:
        """Return the header that a registry asked for, None where nobody knows one."""
        credentials = await self._credentials(registry)
        if credentials is not None:
            self._named.add(registry)
        for each in challenges(answer.headers.get("www-authenticate", "")):
            if each.scheme == "bearer":
                token, lifetime_s = await self._token(doing, registry, scope, each, credentials)
                header, until = f"Bearer {token}", self._clock.monotonic() + max(lifetime_s - EARLY_S, 1.0)
            elif each.scheme == "basic" and credentials is not None and not credentials.is_token:
                header, until = _basic(credentials), float("inf")
            else:
                continue
            self._headers[registry, scope] = (header, until)
            return header
        return None

    async def _token(
        self, doing: str, registry: str, scope: str, challenge: Challenge, credentials: Credentials | None
    ) -> tuple[str, float]:
        url = token_url(challenge, scope, may_be_plain=self._base(registry).startswith("http://"))
        if url is None:
            raise _nonsense(doing, "it names a place of tokens that is no https:// address")
        if credentials is not None and credentials.is_token:
            asked = dict(part.partition("=")[::2] for part in urlsplit(url).query.split("&"))
            form = {"grant_type": "refresh_token", "client_id": "holdfast", "refresh_token": credentials.secret.reveal()}
            body = f"{urlencode(form)}&{'&'.join(f'{key}={value}' for key, value in asked.items())}"
            answer = await self._send(doing, "POST", url.partition("?")[0], None, body)
        else:
            answer = await self._send(doing, "GET", url, _basic(credentials) if credentials is not None else None)
        if answer.status in {400, 401, 403}:
            raise _denied(doing, registry, is_known=credentials is not None)
        if answer.status == 429 or answer.status >= 500:
            raise _busy(doing, answer)
        found = read_token(answer.body) if answer.status == 200 else None
        if found is None:
            raise _nonsense(doing, "its place of tokens gave none")
        return found

    async def _send(
        self, doing: str, method: str, url: str, header: str | None, form: str | None = None, *, limit: int = LARGEST
    ) -> _Answer:
        headers = {"Accept": ", ".join(MANIFESTS)} if "/manifests/" in url else {"Accept": "application/json"}
        if header is not None:
            headers["Authorization"] = header
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        where, target = urlsplit(url).netloc, URL(url, encoded=True)
        if self._may_reach is not None and is_private(target.host or "") and not self._may_reach(target.host or "", target.port or 443):
            raise _private(doing, where, PrivateAddress(target.host or "", target.host or ""))
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._opened().request(method, target, data=form, headers=headers, allow_redirects=False) as answer,
            ):
                body = await _bounded(answer, limit)
        except TimeoutError as error:
            raise TimedOut("HF3244", f"cannot {doing}: no answer from {where} within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if (private := private_of(error)) is not None:
                raise _private(doing, where, private) from error
            hint = "check the registry's name, and whether this host reaches it"
            raise Unavailable("HF3242", f"cannot {doing}: cannot reach {where}: {_reason(error)}", hint=hint) from error
        if body is None:
            raise _nonsense(doing, f"an answer of more than {limit:,} bytes")
        return _Answer(status=answer.status, headers={name.lower(): value for name, value in answer.headers.items()}, body=body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=without_farewell(
                    aiohttp.TCPConnector(
                        ssl=self._trust or True, limit=8, resolver=GuardedResolver(self._may_reach) if self._may_reach is not None else None
                    )
                ),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": f"holdfast/{holdfast.__version__}"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def is_loopback(registry: str) -> bool:
    """Say whether a registry is on this host, where nobody in between can read along."""
    host = urlsplit(f"//{registry}").hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tags(body: bytes) -> list[str] | None:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or "name" not in answer:
        return None
    tags = answer.get("tags") or []  # null where the last one was removed
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else None


def _next(url: str, link: str, doing: str) -> str | None:
    """Return the address of the next page, None after the last one; another registry's is never asked."""
    for part in link.split(","):
        target, _, rest = part.partition(">")
        if target.strip().startswith("<") and 'rel="next"' in rest.replace("'", '"').replace("rel=next", 'rel="next"'):
            found = urljoin(url, target.strip()[1:])
            if urlsplit(found)[:2] != urlsplit(url)[:2]:
                raise _nonsense(doing, "its next page is on another host")
            return found
    return None


def _basic(credentials: Credentials) -> str:
    return "Basic " + b64encode(f"{credentials.user}:{credentials.secret.reveal()}".encode()).decode()


async def _bounded(answer: aiohttp.ClientResponse, limit: int) -> bytes | None:
    body = b""
    async for part in answer.content.iter_any():
        body += part
        if len(body) > limit:
            return None
    return body


def _refused(doing: str, image: ImageReference, answer: _Answer, *, is_known: bool) -> EngineError:
    if answer.status in {401, 403}:
        return _denied(doing, image.registry, is_known=is_known)
    if answer.status == 404:
        hint = "check name and tag; many registries say the same of what these credentials may not see"
        return Rejected("HF3240", f"cannot {doing}: {image.registry} has no such image", hint=hint)
    if answer.status == 429 or answer.status >= 500:
        return _busy(doing, answer)
    return _nonsense(doing, f"status {answer.status}")


def _private(doing: str, where: str, error: PrivateAddress) -> Rejected:
    hint = f"where that is right, name {where} in registries.private of the local configuration"
    return Rejected("HF3247", f"cannot {doing}: {error}, and nothing on this host allows that", hint=hint)


def _denied(doing: str, registry: str, *, is_known: bool) -> Rejected:
    reason = "did not accept the credentials" if is_known else "wants credentials"
    return Rejected("HF3241", f"cannot {doing}: {registry} {reason}", hint=f"docker login {registry}, as the user that asks")


def _busy(doing: str, answer: _Answer) -> Unavailable:
    if answer.status == 429:
        return Unavailable(
            "HF3243", f"cannot {doing}: the registry was asked too often", hint="log in, which most registries give more for"
        )
    return Unavailable("HF3242", f"cannot {doing}: the registry answered with status {answer.status}")


def _nonsense(doing: str, reason: str) -> Unavailable:
    return Unavailable("HF3245", f"cannot {doing}: the registry's answer cannot be used: {reason}")


def _reason(error: Exception) -> str:
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(system, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {system.verify_message}"
    text = (system.strerror if isinstance(system, OSError) else None) or str(system) or type(system).__name__
    return text[:1].lower() + text[1:]
