"""Load: compose files and what they lean on → one tree, as written, with every value's file and line.

Documents and files join in order; `extends` and `include` are followed below the Application's path. Neighbours: shelf gives files,
interpolate replaces variables as each file is read, shape joins. What the tree means is project's to say. Law: a file is read with the
variables and the folder of where it stands, never with those of who names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.kit.path import tidy
from holdfast.workload.compose.env_file import read_env_file
from holdfast.workload.compose.interpolate import Interpolation
from holdfast.workload.compose.node import TAGS, Node, Source, node_of, nothing
from holdfast.workload.compose.service_fields import SERVICE, TOP
from holdfast.workload.compose.shape import join, untagged
from holdfast.workload.compose.shelf import Shelf, asked_for
from holdfast.workload.compose.told import Told

DEEPEST = 8
"""Files that include or extend each other in a row."""
_IMPORTED = ("services", "networks", "volumes", "secrets", "configs", "models")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a file stands."""

    variables: Mapping[str, str]
    folder: str = "."
    """What relative paths in it start from, below the Application's path."""
    chain: tuple[str, ...] = ()
    """The files that led to it."""


class Loader:
    """Loads from a shelf; what is wrong goes to `told`. Files that are still wanted are passed over."""

    def __init__(self, shelf: Shelf, told: Told) -> None:
        self._shelf = shelf
        self._told = told
        self._is_single = True
        """Whether everything came from one document, so that reading the whole says all there is to say."""

    def load(self, paths: Sequence[str], setting: Setting) -> Node | None:
        """Return what the files are together, later over earlier ones; None where there is nothing."""
        documents = list(self._documents(paths, setting))
        self._is_single &= len(documents) < 2
        found = self._joined([self._prepared(document, setting) for document in documents])
        for document in () if self._is_single else documents:
            self.check(document)
        return found

    def _documents(self, paths: Iterable[str], setting: Setting) -> Iterator[Node]:
        for path in paths:
            data = self._shelf.content(path)
            if data is None:
                continue
            self._shelf.consumed.add(path)
            yield from self.parsed(path, data, setting)

    def parsed(self, path: str, data: bytes, setting: Setting) -> Iterator[Node]:
        """Yield the documents of one file, with their variables replaced."""
        parsed = read_yaml(self._shelf.shown(path), data, Dialect.COMPOSE, local_tags=TAGS)
        self._told.add(*parsed.errors)
        if setting.chain:
            self._told.spend(len(data) // 4, nothing(Source(path=self._shelf.shown(path), lines=())))
        for document in parsed.documents:
            source = Source(path=document.path, lines=document.marks.lines, folder=setting.folder)
            node = node_of(document, source)
            if isinstance(node.value, Mapping):
                yield Interpolation(setting.variables, self._told).tree(node)
            else:
                self._told.expected(node, (), "a mapping with services")

    def _prepared(self, document: Node, setting: Setting) -> Node:
        """Return a document with what it extends and includes filled in."""
        self._is_single &= "include" not in document.fields and not any("extends" in each.fields for each in _services(document).values())
        document = with_environment(document, setting.variables)
        if _services(document):
            extended = _Extension(self, document, setting).services()
            document = document.with_field(
                "services", document.fields["services"].holding(extended).under(document.fields["services"].key_mark)
            )
        return self._included(document, setting) if "include" in document.fields else document

    def check(self, document: Node) -> None:
        """Say what is wrong in a part of the whole, whatever stands over it."""
        part = self._told.part()
        TOP.read(untagged(document) or document, (), part)
        self._told.add(*part.errors)

    def _included(self, document: Node, setting: Setting) -> Node:
        part = self._told.part()
        listed = TOP.fields["include"].shape.read(document.fields["include"], ("include",), part)
        self._told.add(*part.errors)
        for entry in listed.items if listed is not None else ():
            model = self._include(entry, setting)
            document = self._import(document, model) if model is not None else document
        return document.without("include")

    def _include(self, entry: Node, setting: Setting) -> Node | None:
        """Return what one entry of `include` stands for."""
        told, shelf = self._told, self._shelf
        written = [each for each in (entry.get("path") or entry).items if isinstance(each.value, str)]
        paths = [found for each in written if (found := asked_for(told, each, setting.folder, str(each.value), "include"))]
        if not paths or len(paths) < len(written):
            return None
        if paths[0] in setting.chain or len(setting.chain) >= DEEPEST:
            ring = " → ".join(map(shelf.shown, (*setting.chain, paths[0])))
            told.error("HF1405", written[0], f"files include each other: {ring}", f"at most {DEEPEST} may include each other in a row")
            return None
        if not shelf.has_all(paths):
            return None
        for each, path in zip(written, paths, strict=True):
            if shelf.content(path) is None:
                told.error("HF1404", each, f"there is no file {shelf.shown(path)}")
        folder = _folder_of(paths[0])
        if (named := entry.get("project_directory")) is not None and isinstance(named.value, str):
            folder = asked_for(told, named, setting.folder, named.value, "project_directory") or folder
        variables = self._variables_of(entry, folder, setting)
        if variables is None:
            return None
        inner = Setting(variables=variables, folder=folder, chain=(*setting.chain, paths[0]))
        documents = list(self._documents(paths, inner))
        for document in documents:
            self.check(document)
        return self._joined(self._prepared(document, inner) for document in documents)

    def _joined(self, documents: Iterable[Node]) -> Node | None:
        """Return the documents as one, later over earlier ones."""
        found: Node | None = None
        for document in documents:
            found = join(TOP, found, document) if found is not None else untagged(document)
        return found

    def _variables_of(self, entry: Node, folder: str, setting: Setting) -> Mapping[str, str] | None:
        """Return the variables of an included file: its own .env or env_file, below those that are set around it."""
        found: dict[str, str] = {}
        listed = entry.get("env_file")
        if listed is None:
            default = tidy(f"{folder}/.env")
            if not self._shelf.has(default):
                return None
            files: list[tuple[str, Node | None]] = [(default, None)]
        else:
            named = [(each, str(each.value)) for each in listed.items if each.value != "/dev/null"]
            files = [(path, each) for each, text in named if (path := asked_for(self._told, each, setting.folder, text, "env_file"))]
            if not self._shelf.has_all(path for path, _ in files):
                return None
        for path, node in files:
            data = self._shelf.content(path)
            if data is None:
                if node is not None:
                    self._told.error("HF1404", node, f"there is no file {self._shelf.shown(path)}")
                continue
            read = read_env_file(self._shelf.shown(path), data, setting.variables.get)
            self._told.add(*read.errors)
            found |= read.values
        return {**found, **setting.variables}

    def _import(self, document: Node, model: Node) -> Node:
        """Return `document` with what an included model declares; what both declare must be the same."""
        for section in _IMPORTED:
            imported = model.get(section)
            if imported is None or not isinstance(imported.value, Mapping):
                continue
            own = document.get(section)
            if own is None or not isinstance(own.value, Mapping):
                document = document.with_field(section, imported)
                continue
            for name, each in imported.value.items():
                mine = own.fields.get(name)
                if mine is not None and mine.to_json() != each.to_json():
                    hint = "rename one of the two, or change it in a file of its own that is named after this one"
                    self._told.error("HF1406", mine, f"{section}.{name} is declared by an included file as well", hint, each, key=True)
            document = document.with_field(section, own.holding({**imported.value, **own.value}).under(own.key_mark))
        return document

    def extended_file(self, node: Node, path: str, setting: Setting) -> tuple[Node, Setting] | None:
        """Return the file that a service extends, its documents joined, and where it stands."""
        if not self._shelf.has(path):
            return None
        data = self._shelf.content(path)
        if data is None:
            self._told.error("HF1404", node, f"there is no file {self._shelf.shown(path)}")
            return None
        self._shelf.consumed.add(path)
        inner = Setting(variables=setting.variables, folder=_folder_of(path), chain=setting.chain)
        found = self._joined(with_environment(document, inner.variables) for document in self.parsed(path, data, inner))
        return (found, inner) if found is not None else None

    @property
    def told(self) -> Told:
        return self._told


class _Extension:
    """The services of one document, with what they extend. `files`: what was read for it, by path."""

    def __init__(self, loader: Loader, document: Node, setting: Setting) -> None:
        self._loader = loader
        self._told = loader.told
        self._setting = setting
        self._files: dict[str, tuple[Node, Setting] | None] = {"": (document, setting)}
        self._done: dict[tuple[str, str], Node | None] = {}
        self._sizes: dict[int, int] = {}

    def services(self) -> dict[str, Node]:
        document, _ = self._files[""] or (None, None)
        found: dict[str, Node] = {}
        for name, service in _services(document).items() if document is not None else ():
            resolved = self._service("", name, service, ())
            found[name] = resolved if resolved is not None else service.without("extends")
        return found

    def _service(self, file: str, name: str, service: Node, line: tuple[tuple[str, str, Node], ...]) -> Node | None:
        """Return a service with what it extends below it; None where that cannot be had."""
        extends = service.get("extends")
        if extends is None:
            return service
        if (file, name) in self._done:
            return self._done[file, name]
        base = self._base(file, name, extends, line)
        found = self._joined(base, service) if base is not None else None
        self._done[file, name] = found
        return found

    def _joined(self, base: Node, service: Node) -> Node | None:
        return join(SERVICE, base, service.without("extends"))

    def _size(self, node: Node) -> int:
        """Return how many values a service is made of."""
        if id(node) not in self._sizes:
            self._sizes[id(node)] = sum(1 for _ in node.walk())
        return self._sizes[id(node)]

    def _base(self, file: str, name: str, extends: Node, line: tuple[tuple[str, str, Node], ...]) -> Node | None:
        told = self._told
        read = SERVICE.fields["extends"].shape.read(extends, ("services", name, "extends"), part := told.part())
        told.add(*part.errors)
        wanted = read.get("service") if read is not None else None
        if read is None or wanted is None or not isinstance(wanted.value, str):
            if read is not None and wanted is None:
                told.error("HF1412", extends, f"services.{name}.extends: service is missing")
            return None
        target = self._file(file, read)
        if target is None:
            return None
        here = (target, wanted.value)
        if any(here == (other, service) for other, service, _ in (*line, (file, name, extends))) or len(line) >= DEEPEST * 4:
            ring = " → ".join([*(service for _, service, _ in line), name, wanted.value])
            told.error(
                "HF1407", extends, f"services extend each other: {ring}", "remove one of the extends", *(each for _, _, each in line)
            )
            return None
        document = self._files.get(target)
        siblings = _services(document[0]) if document is not None else {}
        base = siblings.get(wanted.value)
        if base is not None:
            told.spend(self._size(base), extends)
        if base is None:
            if document is not None:
                told.error("HF1408", wanted, f"services.{name} extends {wanted.value!r}, which is not in {document[0].source.path}")
            return None
        if target and isinstance(base.value, Mapping):
            part = told.part()
            SERVICE.read(base, ("services", wanted.value), part)
            told.add(*part.errors)
        return self._service(target, wanted.value, base, (*line, (file, name, extends)))

    def _file(self, file: str, extends: Node) -> str | None:
        """Return the file that the base stands in, "" for the document itself; None where it cannot be had."""
        named = extends.get("file")
        if named is None or not isinstance(named.value, str):
            return file
        held = self._files[file]
        assert held is not None, "a service comes from a file that was read"
        path = asked_for(self._told, named, held[1].folder, named.value, "file")
        if path is None:
            return None
        if path not in self._files:
            if len(self._files) > DEEPEST * 4:
                self._told.error("HF1405", named, "services extend too many files", f"at most {DEEPEST * 4}")
                return None
            self._files[path] = self._loader.extended_file(named, path, held[1])
        return path if self._files[path] is not None else None


def _services(document: Node) -> Mapping[str, Node]:
    found = document.get("services")
    return {name: each for name, each in found.fields.items() if isinstance(each.value, Mapping)} if found is not None else {}


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0] or "."


def with_environment(document: Node, variables: Mapping[str, str]) -> Node:
    """Return a document whose services' variables that stand alone have the values that are set around it."""
    services = document.get("services")
    if services is None or not isinstance(services.value, Mapping):
        return document
    found = {name: _with_values(each, variables) for name, each in services.value.items()}
    return document.with_field("services", replace(services, value=found))


def _with_values(service: Node, variables: Mapping[str, str]) -> Node:
    environment = service.get("environment")
    if environment is None or environment.tag is not None:
        return service
    if isinstance(environment.value, Mapping):
        entries = {
            name: each.holding(variables[name]).under(each.key_mark)
            if each.value is None and each.tag is None and name in variables
            else each
            for name, each in environment.value.items()
        }
        return service.with_field("environment", replace(environment, value=entries))
    items = tuple(
        each.holding(f"{each.value}={variables[each.value]}") if isinstance(each.value, str) and each.value in variables else each
        for each in environment.items
    )
    return service.with_field("environment", replace(environment, value=items)) if items else service
