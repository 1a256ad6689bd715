"""The file engine: observes and applies Files of this host, each beneath a folder that the local configuration allows.

What is written goes through the Files port: whole or not at all, and never through a link. What is seen of a file's content is the declared
content where it is that, else its size and a keyed fingerprint: a plan tells nobody what somebody else wrote there. A relative path lies in
the Application's data folder, which is its run user's, so everything beneath it may change at any moment.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from holdfast.errors import Bug, Conflict, EngineError, Rejected
from holdfast.host.file_watch import FileWatch
from holdfast.host.files import HostFiles
from holdfast.host.users import RunUser
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kit.path import tidy
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.plan import Verb
from holdfast.model.ports import Files, FileStatus, Folder, Secrets
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.workload.file import LARGEST, decoded, root_of

FOLDER_MODE = 0o755
_FORMS: Mapping[int, str] = {stat.S_IFLNK: "link", stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}


class Users(Protocol):
    """As whom an Application's programs run; its data folder is theirs."""

    def user_of(self, application: str, user: str | None) -> Awaitable[RunUser]: ...


class Places(Protocol):
    def data_dir(self, application: str, user: RunUser) -> Path:
        """Return the Application's data folder, made and given to `user` where it is missing."""
        ...


class Watch(Protocol):
    """Names the paths of files that may have changed; `host.file_watch.FileWatch`."""

    def add(self, root: str, path: str) -> None: ...

    def drop(self, path: str) -> None: ...

    def changes(self) -> AsyncGenerator[str, None]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spot:
    """Where a File lies: a path relative to a folder that everything stays beneath."""

    root: str
    relative: str
    application: str | None
    """Whose data folder `root` is; None for one that the local configuration allows."""

    @property
    def path(self) -> str:
        return f"{self.root.rstrip('/')}/{self.relative}"


