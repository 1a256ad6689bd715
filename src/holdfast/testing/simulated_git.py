"""A simulated Git: repositories in memory that move, are rewound, vanish and do not answer, behind the port of `model.source`.

Tests change the world (`commit`, `point`, `tag`, `vanish`, `silent`) and read it through the port. What was fetched stays readable without
the repository, as in a mirror. Passes the contract of `contracts.git`, as the real one does; names, links and paths are judged by the same
code.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from holdfast.errors import SourceError
from holdfast.kit.clock import Clock
from holdfast.model.source import FILE, LINK, Blob, Revision, Tree
from holdfast.source.git import plain_path
from holdfast.source.limits import Limits
from holdfast.source.listing import check_links
from holdfast.source.reference import HEAD, HEADS, TAGS, choose, full_commit
from holdfast.testing.fault import Fault, Weather
from holdfast.testing.rendering import blob_id

Content: TypeAlias = str | bytes | tuple[int, bytes]
"""Of a plain file, or with its mode."""
Files: TypeAlias = Mapping[str, Content]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Commit:
    id: str
    parent: str | None
    files: Mapping[str, tuple[int, bytes]]
    at: float
    subject: str


@dataclass(slots=True)
class _Repository:
    commits: dict[str, _Commit] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    is_there: bool = True

    def advertised(self) -> dict[str, str]:
        head = self.references.get(f"{HEADS}main")
        return self.references | ({HEAD: head} if head else {})


@dataclass(slots=True)
class _Mirror:
    """What was fetched: commits, and the references that keep them."""

    commits: dict[str, _Commit] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


@dataclass
class SimulatedGit:
    """Implements `model.source.Git`. `silent` names repositories that do not answer until they are taken out of it."""

    clock: Clock
    weather: Weather
    """BLIND (it does not answer), SLOW and MISSED_NEWS strike here."""
    silent: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    """The repositories that were asked for their references, in order."""
    _repositories: defaultdict[str, _Repository] = field(default_factory=lambda: defaultdict(_Repository))
    _mirrors: defaultdict[str, _Mirror] = field(default_factory=lambda: defaultdict(_Mirror))
    _watchers: defaultdict[str, list[asyncio.Event]] = field(default_factory=lambda: defaultdict(list))

    # The world

    def commit(self, repository: str, files: Files, *, branch: str = "main", subject: str = "work") -> str:
        """Commit exactly these files to a branch, making the repository where it is not there; return the commit's id."""
        it = self._repositories[repository]
        parent = it.references.get(f"{HEADS}{branch}")
        plain = {path: as_entry(content) for path, content in files.items()}
        told = repr((parent, sorted(plain.items()), subject, len(it.commits)))
        made = _Commit(id=hashlib.sha1(told.encode()).hexdigest(), parent=parent, files=plain, at=self.clock.now(), subject=subject)
        it.commits[made.id] = made
        self.point(repository, branch, made.id)
        return made.id

    def point(self, repository: str, branch: str, commit: str) -> None:
        """Let a branch point to any commit, as a push does, or a force-push."""
        self._repositories[repository].references[f"{HEADS}{branch}"] = commit
        self._ring(repository)

    def tag(self, repository: str, name: str, commit: str) -> None:
        self._repositories[repository].references[f"{TAGS}{name}"] = commit
        self._ring(repository)

    def vanish(self, repository: str) -> None:
        self._repositories[repository].is_there = False
        self._ring(repository)

    def appear(self, repository: str) -> None:
        self._repositories[repository].is_there = True
        self._ring(repository)

    def _ring(self, repository: str) -> None:
        if not self.weather.strikes(Fault.MISSED_NEWS):
            for watcher in self._watchers[repository]:
                watcher.set()

    def descends(self, repository: str, older: str, newer: str) -> bool:
        """Say whether a commit follows another one, or is it."""
        return older in _line(self._repositories[repository].commits, newer)

    # The port

    async def resolve(self, repository: str, target_revision: str) -> Revision:
        mirror = self._mirrors[repository]
        commit = full_commit(target_revision)
        if commit is None or not any(commit in _line(mirror.commits, kept) for kept in mirror.kept.values()):
            commit = await self._fetch(repository, target_revision)
        found = mirror.commits[commit]
        return Revision(
            repository=repository,
            ref=target_revision,
            commit=commit,
            committed_at=found.at,
            author="ada <ada@example.org>",
            subject=found.subject,
        )

    async def _fetch(self, repository: str, target_revision: str) -> str:
        it, mirror = await self._answering(repository), self._mirrors[repository]
        references = it.advertised()
        target = choose(target_revision, references, repository)
        wanted = {target.name: references[target.name]} if target.kind == "reference" else references
        for name, commit in wanted.items():
            mirror.kept[name] = commit
            mirror.commits |= {id: it.commits[id] for id in _line(it.commits, commit)}
        return references[target.name] if target.kind == "reference" else _found(target.name, mirror.commits, repository)

    async def _answering(self, repository: str) -> _Repository:
        self.asked.append(repository)
        await self.clock.sleep(5.0 if self.weather.strikes(Fault.SLOW) else 0.005)
        if repository in self.silent or self.weather.strikes(Fault.BLIND):
            raise SourceError("HF4013", f"cannot read {repository}: the server did not answer")
        it = self._repositories.get(repository)
        if it is None or not it.is_there:
            raise SourceError("HF4010", f"cannot read {repository}: there is no such repository, or these credentials do not see it")
        return it

    async def tree(self, revision: Revision, path: str) -> Tree:
        await self.clock.sleep(0.001)
        plain = plain_path(path, revision.repository)
        files = _below(self._commit(revision.repository, revision.commit), plain)
        if plain and not files:
            raise SourceError("HF4025", f"cannot read path {plain} of {revision.repository} at {revision.commit[:12]}: it is not there")
        blobs = {name: Blob(path=name, mode=mode, id=blob_id(data), size=len(data)) for name, (mode, data) in sorted(files.items())}
        targets = {name: data.decode() for name, (mode, data) in files.items() if mode == LINK}
        check_links(blobs, targets, revision.repository, Limits())
        return Tree(revision=revision, path=plain, blobs=blobs)

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]:
        await self.clock.sleep(0.001)
        known = {blob_id(data): data for commit in self._mirrors[repository].commits.values() for _, data in commit.files.values()}
        for id in sorted(blob_ids):
            if id not in known:
                raise SourceError("HF4023", f"cannot read {repository}: {id} is no blob in its mirror")
        return {id: known[id] for id in blob_ids}

    async def changed(self, repository: str, before_commit: str, after_commit: str, path: str) -> frozenset[str]:
        await self.clock.sleep(0.001)
        plain = plain_path(path, repository)
        before, after = (_below(self._commit(repository, commit), plain) for commit in (before_commit, after_commit))
        return frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))

    async def is_ancestor(self, repository: str, older: str, newer: str) -> bool:
        await self.clock.sleep(0.001)
        self._commit(repository, older)
        return older in _line(self._mirrors[repository].commits, self._commit(repository, newer).id)

    async def watch(self, repository: str) -> AsyncGenerator[None, None]:
        hint = asyncio.Event()
        self._watchers[repository].append(hint)
        try:
            while True:
                yield
                await hint.wait()
                hint.clear()
        finally:
            self._watchers[repository].remove(hint)

    async def pin(self, repository: str, commit: str, name: str) -> None:
        self._commit(repository, commit)
        self._mirrors[repository].kept[f"pins/{name}"] = commit

    async def unpin(self, repository: str, name: str) -> None:
        self._mirrors[repository].kept.pop(f"pins/{name}", None)

    def _commit(self, repository: str, commit: str) -> _Commit:
        if (found := self._mirrors[repository].commits.get(commit)) is None:
            raise SourceError("HF4023", f"cannot read {repository}: {commit} is no commit in its mirror")
        return found


def as_entry(content: Content) -> tuple[int, bytes]:
    """Return the mode and the bytes of a file."""
    if isinstance(content, tuple):
        return content
    return FILE, content.encode() if isinstance(content, str) else content


def _line(commits: Mapping[str, _Commit], commit: str | None) -> Iterator[str]:
    """Yield a commit and all before it."""
    while commit is not None and commit in commits:
        yield commit
        commit = commits[commit].parent


def _found(prefix: str, commits: Iterable[str], repository: str) -> str:
    found = [id for id in commits if id.startswith(prefix)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SourceError("HF4028", f"cannot resolve {prefix!r} in {repository}: {len(found)} commits begin so")
    raise SourceError("HF4029", f"cannot resolve {prefix!r} in {repository}: no branch, tag or commit has that name")


def _below(commit: _Commit, path: str) -> dict[str, tuple[int, bytes]]:
    prefix = f"{path}/" if path else ""
    return {name.removeprefix(prefix): entry for name, entry in commit.files.items() if name.startswith(prefix)}
