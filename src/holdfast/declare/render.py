"""Render: the trees of an Application's sources → Desired, or every error of them.

Driven by whoever can read blobs: `wants` says which, `render_all` takes them and answers with a Desired, with `Asks` for more, or raises
one DeclarationError. Remembers what a blob said and became, so that a commit costs what it changes. Laws: never half a Desired; the same
requests give the same Desired, remembered or not; nothing but blobs whose id is new is parsed; of two sources that declare one id the last
one counts, and what they declare is joined once, so that needs and waves hold across them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from holdfast.declare.annotation import Orders, read_orders
from holdfast.declare.derive import Part, expand, join
from holdfast.declare.manifest import Place, read_manifest
from holdfast.declare.memory import Memory
from holdfast.declare.registry import Registry
from holdfast.declare.request import NO_ANSWERS, Answers, Asks, Known, RenderRequest
from holdfast.declare.select import Selection, is_whole, nothing_there, root_of, select, shown
from holdfast.declare.several import labelled, labelled_error, last_wins, needing_release, two_releases
from holdfast.errors import DeclarationError, Where, declaration_errors
from holdfast.kit.canonical import Json, digest
from holdfast.model import labels
from holdfast.model.declaration import Ask, Declaration, Format, Reading, Scope, Whole
from holdfast.model.resource import Desired, Origin, Prepare, Warning
from holdfast.model.source import Blob, joined
from holdfast.model.state import Facts

_PREPARE_TIMEOUT_S = 600.0


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


@dataclass(slots=True, eq=False)
class _Source:
    """One source, as it is read."""

    request: RenderRequest
    selection: Selection
    scope: Scope
    known: Known
    files: list[_File] = field(default_factory=list)
    errors: list[DeclarationError] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    """Names of what is declared and is wrong in itself."""
    parts: list[Part] = field(default_factory=list)
    release: str | None = None
    prepare: tuple[Prepare, ...] = ()

    @property
    def consumed(self) -> frozenset[str]:
        return frozenset().union(*(file.reading.consumed for file in self.files))

    def told_errors(self) -> Iterator[DeclarationError]:
        return (each for error in self.errors for each in labelled_error(error, self.request.label, self.own))

    def warnings(self) -> Iterator[Warning]:
        found = (*_warnings(self.request.application, self.files, self.parts), *_in_vain(self.request, self.selection))
        return (labelled(each, self.request.label, self.own) for each in found)

    @property
    def own(self) -> str | None:
        """The Application's own file, whose places are of no source."""
        return self.request.application_origin.path if self.request.application_origin is not None else None


