"""Normalize: what compose implies → said: the default network, names on the host, build defaults, and needs that links and namespaces make.

Takes the long form, gives the long form. Also the choice by profiles and by name. Source: compose-go `loader/normalize.go`. Law:
normalising twice changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from holdfast.kit.canonical import Json
from holdfast.kit.graph import reachable
from holdfast.workload.compose.node import Node, made
from holdfast.workload.compose.told import Told

_NAMESPACES = ("network_mode", "ipc", "pid", "uts", "cgroup")
_NAMED = ("networks", "volumes", "secrets", "configs")
_NOT_IN_A_NAME = re.compile(r"[^-_a-z0-9]")
SERVICE = "service:"
"""Before the name of a service whose namespace another one shares."""


def project_name(text: str) -> str:
    """Return `text` as a name of a project: lower case, letters, digits, '-' and '_'."""
    return _NOT_IN_A_NAME.sub("", text.lower()).lstrip("_-")


def normalized(tree: Node, name: str, variables: Mapping[str, str]) -> Node:
    """Return the model with what it implies."""
    tree = tree.with_field("name", tree.fields["name"] if "name" in tree.fields and tree.text("name") == name else made(name, tree))
    services = tree.get("services")
    if services is not None:
        tree = tree.with_field("services", _each(services, lambda key, each: _service(each, variables)))
    tree = _with_default_network(tree)
    for section in _NAMED:
        if (found := tree.get(section)) is not None:
            tree = tree.with_field(section, _each(found, lambda key, each: _named(key, each, name)))
    return tree


def _each(section: Node, change: object) -> Node:
    assert callable(change)
    return section.holding({key: change(key, each) for key, each in section.fields.items()}).under(section.key_mark)


def _service(service: Node, variables: Mapping[str, str]) -> Node:
    if not {"networks", "network_mode", "provider"} & service.fields.keys():
        service = service.with_field("networks", made({"default": None}, service))
    if service.text("pull_policy") == "if_not_present":
        service = service.with_field("pull_policy", service.fields["pull_policy"].holding("missing"))
    if (build := service.get("build")) is not None:
        service = service.with_field("build", _build(build, variables))
    if (hooks := service.get("pre_start")) is not None and (image := service.get("image")) is not None:
        items = tuple(each if "image" in each.fields else each.with_field("image", image) for each in hooks.items)
        service = service.with_field("pre_start", hooks.holding(items).under(hooks.key_mark))
    return _with_implied_needs(service)


def _build(build: Node, variables: Mapping[str, str]) -> Node:
    if "context" not in build.fields:
        build = build.with_field("context", made(".", build))
    if not {"dockerfile", "dockerfile_inline"} & build.fields.keys():
        build = build.with_field("dockerfile", made("Dockerfile", build))
    if (args := build.get("args")) is not None:
        entries = {
            key: each.holding(variables[key]).under(each.key_mark) if each.value is None and key in variables else each
            for key, each in args.fields.items()
        }
        build = build.with_field("args", args.holding(entries).under(args.key_mark))
    return build


def _with_implied_needs(service: Node) -> Node:
    needs = service.get("depends_on")
    found = dict(needs.fields) if needs is not None else {}
    for name, is_restart, node in _implied(service):
        if name and name not in found:
            condition: dict[str, Json] = {"condition": "service_started", "required": True}
            found[name] = made({**condition, "restart": True} if is_restart else condition, node)
    return service.with_field("depends_on", (needs or service).holding(found)) if found else service


def _implied(service: Node) -> Iterator[tuple[str, bool, Node]]:
    """Yield what a service needs without saying so: name, whether it goes down with it, and what implies it."""
    for link in _items(service, "links"):
        yield str(link.value).partition(":")[0], True, link
    for key in _NAMESPACES:
        if (mode := service.text(key)) is not None and mode.startswith(SERVICE):
            yield mode.removeprefix(SERVICE), True, service.fields[key]
    for volume in _items(service, "volumes_from"):
        if not str(volume.value).startswith("container:"):
            yield str(volume.value).partition(":")[0], False, volume


def _items(node: Node, key: str) -> tuple[Node, ...]:
    found = node.get(key)
    return found.items if found is not None else ()


def _with_default_network(tree: Node) -> Node:
    """Declare the network `default` where a service is on it."""
    services = tree.get("services")
    networks = tree.get("networks")
    user = (
        next((each.at(("networks", "default")) for each in services.fields.values() if each.at(("networks", "default"))), None)
        if services
        else None
    )
    if user is None or (networks is not None and "default" in networks.fields):
        return tree
    entries = {**(networks.fields if networks is not None else {}), "default": made({}, user)}
    return tree.with_field("networks", (networks or user).holding(entries))


def _named(key: str, resource: Node, project: str) -> Node:
    if "name" in resource.fields:
        return resource
    return resource.with_field("name", made(key if "external" in resource.fields else f"{project}_{key}", resource))


def selected(tree: Node, profiles: Collection[str], names: Collection[str], told: Told) -> Node:
    """Return the model with the services that run: those of active profiles, and where `names` are given those and what they need.

    With names, networks, volumes and files that none of them uses go as well.
    """
    services = tree.get("services")
    if services is None:
        return tree
    kept = {name: each for name, each in services.fields.items() if is_active(each, profiles) or name in names}
    if names:
        needs = {name: [other for other in (each.get("depends_on") or each).fields if other in kept] for name, each in kept.items()}
        wanted = reachable([name for name in names if name in kept], needs)
        kept = {name: each for name, each in kept.items() if name in wanted}
    tree = tree.with_field("services", services.holding(kept).under(services.key_mark))
    return _used(tree) if names else tree


def is_active(service: Node, profiles: Collection[str]) -> bool:
    named = [each.value for each in _items(service, "profiles")]
    return not named or "*" in profiles or any(name in profiles for name in named)


def _used(tree: Node) -> Node:
    """Return the model without what no service uses."""
    services = tuple((tree.get("services") or tree).fields.values())
    used: Mapping[str, set[object]] = {
        "networks": {name for each in services for name in (each.get("networks") or each.holding({})).fields},
        "volumes": {each.text("source") for service in services for each in _items(service, "volumes")},
        "secrets": set(_sources(services, "secrets")),
        "configs": set(_sources(services, "configs")),
    }
    for section, names in used.items():
        if (found := tree.get(section)) is not None:
            kept = {name: each for name, each in found.fields.items() if name in names}
            tree = tree.with_field(section, found.holding(kept).under(found.key_mark)) if kept else tree.without(section)
    return tree


def _sources(services: Iterable[Node], key: str) -> Iterator[object]:
    for service in services:
        yield from (each.text("source") for each in _items(service, key))
        build = service.get("build")
        yield from (each.text("source") for each in (_items(build, "secrets") if build is not None and key == "secrets" else ()))
