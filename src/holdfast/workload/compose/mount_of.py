"""Mount of: volumes, tmpfs, secrets and configs of a service → what is seen in its container, each with its place.

A relative path is read from the release where the repository holds it, else it is data of the Application. A path of the host stays one:
exposure says whether it may be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.workload.compose import unit
from holdfast.workload.compose.node import Node
from holdfast.workload.compose.shelf import Shelf
from holdfast.workload.compose.short import is_windows_path
from holdfast.workload.compose.told import Told
from holdfast.workload.container_spec import MountSpec
from holdfast.workload.slug import slug

API_SOCKET = "/var/run/docker.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mounted:
    """One mount. `need`: what must be there first, in the words of needs."""

    spec: MountSpec
    node: Node
    need: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a secret or config became: the File's name, and what its content is told by."""

    file: str
    content: str | None = None
    secret: str | None = None


def mounts_of(name: str, service: Node, stored: Mapping[tuple[str, str], Stored], shelf: Shelf, told: Told) -> tuple[Mounted, ...]:
    """Return everything that a service mounts; one target twice is told."""
    found: list[Mounted] = []
    targets: dict[str, Node] = {}
    for each in _all(name, service, stored, shelf, told):
        first = targets.setdefault(each.spec.target, each.node)
        if first is not each.node:
            told.error("HF1423", each.node, f"services.{name}: {each.spec.target} is mounted twice", "keep one of the two", first)
        else:
            found.append(each)
    return tuple(found)


def _all(name: str, service: Node, stored: Mapping[tuple[str, str], Stored], shelf: Shelf, told: Told) -> Iterator[Mounted]:
    for node in _items(service, "volumes"):
        if (mounted := _volume(name, node, shelf, told)) is not None:
            yield mounted
    for node in _items(service, "tmpfs"):
        yield Mounted(spec=_tmpfs(name, node, told), node=node)
    for section in ("secrets", "configs"):
        for node in _items(service, section):
            source = stored.get((section, node.text("source") or ""))
            if source is not None:
                _judge(name, section, service, node, told)
                yield Mounted(spec=_file(section, node, source), node=node, need=f"File/{source.file}")
    socket = service.get("use_api_socket")
    if socket is not None and socket.value is True:
        yield Mounted(spec=MountSpec(type="bind", source=API_SOCKET, target=API_SOCKET), node=socket)


def _items(node: Node, key: str) -> tuple[Node, ...]:
    found = node.get(key)
    return found.items if found is not None else ()


def _volume(name: str, node: Node, shelf: Shelf, told: Told) -> Mounted | None:
    kind, source, target = node.text("type"), node.text("source") or None, node.text("target")
    if not target or kind is None:
        return None
    if is_windows_path(target):
        message = f"services.{name}: {target} reads as a path of Windows; the name of a volume has more than one letter"
        told.warn("WindowsPath", message, node)
    common: dict[str, Any] = {"target": target, "read_only": _is(node, "read_only"), "subpath": _inner(node, kind, "subpath")}
    match kind:
        case "bind":
            return Mounted(spec=_bind(name, node, common, source or "", shelf, told), node=node)
        case "volume":
            spec = MountSpec(type="volume", source=slug(source) if source else None, no_copy=_is(node, "volume", "nocopy"), **common)
            return Mounted(spec=spec, node=node, need=f"Volume/{slug(source)}" if source else None)
        case "tmpfs":
            size = _inner(node, "tmpfs", "size")
            common |= {"size": int(size) if size else None, "mode": _inner(node, "tmpfs", "mode")}
            return Mounted(spec=MountSpec(type="tmpfs", **common), node=node)
        case "image" | "npipe":
            return Mounted(spec=MountSpec(type=kind, source=source, **common), node=node)
    told.warn("FieldNotHonoured", f"services.{name}: a {kind} volume is about a swarm; it is not honoured", node)
    return None


def _bind(name: str, node: Node, common: dict[str, Any], source: str, shelf: Shelf, told: Told) -> MountSpec:
    more: dict[str, Any] = {
        "propagation": _inner(node, "bind", "propagation"),
        "recursive": _inner(node, "bind", "recursive"),
        "selinux": _inner(node, "bind", "selinux"),
        "create_host_path": node.at(("bind", "create_host_path")) is None or _is(node, "bind", "create_host_path"),
    }
    if source.startswith(("/", "~", "\\")) or is_windows_path(source):
        return MountSpec(type="bind", source=source, **common, **more)
    if source == "." or shelf.is_there(source):
        if not common["read_only"]:
            message = f"services.{name}: {source} is in Git, so {common['target']} can only be read: what is written belongs in a volume"
            told.warn("MountReadOnly", message, node)
        return MountSpec(type="bind", source=source, within="release", **{**common, "read_only": True}, **more)
    message = f"services.{name}: there is no {source} in Git, so it is a folder in the Application's data"
    told.warn("BindNotInGit", message, node)
    return MountSpec(type="bind", source=source, within="data", **common, **more)


def _is(node: Node, *path: str) -> bool:
    found = node.at(path)
    return found is not None and found.value is True


def _inner(node: Node, kind: str, key: str) -> str | None:
    found = node.at((kind, key))
    return str(found.value) if found is not None and isinstance(found.value, str | int) and found.value != "" else None


def _tmpfs(name: str, node: Node, told: Told) -> MountSpec:
    """Return `/run:size=64m,mode=1777` as a mount."""
    target, _, options = str(node.value).partition(":")
    size: int | None = None
    mode: str | None = None
    for option in filter(None, options.split(",")):
        key, _, value = option.partition("=")
        try:
            if key == "size":
                size = int(unit.size(value))
                continue
            if key == "mode":
                mode = unit.mode(value)
                continue
        except ValueError:
            told.error("HF1410", node, f"services.{name}.tmpfs: {option!r} cannot be read", "write size=64m or mode=1777")
            continue
        if key not in {"rw", "noexec", "nosuid", "nodev"}:
            told.warn("FieldNotHonoured", f"services.{name}: option {key} of tmpfs is not honoured", node)
    return MountSpec(type="tmpfs", target=target or "/", size=size, mode=mode)


def _judge(name: str, section: str, service: Node, node: Node, told: Told) -> None:
    """Say what is wrong with the owner of a secret or config, and where it is not honoured."""
    named = [key for key in ("uid", "gid", "mode") if node.text(key)]
    for key in ("uid", "gid"):
        if (text := node.text(key)) and not (text.isdecimal() and text.isascii() and int(text) < 1 << 31):
            told.error("HF1410", node.fields[key], f"services.{name}.{section}: {key} {text!r} is no number", "write the number, as 999")
    if named and _is(service, "read_only"):
        words = " and ".join(named)
        message = f"services.{name}.{section}: {words} cannot be honoured where read_only is true: it is mounted as the host has it"
        told.warn("FieldNotHonoured", message, node)


def _file(section: str, node: Node, stored: Stored) -> MountSpec:
    source = node.text("source") or ""
    target = node.text("target") or f"/{source}"
    if section == "secrets" and not target.startswith("/"):
        target = f"/run/secrets/{target}"
    return MountSpec(
        type="file",
        source=stored.file,
        target=target if target.startswith("/") else f"/{target}",
        read_only=True,
        mode=node.text("mode"),
        uid=node.text("uid") or None,
        gid=node.text("gid") or None,
        content=stored.content,
        secret=stored.secret,
    )
