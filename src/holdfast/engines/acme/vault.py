"""Where certificates lie: each pair is kept, and a copy of the one that counts is served.

FOLDER/<namespace>/
  <name>                  a link to what is served: fullchain.pem and key.pem, which nginx reads
  .<name>/                0700
    kept/<version>/       fullchain.pem, key.pem; the one that counts and the one before
    served-<token>/       the copy that the link leads to
    pending.pem           the key of an order that is not delivered yet
    found-<token>         what somebody else put in the link's place

All files are 0600. The link is swapped in one step, so a reader never finds a certificate with another's key, whatever moment a crash
chooses; and whoever deletes or edits what is served leaves the kept pair as it was.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from holdfast.engines.acme.pair import Pair
from holdfast.errors import Rejected
from holdfast.host.files import Root, told
from holdfast.host.folders import remove
from holdfast.kit.clock import Instant
from holdfast.kit.secret import Secret
from holdfast.model.ids import ResourceId

PRIVATE_FOLDER, PRIVATE = 0o700, 0o600
LARGEST = 1 << 20
CHAIN, KEY = "fullchain.pem", "key.pem"
KEEP = 2
"""Pairs that are kept: the one that counts, and the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What lies where nginx reads: None where a file is missing, empty where it is no plain file."""

    chain: bytes | None
    key: Secret | None


class Vault:
    """Beneath `folder`, which is made. Raises `Unavailable` where the disk says no."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def served(self, id: ResourceId) -> Files | None:
        """Return what is served, None where nothing is there at all."""
        with self._root(id) as root:
            place = self._place(root, id)
            if place is None:
                return None
            chain, key = (self._read(root, f"{place}/{file}") for file in (CHAIN, KEY))
        if chain is None and key is None:
            return None
        return Files(chain=chain, key=None if key is None else _secret(key))

    def paths(self, id: ResourceId) -> tuple[Path, ...]:
        """Return what must be watched so that no change of what is served is missed."""
        above = self.folder / id.namespace
        with self._root(id) as root:
            place = self._place(root, id)
        inner = () if place is None else (above / place / CHAIN, above / place / KEY)
        return (above / id.name, *inner)

    def keep(self, id: ResourceId, pair: Pair, now: Instant, serial: str) -> str:
        """Keep a pair and return its version; the key is written before the certificate."""
        version = f"{max(0, round(now * 1000)):016d}-{serial[-16:]}"
        with self._root(id) as root:
            self._write(root, f".{id.name}/kept/{version}", pair)
        return version

    def kept(self, id: ResourceId, version: str) -> Pair | None:
        """Return a kept pair, None where it is not there whole."""
        if not version:
            return None
        with self._root(id) as root:
            chain, key = (self._read(root, f".{id.name}/kept/{version}/{file}") for file in (CHAIN, KEY))
        return None if chain is None or key is None else Pair(chain, _secret(key))

    def versions(self, id: ResourceId) -> tuple[str, ...]:
        """Return the kept versions, the newest first."""
        with self._root(id) as root:
            return self._sorted(root, id) if root.stat(f".{id.name}/kept") is not None else ()

    def serve(self, id: ResourceId, version: str, pair: Pair) -> None:
        """Serve a kept pair from now on; older ones than the one before it go."""
        with self._root(id) as root:
            before = self._place(root, id)
            place = f".{id.name}/served-{secrets.token_hex(6)}"
            self._write(root, place, pair)
            self._swap(root, id, place)
            self._clear(root, id, {place, before or place})
            self._forget(root, id, version)

    def remove(self, id: ResourceId) -> None:
        """Remove what is served and all that is kept; nothing there is no error."""
        with self._root(id) as root, root.folder() as fd:
            if self._place(root, id) is not None or root.stat(id.name) is not None:
                remove(fd, id.name)
            remove(fd, f".{id.name}")

    def pending_key(self, id: ResourceId) -> Secret | None:
        with self._root(id) as root:
            found = self._read(root, f".{id.name}/pending.pem")
        return None if found is None else _secret(found)

    def put_pending_key(self, id: ResourceId, key: Secret) -> None:
        with self._root(id) as root:
            root.make_folders(f".{id.name}", mode=PRIVATE_FOLDER)
            root.write(f".{id.name}/pending.pem", key.reveal().encode(), mode=PRIVATE)

    def drop_pending_key(self, id: ResourceId) -> None:
        with self._root(id) as root:
            root.remove(f".{id.name}/pending.pem")

    def _root(self, id: ResourceId) -> Root:
        above = self.folder / id.namespace
        with told("use", str(above)):
            self.folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            above.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        return Root(above)

    def _place(self, root: Root, id: ResourceId) -> str | None:
        """Return where what is served lies beneath `root`: our own folder, or what stands in the link's place; None where nothing does."""
        found = root.stat(id.name)
        if found is None:
            return None
        nothing = f".{id.name}/nothing"
        if not stat.S_ISLNK(found.st_mode):
            return id.name if stat.S_ISDIR(found.st_mode) else nothing
        with root.folder() as fd, told("look at", str(self.folder / id.namespace / id.name)):
            target = os.readlink(id.name, dir_fd=fd)
        is_ours = target.startswith(f".{id.name}/served-") and target.count("/") == 1
        return target if is_ours else nothing

    def _read(self, root: Root, path: str) -> bytes | None:
        """Return a file's content, None where there is none, and nothing of what is no plain file of a fair size."""
        if root.stat(path) is None:
            return None
        try:
            return root.read(path, limit=LARGEST)
        except Rejected:
            return b""

    def _write(self, root: Root, folder: str, pair: Pair) -> None:
        root.make_folders(folder, mode=PRIVATE_FOLDER)
        root.write(f"{folder}/{KEY}", pair.key.reveal().encode(), mode=PRIVATE)
        root.write(f"{folder}/{CHAIN}", pair.chain, mode=PRIVATE)

    def _swap(self, root: Root, id: ResourceId, place: str) -> None:
        found = root.stat(id.name)
        token = secrets.token_hex(6)
        with root.folder() as fd, told("serve", str(self.folder / id.namespace / id.name)):
            if found is not None and not stat.S_ISLNK(found.st_mode):
                os.rename(id.name, f".{id.name}/found-{token}", src_dir_fd=fd, dst_dir_fd=fd)
            os.symlink(place, f".{id.name}/link-{token}", dir_fd=fd)
            os.rename(f".{id.name}/link-{token}", id.name, src_dir_fd=fd, dst_dir_fd=fd)
            os.fsync(fd)

    def _clear(self, root: Root, id: ResourceId, stay: set[str]) -> None:
        """Remove copies that are served no longer, and what a crash left; the one before stays, for who has just read its name."""
        with root.folder(f".{id.name}") as fd:
            for name in os.listdir(fd):
                if name.startswith(("served-", "link-")) and f".{id.name}/{name}" not in stay:
                    remove(fd, name)

    def _forget(self, root: Root, id: ResourceId, version: str) -> None:
        versions = self._sorted(root, id)
        stay: Sequence[str] = (version, *[each for each in versions if each != version][: KEEP - 1])
        with root.folder(f".{id.name}/kept") as fd:
            for name in versions:
                if name not in stay:
                    remove(fd, name)

    def _sorted(self, root: Root, id: ResourceId) -> tuple[str, ...]:
        with root.folder(f".{id.name}/kept") as fd:
            return tuple(sorted(os.listdir(fd), reverse=True))


def _secret(data: bytes) -> Secret:
    return Secret(data.decode(errors="replace"))
