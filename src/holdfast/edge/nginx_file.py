"""NginxFile: servers as somebody wrote them for nginx, served beside Sites after the safety allow-list.

Declared by hand, naming a file of the repository; becomes a SitePart and, where it is encrypted, a Certificate. What it listens on, its
certificate and its log are the Edge's. A host is either a file's, whole, or Sites'.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from holdfast.edge.directive import OPAQUE, Context, check
from holdfast.edge.import_value import accepted
from holdfast.edge.include import candidates, includes, whole
from holdfast.edge.parse import parse
from holdfast.edge.part import TEXT, fields_of
from holdfast.edge.safety import FOLDERS, dangers
from holdfast.edge.scalar import Host
from holdfast.edge.site import DEADLINE_S, SiteKind, SitePartKind, claims_of
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.tree import Directive, walk
from holdfast.edge.write import show
from holdfast.errors import DeclarationError, Where
from holdfast.kit.clock import Instant
from holdfast.kit.glob import matches
from holdfast.model.declaration import Ask, Declaration, Scope
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE
from holdfast.model.live import Health, Observation
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Prepare, Resource, Warning
from holdfast.model.scalars import RelativePath
from holdfast.model.state import Facts, State

LARGEST = 1 << 20
"""Bytes of a file and all that it includes."""
MOST = 64
"""Files that one may include, with those that they include too."""
_PATTERN = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class NginxFileSpec:
    """A file of nginx that is served as it is. It holds `server` blocks, and the `upstream`, `map` and zone that they use; `http { }` may
    stand around them."""

    file: RelativePath
    """The file, below the Application's path. What it includes lies there too: beside it, or in a folder above."""
    text: str | None = None
    """What the file holds; always read from it."""
    included: Mapping[str, str] = field(default_factory=dict)
    """What the files that it includes hold; always read from them."""


