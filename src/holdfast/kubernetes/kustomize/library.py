"""Library: the files of a repository as a build reads them, each parsed once.

Paths here are those of the repository, so that every place names a file as Git does; what leads out of the repository, or out of the
kustomization's own folder where that is forbidden, is refused. What is not given yet is wanted: `Wanted` ends the reading, and whoever
drives it brings the file and begins again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from holdfast.declare.decode import decode
from holdfast.declare.document import Document, Failed, Limits, Path
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import DeclarationError, Where
from holdfast.kit.path import within
from holdfast.kubernetes.kustomize.draft import Draft
from holdfast.kubernetes.kustomize.fold import folded
from holdfast.kubernetes.kustomize.schema import Schemas
from holdfast.kubernetes.kustomize.spec import API_VERSION, COMPONENT, COMPONENT_VERSION, Kustomization
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.kustomize.value import DIALECT, Quoted, Value, drafted, field_text, is_empty
from holdfast.model.resource import Origin

T = TypeVar("T")
NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
LIMITS: Final = Limits(bytes=8 << 20, expanded=50_000, documents=10_000)
"""Of one file; a bundle of custom resource definitions has megabytes."""
MOST_BYTES: Final = 64 << 20
MOST_FILES: Final = 10_000
"""Of one build."""
_TWICE: Final = "HF1006"
_REMOTE: Final = ("://", "git@", "git::", "github.com/", "github.com:", "ssh:")


class Wanted(Exception):
    """Files that must be given first."""

    def __init__(self, paths: Iterable[str]) -> None:
        super().__init__()
        self.paths = tuple(paths)


class Broken(Exception):
    """Files that cannot be read as they stand: every error of them."""

    def __init__(self, errors: Iterable[DeclarationError]) -> None:
        super().__init__()
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class Home:
    """A kustomization and where it stands."""

    folder: str
    """In the repository, empty for its top."""
    path: str
    document: Document
    spec: Kustomization
    repeats: tuple[DeclarationError, ...] = ()
    """Keys that stand twice; kustomize takes the later one."""

    def where(self, *path: str | int) -> Where:
        return self.document.where(path)


def is_remote(path: str) -> bool:
    return any(mark in path for mark in _REMOTE) or "?ref=" in path


class Library:
    """`content` gives what a file holds, None where there is none; it raises Wanted for what is not known yet.

    `is_open`: whether files beside resources may lie outside of the kustomization's folder.
    """

    def __init__(self, content: Callable[[str], bytes | None], revision: str, *, is_open: bool = False) -> None:
        self._content = content
        self._revision = revision
        self._is_open = is_open
        self._read: dict[str, bytes | None] = {}
        self._bytes = 0
        self._homes: dict[str, Home | None] = {}
        self._documents: dict[str, tuple[Document, ...]] = {}

    @property
    def homes(self) -> tuple[Home, ...]:
        """Return every kustomization that was read."""
        return tuple(home for home in self._homes.values() if home is not None)

    @property
    def paths(self) -> tuple[str, ...]:
        """Return every path that was asked for, whether a file is there or not."""
        return tuple(self._read)

    def content(self, path: str) -> bytes | None:
        if path not in self._read:
            found = self._content(path)
            self._read[path] = found
            self._bytes += len(found or b"")
            if self._bytes > MOST_BYTES or len(self._read) > 4 * MOST_FILES:
                raise Trouble(
                    "HF1713", f"it reads more than {MOST_BYTES >> 20} MiB, or {MOST_FILES:,} files", "build it in parts", Where(path=path)
                )
        return self._read[path]

    def load(self, home: Home, path: str, what: str) -> tuple[str, bytes]:
        """Return where a file beside the kustomization is, and what it holds. Raises Trouble."""
        if is_remote(path):
            raise Trouble("HF1700", f"{what} {path!r} is somewhere else than in this repository", "commit a copy of it")
        if path.startswith("/"):
            raise Trouble("HF1703", f"{what} {path!r} is a path of a host", "write a path relative to the kustomization")
        found = within(home.folder, path)
        if found is None:
            raise Trouble("HF1703", f"{what} {path!r} leads out of the repository", "keep what is built within one repository")
        if not self._is_open and home.folder and not found.startswith(f"{home.folder}/"):
            raise Trouble(
                "HF1703",
                f"{what} {path!r} lies outside of {home.folder}, the folder of its kustomization",
                "move the file there; only resources and components may be anywhere in the repository",
            )
        data = self.content(found) if found else None
        if data is None:
            raise Trouble(
                "HF1702", f"there is no file {found or '.'}, which {what} names", "check the path; it is relative to the kustomization"
            )
        return found, data

    def home(self, folder: str) -> Home | None:
        """Return the kustomization of a folder, None where there is none. Raises Trouble, Broken."""
        if folder not in self._homes:
            self._homes[folder] = self._find(folder)
        return self._homes[folder]

    def adjust(self, folder: str, spec: Kustomization) -> None:
        """Take another spec for the kustomization of a folder than its file has."""
        home = self.home(folder)
        if home is not None:
            self._homes[folder] = replace(home, spec=spec)

    def _find(self, folder: str) -> Home | None:
        paths = [f"{folder}/{name}" if folder else name for name in NAMES]
        found = [path for path in paths if self.content(path) is not None]
        if len(found) > 1:
            raise Trouble(
                "HF1701",
                f"{' and '.join(found)} are both kustomizations of one folder",
                "keep one",
                *(Where(path=path, line=1) for path in found),
            )
        if not found:
            return None
        data = self.content(found[0])
        assert data is not None
        return read_home(folder, found[0], data)

    def documents(self, path: str, data: bytes) -> tuple[Document, ...]:
        """Return the documents of a file of resources or patches. Raises Broken."""
        if path not in self._documents:
            self._documents[path] = read_documents(path, data)
        return self._documents[path]

    def drafts(self, documents: Iterable[Document], schema: Schemas) -> list[Draft]:
        """Return the objects of some documents, lists taken apart. Raises Trouble."""
        found = tuple(documents)
        return [Draft(value=value, schema=schema, origin=self.origin(where)) for value, where in objects(found)]

    def origin(self, where: Where) -> Origin:
        return Origin(path=where.path, line=where.line or 1, revision=self._revision)


def read_documents(path: str, data: bytes, dialect: Dialect = DIALECT) -> tuple[Document, ...]:
    parsed = read_yaml(path, data.replace(b"\r\n", b"\n"), dialect, LIMITS)
    if parsed.errors:
        raise Broken(parsed.errors)
    return parsed.documents


def read_home(folder: str, path: str, data: bytes) -> Home:
    """Return a kustomization. Raises Trouble, Broken."""
    parsed = read_yaml(path, data, Dialect.KUBERNETES, LIMITS)
    repeats: tuple[DeclarationError, ...] = ()
    if parsed.errors and all(error.code == _TWICE for error in parsed.errors):
        repeats, parsed = parsed.errors, read_yaml(path, data, Dialect.KUBERNETES, LIMITS, last_key_wins=True)
    if parsed.errors:
        raise Broken(parsed.errors)
    documents = parsed.documents
    if not documents or is_empty(documents[0].value):
        raise Trouble("HF1701", f"{path} says nothing", "add resources", Where(path=path, line=1))
    document = documents[0]
    spec = typed(document, Kustomization)
    is_component = spec.kind == COMPONENT
    if spec.kind not in {"", "Kustomization", COMPONENT}:
        raise Trouble("HF1701", f"{spec.kind} is no kustomization", "kind is Kustomization or Component", document.where(("kind",)))
    wanted = COMPONENT_VERSION if is_component else API_VERSION
    if spec.api_version not in {"", wanted}:
        raise Trouble(
            "HF1701",
            f"the apiVersion of a {spec.kind or 'Kustomization'} is not {spec.api_version}",
            f"write {wanted}",
            document.where(("apiVersion",)),
        )
    return Home(folder, path, document, spec, repeats)


def typed(document: Document, spec_type: type[T], at: Path = (), *, is_lenient: bool = False) -> T:
    """Return a document, or what stands at a path of it, as a spec. Raises Broken."""
    hint: Any = spec_type
    for _ in at:
        hint = tuple[hint, ...]
    found = decode(folded(document, hint, is_lenient=is_lenient), spec_type, at)
    if isinstance(found, Failed):
        raise Broken(found.errors)
    return found


def objects(documents: tuple[Document, ...]) -> list[tuple[Value, Where]]:
    """Return the objects of documents with their places. The items of a list come last, as kustomize has them. Raises Trouble."""
    found: list[tuple[Value, Where]] = []
    queue: list[tuple[Value, Where, Document]] = []
    for document in documents:
        value = drafted(document)
        if is_empty(value):
            continue
        if (
            len(documents) == 1
            and isinstance(value, dict)
            and field_text(value.get("kind")) in {"List", "ResourceList"}
            and "items" in value
        ):
            queue += _items(value, document, is_respelled=False)
        else:
            queue.append((value, document.where(()), document))
    while queue:
        value, where, document = queue.pop(0)
        if is_empty(value):
            continue
        check(value, where)
        if field_text(value["kind"]).endswith("List") and "items" in value:
            queue += _items(value, document, is_respelled=True)
        else:
            found.append((value, where))
        if len(found) + len(queue) > LIMITS.documents:
            raise Trouble("HF1713", f"it holds more than {LIMITS.documents:,} objects", "split the file", where)
    return found


def _items(value: Mapping[str, Value], document: Document, *, is_respelled: bool) -> list[tuple[Value, Where, Document]]:
    items = value["items"]
    if is_empty(items):
        return []
    if not isinstance(items, list):
        raise Trouble("HF1714", "items of a list are no list", None, document.where(("items",)))
    return [(respelled(each) if is_respelled else each, document.where(("items", index)), document) for index, each in enumerate(items)]


def respelled(value: Value) -> Value:
    """Return a value as it stands after kustomize wrote it as JSON and read that: all text in quotes."""
    if isinstance(value, dict):
        return {key: respelled(each) for key, each in value.items()}
    if isinstance(value, list):
        return [respelled(each) for each in value]
    return Quoted(value) if isinstance(value, str) else value


def check(value: Value, where: Where) -> None:
    """Refuse what is no object: it needs a kind and, unless it is a list, a name."""
    kind = field_text(value.get("kind")) if isinstance(value, dict) else ""
    if not kind:
        raise Trouble("HF1714", "a document has no kind", "each document is a Kubernetes object: apiVersion, kind and metadata.name", where)
    metadata = value.get("metadata")
    if not kind.endswith("List") and (not isinstance(metadata, dict) or is_empty(metadata.get("name"))):
        raise Trouble("HF1714", f"the {kind} has no metadata.name", "add metadata.name", where)
