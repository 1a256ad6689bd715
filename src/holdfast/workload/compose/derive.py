"""Derive: a model → declarations of Containers, Networks, Volumes and Files, and what of it cannot be honoured.

Called by format. Networks and volumes that no service uses are left out, as `docker compose up` leaves them. Law: every declaration can say
where each of its fields stands, through extends and include.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from holdfast.errors import Where
from holdfast.kit.canonical import digest_bytes
from holdfast.model.declaration import Declaration
from holdfast.workload.compose.container_of import Context, Service, service_of
from holdfast.workload.compose.internal import internal, members_of
from holdfast.workload.compose.mount_of import Mounted, Stored, mounts_of
from holdfast.workload.compose.node import Node, Path, spoken
from holdfast.workload.compose.project import Project
from holdfast.workload.compose.service_fields import TOP
from holdfast.workload.compose.shape import TEXT, How, ListOf, MapOf, Record, Scalar, Shape, yes
from holdfast.workload.compose.shelf import Shelf
from holdfast.workload.compose.supervised_of import supervised_of
from holdfast.workload.compose.told import Told
from holdfast.workload.compose.unit import written
from holdfast.workload.container_spec import NetworkSpec, SubnetSpec, VolumeSpec, WaiverSpec, parse_day
from holdfast.workload.file import LARGEST, FileSpec
from holdfast.workload.process_spec import SecretRef
from holdfast.workload.slug import slug
from holdfast.workload.supervised import SupervisedSpec

FOLDER = "compose"
"""Where the Files of secrets and configs lie, in the Application's data folder."""
OWN = "x-holdfast"
_DAY = Scalar(types=frozenset({"string"}), expected='a day such as "2026-12-31"', cast=parse_day)
_OWN_FIELDS = Record(
    fields={
        "waivers": yes(
            ListOf(
                item=Record(
                    fields={"rule": yes(TEXT), "reason": yes(TEXT), "owner": yes(TEXT), "expires": yes(_DAY)},
                    required=("rule", "reason", "owner", "expires"),
                    is_open=False,
                )
            )
        ),
        "supervise": yes(TEXT),
    },
    is_open=False,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """What a model becomes."""

    declarations: tuple[Declaration, ...] = ()
    runs_from_release: bool = False


def derive(project: Project, shelf: Shelf, told: Told, *, adopts: bool = False) -> Derivation:
    """Return the declarations of a model. While `shelf` wants more the answer is incomplete.

    `adopts`: what stands is to be taken over as it is, so that no network is made internal: that would take its containers down.
    """
    return _Deriver(project, shelf, told, adopts=adopts).derivation() if project.tree is not None else Derivation()


class _Deriver:
    """One model in deriving."""

    def __init__(self, project: Project, shelf: Shelf, told: Told, *, adopts: bool) -> None:
        assert project.tree is not None
        self.adopts = adopts
        self.project = project
        self.tree: Node = project.tree
        self.shelf = shelf
        self.told = told
        self.services = dict(_section(self.tree, "services"))
        self.stored: dict[tuple[str, str], Stored] = {}
        self.names: dict[tuple[str, str], Node] = {}

    def derivation(self) -> Derivation:
        unhonoured(TOP, self.tree, (), self.told)
        files = [*self.files("secrets"), *self.files("configs")]
        mounted = {name: mounts_of(name, each, self.stored, self.shelf, self.told) for name, each in self.services.items()}
        containers = [*self.containers(mounted)]
        networks = [*self.networks()]
        volumes = [*self.volumes(mounted)]
        runs = any(each.spec.within == "release" for mounts in mounted.values() for each in mounts)
        return Derivation(declarations=(*files, *networks, *volumes, *containers), runs_from_release=runs)

    def declaration(self, kind: str, key: str, name: str, spec: Any, node: Node, place: Callable[[Path], Node]) -> Declaration:
        """Return a declaration; two keys of one name are told."""
        first = self.names.setdefault((kind, name), node)
        if first is not node:
            self.told.error("HF1432", node, f"{key!r} is called {name!r} here, as another one is", "rename one of the two", first, key=True)

        def where(path: Path) -> Where:
            found = place(path)
            return found.key_where if found is node else found.where

        return Declaration(kind=kind, name=name, namespace=None, spec=spec, origin=node.origin(self.told.revision, key=True), place=where)

    def containers(self, mounted: Mapping[str, tuple[Mounted, ...]]) -> Iterator[Declaration]:
        waivers = {name: self.waivers(f"services.{name}", each) for name, each in self.services.items()}
        context = Context(
            project=self.project.name,
            told=self.told,
            mounted=mounted,
            waivers=waivers,
            supervised={name: self.supervised(name, each) for name, each in self.services.items()},
            active=frozenset(self.services),
        )
        for name, node in self.services.items():
            service: Service = service_of(name, node, context)
            yield self.declaration("Container", name, slug(name), service.spec, node, service.place)

    def waivers(self, path: str, node: Node) -> tuple[WaiverSpec, ...]:
        own = node.get(OWN)
        if own is None:
            return ()
        read = _OWN_FIELDS.read(own, (path, OWN), self.told)
        listed = read.get("waivers") if read is not None else None
        complete = (each for each in (listed.items if listed is not None else ()) if len(each.fields) == 4)
        return tuple(WaiverSpec(**{key: written(_word(value)) for key, value in each.fields.items()}) for each in complete)

    def supervised(self, name: str, node: Node) -> tuple[SupervisedSpec, ...]:
        named = node.at((OWN, "supervise"))
        if named is None or not isinstance(named.value, str):
            return ()
        return supervised_of(name, node, named, self.shelf, self.told)

    def networks(self) -> Iterator[Declaration]:
        networks = dict(_section(self.tree, "networks"))
        members = members_of(self.services)
        made = frozenset() if self.adopts else internal(self.services, networks, members)
        for key, node in networks.items():
            if key not in members:
                continue
            if key in made:
                message = f"network {key} is made internal: nothing in it must leave the host by it (internal: false keeps the way out)"
                self.told.warn("MadeInternal", message, node)
            ipam = node.get("ipam") or node.holding({})
            spec = NetworkSpec(
                network_name=node.text("name"),
                external=_is(node, "external"),
                driver=node.text("driver") or None,
                driver_opts=_texts(node, "driver_opts"),
                internal=_is(node, "internal") or key in made,
                attachable=_is(node, "attachable"),
                enable_ipv4=_is(node, "enable_ipv4") if "enable_ipv4" in node.fields else None,
                enable_ipv6=_is(node, "enable_ipv6") if "enable_ipv6" in node.fields else None,
                ipam_driver=None if ipam.text("driver") == "default" else ipam.text("driver") or None,
                ipam_options=_texts(ipam, "options"),
                subnets=tuple(_subnet(each) for each in (ipam.get("config") or ipam.holding(())).items),
                labels=_texts(node, "labels"),
                project=self.project.name,
            )
            yield self.declaration("Network", key, slug(key), spec, node, _fields(node, {"networkName": "name", "driver": "driver"}))

    def volumes(self, mounted: Mapping[str, tuple[Mounted, ...]]) -> Iterator[Declaration]:
        used = {each.spec.source for mounts in mounted.values() for each in mounts if each.spec.type == "volume"}
        for key, node in _section(self.tree, "volumes"):
            if slug(key) not in used:
                continue
            spec = VolumeSpec(
                volume_name=node.text("name"),
                external=_is(node, "external"),
                driver=None if node.text("driver") == "local" else node.text("driver") or None,
                driver_opts=_texts(node, "driver_opts"),
                labels=_texts(node, "labels"),
                project=self.project.name,
                waivers=self.waivers(f"volumes.{key}", node),
            )
            yield self.declaration("Volume", key, slug(key), spec, node, _fields(node, {"driverOpts": "driver_opts", "waivers": OWN}))

    def files(self, section: str) -> Iterator[Declaration]:
        """Yield the File of each secret or config that a service uses."""
        used = {each.text("source") for service in self.services.values() for each in (service.get(section) or service.holding(())).items}
        for key, node in _section(self.tree, section):
            if key not in used:
                continue
            name = f"{section.removesuffix('s')}.{slug(key)}"
            content = self.secret(key, node) if section == "secrets" else self.config(key, node)
            if content is None:
                continue
            is_secret = isinstance(content, SecretRef)
            path = f"{FOLDER}/{section}/{slug(key)}"
            mode = "0600" if section == "secrets" else "0644"
            if isinstance(content, bytes):
                self.stored[section, key] = Stored(file=name, content=digest_bytes(content))
                spec = _file_spec(path, content, mode)
            else:
                self.stored[section, key] = Stored(file=name, secret=content.secret)
                spec = FileSpec(path=path, content=content, mode=mode)
            yield self.declaration("File", key, name, spec, node, _fields(node, {"content": "external" if is_secret else "file"}))

    def secret(self, key: str, node: Node) -> bytes | SecretRef | None:
        if _is(node, "external"):
            return self.reference(node.text("name") or key, node)
        if (variable := node.text("environment")) is not None:
            value = self.project.variables.get(variable)
            if value is None:
                return self.reference(variable, node.fields["environment"])
            message = f"secrets.{key}: variable {variable} is set in Git, where everybody who reads the repository reads it"
            self.told.warn("SecretInGit", message, node.fields["environment"])
            return value.encode()
        content = self.file(f"secrets.{key}", node)
        if content is not None:
            message = f"secrets.{key}: its file is in Git, where everybody who reads the repository reads it; write external: true"
            self.told.warn("SecretInGit", message, node.fields["file"])
        return content

    def reference(self, name: str, node: Node) -> SecretRef | None:
        if "/" in name or name.startswith("."):
            self.told.error("HF1410", node, f"{name!r} is no name of a secret", "a secret's name has no slash and no leading dot")
            return None
        return SecretRef(secret=name)

    def config(self, key: str, node: Node) -> bytes | None:
        content = node.get("content")
        if content is not None and isinstance(content.value, str):
            return content.value.encode()
        if (variable := node.text("environment")) is not None:
            value = self.project.variables.get(variable)
            if value is None:
                hint = f"set {variable} in .env"
                self.told.error("HF1403", node.fields["environment"], f"configs.{key}: variable {variable} is not set", hint)
                return None
            return value.encode()
        return self.file(f"configs.{key}", node)

    def file(self, what: str, node: Node) -> bytes | None:
        """Return the content of the file in the repository that a secret or config names."""
        named = node.get("file")
        if named is None or not isinstance(named.value, str):
            return None
        if named.value.startswith(("/", "~")):
            self.told.error("HF1404", named, f"{what}: {named.value} is a path of the host", "copy the file into the repository")
            return None
        if not self.shelf.has(named.value):
            return None
        content = self.shelf.content(named.value)
        if content is None:
            self.told.error("HF1404", named, f"{what}: there is no file {self.shelf.shown(named.value)}", "commit it")
        elif len(content) > LARGEST:
            self.told.error("HF1404", named, f"{what}: {len(content):,} bytes, more than the {LARGEST:,} that a File may have")
            return None
        return content


def _file_spec(path: str, content: bytes, mode: str) -> FileSpec:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return FileSpec(path=path, binary=base64.b64encode(content).decode(), mode=mode)
    return (
        FileSpec(path=path, content=text, mode=mode)
        if "\0" not in text
        else FileSpec(path=path, binary=base64.b64encode(content).decode(), mode=mode)
    )


def _section(tree: Node, key: str) -> Iterator[tuple[str, Node]]:
    found = tree.get(key)
    yield from found.fields.items() if found is not None else ()


def _is(node: Node, key: str) -> bool:
    found = node.get(key)
    return found is not None and found.value is True


def _texts(node: Node, key: str) -> dict[str, str]:
    found = node.get(key)
    return {name: written(_word(each)) for name, each in found.fields.items()} if found is not None else {}


def _word(node: Node) -> str | int | float | bool | None:
    return None if isinstance(node.value, tuple | Mapping) else node.value


def _subnet(node: Node) -> SubnetSpec:
    return SubnetSpec(
        subnet=node.text("subnet") or None,
        ip_range=node.text("ip_range") or None,
        gateway=node.text("gateway") or None,
        aux_addresses=_texts(node, "aux_addresses"),
    )


def _fields(node: Node, names: Mapping[str, str]) -> Callable[[Path], Node]:
    """Return where the fields of a spec stand in `node`, by their names there."""

    def place(path: Path) -> Node:
        if path[:1] != ("spec",) or len(path) < 2:
            return node
        head = names.get(str(path[1]), str(path[1]))
        found = node.get(head)
        return (found.at(path[2:]) or found) if found is not None else node

    return place


def unhonoured(shape: Shape, node: Node, path: Path, told: Told) -> None:
    """Warn of every field that the tables call warned, refuse those that they call refused."""
    if isinstance(shape, Record):
        for key, each in node.fields.items():
            field = shape.fields.get(key)
            if field is None:
                continue
            where = (*path, key)
            if field.how is How.HONOURED:
                unhonoured(field.shape, each, where, told)
            elif field.how is How.WARNED:
                told.warn("FieldNotHonoured", f"{spoken(where)} is not honoured: {field.says}", each)
            else:
                told.error("HF1433", each, f"{spoken(where)} cannot be honoured: {field.says}", "remove it", key=each.key_mark is not None)
    elif isinstance(shape, MapOf):
        for key, each in node.fields.items():
            unhonoured(shape.item, each, (*path, key), told)
    elif isinstance(shape, ListOf):
        for at, each in enumerate(node.items):
            unhonoured(shape.item, each, (*path, at), told)
