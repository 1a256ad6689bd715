"""Request: what is rendered, one source of an Application at a time, and what is known by then. Made by whoever drives render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from holdfast.declare.select import Directory, root_of
from holdfast.errors import Where
from holdfast.kit.canonical import Json
from holdfast.kit.path import within
from holdfast.model.declaration import Ask
from holdfast.model.resource import Origin
from holdfast.model.source import LINK, Blob, Tree
from holdfast.model.state import Facts
from holdfast.model.terms import Terms

Answers = Mapping[Ask, bytes | None]
NO_ANSWERS: Answers = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """One source of an Application at one revision."""

    application: str
    namespace: str
    destination: str
    tree: Tree
    number: int = 0
    """Its place among the sources, from 0."""
    is_one_of_several: bool = False
    label: str = ""
    """What its places are called by where a path alone would not say which source's it is."""
    written: str = "spec.source"
    """Where it stands in the Application."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """The Application's."""
    annotation_places: Mapping[str, Where] = field(default_factory=dict)
    """Key of an annotation → where it stands."""
    application_origin: Origin | None = None
    kustomize: Mapping[str, Json] = field(default_factory=dict)
    """What the Application adds to a kustomization, as it is written."""
    helm: Mapping[str, Json] = field(default_factory=dict)
    """How the Application has a chart rendered, as it is written."""
    refs: Mapping[str, Tree] = field(default_factory=dict)
    """Whole trees of sources that this one may take files of, by the references that name them."""
    terms: Terms = Terms()  # noqa: RUF009 - frozen
    """How the Application's resources are applied and compared."""
    repository: Tree | None = None
    """The whole repository at the same revision, where the Application's path is a part of it and `reaches` says that more is needed."""
    directory: Directory = Directory()  # noqa: RUF009 - frozen
    allowed: frozenset[str] = frozenset()
    facts: Facts = Facts()  # noqa: RUF009 - frozen
    had_resources: bool = False
    """Whether it ever declared something: then a tree that declares nothing empties it (policy guards that), else it is an error."""

    def blob(self, path: str) -> Blob | None:
        """Return a file by its path relative to the Application's; with `../`, one outside of that, where the repository is known."""
        if not path.startswith("../"):
            return self.tree.blobs.get(path)
        found = within(root_of(self.tree), path)
        return self.repository.blobs.get(found) if self.repository is not None and found is not None else None

    def place(self, key: str) -> Where:
        origin = self.application_origin
        fallback = Where(path=origin.path, line=origin.line) if origin else Where(path=f"Application {self.application}")
        return self.annotation_places.get(key, fallback)


@dataclass(frozen=True, slots=True)
class Asks:
    """What must be answered before the render can go on: (blob → its bytes, javascript → the JSON that the file exports, …)."""

    asks: tuple[Ask, ...]


class Known:
    """Answers: what was told, and what the tree itself can tell."""

    def __init__(self, request: RenderRequest, blobs: Mapping[str, bytes], told: Answers) -> None:
        self._request = request
        self._blobs = blobs
        self.answers: dict[Ask, bytes | None] = dict(told)
        self.open: dict[Ask, None] = {}

    def ask(self, asks: Iterable[Ask]) -> bool:
        """Find answers to `asks`; say whether all are there. The others wait in `open`."""
        missing = [ask for ask in asks if ask not in self.answers and not self._found(ask)]
        self.open |= dict.fromkeys(missing)
        return not missing

    def content(self, blob: Blob) -> bytes | None:
        """Return what a declaration file holds; None where it was forgotten after `wants` was asked, so that it waits in `open`."""
        ask = Ask(what="blob", path=blob.path)
        return self.answers[ask] if self.ask([ask]) else None

    def _found(self, ask: Ask) -> bool:
        if ask.what in {"today", "helm"}:
            return False
        if ask.what == "folder":
            self.answers[ask] = _listing(self._request.tree, ask.path)
            return True
        if ask.what == "tree":
            self.answers[ask] = self._request.tree.listing(ask.path)
            return True
        blob = self._request.blob(ask.path)
        if blob is None or blob.mode == LINK:
            self.answers[ask] = None
        elif ask.what == "blob" and blob.id in self._blobs:
            self.answers[ask] = self._blobs[blob.id]
        return ask in self.answers


def _listing(tree: Tree, path: str) -> bytes | None:
    """Return the paths of the files at or below `path`, None where there is none."""
    found = [each for each in tree.blobs if path == "." or each == path or each.startswith(f"{path}/")]
    return "\n".join(sorted(found)).encode() if found else None