class NginxFileKind:
    """The kind `NginxFile` of `model.declaration.Kind`."""

    name = "NginxFile"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = NginxFileSpec

    def asks(self, declaration: Declaration) -> tuple[Ask, ...]:
        spec: NginxFileSpec = declaration.spec
        main = Ask(what="blob", path=spec.file)
        return (main,) if spec.text is None else tuple(dict.fromkeys((main, *_wanted(spec))))

    def answered(self, declaration: Declaration, answers: Mapping[Ask, bytes | None]) -> Declaration | DeclarationError:
        """Return the declaration with what its file holds, and what the files that it includes do."""
        spec: NginxFileSpec = declaration.spec
        main = answers[Ask(what="blob", path=spec.file)]
        if main is None:
            return _unread(declaration, "there is no such file below the Application's path")
        included = {} if spec.text is None else _included(spec, self.asks(declaration), answers)
        if len(main) + sum(map(len, included.values())) > LARGEST or len(included) > MOST:
            return _unread(declaration, f"it has more than {LARGEST:,} bytes, or includes more than {MOST} files")
        return replace(declaration, spec=replace(spec, text=_text(main), included=included))

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: NginxFileSpec = declaration.spec
        try:
            files = {path: parse(scope.shown(path), _data(text)) for path, text in {**spec.included, spec.file: spec.text or ""}.items()}
        except DeclarationError as error:
            return (error,)
        tree = tuple(_within_http(tuple(_matched(whole(spec.file, files).directives))))
        found = _File(declaration, tree)
        if errors := tuple(found.errors()):
            return errors
        id = ResourceId(HOST, self.name, declaration.namespace or scope.namespace, declaration.name)
        site = SiteSpec(hosts=found.hosts, certificate="auto" if found.is_tls else "none", redirect_http=False)
        fields = fields_of(site, facts, id, scope.application, scope.release if found.has_files else None)
        tokens = ",".join(f"site:{host}/" for host in found.hosts)
        return Resource(
            id=id,
            state=State.of({**fields, TEXT: show(tree)}),
            origin=declaration.origin,
            labels={**declaration.labels, APPLICATION: scope.application, EXCLUSIVE: tokens},
            claims=tuple(claims_of(site)),
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return SiteKind().derive(resource, facts)

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def prepare(self, declaration: Declaration) -> Prepare | None:
        """Nothing: files are served as the release holds them."""
        return None

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        return SitePartKind().health(resource, observation, now)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return DEADLINE_S


def _unread(declaration: Declaration, reason: str) -> DeclarationError:
    where = [declaration.place(("spec", "file"))]
    return DeclarationError("HF1340", f"cannot serve NginxFile {declaration.name}: {declaration.spec.file}: {reason}", where=where)


def _wanted(spec: NginxFileSpec) -> Iterator[Ask]:
    """Yield what a file includes, and what that does, as far as it is known: files, and folders for patterns."""
    for place in _places(spec):
        if (pattern := _PATTERN.search(place)) is None:
            yield Ask(what="blob", path=place)
        else:
            yield Ask(what="folder", path=place[: pattern.start()].rpartition("/")[0] or ".")
    yield from (Ask(what="blob", path=path) for path in spec.included)


def _places(spec: NginxFileSpec) -> Iterator[str]:
    """Yield where in the repository what is included may lie. What leads out of it is refused when the file is judged."""
    folder = spec.file.rpartition("/")[0]
    for path, text in {**spec.included, spec.file: spec.text or ""}.items():
        try:
            tree = parse(path, _data(text)).directives
        except DeclarationError:
            continue  # told with its place when the file is declared
        for include in includes(tree):
            for place in candidates(include.args[0], folder):
                if _is_inside(place):
                    yield place


def _is_inside(argument: str) -> bool:
    """Whether an `include` can only name what lies in the repository."""
    return not argument.startswith("/") and ".." not in argument.split("/") and "$" not in argument


def _matched(directives: Sequence[Directive]) -> Iterator[Directive]:
    """Yield all but patterns that no file of the repository fits, which say nothing (ngx_conf_include)."""
    for each in directives:
        if each.name == "include" and len(each.args) == 1 and _is_inside(each.args[0]) and _PATTERN.search(each.args[0]):
            continue
        if each.block and each.name not in OPAQUE:
            inner = tuple(_matched(each.block))
            each = each if inner == each.block else replace(each, block=inner)
        yield each


def _within_http(directives: Sequence[Directive]) -> Iterator[Directive]:
    """Yield what a file says within `http`, be it written around it or not. An `events` that says nothing goes with it."""
    for each in directives:
        if each.name == "http" and not each.args and each.block is not None:
            yield from each.block
        elif not (each.name == "events" and not each.args and each.block == ()):
            yield each


def _included(spec: NginxFileSpec, asks: Iterable[Ask], answers: Mapping[Ask, bytes | None]) -> dict[str, str]:
    """Return what is known of each included file, by its path; nothing yet of one that a pattern has just found."""
    places = frozenset(_places(spec))
    known: dict[str, str] = {}
    for ask in asks:
        data = answers[ask]
        if data is None or ask.path == spec.file:
            continue
        if ask.what == "blob":
            known[ask.path] = _text(data)
            continue
        for path in _text(data).splitlines():
            if path != spec.file and any(matches(place, path, separated=True) for place in places):
                known.setdefault(path, spec.included.get(path, ""))
    return known


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _data(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class _File:
    """One file in judgement."""

    def __init__(self, declaration: Declaration, tree: tuple[Directive, ...]) -> None:
        self._declaration = declaration
        self._tree = tree
        self.servers = tuple(each for each in tree if each.name == "server")
        self._names = tuple(name for server in self.servers for each in server.all("server_name") for name in each.args)
        self.hosts = tuple(dict.fromkeys(host for name in self._names if (host := accepted(Host, name)) is not None))
        self.is_tls = any(_is_tls(server) for server in self.servers)
        self.has_files = any(each.name in FOLDERS for each, _ in walk(tree))

    def errors(self) -> Iterator[DeclarationError]:
        for danger in dangers(self._tree):
            yield self._error("HF1341", danger.reason, danger.directive, danger.hint)
        for fault in check(self._tree, context=Context("http", "http")):
            yield self._error("HF1342", fault.reason, fault.directive, fault.hint)
        if not self.servers:
            yield self._error("HF1342", "it holds no server", None, "write server { … } with the hosts that it is for")
        for server in self.servers:
            yield from self._server(server)
        yield from self._encryption()

    def _server(self, server: Directive) -> Iterator[DeclarationError]:
        names = [name for each in server.all("server_name") for name in each.args]
        if not names:
            yield self._error("HF1342", "a server has no name, so it would answer for every host", server, "add server_name")
        for each in server.all("server_name"):
            for name in each.args:
                if accepted(Host, name) is None:
                    yield self._error("HF1342", f"{name} is no host name", each, "write names such as shop.example.com or *.example.com")
        for listen in server.all("listen"):
            yield from self._listen(listen)

    def _listen(self, listen: Directive) -> Iterator[DeclarationError]:
        address, *more = listen.args or ("80",)
        port = address.rpartition(":")[2]
        if address not in {port, f"*:{port}", f"[::]:{port}"} or port not in {"80", "443"}:
            yield self._error("HF1342", f"it listens on {address}", listen, "write 80 or 443: where the Edge listens, the Edge says")
        elif ("ssl" in more) is not (port == "443"):
            yield self._error("HF1342", "443 is encrypted and 80 is not", listen, "write listen 443 ssl, or listen 80")
        for word in more:
            if word not in {"ssl", "http2"}:
                yield self._error("HF1342", f"{word} is the Edge's to say", listen, "leave it out")

    def _encryption(self) -> Iterator[DeclarationError]:
        """Yield hosts that are unencrypted where others of the file are not: the whole file has one certificate."""
        encrypted = {name for each in self.servers if _is_tls(each) for said in each.all("server_name") for name in said.args}
        if self.is_tls and (bare := sorted(set(self._names) - encrypted)):
            yield self._error(
                "HF1342", f"{', '.join(bare)} is not encrypted, and others of the file are", None, "put it into a file of its own"
            )

    def _error(self, code: str, reason: str, directive: Directive | None, hint: str | None) -> DeclarationError:
        place = self._declaration.place(("spec", "file"))
        where: list[Where] = [place if directive is None or directive.where is None else directive.where]
        return DeclarationError(code, f"cannot serve NginxFile {self._declaration.name}: {reason}", where=where, hint=hint)


def _is_tls(server: Directive) -> bool:
    return any("ssl" in each.args for each in server.all("listen"))
