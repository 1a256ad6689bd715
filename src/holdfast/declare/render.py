"""Render: a tree of Git → Desired, or every error of it.

Driven by whoever can read blobs: `wants` says which, `render` takes them and answers with a Desired, with `Asks` for more, or raises one
DeclarationError. Remembers what a blob said and became, so that a commit costs what it changes. Laws: never half a Desired; the same
request gives the same Desired, remembered or not; nothing but blobs whose id is new is parsed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Generic, TypeVar

from holdfast.declare.annotation import Orders, read_orders
from holdfast.declare.derive import Part, expand, join
from holdfast.declare.manifest import Place, read_manifest
from holdfast.declare.registry import Registry
from holdfast.declare.select import Directory, Selection, is_whole, nothing_there, root_of, select, shown
from holdfast.errors import DeclarationError, Where, declaration_errors
from holdfast.kit.canonical import Json, digest
from holdfast.model import labels
from holdfast.model.declaration import Ask, Declaration, Format, Reading, Scope, Whole
from holdfast.model.resource import Desired, Origin, Prepare, Warning
from holdfast.model.source import LINK, Blob, Tree
from holdfast.model.state import Facts
from holdfast.model.terms import Terms

K = TypeVar("K")
V = TypeVar("V")
Answers = Mapping[Ask, bytes | None]
_NO_ANSWERS: Answers = MappingProxyType({})
_PREPARE_TIMEOUT_S = 600.0
_VERSIONS = 4
"""Of one file: what it is, what it was before, what it is pinned at, and the mistake in between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """One Application at one revision."""

    application: str
    namespace: str
    destination: str
    tree: Tree
    annotations: Mapping[str, str] = field(default_factory=dict)
    """The Application's."""
    annotation_places: Mapping[str, Where] = field(default_factory=dict)
    """Key of an annotation → where it stands."""
    application_origin: Origin | None = None
    kustomize: Mapping[str, Json] = field(default_factory=dict)
    """What the Application adds to a kustomization, as it is written."""
    helm: Mapping[str, Json] = field(default_factory=dict)
    """How the Application has a chart rendered, as it is written."""
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
        found = _joined(root_of(self.tree), path)
        return self.repository.blobs.get(found) if self.repository is not None and found is not None else None

    def place(self, key: str) -> Where:
        origin = self.application_origin
        fallback = Where(path=origin.path, line=origin.line) if origin else Where(path=f"Application {self.application}")
        return self.annotation_places.get(key, fallback)


@dataclass(frozen=True, slots=True)
class Asks:
    """What must be answered before the render can go on: (blob → its bytes, javascript → the JSON that the file exports, …)."""

    asks: tuple[Ask, ...]


class _Memory(Generic[K, V]):
    """A bounded cache of places and their versions: what was used longest ago is forgotten first.

    Of a place only a few versions are kept. Without that bound a file that changes with every commit fills the memory with what it was.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[K, OrderedDict[str, V]] = OrderedDict()

    def has(self, place: K, version: str) -> bool:
        return version in self._held.get(place, ())

    def get(self, place: K, version: str) -> V | None:
        versions = self._held.get(place)
        if versions is None or (value := versions.get(version)) is None:
            return None
        self._held.move_to_end(place)
        versions.move_to_end(version)
        return value

    def versions(self, place: K) -> tuple[V, ...]:
        return tuple(self._held.get(place, {}).values())

    def put(self, place: K, version: str, value: V) -> None:
        versions = self._held.setdefault(place, OrderedDict())
        self._held.move_to_end(place)
        versions[version] = value
        if len(versions) > _VERSIONS:
            versions.popitem(last=False)
        if len(self._held) > self._most:
            self._held.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What parts were made with; the same object for as long as it is equal, so that comparing thousands costs nothing."""

    scope: Scope
    facts: Facts


@dataclass(frozen=True, slots=True)
class _File:
    """One declaration file as it was read; `alone` where nothing but its blob says what it means."""

    blob: Blob
    reading: Reading
    alone: bool
    asks: bool
    """Whether its declarations ask for other files."""
    runs: bool
    """Whether one of them runs from the release."""


class _Known:
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


