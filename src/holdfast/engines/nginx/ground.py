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
from types import MappingProxyType

from holdfast.edge.render_guard import MAINTENANCE, MESSAGE, PAUSED
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
    "gate": PASSABLE,
    "challenges": PUBLIC,
    "certificates": PRIVATE,
    "releases": PASSABLE,
    "secrets": PASSABLE,
}
WORKERS = ("www-data", "nginx", "http", "nobody")
"""Who workers run as, where the master is root: the first that this host has."""
LARGEST_SECRET = 1 << 20
NOTHING: Mapping[str, str] = MappingProxyType({})


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
    """Bring flags, secrets and links to what is wanted. Flags of other kinds than those that close a Site are `mark`ed."""
    closed = frozenset(name for name in ground.flags if name.endswith(MAINTENANCE))
    mark(root, MAINTENANCE, flags(root) & closed)  # who is open again first; last who is closed, once it is said how
    mark(root, PAUSED, ground.flags - closed)
    mark(root, MESSAGE, frozenset(ground.messages), ground.messages)
    mark(root, MAINTENANCE, closed)
    with Root(root) as folder:
        _secrets(folder, ground.secrets, user)
    _links(root / "releases", ground.releases, releases)


def flags(root: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(root / "flags"))
    except FileNotFoundError:
        return frozenset()


def paused(ground: Ground) -> frozenset[str]:
    """Return the keys of the Sites that are paused."""
    return frozenset(name.removesuffix(PAUSED) for name in ground.flags if name.endswith(PAUSED))


def mark(root: Path, suffix: str, wanted: frozenset[str], texts: Mapping[str, str] = NOTHING) -> None:
    """Have exactly these flags among those that end so; `texts`: what they hold, nothing without."""
    there = frozenset(name for name in flags(root) if name.endswith(suffix))
    written = {name for name in wanted if name not in there or (name in texts and _text(root / "flags" / name) != texts[name])}
    if there == wanted and not written:
        return
    with Root(root) as folder:
        for name in sorted(written):
            folder.write(f"flags/{name}", texts.get(name, "").encode(), mode=0o644, sync=False)
        for name in sorted(there - wanted):
            folder.remove(f"flags/{name}")


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return None


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
