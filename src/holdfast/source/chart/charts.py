"""Charts of Helm repositories as `git.MirroredGit` takes them: a mirror whose references are versions, each a commit without a parent.

The index is asked, never a Git. A version is fetched once, checked, and then it is what it was: where its archive becomes another one under
the same number, that is told and not taken. A commit is the same for the same archive, whoever makes it and whichever versions came before,
so which of two versions is older is said by their numbers.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field

from holdfast.errors import SourceError
from holdfast.host.thread import in_thread
from holdfast.kit.clock import Clock, Random
from holdfast.model.chart import ChartAddress
from holdfast.source.chart.archive import unpack
from holdfast.source.chart.choose import choose, read_version
from holdfast.source.chart.index import Release
from holdfast.source.chart.shelf import Shelf
from holdfast.source.history import commit_of
from holdfast.source.limits import Limits
from holdfast.source.mirror import Mirror, kept_as
from holdfast.source.objects import Object
from holdfast.source.question import Question
from holdfast.source.remote import remote_hints
from holdfast.source.repository import Repository
from holdfast.source.writing import MADE, quoted, stated

_DIGEST = re.compile(rb"^Archive-Digest: sha256:([0-9a-f]{64})$", re.MULTILINE)
_VERSION = re.compile(rb"\n\nchart \S+ (\S+)\n")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")


@dataclass(slots=True)
class _Chart:
    """One chart that is followed, and what is known of it."""

    address: ChartAddress
    shelf: Shelf
    index: Question[Mapping[str, Release]]
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    same: dict[str, str] = field(default_factory=dict)
    """By version the digest of another archive that has the same files."""
    refused: dict[tuple[str, str], SourceError] = field(default_factory=dict)
    """By version and digest why it is not taken."""


class Charts:
    """All of them: those of Helm repositories, and those of registries. Close it when done."""

    def __init__(
        self, *, repositories: Shelf, registries: Shelf, clock: Clock, random: Random, every_s: float, limits: Limits | None = None
    ) -> None:
        self._repositories = repositories
        self._registries = registries
        self._clock = clock
        self._random = random
        self._every_s = every_s
        self._limits = limits or Limits()
        self._charts: dict[str, _Chart] = {}

    async def aclose(self) -> None:
        await self._repositories.aclose()
        await self._registries.aclose()

    def repository(self, text: str) -> Repository:
        """Return an address as a mirror takes it. Raises `SourceError` (HF4001)."""
        try:
            address = ChartAddress.parse(text)
        except ValueError as error:
            raise SourceError("HF4001", f"cannot read chart {text[:200]!r}: {error}", hint="write https://host/path and a chart") from error
        return Repository(text=address.text, scheme="helm", address=address.text)

    async def resolve(self, mirror: Mirror, target_revision: str) -> tuple[str, str]:
        """Return the commit that a version, a range or a short commit id means now, as an object's name, and the version.

        A version that is kept needs no repository; a range does. Raises `SourceError` HF4070 to HF4079 and `Refused`.
        """
        if _SHORT_COMMIT.fullmatch(target_revision):
            await mirror.open()
            if len(found := await mirror.commits(target_revision)) == 1:
                return found[0], target_revision
        chart = self._chart(mirror)
        try:
            releases = await chart.index.answer()
        except SourceError:
            if (kept := await mirror.kept(_tag(target_revision))) is None:
                raise
            return kept.id, target_revision
        kept = await mirror.kept(_tag(target_revision))
        version = choose(target_revision, releases, target_revision if kept is not None else None, chart.address.subject)
        if kept is not None and version not in releases:
            return kept.id, version
        try:
            release = await chart.shelf.complete(chart.address, releases[version])
        except SourceError:
            if (kept := await mirror.kept(_tag(version))) is None:
                raise
            return kept.id, version
        return await self._commit(mirror, chart, release), version

    def hints(self, mirror: Mirror) -> AsyncGenerator[None, None]:
        """Yield at once, and then where the index names other versions or archives of the chart."""
        chart = self._chart(mirror)

        async def ask() -> Mapping[str, str]:
            return {version: f"{each.digest} {each.urls[0]}" for version, each in (await chart.index.answer()).items()}

        return remote_hints(ask, clock=self._clock, random=self._random, every_s=self._every_s)

    async def is_ancestor(self, mirror: Mirror, older: str, newer: str) -> bool:
        """Say whether a version's number is not below another's: that is going on, below it is going back."""
        before, after = [read_version(_version_of(await mirror.object(commit, "commit"))) for commit in (older, newer)]
        return before is not None and after is not None and not after < before

    def _chart(self, mirror: Mirror) -> _Chart:
        text = mirror.repository.text
        if text not in self._charts:
            address = ChartAddress.parse(text)
            shelf = self._registries if address.is_registry else self._repositories
            self._charts[text] = _Chart(address=address, shelf=shelf, index=Question(lambda: shelf.releases(address)))
        return self._charts[text]

    async def _commit(self, mirror: Mirror, chart: _Chart, release: Release) -> str:
        """Return the commit of a version, which is fetched unless it is kept."""
        async with chart.turn:
            kept = await mirror.kept(_tag(release.version))
            if kept is not None and _is_kept(chart, kept, release):
                return kept.id
            if (refused := chart.refused.get((release.version, release.digest))) is not None:
                raise refused
            try:
                return await self._fetched(mirror, chart, release, kept)
            except SourceError as error:
                # Not HF4076: that the archive is another than the index says may be over by the next time.
                if error.code in ("HF4077", "HF4078", "HF4079") and release.digest:
                    chart.refused[release.version, release.digest] = error
                raise

    async def _fetched(self, mirror: Mirror, chart: _Chart, release: Release, kept: Object | None) -> str:
        data = await chart.shelf.archive(chart.address, release)
        digest = hashlib.sha256(data).hexdigest()
        if release.digest and digest != release.digest:
            raise SourceError(
                "HF4076",
                f"cannot use {chart.address.chart} {release.version} of {chart.address.repository}: its archive has SHA-256 "
                f"{digest[:12]}…, and the index says {release.digest[:12]}…",
                hint="somebody changed the archive or the index; tell who keeps the repository",
            )
        unpacked = await in_thread(unpack, data, chart.address.chart, release.version, chart.address.repository, self._limits)
        at = release.created_at or unpacked.packed_at
        if kept is None:
            return await mirror.made(*_stream(kept_as(_tag(release.version)), chart.address, release.version, digest, at, unpacked.files))
        made = await mirror.made(*_stream(MADE, chart.address, release.version, digest, at, unpacked.files))
        if commit_of((await mirror.object(made, "commit")).data).tree != commit_of(kept.data).tree:
            raise _another(chart, release.version, digest, kept)
        chart.same[release.version] = digest
        return kept.id


def _is_kept(chart: _Chart, kept: Object, release: Release) -> bool:
    """Say whether a version's archive is the one that was fetched; without a digest nobody can tell, and it is what it was."""
    return release.digest in ("", _digest_of(kept), chart.same.get(release.version))