class _Readings:
    """What formats made of files that name others: good while every file that was looked at is what it was, or is still not there."""

    def __init__(self, most: int) -> None:
        self._held: _Memory[tuple[str, ...], tuple[Scope, tuple[tuple[str, str | None], ...], Reading]] = _Memory(most)

    def find(self, place: tuple[str, ...], scope: Scope, request: RenderRequest) -> Reading | None:
        for known, files, reading in self._held.versions(place):
            if replace(known, revision=scope.revision) == scope and all(_id(request, path) == id for path, id in files):
                return reading
        return None

    def keep(self, place: tuple[str, ...], scope: Scope, request: RenderRequest, paths: Iterable[str], reading: Reading) -> None:
        files = tuple((path, _id(request, path)) for path in sorted(set(paths)))
        stated: list[Json] = [[path, id] for path, id in files]
        self._held.put(place, digest(stated), (scope, files, reading))


def _id(request: RenderRequest, path: str) -> str | None:
    blob = request.blob(path)
    return blob.id if blob is not None else None


class Renderer:
    """Renders for all Applications, one at a time. `remember` bounds the files whose meaning is kept, each in a few versions."""

    def __init__(self, registry: Registry, *, remember: int = 50_000) -> None:
        self._registry = registry
        self._files: _Memory[tuple[str, str, str], _File] = _Memory(remember)
        """By the path of a file, the Application's path, its destination, and the blob: places and what is consumed depend on all four."""
        self._parts: _Memory[tuple[str, str], tuple[_Stamp, tuple[Part, ...]]] = _Memory(remember)
        """By Application, path and blob."""
        self._readings = _Readings(remember)
        self._stamps: _Memory[tuple[str, bool], _Stamp] = _Memory(remember)

    def wants(self, request: RenderRequest) -> tuple[Blob, ...]:
        """Return the blobs that `render` must be given: those of declaration files that it does not remember."""
        selection = self._selection(request, _orders(request)[0])
        at = (root_of(request.tree), request.destination)
        unread = (blob for blob in selection.manifests if not self._files.has((blob.path, *at), blob.id))
        return (*unread, *(blob for _, blob in selection.workload))

    def reaches(self, request: RenderRequest) -> bool:
        """Say whether a file of the request may name files outside of the Application's path, so that `repository` is needed."""
        return bool(root_of(request.tree)) and any(is_whole(form) for form, _ in self._selection(request, _orders(request)[0]).workload)

    def render(self, request: RenderRequest, blobs: Mapping[str, bytes], answers: Answers = _NO_ANSWERS) -> Desired | Asks:
        """Return what `request` declares, or what else must be known first. `blobs` by id, as `wants` said.

        Raises DeclarationError with every error of the tree.
        """
        orders, errors = _orders(request)
        selection = self._selection(request, orders)
        known = _Known(request, blobs, answers)
        scope = _scope(request, are_sound=not errors)
        errors += selection.errors
        files = [*self._manifests(request, selection, known), *self._workloads(request, selection, scope, known)]
        failed: set[str] = set()
        files = [self._filled(file, known, errors, failed) for file in files]
        if known.open:
            return Asks(tuple(known.open))
        errors += [error for file in files for error in file.reading.errors]
        consumed = frozenset().union(*(file.reading.consumed for file in files))
        if not consumed and not errors and not request.had_resources:
            errors.append(nothing_there(request.tree, request.directory, self._registry))
        release, prepare = self._release(request, orders, files, consumed)
        parts = list(self._expanded(request, scope, release, files, errors, failed))
        joined = join(parts, failed, self._registry.joining)
        errors += joined.errors
        if errors:
            raise declaration_errors(sorted(_flat(errors), key=_place))
        foreign = self._registry.foreign_at(request.destination)
        resources, hooks = foreign.closed(joined.resources, scope) if foreign is not None else (joined.resources, ())
        return Desired.of(
            request.application,
            request.tree.revision.commit,
            resources,
            warnings=(*_warnings(request.application, files, parts), *_in_vain(request, selection)),
            release=release,
            prepare=prepare,
            excluded=consumed,
            models=tuple(model for file in files for model in file.reading.models),
            hooks=hooks,
        )

    def _selection(self, request: RenderRequest, orders: Orders) -> Selection:
        is_foreign = self._registry.foreign_at(request.destination) is not None
        registry = self._registry.for_clusters if is_foreign else self._registry
        return select(request.tree, request.directory, registry, orders.format, request.place(labels.FORMAT))

    def _manifests(self, request: RenderRequest, selection: Selection, known: _Known) -> Iterator[_File]:
        at = (root_of(request.tree), request.destination)
        for blob in selection.manifests:
            file = self._files.get((blob.path, *at), blob.id)
            if file is None:
                if (data := known.content(blob)) is None:
                    continue
                place = Place(
                    path=blob.path,
                    shown=shown(request.tree, blob.path),
                    destination=request.destination,
                    revision=request.tree.revision.commit,
                )
                file = _file(blob, read_manifest(place, data, self._registry), self._registry, alone=True)
                self._files.put((blob.path, *at), blob.id, file)
            yield file

    def _workloads(self, request: RenderRequest, selection: Selection, scope: Scope, known: _Known) -> Iterator[_File]:
        """Read the files of formats, again and again while their asks can be answered here; nothing that was read of the same files."""
        for form, blob in selection.workload:
            place = (form.name, request.application, root_of(request.tree), blob.path)
            if _is_remembered(form) and (seen := self._readings.find(place, scope, request)) is not None:
                yield _file(blob, seen, self._registry, alone=False)
                continue
            if (data := known.content(blob)) is None:
                continue
            reading = form.read(blob.path, data, known.answers, scope)
            while reading.asks and known.ask(reading.asks):
                reading = form.read(blob.path, data, known.answers, scope)
            if _is_remembered(form) and not reading.asks:
                self._readings.keep(place, scope, request, (blob.path, *(ask.path for ask in known.answers if ask.what == "blob")), reading)
            yield _file(blob, reading, self._registry, alone=False)

    def _filled(self, file: _File, known: _Known, errors: list[DeclarationError], failed: set[str]) -> _File:
        """Return `file` with what its declarations ask for filled in; the names of those that cannot be go to `failed`."""
        if not file.asks:
            return file
        filled: list[Declaration] = []
        for declaration in file.reading.declarations:
            answer = self._answered(declaration, known)
            if isinstance(answer, Declaration):
                filled.append(answer)
            elif answer is not None:
                errors.append(answer)
                failed.add(declaration.name)
        return replace(file, reading=replace(file.reading, declarations=tuple(filled)), alone=False)

    def _answered(self, declaration: Declaration, known: _Known) -> Declaration | DeclarationError | None:
        """Return a declaration with all that it asks for filled in; None while an answer is still open."""
        kind = self._registry.asking.get(declaration.kind)
        asked: set[Ask] = set()
        while kind is not None and not asked.issuperset(asks := kind.asks(declaration)):
            if not known.ask(asks):
                return None
            asked.update(asks)
            answer = kind.answered(declaration, known.answers)
            if not isinstance(answer, Declaration):
                return answer
            declaration = answer
        return declaration

    def _release(
        self, request: RenderRequest, orders: Orders, files: Iterable[_File], consumed: frozenset[str]
    ) -> tuple[str | None, tuple[Prepare, ...]]:
        """Return the release id and what prepares it; nothing where no process runs from it."""
        wanted: dict[tuple[tuple[str, ...], str], Prepare] = {}
        if orders.prepare:
            at = request.place(labels.PREPARE)
            origin = Origin(path=at.path, line=at.line or 1, revision=request.tree.revision.commit)
            own = Prepare(command=orders.prepare, working_dir=".", timeout_s=_PREPARE_TIMEOUT_S, origin=origin)
            wanted[own.command, own.working_dir] = own
        runs = False
        for declaration in (declaration for file in files for declaration in file.reading.declarations):
            kind = self._registry.released.get(declaration.kind)
            if kind is not None:
                runs = True
                if (asked := kind.prepare(declaration)) is not None:
                    wanted.setdefault((asked.command, asked.working_dir), asked)
        if not runs:
            return None, ()
        prepare = tuple(wanted.values())
        id = request.tree.release_id(consumed)
        steps: list[Json] = [[list[Json](each.command), each.working_dir] for each in prepare]
        return digest([id, steps]) if prepare else id, prepare

    def _expanded(
        self,
        request: RenderRequest,
        scope: Scope,
        release: str | None,
        files: Iterable[_File],
        errors: list[DeclarationError],
        failed: set[str],
    ) -> Iterator[Part]:
        """Yield the parts of all declarations; every error of the others goes to `errors`, their names to `failed`."""
        plain = self._stamp(request, scope, released=False)
        released = self._stamp(request, replace(scope, release=release), released=True)
        for file in files:
            stamp = released if file.runs else plain
            place = (request.application, file.blob.path)
            known = self._parts.get(place, file.blob.id) if file.alone else None
            if known is not None and known[0] is stamp:
                yield from known[1]
                continue
            sound = []
            for declaration in file.reading.declarations:
                made = expand(declaration, stamp.scope, stamp.facts, self._registry)
                if isinstance(made, Part):
                    sound.append(made)
                else:
                    errors += made
                    failed.add(declaration.name)
            if file.alone and len(sound) == len(file.reading.declarations):
                self._parts.put(place, file.blob.id, (stamp, tuple(sound)))
            yield from sound

    def _stamp(self, request: RenderRequest, scope: Scope, released: bool) -> _Stamp:
        """Return the stamp of `scope`; a new revision alone is no new stamp, since nothing is derived from it."""
        known = self._stamps.get((request.application, released), "")
        if known is not None and known.facts == request.facts and replace(known.scope, revision=scope.revision) == scope:
            return known
        stamp = _Stamp(scope, request.facts)
        self._stamps.put((request.application, released), "", stamp)
        return stamp


