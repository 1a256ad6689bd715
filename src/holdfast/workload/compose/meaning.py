"""Meaning: what a model must be beside its shape: references that lead somewhere, one owner of a port or name, no ring of needs.

Takes the long form with what it implies. Each error names the place, and where two places disagree both. Source: compose-go
`loader/validate.go` and `validation/`, and the host: a port can be published once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from itertools import pairwise

from holdfast.kit.graph import find_cycle
from holdfast.kit.suggest import did_you_mean
from holdfast.workload.compose import short
from holdfast.workload.compose.node import Node
from holdfast.workload.compose.normalize import is_active
from holdfast.workload.compose.told import Told

_ANYWHERE = ("", "0.0.0.0", "::")
_TESTS = frozenset({"NONE", "CMD", "CMD-SHELL"})
_TWICE_SAID: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("scale", ("deploy", "replicas")),
    ("cpus", ("deploy", "resources", "limits", "cpus")),
    ("mem_limit", ("deploy", "resources", "limits", "memory")),
    ("mem_reservation", ("deploy", "resources", "reservations", "memory")),
    ("pids_limit", ("deploy", "resources", "limits", "pids")),
)
"""Of old and new names of one thing: both may stand, with one value."""


def check_resources(tree: Node, told: Told) -> None:
    """Say what is wrong with networks, volumes, secrets and configs by themselves."""
    for key, volume in _section(tree, "volumes"):
        if "external" in volume.fields:
            for other, each in volume.fields.items():
                if other not in {"name", "external"} and not other.startswith("x-"):
                    hint = "an external volume is there already: remove one of the two"
                    told.error(
                        "HF1413", each, f"volumes.{key}: external and {other} exclude each other", hint, volume.fields["external"], key=True
                    )
    for section, sources in (("secrets", ("file", "environment")), ("configs", ("file", "environment", "content"))):
        for key, each in _section(tree, section):
            _check_content(f"{section}.{key}", each, sources, told)
    for key, service in _section(tree, "services"):
        for path in (("gpus",), ("deploy", "resources", "reservations", "devices")):
            for request in (service.at(path) or service.holding(())).items:
                if {"count", "device_ids"} <= request.fields.keys():
                    told.error("HF1413", request, f"services.{key}: count and device_ids exclude each other", "keep one of the two")


def _check_content(path: str, node: Node, sources: tuple[str, ...], told: Told) -> None:
    given = [name for name in sources if name in node.fields]
    if len(given) > 1:
        told.error("HF1413", node.fields[given[1]], f"{path}: {' and '.join(given)} exclude each other", "keep one of them", key=True)
    if not given and not {"external", "driver"} & node.fields.keys():
        told.error("HF1412", node, f"{path}: one of {', '.join(sources)} is missing", key=True)


def check(tree: Node, profiles: Collection[str], told: Told) -> None:
    """Say what does not fit together."""
    services = dict(_section(tree, "services"))
    for name, service in services.items():
        if told.is_broken(("services", name)):
            continue
        _check_image(name, service, told)
        _check_networks(name, service, tree, told)
        _check_needs(name, service, services, profiles, told)
        _check_mounts(name, service, tree, told)
        _check_values(name, service, told)
    _check_rings(services, told)
    _check_owners(services, profiles, told)


def _section(tree: Node, key: str) -> Iterator[tuple[str, Node]]:
    found = tree.get(key)
    yield from found.fields.items() if found is not None else ()


def _items(node: Node, key: str) -> tuple[Node, ...]:
    found = node.get(key)
    return found.items if found is not None else ()


def _check_image(name: str, service: Node, told: Told) -> None:
    if not {"image", "build", "provider"} & service.fields.keys():
        told.error("HF1420", service, f"services.{name} has neither an image nor a build", "write image: with what is to run", key=True)
    build = service.get("build")
    if build is not None and {"dockerfile", "dockerfile_inline"} <= build.fields.keys():
        told.error("HF1413", build, f"services.{name}.build: dockerfile and dockerfile_inline exclude each other", "keep one of the two")


def _check_networks(name: str, service: Node, tree: Node, told: Told) -> None:
    mode, networks = service.get("network_mode"), service.get("networks")
    if mode is not None and networks is not None:
        told.error("HF1413", mode, f"services.{name}: network_mode and networks exclude each other", "keep one of the two", networks)
    known = dict(_section(tree, "networks"))
    for key, each in networks.fields.items() if networks is not None else ():
        if key not in known:
            _unknown(f"services.{name}.networks", "network", key, each, known, told)


def _unknown(path: str, what: str, name: str, node: Node, known: Collection[str], told: Told, hint: str | None = None) -> None:
    guess = did_you_mean(name, known)
    fallback = hint or f"declare it below {what}s:"
    told.error(
        "HF1421", node, f"{path}: unknown {what} {name!r}", f"did you mean {guess}?" if guess else fallback, key=node.key_mark is not None
    )


def _check_needs(name: str, service: Node, services: Mapping[str, Node], profiles: Collection[str], told: Told) -> None:
    needs = service.get("depends_on")
    for other, each in needs.fields.items() if needs is not None else ():
        required = each.get("required")
        if required is not None and required.value is False:
            continue
        if other not in services:
            _unknown(
                f"services.{name}.depends_on",
                "service",
                other,
                each,
                [key for key in services if key != name],
                told,
                "declare it below services:",
            )
        elif is_active(service, profiles) and not is_active(services[other], profiles):
            listed = ", ".join(str(each.value) for each in _items(services[other], "profiles"))
            hint = f"activate one of its profiles ({listed}), or write required: false"
            told.error("HF1421", each, f"services.{name} needs {other}, which no active profile runs", hint, key=each.key_mark is not None)


def _check_mounts(name: str, service: Node, tree: Node, told: Told) -> None:
    known = dict(_section(tree, "volumes"))
    for mount in _items(service, "volumes"):
        source = mount.get("source")
        if mount.text("type") == "volume" and source is not None and source.value not in known:
            hint = f"write ./{source.value} for a folder, or declare it below volumes:"
            _unknown(f"services.{name}.volumes", "volume", str(source.value), source, known, told, hint)
        if mount.text("type") == "bind" and (source is None or source.value == ""):
            told.error("HF1412", mount, f"services.{name}.volumes: a bind needs a source")
        if mount.get("target") is None:
            told.error("HF1412", mount, f"services.{name}.volumes: target is missing")
    for section in ("secrets", "configs"):
        known = dict(_section(tree, section))
        build = service.get("build") if section == "secrets" else None
        for mount in (*_items(service, section), *(_items(build, section) if build is not None else ())):
            source = mount.get("source")
            if source is None:
                told.error("HF1412", mount, f"services.{name}.{section}: source is missing")
            elif source.value not in known:
                _unknown(f"services.{name}.{section}", section.removesuffix("s"), str(source.value), source, known, told)
    known = dict(_section(tree, "models"))
    models = service.get("models")
    for key, each in models.fields.items() if models is not None else ():
        if key not in known:
            _unknown(f"services.{name}.models", "model", key, each, known, told)


def _check_values(name: str, service: Node, told: Told) -> None:
    test = service.at(("healthcheck", "test"))
    if test is not None and test.items and test.items[0].value not in _TESTS:
        told.error(
            "HF1410", test, f"services.{name}.healthcheck.test: a list begins with CMD, CMD-SHELL or NONE", "write [CMD, program, …]"
        )
    for old, new in _TWICE_SAID:
        one, other = service.get(old), service.at(new)
        if one is not None and other is not None and _number(one) != _number(other):
            told.error("HF1413", one, f"services.{name}: {old} and {'.'.join(new)} say different things", "keep one of the two", other)
    count = service.at(("deploy", "replicas")) or service.get("scale")
    fixed = service.get("container_name")
    if fixed is not None and count is not None and isinstance(count.value, int) and count.value > 1:
        told.error("HF1413", fixed, f"services.{name}: {count.value} containers cannot have one name", "remove container_name", count)


def _number(node: Node) -> object:
    return Decimal(str(node.value)) if isinstance(node.value, str | int | float) and not isinstance(node.value, bool) else node.value


def _check_rings(services: Mapping[str, Node], told: Told) -> None:
    edges = {
        name: {other for other in (each.get("depends_on") or each.holding({})).fields if other in services}
        for name, each in services.items()
    }
    while (ring := find_cycle(edges)) is not None:
        places = [services[one].fields["depends_on"].fields[other] for one, other in pairwise(ring)]
        reason = f"services need each other: {' → '.join(ring)}" if len(ring) > 2 else f"services.{ring[0]} needs itself"
        told.error("HF1422", places[0], reason, "remove one of these needs", *places[1:], key=places[0].key_mark is not None)
        edges[ring[0]].discard(ring[1])


def _check_owners(services: Mapping[str, Node], profiles: Collection[str], told: Told) -> None:
    """Say where two services that run both want one port of the host, or one name."""
    running = {name: each for name, each in services.items() if is_active(each, profiles)}
    names: dict[str, tuple[str, Node]] = {}
    for name, service in running.items():
        fixed = service.get("container_name")
        if fixed is not None:
            first, node = names.setdefault(str(fixed.value), (name, fixed))
            if first != name:
                told.error("HF1423", fixed, f"container_name {fixed.value} is taken by services.{first}", "rename one of the two", node)
    taken: dict[tuple[str, int], list[tuple[str, str, Node]]] = {}
    for name, service in running.items():
        for port in _items(service, "ports"):
            clash = _taken(taken, name, port)
            if clash is not None:
                told.error(
                    "HF1423", port, f"port {port.text('published')} is taken by services.{clash[1]}", "publish another port", clash[2]
                )


def _taken(taken: dict[tuple[str, int], list[tuple[str, str, Node]]], name: str, port: Node) -> tuple[str, str, Node] | None:
    """Return who has the host port that `port` asks for; a range takes none, since the engine picks a free one of it."""
    published = port.text("published")
    if not published:
        return None
    try:
        first, last = short.published_range(published)
    except ValueError:
        return None
    if first != last or first == 0:
        return None
    address = port.text("host_ip") or ""
    holders = taken.setdefault((port.text("protocol") or "tcp", first), [])
    found = next((each for each in holders if each[0] == address or address in _ANYWHERE or each[0] in _ANYWHERE), None)
    if found is None:
        holders.append((address, name, port))
        return None
    return found
