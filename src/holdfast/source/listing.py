"""What a tree may hold: the answer of `git ls-tree -r -z -l` → blobs, or the error that names the hostile entry.

Pure. A tree is judged whole, before any of its blobs is read: submodules, links that leave the tree, names that could be another path, and
everything over the limits. Nothing is skipped silently, since a release without a file that Git has would not be what Git says.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from holdfast.errors import SourceError, Where
from holdfast.model.source import EXECUTABLE, FILE, LINK, Blob
from holdfast.source.limits import Limits

_ENTRY = re.compile(rb"(\d{6}) (blob|commit|tree) ([0-9a-f]{40}) +(\d{1,19}|-)\t(.+)", re.DOTALL)
SUBMODULE = 0o160000
# Group-writable files are from Git before 2005; Git itself reads them as plain.
_MODES: Mapping[int, int] = MappingProxyType({FILE: FILE, 0o100664: FILE, EXECUTABLE: EXECUTABLE, LINK: LINK})
# Characters that HFS+ ignores in names, so that ".g\u200cit" is .git there (Git's CVE-2014-9390).
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(slots=True)
class Listing:
    """Takes the answer piece by piece and stops at the first entry that is refused, so that a huge tree costs no more than its limit."""

    subject: str
    limits: Limits
    known: Mapping[bytes, Blob] = field(default_factory=dict)
    """Entries that an earlier listing under the same limits let pass: they are not judged again."""
    entries: dict[bytes, Blob] = field(default_factory=dict)
    """What this one let pass."""
    blobs: dict[str, Blob] = field(default_factory=dict)
    _total: int = 0
    _rest: bytes = b""

    def feed(self, piece: bytes) -> None:
        *entries, self._rest = (self._rest + piece).split(b"\0")
        for entry in entries:
            self._add(entry)

    def finish(self) -> dict[str, Blob]:
        """Return the blobs by path, once all pieces were fed; links are judged by `check_links`, which needs their content."""
        if self._rest:
            raise self._refused("HF4030", self._rest.decode(errors="replace"), "git ls-tree ended in the middle of an entry")
        for path in self.blobs:
            self._check_folders(path)
        return self.blobs

    def _add(self, entry: bytes) -> None:
        blob = self.known.get(entry) or self._judged(entry)
        self._count(blob)
        self.entries[entry] = blob

    def _judged(self, entry: bytes) -> Blob:
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise self._refused("HF4030", entry.decode(errors="replace"), "git ls-tree gave an entry that cannot be read")
        path = self._path(found[5])
        mode = int(found[1], 8)
        if mode == SUBMODULE:
            hint = "copy its files into the repository, or declare an Application of its own for it"
            raise self._refused("HF4032", path, "it is a submodule, and submodules are not followed", hint)
        if mode not in _MODES or found[2] != b"blob" or found[4] == b"-":
            raise self._refused("HF4030", path, f"it has the mode {mode:06o}, which no file has")
        blob = Blob(path=path, mode=_MODES[mode], id=found[3].decode(), size=int(found[4]))
        largest = self.limits.link if blob.mode == LINK else self.limits.blob
        if blob.size > largest:
            hint = "keep large files outside Git and let `prepare` fetch them"
            raise self._refused("HF4034", path, f"it has {blob.size} bytes, more than the limit of {largest}", hint)
        return blob

    def _count(self, blob: Blob) -> None:
        if blob.path in self.blobs:
            raise self._refused("HF4033", blob.path, "the tree has it twice")
        self._total += blob.size
        self.blobs[blob.path] = blob
        if len(self.blobs) > self.limits.files:
            raise self._too_large(blob.path, f"there are more than {self.limits.files} files")
        if self._total > self.limits.tree:
            raise self._too_large(blob.path, f"the files have more than {self.limits.tree} bytes together")

    def _path(self, raw: bytes) -> str:
        try:
            path = raw.decode()
        except UnicodeDecodeError as error:
            raise self._refused("HF4033", raw.decode(errors="replace"), "its name is not UTF-8") from error
        names = path.split("/")
        if len(raw) > self.limits.path or len(names) > self.limits.depth + 1:
            raise self._too_large(path, f"its path is longer than {self.limits.path} bytes or deeper than {self.limits.depth} folders")
        for name in names:
            if reason := self._bad_name(name):
                raise self._refused("HF4033", path, reason)
        return path

    def _bad_name(self, name: str) -> str | None:
        if name in ("", ".", ".."):
            return "a part of its path is empty, '.' or '..'"
        if _CONTROL.search(name) or "\\" in name:
            return "its name holds a backslash or a control character"
        if len(name.encode()) > self.limits.name:
            return f"its name is longer than {self.limits.name} bytes"
        if is_dot_git(name):
            return "its name is .git, or is .git on another file system"
        return None

    def _check_folders(self, path: str) -> None:
        """Refuse a file whose folder is itself a file or a link: writing it could go through the link."""
        folder = path
        while "/" in folder:
            folder = folder.rpartition("/")[0]
            if folder in self.blobs:
                raise self._refused("HF4033", path, f"its folder {folder} is also a file or a link")

    def _too_large(self, path: str, reason: str) -> SourceError:
        return self._refused("HF4035", path, reason, "point the Application's path at a smaller folder")

    def _refused(self, code: str, path: str, reason: str, hint: str | None = None) -> SourceError:
        return refused(code, self.subject, path, reason, hint)


@dataclass(frozen=True, slots=True)
class Whole:
    """A commit that was listed whole, to be looked up by folder."""

    entries: Mapping[bytes, Blob]
    blobs: Mapping[str, Blob]
    paths: tuple[str, ...]
    """In order."""

    @classmethod
    def of(cls, listing: Listing) -> Whole:
        """Raises as `Listing.finish`."""
        blobs = listing.finish()
        return cls(listing.entries, blobs, tuple(sorted(blobs)))

    def below(self, folder: str) -> dict[str, Blob] | None:
        """Return the files below a folder by their path from there, as a listing of it alone would; None where there is none."""
        start = f"{folder}/" if folder else ""
        at = bisect_left(self.paths, start)
        found: dict[str, Blob] = {}
        while at < len(self.paths) and self.paths[at].startswith(start):
            blob = self.blobs[self.paths[at]]
            path = blob.path[len(start) :]
            found[path] = replace(blob, path=path)
            at += 1
        return found or None


def is_dot_git(name: str) -> bool:
    """Say whether a name is `.git` on any file system: case, HFS+ ignorables, NTFS short names, trailing dots and spaces, streams."""
    plain = _IGNORED_BY_HFS.sub("", name).lower().partition(":")[0].rstrip(". ")
    return plain in (".git", "git~1")


def check_links(blobs: Mapping[str, Blob], targets: Mapping[str, str], subject: str, limits: Limits) -> None:
    """Refuse a link (path → target) that is absolute, leaves the tree at any step, or runs in a circle.

    A target that the tree does not have is allowed, inside it: `prepare` may make it.
    """
    folders = _folders(blobs)
    for path, target in targets.items():
        if not target or "\0" in target:
            raise refused("HF4036", subject, path, "the link is empty or holds a NUL byte")
        hint = "make it a relative link to something below the Application's path, or a file"
        reason = _follow(path, targets, folders, limits)
        if reason:
            raise refused("HF4036", subject, path, f"the link to {target[:200]!r} {reason}", hint)


def _folders(blobs: Mapping[str, Blob]) -> frozenset[str]:
    folders = {""}
    for path in blobs:
        folder = path.rpartition("/")[0]
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return frozenset(folders)


def _follow(path: str, targets: Mapping[str, str], folders: frozenset[str], limits: Limits) -> str | None:
    """Resolve a link as a kernel would, name by name, and return what is wrong with it.

    Resolving the text alone is not enough: with `up -> ..`, `a/up/..` is above the tree although it reads as `a`.
    """
    stack = [name for name in path.split("/") if name][::-1]
    at: list[str] = []
    hops = 0
    while stack:
        name = stack.pop()
        if name in ("", "."):
            continue
        if name == "..":
            if not at:
                return "leaves the Application's path"
            if "/".join(at) not in folders:
                return "goes up from something that is no folder of the tree"
            at.pop()
            continue
        here = "/".join([*at, name])
        if here not in targets:
            at.append(name)
            continue
        hops += 1
        if hops > limits.hops:
            return "runs in a circle"
        if targets[here].startswith("/"):
            return "is absolute" if here == path else f"leads to the absolute link {here}"
        stack.extend(targets[here].split("/")[::-1])
    return None


def refused(code: str, subject: str, path: str, reason: str, hint: str | None = None) -> SourceError:
    """Return the error for one entry of a tree."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in path)[:300]
    return SourceError(code, f"cannot use {plain} of {subject}: {reason}", where=[Where(path=plain)], hint=hint)
