"""Grounding: what the names in a Container's spec mean at its host: networks and volumes as they are called there, folders, files, secrets.

Names are looked up in what is known of the resources they name: as last applied, then as Git says. Folders of this host can be shown to
containers of an engine on this host only.
"""

from __future__ import annotations

import stat
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from holdfast.engines.docker import label
from holdfast.engines.docker.body import CONTAINER, Ground
from holdfast.engines.docker.showing import owned
from holdfast.errors import Rejected
from holdfast.host.files import Root
from holdfast.host.users import RunUser
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.ports import Secrets
from holdfast.model.resource import Resource
from holdfast.workload.contained import Contained, read
from holdfast.workload.container_spec import ContainerSpec
from holdfast.workload.file import decoded
from holdfast.workload.process_spec import SecretRef

LOCAL = "unix://"
Described = Callable[[ResourceId], Iterable[Resource]]


class Users(Protocol):
    """As whom an Application's programs run; its data folder is theirs."""

    def user_of(self, application: str, user: str | None) -> Awaitable[RunUser]: ...


class Places(Protocol):
    def release(self, application: str, release_id: str) -> Path: ...

    def data_dir(self, application: str, user: RunUser) -> Path: ...


class Grounding:
    """`described` answers with what is known of an id; `data` is the folder that holds the data folders by Application."""

    def __init__(self, *, described: Described, secrets: Secrets, users: Users, places: Places, data: Path) -> None:
        self._described = described
        self._secrets = secrets
        self._users = users
        self._places = places
        self._data = data

    def of(self, id: ResourceId, application: str, it: Contained) -> Ground:
        """Return what the names in a spec mean. Raises Rejected (HF3218) where one means nothing, and what a secret raises."""
        spec, is_local = it.spec, id.destination.startswith(LOCAL)
        mounts, copied = spec.mounts, owned(spec)
        mounted = [each for each in mounts if each.type == "file" and each not in copied]
        return Ground(
            networks=self._named(id, "Network", "networkName", (each.network for each in spec.networks)),
            volumes=self._named(id, "Volume", "volumeName", (each.source for each in mounts if each.type == "volume" and each.source)),
            containers={name: found for name in _containers(spec) if (found := self._container(id, name)) is not None},
            files=self._files(id, application, (each.source for each in mounted if each.source)) if is_local else {},
            release=str(self.release(application, it)) if it.release is not None and is_local else None,
            data=str(self._data / application) if is_local else None,
            secrets={
                value.secret: self._secrets.resolve(value.secret).reveal() for value in spec.env.values() if isinstance(value, SecretRef)
            },
        )

    def contents(self, id: ResourceId, names: Iterable[str]) -> dict[str, bytes]:
        """Return what Files hold, by their names. Raises Rejected (HF3218) where one is unknown, and what a secret raises."""
        found: dict[str, bytes] = {}
        for name in names:
            content = self._known(ResourceId(HOST, "File", id.namespace, name)).state.fields.get("content")
            if isinstance(content, dict) and isinstance(reference := content.get("secret"), str):
                found[name] = self._secrets.resolve(reference).reveal().encode()
            else:
                found[name] = decoded(content)
        return found

    def release(self, application: str, it: Contained) -> Path:
        """Return the folder of the release that a container is shown."""
        assert it.release is not None, "a spec that shows files of the release has one in its state"
        return self._places.release(application, it.release)

    async def lay(self, application: str, spec: ContainerSpec) -> None:
        """Make the folders in the Application's data folder that are to be shown, where they are missing."""
        wanted = [each.source for each in spec.mounts if each.type == "bind" and each.within == "data"]
        if not wanted:
            return
        user = await self._users.user_of(application, None)
        folder = self._places.data_dir(application, user)
        with Root(str(folder)) as root:
            for source in wanted:
                inner = (source or ".").removeprefix("./").strip("/")
                if inner in {"", "."}:
                    continue
                found = root.stat(inner)  # through no link: what is shown is the Application's own
                if found is None:
                    root.make_folders(inner, mode=0o755, uid=user.uid, gid=user.gid)
                elif stat.S_ISLNK(found.st_mode):
                    hint = "remove the link, or mount another folder"
                    raise Rejected("HF3217", f"cannot mount {source}: it is a link, which may lead anywhere on this host", hint=hint)

    def _named(self, id: ResourceId, kind: str, field: str, names: Iterable[str]) -> Mapping[str, str]:
        return {name: str(self._known(id._replace(kind=kind, name=name)).state.fields[field]) for name in names}

    def _files(self, id: ResourceId, application: str, names: Iterable[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for name in names:
            resource = self._known(ResourceId(HOST, "File", id.namespace, name))
            path = str(resource.state.fields["path"])
            owner = resource.labels.get(APPLICATION, application)
            found[name] = path if path.startswith("/") else str(self._data / owner / path)
        return found

    def _container(self, id: ResourceId, name: str) -> str | None:
        for each in (name, f"{name}.0"):
            other: Any = next(iter(self._described(id._replace(name=each))), None)
            if other is not None:
                it = read(other.state.fields)
                return label.container_name(other.id, it.spec, it.replica)
        return None

    def _known(self, id: ResourceId) -> Resource:
        found = next(iter(self._described(id)), None)
        if found is None:
            raise Rejected(
                "HF3218", f"cannot find {id}: nothing says how it is called at the Docker host", hint=f"declare {id.kind} {id.name}"
            )
        return found


def _containers(spec: ContainerSpec) -> set[str]:
    modes = [
        mode.removeprefix(CONTAINER) for mode in (spec.network_mode, spec.ipc, spec.pid) if mode is not None and mode.startswith(CONTAINER)
    ]
    return {*modes, *(link.partition(":")[0] for link in spec.links)}
