"""Generations: every configuration in a folder of its own, named by its digest; a link says which one is read.

ROOT/generations/<digest>/nginx.conf, manifest.json   0700: only the master reads it
ROOT/current -> generations/<digest>                   replaced by a rename, so there is always one
ROOT/pages/<digest of the text>.html                   shared by generations; the workers read them

A generation is never changed, so whatever differs from its manifest was done by somebody else.
"""

from __future__ import annotations

import difflib
import json
import os
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from holdfast.engines.nginx.port import Edit, Generation
from holdfast.errors import EngineError
from holdfast.host.files import Root, told
from holdfast.host.folders import remove
from holdfast.kit.canonical import digest_bytes

LINK, FOLDER, PAGES = "current", "generations", "pages"
CONF, MANIFEST, TESTED = "nginx.conf", "manifest.json", "tested.conf"
LARGEST = 64 << 20
Mark: TypeAlias = tuple[int, int, int, int]
LONGEST_DIFF = 16_000
"""Characters of a diff that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """SHA-256 of the configuration as nginx reads it, and of each page by name."""

    text: str
    pages: Mapping[str, str]


class Generations:
    """Beneath `root`, whose folders are there. `edits` compares with what was laid in this life or, after a restart, with the manifest."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._texts: dict[str, str] = {}
        self._looked: tuple[tuple[str, tuple[Mark, ...]], tuple[Edit, ...]] | None = None

    def conf(self, digest: str) -> Path:
        return self._root / FOLDER / digest / CONF

    @property
    def read_by_nginx(self) -> Path:
        """The path that the master is given, through the link."""
        return self._root / LINK / CONF

    def lay(self, generation: Generation) -> None:
        """Write what is not there as it should be. The manifest comes last: a folder without one is no generation."""
        folder = f"{FOLDER}/{generation.digest}"
        manifest = Manifest(
            text=digest_bytes(generation.text.encode()),
            pages={name: digest_bytes(html.encode()) for name, html in generation.pages.items()},
        )
        with Root(self._root) as root:
            root.make_folders(folder, mode=0o700)
            for name, html in generation.pages.items():
                if _digest_of(root, f"{PAGES}/{name}") != manifest.pages[name]:
                    root.write(f"{PAGES}/{name}", html.encode(), mode=0o644, sync=False)
            if _digest_of(root, f"{folder}/{CONF}") != manifest.text:
                root.write(f"{folder}/{CONF}", generation.text.encode(), mode=0o600, sync=False)
            written = json.dumps({"text": manifest.text, "pages": dict(manifest.pages)}).encode()
            if self._manifest(root, generation.digest) != manifest:
                root.write(f"{folder}/{MANIFEST}", written, mode=0o600, sync=False)
            root.flush()
        self._texts[generation.digest] = generation.text
        self._looked = None

    @contextmanager
    def beside(self, digest: str, text: str) -> Iterator[Path]:
        """Lend a file with this text beside the configuration of a generation."""
        path = f"{FOLDER}/{digest}/{TESTED}"
        with Root(self._root) as root:
            root.write(path, text.encode(), mode=0o600, sync=False)
            try:
                yield self._root / path
            finally:
                root.remove(path)

    def switch(self, digest: str | None) -> None:
        """Point the link to a generation that was laid; None: to none."""
        link = self._root / LINK
        with told("switch", str(link)):
            if digest is None:
                with suppress(FileNotFoundError):
                    os.unlink(link)
                return
            temporary = self._root / f".{LINK}-{secrets.token_hex(8)}"
            os.symlink(f"{FOLDER}/{digest}", temporary)
            os.rename(temporary, link)
            os.utime(self._root / FOLDER / digest)  # the order in which they were switched to

    def linked(self) -> str | None:
        """Return the name that the link leads to, whatever is there."""
        try:
            target = os.readlink(self._root / LINK)
        except OSError:
            return None
        folder, _, name = target.rpartition("/")
        return name if folder == FOLDER and name else None

    def current(self) -> str | None:
        """Return the generation that the link leads to; None where there is none, or its files are no longer as they were written."""
        digest = self.linked()
        return digest if digest is not None and not self.edits(digest) else None

    def edits(self, expected: str | None) -> tuple[Edit, ...]:
        """Return what is not as it was laid of a generation, and whether the link leads elsewhere; `expected` None: nothing is.

        Files are read again only where the kernel says that something about them changed.
        """
        if expected is None:
            return ()
        marks = tuple(mark_of(path) for path in self._paths(expected))
        if self._looked is None or self._looked[0] != (expected, marks):
            self._looked = (expected, marks), self._compared(expected)
        return self._looked[1]

    def _paths(self, digest: str) -> Iterator[Path]:
        yield from (self._root / LINK, self._root / FOLDER / digest / CONF, self._root / FOLDER / digest / MANIFEST)
        yield from (self._root / PAGES / name for name in sorted(os.listdir(self._root / PAGES)))

    def _compared(self, expected: str) -> tuple[Edit, ...]:
        found: list[Edit] = []
        linked = self.linked()
        if linked != expected:
            found.append(Edit(path=str(self._root / LINK), diff=f"-{FOLDER}/{expected}\n+{self._target()}\n"))
        with Root(self._root) as root:
            manifest = self._manifest(root, expected)
            if manifest is None:
                return (*found, Edit(path=str(self._root / FOLDER / expected / MANIFEST), diff="it is gone\n"))
            path = f"{FOLDER}/{expected}/{CONF}"
            if _digest_of(root, path) != manifest.text:
                found.append(self._edit(root, path, self._texts.get(expected)))
            for name, digest in sorted(manifest.pages.items()):
                if _digest_of(root, f"{PAGES}/{name}") != digest:
                    found.append(self._edit(root, f"{PAGES}/{name}", None))
        return tuple(found)

    def _target(self) -> str:
        try:
            return os.readlink(self._root / LINK)
        except OSError:
            return "nothing"

    def _edit(self, root: Root, path: str, ours: str | None) -> Edit:
        """Return how a file differs from ours; where that is not known any more, what it is now."""
        shown = str(self._root / path)
        try:
            now = root.read(path, limit=LARGEST).decode(errors="replace")
        except EngineError as error:
            return Edit(path=shown, diff=f"{error.message}\n")
        if ours is None:
            return Edit(path=shown, diff=f"its text is now:\n{now}"[:LONGEST_DIFF])
        return Edit(path=shown, diff=unified(ours, now), lines=changed_lines(ours, now))

    def _manifest(self, root: Root, digest: str) -> Manifest | None:
        try:
            found = json.loads(root.read(f"{FOLDER}/{digest}/{MANIFEST}", limit=LARGEST))
            return Manifest(text=found["text"], pages=dict(found["pages"]))
        except (EngineError, ValueError, KeyError, TypeError):
            return None

    def remember(self, generation: Generation) -> None:
        """Say what the text of a generation is that an earlier life laid, so that edits can be shown."""
        self._looked = None
        self._texts[generation.digest] = generation.text

    def kept(self) -> tuple[str, ...]:
        """Return the generations that are there, the last one switched to first."""
        try:
            with os.scandir(self._root / FOLDER) as entries:
                found = [(entry.stat(follow_symlinks=False).st_mtime_ns, entry.name) for entry in entries]
        except FileNotFoundError:
            return ()
        return tuple(name for _, name in sorted(found, reverse=True))

    def keep(self, most: int) -> None:
        """Remove all but the current and the last others, and the pages that no kept one shows."""
        current = self.linked()
        ordered = [*([current] if current else []), *(name for name in self.kept() if name != current)]
        with Root(self._root) as root:
            with root.folder(FOLDER) as folder:
                for name in ordered[most:]:
                    remove(folder, name)
                    self._texts.pop(name, None)
            manifests = [self._manifest(root, name) for name in ordered[:most]]
            self._forget_pages(root, {name for each in manifests if each for name in each.pages})

    def _forget_pages(self, root: Root, wanted: Collection[str]) -> None:
        for name in os.listdir(self._root / PAGES):
            if name not in wanted:
                root.remove(f"{PAGES}/{name}")


def mark_of(path: Path) -> Mark:
    """Return what changes whenever a file is written, replaced or given to somebody (stat(2)); zeros where there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return (0, 0, 0, 0)
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _digest_of(root: Root, path: str) -> str | None:
    """Return the digest of a plain file; None where there is none that can be read."""
    try:
        return digest_bytes(root.read(path, limit=LARGEST))
    except EngineError:
        return None


def unified(ours: str, now: str) -> str:
    lines = difflib.unified_diff(ours.splitlines(), now.splitlines(), "ours", "found", n=2, lineterm="")
    return _bounded(lines)


def _bounded(lines: Iterable[str]) -> str:
    kept: list[str] = []
    room = LONGEST_DIFF
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            kept.append("…")
            break
        kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def changed_lines(ours: str, now: str) -> tuple[int, ...]:
    """Return the lines of ours that were changed or removed, or that something was put before."""
    matcher = difflib.SequenceMatcher(a=ours.splitlines(), b=now.splitlines(), autojunk=False)
    found: list[int] = []
    for kind, start, end, _, _ in matcher.get_opcodes():
        if kind != "equal":
            found.extend(range(start + 1, max(end, start + 1) + 1))
    return tuple(found)
