"""Releases for sync: what processes run from, exported from the tree that was rendered, prepared as the Application's run user, and kept.

Implements the port `Releases` of controllers.sync, and `Places` of the process engine. A tree is remembered from its render to its export.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

from holdfast.errors import Rejected
from holdfast.host.command import run
from holdfast.model.resource import Desired, Prepare
from holdfast.model.source import Git, Tree
from holdfast.source.release import Ran, ReleaseStore

T = TypeVar("T")
MOST_TREES = 64
"""Trees that are remembered: a few revisions of each Application."""


class RunAs(Protocol):
    """Whom something runs as; uid and gid -1 where Holdfast is not root and everything is its own."""

    @property
    def uid(self) -> int: ...

    @property
    def gid(self) -> int: ...

    @property
    def name(self) -> str: ...


class Users(Protocol):
    async def user_of(self, application: str, user: str | None) -> RunAs: ...


class ReleasePort:
    """`in_use` names the releases that something of an Application still runs from."""

    def __init__(
        self,
        *,
        store: ReleaseStore,
        git: Git,
        users: Users,
        search_path: str,
        in_use: Callable[[str], Collection[str]],
        logs: Path,
    ) -> None:
        self._store = store
        self._git = git
        self._users = users
        self._search_path = search_path
        self._in_use = in_use
        self._logs = logs
        self._trees: OrderedDict[tuple[str, str], Tree] = OrderedDict()
        self._contexts: OrderedDict[tuple[str, str], tuple[Tree, ...]] = OrderedDict()

    def remember(self, desired: Desired, trees: tuple[Tree, ...]) -> None:
        """Keep the trees of a render: its release may be asked for, or an image may be built from one of them."""
        if any("build" in resource.state.fields for resource in desired):
            _keep(self._contexts, (desired.application, desired.revision), trees)
        if desired.release is not None:
            _keep(self._trees, (desired.application, desired.release), trees[desired.release_source])

    async def ensure(self, desired: Desired) -> None:
        if desired.release is None or self._store.is_whole(desired.application, desired.release):
            return
        application, release = desired.application, desired.release
        tree = self._trees.get((application, release))
        if tree is None:
            raise Rejected("HF4051", f"cannot export release {release[:12]} of {application}: its tree is not at hand")

        async def read(ids: Collection[str]) -> Mapping[str, bytes]:
            return await self._git.read(tree.revision.repository, ids)

        async def execute(prepare: Prepare, folder: str) -> Ran:
            return await self._prepare(application, user, prepare, folder)

        user = await self._users.user_of(application, None)
        await self._store.export(application, release, tree, desired.excluded, read)
        await self._store.prepare(application, release, desired.prepare, execute, uid=user.uid, gid=user.gid)

    async def _prepare(self, application: str, user: RunAs, prepare: Prepare, folder: str) -> Ran:
        home = str(self._store.data_dir(application, user.uid, user.gid))
        environment = {"PATH": self._search_path, "HOME": home, "USER": user.name, "LANG": "C.UTF-8", "HOLDFAST_DATA_DIR": home}
        ended = await run(prepare.command, folder=folder, environment=environment, timeout_s=prepare.timeout_s, uid=user.uid, gid=user.gid)
        return Ran(code=ended.code, lines=ended.lines)

    def trees(self, application: str) -> Iterator[Tree]:
        """Yield the trees that images of an Application were to be built from, the newest first."""
        yield from (tree for (name, _), trees in reversed(tuple(self._contexts.items())) if name == application for tree in trees)

    async def keep(self, application: str) -> None:
        await self._store.keep(application, self._in_use(application))

    # Places of the process engine

    def release(self, application: str, release_id: str) -> Path:
        return self._store.path(application, release_id)

    def data_dir(self, application: str, user: RunAs) -> Path:
        return self._store.data_dir(application, user.uid, user.gid)

    def log_dir(self, application: str) -> Path:
        folder = self._logs / application
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return folder


def _keep(held: OrderedDict[tuple[str, str], T], place: tuple[str, str], value: T) -> None:
    held[place] = value
    held.move_to_end(place)
    if len(held) > MOST_TREES:
        held.popitem(last=False)
