"""Environment: what `env_file` and `label_file` name → the variables and labels themselves, each with the file and line it came from.

As `docker compose config` does it: later files over earlier ones, what the service says over all files. Source: compose-go
`types/project.go` WithServicesEnvironmentResolved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from holdfast.declare.document import pack
from holdfast.workload.compose.env_file import EnvFile, read_env_file, read_raw
from holdfast.workload.compose.node import Node, Source
from holdfast.workload.compose.shelf import Shelf
from holdfast.workload.compose.told import Told

_RAW = "raw"


def resolved(tree: Node, shelf: Shelf, variables: Mapping[str, str], told: Told) -> Node:
    """Return the model without env_file and label_file, their content filled in."""
    services = tree.get("services")
    if services is None:
        return tree
    found = {name: _service(name, each, shelf, variables, told) for name, each in services.fields.items()}
    return tree.with_field("services", services.holding(found).under(services.key_mark))


def _service(name: str, service: Node, shelf: Shelf, variables: Mapping[str, str], told: Told) -> Node:
    if (files := service.get("env_file")) is not None:
        read = _merged(_env_files(name, files, shelf, variables, told))
        service = _filled(service.without("env_file"), "environment", files, read, variables.get)
    if (files := service.get("label_file")) is not None:
        read = _merged(_label_files(name, files, shelf, variables, told))
        service = _filled(service.without("label_file"), "labels", files, read, lambda key: None)
    return service


def _env_files(name: str, files: Node, shelf: Shelf, variables: Mapping[str, str], told: Told) -> Iterator[Mapping[str, Node]]:
    for entry in files.items:
        path = entry.get("path")
        if path is None or not isinstance(path.value, str):
            continue
        required = entry.get("required")
        is_required = required is None or required.value is not False
        is_raw = entry.text("format") == _RAW
        yield _read(f"services.{name}.env_file", path, path.value, is_required, is_raw, shelf, variables, told)


def _label_files(name: str, files: Node, shelf: Shelf, variables: Mapping[str, str], told: Told) -> Iterator[Mapping[str, Node]]:
    for entry in files.items:
        if isinstance(entry.value, str):
            yield _read(f"services.{name}.label_file", entry, entry.value, True, False, shelf, variables, told)


def _read(
    what: str, node: Node, path: str, is_required: bool, is_raw: bool, shelf: Shelf, variables: Mapping[str, str], told: Told
) -> Mapping[str, Node]:
    if path.startswith(("/", "~")):
        told.error("HF1404", node, f"{what}: {path} is a path of the host", "copy the file into the repository")
        return {}
    if not shelf.has(path):
        return {}
    data = shelf.content(path)
    if data is None:
        if is_required:
            hint = "commit it, or write {path: …, required: false}"
            told.error("HF1404", node, f"{what}: there is no file {shelf.shown(path)}", hint)
        return {}
    shelf.consumed.add(path)
    shown = shelf.shown(path)
    read: EnvFile = read_raw(shown, data) if is_raw else read_env_file(shown, data, variables.get)
    told.add(*read.errors)
    # Its lines are not shown: a value may be a secret.
    source = Source(path=shown, lines=())
    told.spend(len(data) // 4 + len(read.values), node)
    return {key: Node(value, source, pack(read.lines.get(key, 1) - 1, 0)) for key, value in read.values.items()}


def _merged(files: Iterator[Mapping[str, Node]]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for each in files:
        found |= each
    return found


def _filled(service: Node, key: str, files: Node, read: Mapping[str, Node], lookup: Callable[[str], str | None]) -> Node:
    own = service.get(key)
    written = {
        name: each
        for name, each in (own.fields.items() if own is not None else ())
        if not (each.value is None and name in read and lookup(name) is None)
    }
    entries = {**read, **written}
    return service.with_field(key, (own or files).holding(entries)) if entries else service
