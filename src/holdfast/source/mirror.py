"""One bare mirror: `STATE/mirrors/<digest of address>.git`, its configuration file and its lock beside it.

References in it are ours: `refs/holdfast/fetched/<digest of name>` for each branch or tag that was asked for (a digest, so that `a` and
`a/b` never collide), `refs/holdfast/pins/<name>`, and `refs/heads`, `refs/tags` once a commit was asked for by its id. A fetched
reference is Git's own proof that everything below it is here; the mere presence of a commit is not.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from holdfast.errors import SourceError
from holdfast.host.files import write_atomic
from holdfast.kit.clock import Clock
from holdfast.model.source import Blob
from holdfast.source.command import CHUNK, Finished, GitSettings, Runner, configuration
from holdfast.source.failure import failed
from holdfast.source.limits import Limits
from holdfast.source.listing import Listing, Whole
from holdfast.source.local import folders_of
from holdfast.source.objects import Object, Objects
from holdfast.source.question import Question
from holdfast.source.reference import HEAD, HEADS, TAGS
from holdfast.source.repository import Repository

FETCHED = "refs/holdfast/fetched/"
PINS = "refs/holdfast/pins/"
PIN = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z_-]|\.(?!\.|lock$|$)){0,199}")
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""Known to every Git without being stored."""
MANY_PACKS = 50
MANY_LOOSE = 20
"""Loose objects in one of 256 folders; about 5,000 in all."""
MANY_PATHS = 64
"""How many folders are remembered as they were last listed."""
FEW_FOLDERS = 4
"""Of one commit that are listed one by one; where more are asked for, one list of the whole is less than a program for each."""
KEPT_UNREACHABLE = "14.days.ago"
LOCK_PAUSE_S = 0.05
_REFERENCE = re.compile(r"([0-9a-f]{40})\t(HEAD|refs/[^\x00-\x20\x7f]+)")
_SYMBOLIC = re.compile(rf"^ref: (refs/heads/[^\x00-\x20\x7f]+)\t{HEAD}$", re.MULTILINE)
_LONG_ID = re.compile(rb"[0-9a-f]{64}\t")
_FETCH = (
    "fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules",
    "--no-show-forced-updates",
)  # fmt: skip


