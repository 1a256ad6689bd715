"""The ground that nginx stands on: its folders, and what lies beside the configuration: flags, secrets, links to releases.

The master runs as root where we do, its workers as an ordinary user. So what only the master reads (configuration, keys) is 0600, and what
the workers read at each request is theirs to read and nobody else's to change.
"""

from __future__ import annotations

import os
import pwd
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from holdfast.engines.nginx.generations import FOLDER as GENERATIONS
from holdfast.engines.nginx.generations import PAGES
from holdfast.engines.nginx.port import Ground
from holdfast.errors import EngineError
from holdfast.host.files import Root, told

PASSABLE, PUBLIC, PRIVATE = 0o711, 0o755, 0o700
FOLDERS: Mapping[str, int] = {
    "run": PRIVATE,
    "logs": PRIVATE,
    GENERATIONS: PRIVATE,
    "temp": PUBLIC,
    "cache": PUBLIC,
    PAGES: PUBLIC,
    "flags": PUBLIC,
    "challenges": PUBLIC,
    "certificates": PRIVATE,
    "releases": PASSABLE,
    "secrets": PASSABLE,
}
WORKERS = ("www-data", "nginx", "http", "nobody")
"""Who workers run as, where the master is root: the first that this host has."""
MAINTENANCE = ".maintenance"
LARGEST_SECRET = 1 << 20


def worker_user() -> str | None:
    """Return as whom workers run; None where we are not root, and everything is ours."""
    if os.geteuid() != 0:
        return None
    for name in WORKERS:
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return None


def make_folders(root: Path) -> None:
    """Make what is missing. `temp` and what is in it nginx gives to its workers itself."""
    with told("make", str(root)):
        root.mkdir(parents=True, exist_ok=True, mode=PASSABLE)
        root.chmod(PASSABLE)
        for name, mode in FOLDERS.items():
            folder = root / name
            folder.mkdir(exist_ok=True, mode=mode)
            folder.chmod(mode)


def prepare(root: Path, ground: Ground, *, user: str | None, releases: Path) -> None:
    """Bring flags, secrets and links to what is wanted. Flags of other kinds than maintenance are `mark`ed."""
    mark(root, MAINTENANCE, ground.flags)
    with Root(root) as folder:
        _secrets(folder, ground.secrets, user)
    _links(root / "releases", ground.releases, releases)


def flags(root: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(root / "flags"))
    except FileNotFoundError:
        return frozenset()


def mark(root: Path, suffix: str, wanted: frozenset[str]) -> None:
    """Have exactly these flags among those that end so."""
    there = frozenset(name for name in flags(root) if name.endswith(suffix))
    if there == wanted:
        return
    with Root(root) as folder:
        for name in sorted(wanted - there):
            folder.write(f"flags/{name}", b"", mode=0o644, sync=False)
        for name in sorted(there - wanted):
            folder.remove(f"flags/{name}")


def _secrets(folder: Root, wanted: Mapping[str, bytes], user: str | None) -> None:
    """Write what changed, readable by the workers: passwords are looked up at each request. Old ones stay for kept generations."""
    gid = pwd.getpwnam(user).pw_gid if user is not None else -1
    for name, value in sorted(wanted.items()):
        path = f"secrets/{name}"
        try:
            is_there = folder.read(path, limit=LARGEST_SECRET) == value
        except EngineError:
            is_there = False
        if not is_there:
            folder.write(path, value, mode=0o600 if user is None else 0o640, gid=gid)


def _links(root: Path, wanted: Mapping[str, str], releases: Path) -> None:
    """Have `<application>/current` lead to the release that is served, by a rename: a request finds the old files or the new."""
    for application, release in sorted(wanted.items()):
        target = str(releases / application / release)
        link = root / application / "current"
        with told("link", str(link)):
            with suppress(OSError):
                if os.readlink(link) == target:
                    continue
            link.parent.mkdir(exist_ok=True, mode=PASSABLE)
            temporary = link.parent / f".current-{secrets.token_hex(8)}"
            os.symlink(target, temporary)
            os.rename(temporary, link)
