"""Git as the house sees it: the port of `model.source`, on one mirror for each repository, and for each chart of a Helm repository.

Wires address, reference, mirror, listing and the hints of local and remote; each judges its own part, `chart` what is otherwise for charts.
Callers: controllers.source, and the command line without a daemon. Nothing of Git's content is ever checked out.
"""

from __future__ import annotations

import posixpath
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import SourceError, Where
from holdfast.kit.clock import Clock, Random
from holdfast.kit.suggest import did_you_mean
from holdfast.model.chart import is_chart
from holdfast.model.source import FILE, LINK, Author, Blob, Revision, Tree
from holdfast.source.chart.charts import Charts
from holdfast.source.command import GitSettings
from holdfast.source.history import FOLDER, Entry, commit_of, entries_of
from holdfast.source.limits import Limits
from holdfast.source.listing import check_links
from holdfast.source.local import local_hints
from holdfast.source.mirror import EMPTY_TREE, Mirror
from holdfast.source.reference import choose, full_commit
from holdfast.source.remote import POLL_S, remote_hints
from holdfast.source.repository import parse
from holdfast.source.writing import branch_of, commit_stream, pushed


def nobody(_: str) -> bool:
    """The predicate that allows nothing."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class GitPolicy:
    """What the local configuration allows and sets.

    `allow_local` gets the plain absolute path of a local repository, `allow_http` an http:// address.
    """

    allow_local: Callable[[str], bool] = nobody
    allow_http: Callable[[str], bool] = nobody
    poll_s: float = POLL_S


class MirroredGit:
    """Implements `model.source.Git` and `GitWriter`. Close it when done: it holds one idle process for each repository that was read."""

    def __init__(
        self,
        state: Path,
        *,
        clock: Clock,
        random: Random,
        policy: GitPolicy,
        settings: GitSettings | None = None,
        limits: Limits | None = None,
        charts: Charts | None = None,
    ) -> None:
        self._charts = charts
        self._folder = state / "mirrors"
        self._clock = clock
        self._random = random
        self._policy = policy
        self._settings = settings or GitSettings()
        self._limits = limits or Limits()
        self._mirrors: dict[str, Mirror] = {}

    async def close(self) -> None:
        for mirror in self._mirrors.values():
            await mirror.close()
        if self._charts is not None:
            await self._charts.aclose()

    def _mirror(self, repository: str) -> Mirror:
        if self._charts is not None and is_chart(repository):
            parsed = self._charts.repository(repository)
        else:
            parsed = parse(repository, allow_local=self._policy.allow_local, allow_http=self._policy.allow_http)
        if parsed.digest not in self._mirrors:
            made = Mirror(parsed, self._folder, settings=self._settings, limits=self._limits, clock=self._clock)
            self._mirrors[parsed.digest] = made
        return self._mirrors[parsed.digest]

    async def resolve(self, repository: str, target_revision: str) -> Revision:
        """Return what a name means now. A whole commit id that the mirror holds is answered without asking the repository."""
        mirror = self._mirror(repository)
        commit = full_commit(target_revision)
        if commit and await mirror.holds(commit):
            return await self._revision(mirror, repository, target_revision, commit)
        if self._charts is not None and mirror.repository.is_chart:
            found, version = await self._charts.resolve(mirror, target_revision)
            return await self._revision(mirror, repository, version, found)
        references = await mirror.advertised(with_head=target_revision in ("", "HEAD"))
        target = choose(target_revision, references, mirror.subject)
        if target.kind == "commit":
            return await self._revision(mirror, repository, target_revision, await _find(mirror, target.name, references))
        ours = await mirror.fetch(target.name, references[target.name])
        return await self._revision(mirror, repository, target_revision, f"{ours}^{{commit}}")

    async def _revision(self, mirror: Mirror, repository: str, ref: str, name: str) -> Revision:
        found = await mirror.object(name, "commit")
        try:
            commit = commit_of(found.data)
        except ValueError as error:
            raise SourceError("HF4015", f"cannot read {mirror.subject}: commit {found.id} is malformed: {error}") from error
        return Revision(
            repository=repository, ref=ref, commit=found.id, committed_at=commit.committed_at, author=commit.author, subject=commit.subject
        )

    async def tree(self, revision: Revision, path: str) -> Tree:
        mirror = self._mirror(revision.repository)
        plain = plain_path(path, mirror.subject)
        blobs = await mirror.below(revision.commit, plain)
        if blobs is None:
            blobs = await mirror.listing(await _tree_id(mirror, revision.commit, plain), plain)
        await self._check_links(mirror, blobs)
        return Tree(revision=revision, path=plain, blobs=blobs)

    async def _check_links(self, mirror: Mirror, blobs: Mapping[str, Blob]) -> None:
        links = {path: blob.id for path, blob in blobs.items() if blob.mode == LINK}
        if links:
            contents = await self._read(mirror, links.values(), self._limits.link)
            targets = {path: contents[id].decode(errors="surrogateescape") for path, id in links.items()}
            check_links(blobs, targets, mirror.subject, self._limits)

    async def branch_of(self, repository: str, target_revision: str) -> str:
        mirror = self._mirror(repository)
        if mirror.repository.is_chart:
            raise SourceError(
                "HF4060", f"cannot write to {mirror.subject}: a chart has no branches", hint="follow a branch of a Git repository"
            )
        return await branch_of(mirror, target_revision)

    async def push(
        self, base: Revision, branch: str, files: Mapping[str, bytes], *, author: Author, message: str, at: float, follows: bool
    ) -> str | None:
        mirror = self._mirror(base.repository)
        whole = await mirror.listing(await _tree_id(mirror, base.commit, ""), "")
        modes = {path: whole[path].mode if path in whole else FILE for path in files}
        stream = commit_stream(base=base.commit, files=files, modes=modes, author=author, message=message, at=at)
        return await pushed(mirror, base.commit, branch, stream, author=author, follows=follows)

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]:
        return await self._read(self._mirror(repository), blob_ids, self._limits.blob)

    async def _read(self, mirror: Mirror, ids: Collection[str], limit: int) -> dict[str, bytes]:
        await mirror.open()
        wanted = sorted(set(ids))
        found = await mirror.objects.read(wanted, limit=limit)
        for id in wanted:
            if id not in found or found[id].kind != "blob":
                raise SourceError("HF4023", f"cannot read {mirror.subject}: {id} is no blob in its mirror", hint="refresh the repository")
        return {id: found[id].data for id in wanted}

    async def changed(self, repository: str, before_commit: str, after_commit: str, path: str) -> frozenset[str]:
        """Return the paths below `path` that differ; a commit that has no such folder counts as having an empty one."""
        mirror = self._mirror(repository)
        plain = plain_path(path, mirror.subject)
        before, after = [await _tree_or_empty(mirror, commit, plain) for commit in (before_commit, after_commit)]
        return await mirror.difference(before, after) if before != after else frozenset()

    async def is_ancestor(self, repository: str, older: str, newer: str) -> bool:
        """Say whether `newer` descends from `older` (or is it); False means that the history was rewritten or the branch rewound."""
        mirror = self._mirror(repository)
        for commit in (older, newer):
            await mirror.object(commit, "commit")
        if self._charts is not None and mirror.repository.is_chart:
            return await self._charts.is_ancestor(mirror, older, newer)
        return await mirror.is_ancestor(older, newer)

    def watch(self, repository: str) -> AsyncGenerator[None, None]:
        """Yield at once and then whenever the repository may have moved."""
        mirror = self._mirror(repository)
        every_s = self._policy.poll_s
        if self._charts is not None and mirror.repository.is_chart:
            return self._charts.hints(mirror)
        if mirror.repository.is_local:
            return local_hints(mirror.repository.address, clock=self._clock, every_s=every_s)
        return remote_hints(mirror.advertised, clock=self._clock, random=self._random, every_s=every_s)

    async def pin(self, repository: str, commit: str, name: str) -> None:
        await self._mirror(repository).point(name, commit)

    async def unpin(self, repository: str, name: str) -> None:
        await self._mirror(repository).drop(name)

    async def maintain(self, repository: str) -> bool:
        """Repack the mirror if it needs it; for the sweep. Says whether it did."""
        return await self._mirror(repository).maintain()


def plain_path(path: str, subject: str) -> str:
    """Return an Application's path as its tree keys are written: no leading `./`, no trailing slash, "" for the whole repository."""
    if path.startswith("/") or "\0" in path or "\\" in path or ".." in path.split("/"):
        raise SourceError(
            "HF4027",
            f"cannot read path {path[:200]!r} of {subject}: it is not a plain relative path",
            hint="write it from the root of the repository, without '..', such as deploy/production",
        )
    plain = posixpath.normpath(path) if path else ""
    return "" if plain == "." else plain