class Mirror:
    """Reads and fetches for one repository. Writers take turns, also with other processes on the same state folder; readers do not wait."""

    def __init__(self, repository: Repository, folder: Path, *, settings: GitSettings, limits: Limits, clock: Clock) -> None:
        self.repository = repository
        self._path = folder / f"{repository.digest}.git"
        self._configuration = folder / f"{repository.digest}.config"
        self._lock_file = folder / f"{repository.digest}.lock"
        self._settings = settings
        self._limits = limits
        self._clock = clock
        self._runner = Runner(repository, str(self._path), str(self._configuration), settings, limits)
        self.subject = self._runner.subject
        self.objects = Objects(self._runner, limits)
        self._opening = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._is_open = False
        self._configured = ""
        self._listed: dict[str, Mapping[bytes, Blob]] = {}
        self._listing = asyncio.Lock()
        self._folders: tuple[str, set[str]] = ("", set())
        """Of the commit that was listed last, those that were asked for."""
        self._whole: tuple[str, Whole | None] = ("", None)
        """The commit that was listed whole last; None: it cannot be listed so."""
        self._fetched: dict[str, str] = {}
        self._all_fetched: Mapping[str, str] = {}
        self._references = Question(self._ask)
        self._wants_head = repository.is_local

    async def open(self) -> None:
        """Make the mirror if it is not there, and learn what it has."""
        if self._is_open:
            return
        async with self._opening:
            if not self._is_open:
                await self._open()
                self._is_open = True

    async def _open(self) -> None:
        async with self._exclusive():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._configure()
            await self._git("init", "--quiet", "--bare", "--object-format=sha1", "--", str(self._path))
            self._drop_stale_locks()
            known = await self._git("for-each-ref", "--format=%(objectname) %(refname)", "--", FETCHED, limit=self._limits.references)
            self._fetched = {name: id for id, _, name in (line.partition(" ") for line in known.out.decode().splitlines())}

    async def close(self) -> None:
        await self.objects.close()

    def _configure(self) -> None:
        """Write Git's configuration where it is not as it should be: what was a checkout may be a linked worktree by now."""
        text = self._configuration_text()
        if text != self._configured:
            write_atomic(self._configuration, text.encode(), mode=0o600)
            self._configured = text

    def _configuration_text(self) -> str:
        text = configuration(self.repository, str(self._path), self._settings)
        found = folders_of(self.repository.address) if self.repository.is_local else None
        extra = {found.own, found.common} if found else set()  # a linked worktree's folder is elsewhere
        return text + "".join(f'[safe]\n\tdirectory = "{_escaped(folder)}"\n' for folder in sorted(extra))

    async def advertised(self, *, with_head: bool = False) -> Mapping[str, str]:
        """Ask the repository for its branches and tags (and HEAD, if ever asked for): full name → id. Tags are not peeled.

        A caller that waited for another's question, which was put after its own call, shares the answer, or the failure.
        """
        self._wants_head |= with_head
        return await self._references.answer()

    async def _ask(self) -> Mapping[str, str]:
        await self.open()
        if self.repository.is_local:
            self._configure()
        only = () if self._wants_head else ("--heads", "--tags")
        arguments = ("ls-remote", "--quiet", *only, "--end-of-options", self.repository.address)
        answer = await self._git(*arguments, timeout_s=self._limits.ask_s, limit=self._limits.references)
        references = references_of(answer.out.decode(errors="replace"))
        if not references and _LONG_ID.match(answer.out):
            raise SourceError("HF4037", f"cannot read {self.subject}: its objects are named by SHA-256, which is not read yet")
        return references

    async def fetch(self, name: str, advertised: str) -> str:
        """Fetch one reference unless it is here as advertised; return our own name for it. Who waited for another's fetch shares it."""
        ours = kept_as(name)
        if self._fetched.get(ours) != advertised:
            async with self._exclusive():
                if self._fetched.get(ours) != advertised:
                    await self._fetch(f"+{name}:{ours}")
                    self._fetched[ours] = await self._id_of(ours)  # it may have moved on since it was advertised
        return ours

    async def kept(self, name: str) -> Object | None:
        """Return the commit that a reference is kept at, None where it was never fetched or made."""
        await self.open()
        ours = kept_as(name)
        found = (await self.objects.read((f"{ours}^{{commit}}",), limit=self._limits.object)).get(f"{ours}^{{commit}}")
        return found if found is not None and found.kind == "commit" else None

    async def _id_of(self, reference: str) -> str:
        found = await self.objects.read((reference,), limit=self._limits.object)
        return found[reference].id if reference in found else ""

    async def fetch_all(self, advertised: Mapping[str, str]) -> None:
        """Fetch all branches and tags, so that a commit can be found by its id."""
        if self._all_fetched != advertised:
            async with self._exclusive():
                if self._all_fetched != advertised:
                    await self._fetch("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", options=("--prune",))
                    self._all_fetched = advertised

    async def _fetch(self, *refspecs: str, options: tuple[str, ...] = ()) -> None:
        arguments = (*_FETCH, *options, "--end-of-options", self.repository.address, *refspecs)
        await self._git(*arguments, timeout_s=self._limits.fetch_s)

    async def holds(self, commit: str) -> bool:
        """Say whether a commit and all below it are here: a reference of ours leads to it."""
        await self.open()
        if commit not in await self.objects.read((commit,), limit=self._limits.object):
            return False
        found = await self._git("for-each-ref", "--count=1", "--format=x", f"--contains={commit}", accept=(0, 129))
        return bool(found.out)

    async def commits(self, prefix: str) -> list[str]:
        """Return the ids of the commits here that begin so."""
        found = await self._git("rev-parse", f"--disambiguate={prefix}")
        ids = found.out.decode().split()
        objects = await self.objects.read(ids, limit=self._limits.blob)
        return sorted(id for id in ids if id in objects and objects[id].kind == "commit")

    async def object(self, name: str, kind: str) -> Object:
        """Return one object of this kind; `SourceError` HF4023 where it is not here or of another kind."""
        await self.open()
        found = (await self.objects.read((name,), limit=self._limits.object)).get(name)
        if found is None or found.kind != kind:
            shown = name.removesuffix("^{commit}")
            raise SourceError("HF4023", f"cannot read {self.subject}: {shown} is no {kind} in its mirror", hint="refresh the repository")
        return found

    async def listing(self, tree: str, path: str) -> dict[str, Blob]:
        """Return all files below a tree object; `path` is where it lies, so that what did not change there is not judged again."""
        listing = Listing(subject=self.subject, limits=self._limits, known=self._listed.pop(path, {}))
        await self._git("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", tree, sink=listing.feed, limit=1 << 40)
        blobs = listing.finish()
        self._listed[path] = listing.entries
        if len(self._listed) > MANY_PATHS:
            del self._listed[next(iter(self._listed))]
        return blobs

    async def below(self, commit: str, path: str) -> dict[str, Blob] | None:
        """Return the files below a folder out of a list of the whole commit; None where it must be listed itself: few folders are asked
        for, the commit cannot be listed whole, or has no file there."""
        if self._folders[0] != commit:
            self._folders = commit, set()
        self._folders[1].add(path)
        if len(self._folders[1]) <= FEW_FOLDERS:
            return None
        await self.open()
        async with self._listing:
            if self._whole[0] != commit:
                self._whole = commit, await self._list_whole(commit)
            whole = self._whole[1]
        return whole.below(path) if whole is not None else None

    async def _list_whole(self, commit: str) -> Whole | None:
        before = self._whole[1]
        listing = Listing(subject=self.subject, limits=self._limits, known=before.entries if before is not None else {})
        try:
            await self._git("ls-tree", "-r", "-z", "-l", "--full-tree", "--end-of-options", commit, sink=listing.feed, limit=1 << 40)
            return Whole.of(listing)
        except SourceError:
            return None  # whatever it is, it may lie elsewhere than in the folder that is asked for

    async def difference(self, before: str, after: str) -> frozenset[str]:
        """Return the paths that differ between two tree objects."""
        limit = self._limits.files * (self._limits.path + 1)
        arguments = ("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--no-textconv")
        answer = await self._git(*arguments, "--end-of-options", before, after, limit=limit)
        return frozenset(name.decode(errors="replace") for name in answer.out.split(b"\0") if name)

    async def is_ancestor(self, older: str, newer: str) -> bool:
        await self.open()
        answer = await self._git("merge-base", "--is-ancestor", "--end-of-options", older, newer, accept=(0, 1))
        return answer.code == 0

    async def point(self, name: str, commit: str) -> None:
        """Pin a commit under a name."""
        await self.object(commit, "commit")
        async with self._exclusive():
            await self._git("update-ref", "--end-of-options", _pin(name), commit)

    async def drop(self, name: str) -> None:
        await self.open()
        async with self._exclusive():
            await self._git("update-ref", "-d", "--end-of-options", _pin(name))

    async def head_branch(self) -> str:
        """Return the full name of the branch that HEAD of the repository means; "" where it means none."""
        await self.open()
        answer = await self._git("ls-remote", "--quiet", "--symref", "--end-of-options", self.repository.address, HEAD)
        found = _SYMBOLIC.search(answer.out.decode(errors="replace"))
        return found[1] if found is not None else ""

    async def made(self, stream: bytes, reference: str) -> str:
        """Make the commit that a stream for git-fast-import(1) describes, under a reference of ours; return its id."""
        await self.open()
        source = os.memfd_create("git-stream", os.MFD_CLOEXEC)
        try:
            with os.fdopen(os.dup(source), "wb") as file:
                file.write(stream)
            os.lseek(source, 0, os.SEEK_SET)
            async with self._exclusive():
                await self._git("fast-import", "--quiet", "--force", "--done", "--date-format=raw", stdin=source)
                return await self._id_of(reference)
        finally:
            os.close(source)

    async def push(self, commit: str, branch: str, expected: str) -> Finished:
        """Give a commit to a branch of the repository, provided that it is at `expected` ("" for not there); return how it ended.

        What Git prints says whether the repository took it.
        """
        lease = f"--force-with-lease={branch}:{expected}"
        arguments = ("push", "--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", lease, "--end-of-options")
        # 128: it did not come as far as the repository's answer
        return await self._git(*arguments, self.repository.address, f"{commit}:{branch}", accept=(0, 1), timeout_s=self._limits.fetch_s)

    async def maintain(self) -> bool:
        """Repack where many packs or loose objects have gathered; say whether it was needed. What nothing leads to goes after 14 days."""
        await self.open()
        objects = self._path / "objects"
        packs = len(list((objects / "pack").glob("*.pack")))
        loose = len(list((objects / "17").glob("*")))  # one folder stands for all: ids are evenly spread
        if packs <= MANY_PACKS and loose <= MANY_LOOSE:
            return False
        async with self._exclusive():
            await self._git("gc", "--quiet", "--cruft", f"--prune={KEPT_UNREACHABLE}", timeout_s=self._limits.maintain_s)
        await self.objects.close()  # it may hold packs open that are gone
        return True

    async def _git(
        self,
        *arguments: str,
        accept: tuple[int, ...] = (0,),
        timeout_s: float | None = None,
        limit: int = CHUNK,
        sink: Callable[[bytes], None] | None = None,
        stdin: int = asyncio.subprocess.DEVNULL,
    ) -> Finished:
        finished = await self._runner.run(*arguments, timeout_s=timeout_s or self._limits.read_s, limit=limit, sink=sink, stdin=stdin)
        if finished.code not in accept:
            raise failed(self.subject, arguments[0], finished.words, finished.code)
        return finished

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        """Hold the mirror for writing, against tasks of this process and against other processes (flock; freed by the kernel on death)."""
        async with self._writing:
            self._lock_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                await self._locked(fd)
                yield
            finally:
                os.close(fd)

    async def _locked(self, fd: int) -> None:
        deadline = self._clock.monotonic() + self._limits.fetch_s
        while True:
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._clock.monotonic() > deadline:
                    raise SourceError("HF4009", f"cannot read {self.subject}: another process has held its mirror for too long") from None
            await self._clock.sleep(LOCK_PAUSE_S)

    def _drop_stale_locks(self) -> None:
        """Remove what a killed Git left; nobody else writes while we hold the mirror."""
        for stale in (*self._path.glob("*.lock"), *(self._path / "refs").rglob("*.lock")):
            with suppress(FileNotFoundError):
                stale.unlink()


def kept_as(name: str) -> str:
    """Return our own name for what a branch, a tag or a version of a repository was fetched as."""
    return f"{FETCHED}{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def references_of(text: str) -> dict[str, str]:
    """Read what `git ls-remote` prints: HEAD, branches and tags; peeled tags and everything else are left out."""
    found = (match for line in text.split("\n") if (match := _REFERENCE.fullmatch(line)))
    return {
        match[2]: match[1] for match in found if match[2] == HEAD or (match[2].startswith((HEADS, TAGS)) and not match[2].endswith("^{}"))
    }


def _pin(name: str) -> str:
    if not PIN.fullmatch(name):
        raise ValueError(f"not a pin's name: {name!r}")
    return f"{PINS}{name}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