def _is_remembered(form: Format) -> bool:
    return isinstance(form, Whole) and form.is_remembered


def _listing(tree: Tree, path: str) -> bytes | None:
    """Return the paths of the files at or below `path`, None where there is none."""
    found = [each for each in tree.blobs if path == "." or each == path or each.startswith(f"{path}/")]
    return "\n".join(sorted(found)).encode() if found else None


def _joined(root: str, path: str) -> str | None:
    """Return a path relative to `root` as the repository has it, None where it leads out."""
    parts = root.split("/")
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def _orders(request: RenderRequest) -> tuple[Orders, list[DeclarationError]]:
    orders, errors = read_orders(request.annotations, request.place)
    return orders, list(errors)


def _scope(request: RenderRequest, are_sound: bool) -> Scope:
    return Scope(
        application=request.application,
        namespace=request.namespace,
        destination=request.destination,
        revision=request.tree.revision.commit,
        root=root_of(request.tree),
        annotations=request.annotations if are_sound else {},  # told once is enough
        annotation_origin=request.application_origin,
        kustomize=request.kustomize,
        helm=request.helm,
        terms=request.terms,
        allowed=request.allowed,
    )


def _file(blob: Blob, reading: Reading, registry: Registry, *, alone: bool) -> _File:
    asks = any(each.kind in registry.asking and registry.asking[each.kind].asks(each) for each in reading.declarations)
    return _File(blob, reading, alone=alone, asks=asks, runs=any(each.kind in registry.released for each in reading.declarations))


def _in_vain(request: RenderRequest, selection: Selection) -> Iterator[Warning]:
    if request.kustomize and not any(is_whole(form) for form, _ in selection.workload):
        message = f"spec.source.kustomize of Application {request.application} has no effect: its path holds no kustomization"
        yield Warning(reason="OptionsNotHonoured", message=message, origin=request.application_origin)


def _flat(errors: Iterable[DeclarationError]) -> Iterator[DeclarationError]:
    for error in errors:
        nested = [each for each in error.errors if isinstance(each, DeclarationError)]
        yield from nested or (error,)


def _place(error: DeclarationError) -> tuple[str, int, int]:
    first = error.where[0] if error.where else Where(path="")
    return first.path, first.line or 0, first.column or 0


def _warnings(application: str, files: Iterable[_File], parts: Iterable[Part]) -> Iterator[Warning]:
    yield from (warning for file in files for warning in file.reading.warnings)
    yield from (warning for file in files for name, warning in file.reading.applications.items() if name != application)
    yield from (warning for part in parts for warning in part.warnings)
