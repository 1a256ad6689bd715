"""Where charts stand: what versions there are, what one of them is, and its archive. `HelmShelf` asks Helm repositories, over HTTP.

The other shelf is registries of images, whose client is an engine's; `app` lends it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urljoin

from holdfast.errors import SourceError
from holdfast.host.helm_credentials import HelmLogin
from holdfast.host.thread import in_thread
from holdfast.kit.suggest import did_you_mean
from holdfast.model.chart import ChartAddress
from holdfast.source.chart.choose import read_version
from holdfast.source.chart.index import Release, charts_of, releases_of
from holdfast.source.chart.web import Page, Web
from holdfast.source.limits import Limits

_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,127}")
"""What may be a version at all; it goes into a commit's message."""
_LOOK = "look at repoURL; an index.yaml lies in its folder where it is a Helm repository"


class Shelf(Protocol):
    """Raises `SourceError` HF4070 to HF4078, HF4081 and `Refused` HF4004, HF4080. Close it when done."""

    async def releases(self, address: ChartAddress) -> Mapping[str, Release]:
        """Return the versions of a chart by their text; only such as `is_version` lets pass."""
        ...

    async def complete(self, address: ChartAddress, release: Release) -> Release:
        """Return a version with all that can be known of it without its archive."""
        ...

    async def archive(self, address: ChartAddress, release: Release) -> bytes: ...

    async def aclose(self) -> None: ...


def is_version(text: str) -> bool:
    return _VERSION.fullmatch(text) is not None and read_version(text) is not None


class HelmShelf:
    """Helm repositories. `login` says with what one is asked."""

    def __init__(self, web: Web, login: Callable[[str], HelmLogin], limits: Limits | None = None) -> None:
        self._web = web
        self._login = login
        self._limits = limits or Limits()
        self._known: dict[ChartAddress, tuple[Page, Mapping[str, Release] | SourceError]] = {}
        """What was answered last, without its body, and what it said, or why it cannot be used: a large one is read once."""

    async def aclose(self) -> None:
        await self._web.aclose()

    async def releases(self, address: ChartAddress) -> Mapping[str, Release]:
        """Ask for the index, and read what it says of the chart where it changed."""
        known: Mapping[str, Release] | SourceError
        since, known = self._known.get(address, (None, {}))
        try:
            page = await self._web.get(
                f"{address.repository}/index.yaml",
                home=address.repository,
                subject=address.subject,
                login=self._login(address.repository),
                since=since,
                limit=self._limits.index,
                timeout_s=self._limits.ask_s,
            )
        except SourceError as error:
            if error.code != "HF4075":
                raise
            raise SourceError("HF4072", f"cannot read {address.subject}: there is no Helm repository", hint=_LOOK) from error
        if page.body is not None:
            try:
                known = await in_thread(_read, page.body, address)
            except SourceError as error:
                known = error
            self._known[address] = (Page(body=None, etag=page.etag, modified=page.modified), known)
        if isinstance(known, SourceError):
            raise known
        return known

    async def complete(self, address: ChartAddress, release: Release) -> Release:
        return release

    async def archive(self, address: ChartAddress, release: Release) -> bytes:
        page = await self._web.get(
            urljoin(f"{address.repository}/", release.urls[0]),
            home=address.repository,
            subject=f"{address.chart} {release.version} of {address.repository}",
            login=self._login(address.repository),
            limit=self._limits.archive,
            timeout_s=self._limits.fetch_s,
        )
        return page.body or b""


def _read(data: bytes, address: ChartAddress) -> Mapping[str, Release]:
    try:
        releases = releases_of(data, address.chart)
    except ValueError as error:
        message = f"cannot read {address.subject}: its index.yaml cannot be used: {error}"
        raise SourceError("HF4072", message, hint=_LOOK) from error
    if releases is None:
        known = charts_of(data)
        near = did_you_mean(address.chart, known)
        listed = ", ".join(known[:5]) + (" …" if len(known) > 5 else "")
        hint = f"did you mean {near}?" if near else f"there are {listed}" if known else "look at the name"
        raise SourceError("HF4073", f"cannot read {address.subject}: the repository has no such chart", hint=hint)
    return {version: release for version, release in releases.items() if is_version(version)}