class FileEngine:
    """Implements ports.Engine.

    `roots` are the allowed folders, `data` the folder that holds the data folders by Application. `described` answers with what is known of
    an id: the resource as last applied, then as Git says now; an id that it does not know cannot be looked at. `fingerprint` is the keyed
    hash that secrets are fingerprinted with.
    """

    name = "file"
    kinds = frozenset({"File"})

    def __init__(
        self,
        *,
        roots: tuple[str, ...],
        data: Path,
        users: Users,
        places: Places,
        secrets: Secrets,
        fingerprint: Callable[[str], str],
        described: Callable[[ResourceId], Iterable[Resource]],
        clock: Clock,
        files: Files | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._roots = tuple(map(tidy, roots))
        self._data = data
        self._users = users
        self._places = places
        self._secrets = secrets
        self._fingerprint = fingerprint
        self._described = described
        self._clock = clock
        self._applied: dict[ResourceId, Resource] = {}
        self._watched: dict[ResourceId, str] = {}
        self._files = files or HostFiles()
        self._watch = watch or FileWatch()

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        observed: dict[ResourceId, Observation] = {}
        unreachable: dict[ResourceId, str] = {}
        for id in ids:
            try:
                observed[id] = self._observation(id)
            except EngineError as error:
                unreachable[id] = error.message
        return Live(observed=observed, unreachable=unreachable)

    async def apply(self, step: Step) -> None:
        if step.verb is StepVerb.DELETE:
            self._delete(step)
        elif step.verb is StepVerb.APPLY and step.resource is not None:
            await self._write(step, step.resource)
        else:
            raise Bug("HF9001", f"cannot {step.verb} {step.id}: a File is only applied and deleted")

    async def watch(self) -> AsyncGenerator[ResourceId, None]:
        async for path in self._watch.changes():
            for id in [id for id, watched in self._watched.items() if watched == path]:
                if self._known(id):
                    yield id
                else:
                    self._forget(id)

    # Where a File lies

    def _known(self, id: ResourceId) -> tuple[Resource, ...]:
        """Return what is known of an id, first what stands there by the last word of this engine."""
        applied = self._applied.get(id)
        return (*(() if applied is None else (applied,)), *self._described(id))

    def _spot(self, id: ResourceId, path: Json, application: str | None) -> _Spot:
        if not isinstance(path, str) or application is None:
            raise Rejected("HF3121", f"cannot find {id}: nothing says where it lies")
        if not path.startswith("/"):
            return _Spot(root=str(self._data / application), relative=path, application=application)
        root = root_of(path, self._roots)
        if root is None:
            raise Rejected(
                "HF3120",
                f"cannot touch {path}: it lies beneath no folder that the local configuration allows for Files",
                hint="add the folder to file_roots in the local configuration, or write a path relative to the data folder",
            )
        return _Spot(root=root, relative=path[len(root.rstrip("/")) + 1 :], application=None)

    def _spot_of(self, resource: Resource) -> _Spot:
        return self._spot(resource.id, resource.state.fields.get("path"), resource.labels.get(APPLICATION))

    def _remember(self, id: ResourceId, spot: _Spot) -> None:
        if self._watched.get(id) != spot.path:
            self._forget(id)
            self._watched[id] = spot.path
            self._watch.add(spot.root, spot.path)

    def _forget(self, id: ResourceId) -> None:
        path = self._watched.pop(id, None)
        if path is not None and path not in self._watched.values():
            self._watch.drop(path)

    # Looking

    def _observation(self, id: ResourceId) -> Observation:
        known = self._known(id)
        if not known:
            raise Rejected("HF3121", f"cannot find {id}: nothing says where it lies")
        spot = self._spot_of(known[0])
        self._remember(id, spot)
        return Observation(state=self._seen(spot, known), handle={"path": spot.path}, observed_at=self._clock.now())

    def _seen(self, spot: _Spot, known: tuple[Resource, ...]) -> State | None:
        """Return what is at a spot, told in the words of what is known; None where nothing is."""
        if not self._files.is_there(spot.root):
            return None
        with self._files.open(spot.root) as root:
            found = root.stat(spot.relative)
            if found is None:
                return None
            content = self._content(root, spot, found, known)
        fields = known[0].state.fields
        seen: dict[str, Json] = {"path": fields["path"], "mode": f"{stat.S_IMODE(found.st_mode):04o}", "content": content}
        if isinstance(owner := fields.get("owner"), str):
            seen["owner"] = owner if _is_owner(owner, found) else _owner_of(found)
        return State.of(seen)

    def _content(self, root: Folder, spot: _Spot, found: FileStatus, known: tuple[Resource, ...]) -> Json:
        if not stat.S_ISREG(found.st_mode):
            return {"is": _FORMS.get(stat.S_IFMT(found.st_mode), "device")}
        if found.st_size > LARGEST:
            return {"bytes": found.st_size}
        data = root.read(spot.relative, limit=LARGEST)
        mark = self._fingerprint(data.decode("utf-8", errors="backslashreplace"))
        wanted = [resource.state.fields.get("content") for resource in known]
        if isinstance(first := wanted[0], dict) and "secret" in first:
            return {"secret": first["secret"], "fingerprint": mark}
        other: Json = {"bytes": len(data), "fingerprint": mark}
        return next((content for content in wanted if _is_content(content, data)), other)

    # Writing

    async def _write(self, step: Step, resource: Resource) -> None:
        spot = self._spot_of(resource)
        data = self._data_of(resource)
        mode = int(str(resource.state.fields["mode"]), 8)
        uid, gid = _ids(resource)
        if spot.application is not None:
            self._places.data_dir(spot.application, await self._users.user_of(spot.application, None))
        with self._files.open(spot.root) as root:
            _guard(step, resource, root, spot, data)
            folder = os.path.dirname(spot.relative)
            if folder:
                above = _owner_ids(root, "")
                root.make_folders(folder, mode=FOLDER_MODE, uid=above[0], gid=above[1])
            if uid == -1:
                uid, gid = _owner_ids(root, folder)
            root.write(spot.relative, data, mode=mode, uid=uid, gid=gid)
        self._applied[step.id] = resource
        self._remember(step.id, spot)

    def _data_of(self, resource: Resource) -> bytes:
        """Return the bytes to write; a secret is resolved here and nowhere else."""
        content = resource.state.fields.get("content")
        if isinstance(content, dict) and isinstance(reference := content.get("secret"), str):
            return self._secrets.resolve(reference).reveal().encode()
        return decoded(content)

    def _delete(self, step: Step) -> None:
        before, known = step.change.before, self._known(step.id)
        path = before.fields.get("path") if before is not None else None
        application = next((resource.labels.get(APPLICATION) for resource in known), None)
        spot = self._spot(step.id, path, application) if path is not None else self._spot_of(known[0]) if known else None
        if spot is not None and self._files.is_there(spot.root):
            with self._files.open(spot.root) as root:
                found = root.stat(spot.relative)
                if found is not None:
                    _no_folder("remove", found, spot)
                    root.remove(spot.relative)
        self._applied.pop(step.id, None)


def _guard(step: Step, resource: Resource, root: Folder, spot: _Spot, data: bytes) -> None:
    """Refuse to replace what no plan has seen, where a File was to be new. The same content is our own first try."""
    found = root.stat(spot.relative)
    if found is None:
        return
    _no_folder("write", found, spot)
    if step.change.verb not in (Verb.CREATE, Verb.REPLACE) or resource.policy.adopt:
        return
    if stat.S_ISREG(found.st_mode) and found.st_size == len(data) and root.read(spot.relative, limit=LARGEST) == data:
        return
    raise Conflict(
        "HF3124",
        f"cannot write {spot.path}: something is there already that is not ours",
        hint='move it away, or let it be taken over with the annotation holdfast.dev/adopt: "true"',
    )


def _no_folder(verb: str, found: FileStatus, spot: _Spot) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise Rejected("HF3125", f"cannot {verb} {spot.path}: it is a folder", hint="move it away, or choose another path")


def _is_content(content: Json, data: bytes) -> bool:
    try:
        return decoded(content) == data
    except ValueError:
        return False


def _owner_ids(root: Folder, folder: str) -> tuple[int, int]:
    """Return uid and gid of a folder, for what is made in it; -1 where we are not root and cannot give anything away."""
    if os.geteuid() != 0:
        return -1, -1
    found = root.stat(folder)
    return (-1, -1) if found is None else (found.st_uid, found.st_gid)


def _ids(resource: Resource) -> tuple[int, int]:
    """Return the declared owner as uid and gid, -1 where none is declared. Raises Rejected."""
    owner = resource.state.fields.get("owner")
    if not isinstance(owner, str):
        return -1, -1
    uid, gid = _looked_up(owner)
    if os.geteuid() != 0 and (uid != os.geteuid() or gid not in {os.getegid(), *os.getgroups()}):
        raise Rejected(
            "HF3122",
            f"cannot give {resource.id} to {owner}: only root may give files away",
            hint="leave `owner` out, or run Holdfast as root",
        )
    return uid, gid


def _looked_up(owner: str) -> tuple[int, int]:
    """Return uid and gid of `user` or `user:group`, by name or number; a user alone stands for its own group."""
    user, colon, group = owner.partition(":")
    try:
        if user.isdecimal() and not colon:
            return int(user), pwd.getpwuid(int(user)).pw_gid
        entry = None if user.isdecimal() else pwd.getpwnam(user)
        uid = int(user) if entry is None else entry.pw_uid
        if not colon:
            return uid, entry.pw_gid if entry is not None else -1
        return uid, int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except (KeyError, OverflowError, ValueError) as error:
        raise Rejected(
            "HF3123", f"cannot give a file to {owner!r}: this host has no such user or group", hint="create it, or name another"
        ) from error


def _is_owner(owner: str, found: FileStatus) -> bool:
    try:
        return _looked_up(owner) == (found.st_uid, found.st_gid)
    except Rejected:
        return False


def _owner_of(found: FileStatus) -> str:
    return f"{_name(pwd.getpwuid, found.st_uid)}:{_name(grp.getgrgid, found.st_gid)}"


def _name(look: Callable[[int], tuple[object, ...]], number: int) -> str:
    try:
        return str(look(number)[0])
    except KeyError:
        return str(number)
