"""What Git says, as values: a revision, the blobs below an Application's path, and the port that reads them.

Nothing here opens a repository; `source` does. A tree holds ids and sizes, never contents, so that only blobs whose id changed are read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

FILE = 0o100644
EXECUTABLE = 0o100755
LINK = 0o120000
_JOINED = re.compile(r"[0-9a-f]{4,64}(?:\+[0-9a-f]{4,64})+")


def joined(commits: Iterable[str]) -> str:
    """Return the revision of an Application whose sources stand at `commits`, in their order: these with `+` between, one as it is."""
    return "+".join(commits)


def commits_of(revision: str) -> tuple[str, ...]:
    """Return the commits that `joined` joined, or beginnings of them; any other text is the only one of its own."""
    return tuple(revision.split("+")) if _JOINED.fullmatch(revision) else (revision,)


def short(revision: str) -> str:
    """Return the first twelve characters of each commit, which is what people are shown."""
    return "+".join(commit[:12] for commit in commits_of(revision))


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One commit of a repository, and the name by which it was asked for."""

    repository: str
    ref: str
    commit: str
    committed_at: float
    """Seconds since the epoch, of the committer."""
    author: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """One file of a tree: relative posix path, mode FILE, EXECUTABLE or LINK, object id, size in bytes."""

    path: str
    mode: int
    id: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """All files below `path` of a revision, keyed by their path relative to it ("" is the whole repository)."""

    revision: Revision
    path: str
    blobs: Mapping[str, Blob]

    def release_id(self, exclude: Collection[str]) -> str:
        """Return the SHA-256, 64 hex digits, over path, mode and blob id of every blob but `exclude`.

        Two trees have the same id exactly when the same files are exported; the commit does not matter.
        """
        digest = hashlib.sha256()
        for path in sorted(self.blobs.keys() - set(exclude)):
            blob = self.blobs[path]
            digest.update(f"{blob.mode:o} {blob.id} {path}\0".encode())
        return digest.hexdigest()

    def listing(self, folder: str) -> bytes | None:
        """Return what lies below `folder` ("." is all), each as `mode id size path`, zero bytes between; None where nothing does."""
        start = "" if folder in {"", "."} else f"{folder}/"
        found = [(path.removeprefix(start), blob) for path, blob in sorted(self.blobs.items()) if path.startswith(start)]
        return "\0".join(f"{blob.mode:o} {blob.id} {blob.size} {path}" for path, blob in found).encode() if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who commits."""

    name: str
    email: str


class GitWriter(Protocol):
    """Writes to repositories. Raises `SourceError`, and `Refused` where only local configuration may allow it."""

    async def branch_of(self, repository: str, target_revision: str) -> str:
        """Return the branch that a target revision follows; SourceError (HF4060) where it is a tag, a commit or a range."""
        ...

    async def push(
        self, base: Revision, branch: str, files: Mapping[str, bytes], *, author: Author, message: str, at: float, follows: bool
    ) -> str | None:
        """Commit `files` (path from the repository's root → content) on top of `base` and push that to a branch; return the commit's id.

        With `follows` the branch must be at `base`. Else it is another one, which may hold nothing but what this author pushed there
        before; where it holds just this already, nothing is pushed and None returned. SourceError: HF4061 it moved, HF4062 the repository
        took it not, HF4063 it holds another's commits.
        """
        ...


class Git(Protocol):
    """Reads repositories. Raises `SourceError`, and `Refused` where only local configuration may allow it; the last good revision stays."""

    async def resolve(self, repository: str, target_revision: str) -> Revision:
        """Ask the repository what a branch, tag, commit, HEAD or semver range is now, and hold that commit."""
        ...

    async def tree(self, revision: Revision, path: str) -> Tree:
        """Return the files below `path` ("", "." or a relative posix path); refused whole where one entry is hostile."""
        ...

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]:
        """Return the content of each blob."""
        ...

    async def changed(self, repository: str, before_commit: str, after_commit: str, path: str) -> frozenset[str]:
        """Return the paths, relative to `path`, that differ between two commits (added and removed ones too)."""
        ...

    async def is_ancestor(self, repository: str, older: str, newer: str) -> bool:
        """Say whether the commit `newer` descends from `older` (or is it); False where history was rewritten or the branch rewound."""
        ...

    def watch(self, repository: str) -> AsyncGenerator[None, None]:
        """Yield at once and then whenever the repository may have moved: a hint to look, never a fact. Close it when done."""
        ...

    async def pin(self, repository: str, commit: str, name: str) -> None:
        """Keep a commit for good, whatever happens upstream. The same name again moves the pin."""
        ...

    async def unpin(self, repository: str, name: str) -> None:
        """Let a pinned commit go; no pin of that name is no error."""
        ...