async def _find(mirror: Mirror, prefix: str, references: Mapping[str, str]) -> str:
    await mirror.fetch_all(references)
    found = await mirror.commits(prefix)
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(found[:3])
        raise SourceError(
            "HF4028", f"cannot resolve {prefix!r} in {mirror.subject}: {len(found)} commits begin so", hint=f"among them {some}"
        )
    raise SourceError(
        "HF4029",
        f"cannot resolve {prefix!r} in {mirror.subject}: no branch, tag or commit has that name",
        hint="a commit must be reachable from a branch or tag; push one that contains it",
    )


async def _tree_id(mirror: Mirror, commit: str, path: str) -> str:
    """Walk from a commit to the tree of a folder; raises HF4025 (nothing there) and HF4026 (no folder)."""
    id = commit_of((await mirror.object(commit, "commit")).data).tree
    for depth, name in enumerate(path.split("/") if path else ()):
        entries = entries_of((await mirror.object(id, "tree")).data)
        above = "/".join(path.split("/")[:depth])
        id = _folder(entries, name, above, path, mirror.subject, commit)
    return id


def _folder(entries: Mapping[str, Entry], name: str, above: str, path: str, subject: str, commit: str) -> str:
    entry = entries.get(name)
    if entry is not None and entry.mode == FOLDER:
        return entry.id
    if entry is not None:
        raise SourceError(
            "HF4026",
            f"cannot read path {path} of {subject} at {commit[:12]}: {posixpath.join(above, name)} is no folder",
            where=[Where(path=path)],
            hint="an Application's path is a folder; submodules and links are not followed",
        )
    folders = sorted(found.name for found in entries.values() if found.mode == FOLDER)
    near = did_you_mean(name, folders)
    listed = ", ".join(folders[:5]) + (" …" if len(folders) > 5 else "")
    hint = f"did you mean {posixpath.join(above, near)!r}?" if near else f"there are the folders {listed}" if folders else None
    raise SourceError(
        "HF4025",
        f"cannot read path {path} of {subject} at {commit[:12]}: {posixpath.join(above, name)} is not there",
        where=[Where(path=path)],
        hint=hint,
    )


async def _tree_or_empty(mirror: Mirror, commit: str, path: str) -> str:
    try:
        return await _tree_id(mirror, commit, path)
    except SourceError as error:
        if error.code in ("HF4025", "HF4026"):
            return EMPTY_TREE
        raise