class _Readings:
    """What formats made of files that name others: good while every file that was looked at is what it was, or is still not there."""

    def __init__(self, most: int) -> None:
        self._held: Memory[tuple[str, ...], tuple[Scope, tuple[tuple[str, str | None], ...], Reading]] = Memory(most)

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
        self._files: Memory[tuple[str, str, str], _File] = Memory(remember)
        """By the path of a file, the Application's path, its destination, and the blob: places and what is consumed depend on all four."""
        self._parts: Memory[tuple[str, int, str], tuple[_Stamp, tuple[Part, ...]]] = Memory(remember)
        """By Application, number of the source, path and blob."""
        self._readings = _Readings(remember)
        self._stamps: Memory[tuple[str, int, bool], _Stamp] = Memory(remember)
        self._last: Memory[str, tuple[tuple[RenderRequest, ...], tuple[str, ...], Desired]] = Memory(remember)
        """Of an Application, the last that asked for nothing: a plan of what has not changed costs no rendering."""

    def wants(self, request: RenderRequest) -> tuple[Blob, ...]:
        """Return the blobs that `render` must be given: those of declaration files that it does not remember."""
        if (last := self._last.get(request.application, "")) is not None and request in last[0]:
            return ()
        selection = self._selection(request, _orders(request)[0])
        at = (root_of(request.tree), request.destination)
        unread = (blob for blob in selection.manifests if not self._files.has((blob.path, *at), blob.id))
        return (*unread, *(blob for _, blob in selection.workload))

    def reaches(self, request: RenderRequest) -> bool:
        """Say whether a file of the request may name files outside of the Application's path, so that `repository` is needed."""
        return bool(root_of(request.tree)) and any(is_whole(form) for form, _ in self._selection(request, _orders(request)[0]).workload)

    def render(self, request: RenderRequest, blobs: Mapping[str, bytes], answers: Answers = NO_ANSWERS) -> Desired | Asks:
        """Return what an Application of one source declares, as `render_all` does."""
        answer = self.render_all((request,), blobs, (answers,))
        return answer if isinstance(answer, Desired) else answer[0]

    def render_all(
        self, requests: Sequence[RenderRequest], blobs: Mapping[str, bytes], answers: Sequence[Answers], commits: Sequence[str] = ()
    ) -> Desired | tuple[Asks, ...]:
        """Return what the sources of an Application declare, or what else must be known first, of each.

        `requests` in the order of the sources; `blobs` by id, as `wants` said; `answers` to what each asked; `commits` that its revision is
        joined of, without them those of the requests. Raises DeclarationError with every error of all trees.
        """
        asked = tuple(requests), tuple(commits)
        last = self._last.get(requests[0].application, "")
        if last is not None and last[:2] == asked:
            return last[2]
        desired = self._rendered(requests, blobs, answers, commits)
        if isinstance(desired, Desired) and not any(answers):
            self._last.put(desired.application, "", (*asked, desired))
        return desired

    def _rendered(
        self, requests: Sequence[RenderRequest], blobs: Mapping[str, bytes], answers: Sequence[Answers], commits: Sequence[str]
    ) -> Desired | tuple[Asks, ...]:
        first = requests[0]
        orders, errors = _orders(first)
        sources = [
            self._read(request, orders, not errors, Known(request, blobs, told)) for request, told in zip(requests, answers, strict=True)
        ]
        if any(source.known.open for source in sources):
            return tuple(Asks(tuple(source.known.open)) for source in sources)
        if all(source.selection.is_astray for source in sources):
            errors += sources[0].selection.errors
        for source in sources:
            self._expand(source, orders)
        parts, repeated = last_wins([source.parts for source in sources], [request.label for request in requests])
        at, wrong = _running(first.application, sources)
        joined_parts = join(parts, frozenset().union(*(source.failed for source in sources)), self._registry.joining)
        errors += [*(each for source in sources for each in source.told_errors()), *wrong, *joined_parts.errors]
        if errors:
            raise declaration_errors(sorted(_flat(errors), key=_place))
        foreign = self._registry.foreign_at(first.destination)
        resources = joined_parts.resources
        running = sources[at] if at is not None else None
        resources, hooks = foreign.closed(resources, sources[0].scope) if foreign is not None else (resources, ())
        return Desired.of(
            first.application,
            joined(commits or dict.fromkeys(request.tree.revision.commit for request in requests)),
            resources,
            warnings=(*(each for source in sources for each in source.warnings()), *repeated),
            release=running.release if running else None,
            prepare=running.prepare if running else (),
            excluded=running.consumed if running else frozenset(),
            release_source=at or 0,
            models=tuple(model for source in sources for file in source.files for model in file.reading.models),
            hooks=hooks,
        )

    def _read(self, request: RenderRequest, orders: Orders, are_sound: bool, known: Known) -> _Source:
        """Read the files of one source, as far as what is known goes."""
        selection = self._selection(request, orders)
        source = _Source(request, selection, _scope(request, are_sound=are_sound), known)
        source.errors += () if selection.is_astray else selection.errors
        files = [*self._manifests(request, selection, known), *self._workloads(request, selection, source.scope, known)]
        source.files = [self._filled(file, known, source.errors, source.failed) for file in files]
        return source

    def _expand(self, source: _Source, orders: Orders) -> None:
        """Find the errors, the release and the parts of a source that was read."""
        request, errors = source.request, source.errors
        errors += [error for file in source.files for error in file.reading.errors]
        if not source.consumed and not errors and not request.had_resources:
            errors.append(nothing_there(request.tree, request.directory, self._registry))
        source.release, source.prepare = self._release(request, orders, source.files, source.consumed)
        source.parts += self._expanded(request, source.scope, source.release, source.files, errors, source.failed)

    def _selection(self, request: RenderRequest, orders: Orders) -> Selection:
        """Return what is to be read; of several sources the annotation chooses in those where it can, and the others go without."""
        is_foreign = self._registry.foreign_at(request.destination) is not None
        registry = self._registry.for_clusters if is_foreign else self._registry
        found = select(request.tree, request.directory, registry, orders.format, request.place(labels.FORMAT))
        if not request.is_one_of_several or not found.is_astray:
            return replace(found, is_astray=False)
        without = select(request.tree, request.directory, registry, None, None)
        return without if without.errors else replace(without, errors=found.errors, is_astray=True)

    def _manifests(self, request: RenderRequest, selection: Selection, known: Known) -> Iterator[_File]:
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

    def _workloads(self, request: RenderRequest, selection: Selection, scope: Scope, known: Known) -> Iterator[_File]:
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

    def _filled(self, file: _File, known: Known, errors: list[DeclarationError], failed: set[str]) -> _File:
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

    def _answered(self, declaration: Declaration, known: Known) -> Declaration | DeclarationError | None:
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
            place = (request.application, request.number, file.blob.path)
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
        place = (request.application, request.number, released)
        known = self._stamps.get(place, "")
        if known is not None and known.facts == request.facts and replace(known.scope, revision=scope.revision) == scope:
            return known
        stamp = _Stamp(scope, request.facts)
        self._stamps.put(place, "", stamp)
        return stamp


def _is_remembered(form: Format) -> bool:
    return isinstance(form, Whole) and form.is_remembered


def _running(application: str, sources: Sequence[_Source]) -> tuple[int | None, list[DeclarationError]]:
    """Return the source whose files are the release, if any is, and what is wrong where two of them would be."""
    if len(sources) == 1:
        return 0, []
    needing = [(at, first) for at, source in enumerate(sources) if (first := needing_release(source.parts)) is not None]
    if len(needing) > 1:
        return None, [two_releases(application, [(first, sources[at].request.label) for at, first in needing])]
    return needing[0][0] if needing else None, []


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
        message = f"{request.written}.kustomize of Application {request.application} has no effect: its path holds no kustomization"
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