def _another(chart: _Chart, version: str, digest: str, kept: Object) -> SourceError:
    return SourceError(
        "HF4079",
        f"cannot use {chart.address.chart} {version} of {chart.address.repository}: it has other files than it had under this number "
        f"(SHA-256 {digest[:12]}…, before {_digest_of(kept)[:12]}…)",
        hint="what was fetched first stays in force; a changed chart wants a new version",
    )


def _tag(version: str) -> str:
    return f"chart/{version}"


def _digest_of(kept: Object) -> str:
    found = _DIGEST.search(kept.data)
    return found[1].decode() if found else ""


def _version_of(commit: Object) -> str:
    found = _VERSION.search(commit.data)
    return found[1].decode() if found else ""


def _stream(reference: str, address: ChartAddress, version: str, digest: str, at: float, files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Return the stream of a version's commit, and the reference that it makes: same input, same commit."""
    person = f"{address.host} <> {int(at)} +0000"
    message = f"chart {address.chart} {version}\n\nArchive-Digest: sha256:{digest}\nRepository: {address.repository}\n"
    lines = [f"commit {reference}\nauthor {person}\ncommitter {person}\n".encode(), stated(message.encode())]
    for path in sorted(files):
        lines += [f"M 100644 inline {quoted(path)}\n".encode(), stated(files[path])]
    return b"".join((*lines, b"done\n")), reference
