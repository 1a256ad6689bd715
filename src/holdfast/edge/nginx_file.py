"""NginxFile: servers as somebody wrote them for nginx, served beside Sites after the safety allow-list.

Declared by hand, naming a file of the repository; becomes a SitePart and, where it is encrypted, a Certificate. What it listens on, its
certificate and its log are the Edge's. A host is either a file's, whole, or Sites'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.edge.directive import Context, check
from holdfast.edge.import_value import accepted
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
from holdfast.model.declaration import Ask, Declaration, Scope
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE
from holdfast.model.live import Health, Observation
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Prepare, Resource, Warning
from holdfast.model.scalars import RelativePath
from holdfast.model.state import Facts, State

LARGEST = 1 << 20
"""Bytes of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NginxFileSpec:
    """A file of nginx that is served as it is. It holds `server` blocks, and the `upstream`, `map` and zone that they use."""

    file: RelativePath
    """The file, below the Application's path."""
    text: str | None = None
    """What the file holds; always read from it."""


class NginxFileKind:
    """The kind `NginxFile` of `model.declaration.Kind`."""

    name = "NginxFile"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = NginxFileSpec

    def asks(self, declaration: Declaration) -> tuple[Ask, ...]:
        return (Ask(what="blob", path=declaration.spec.file),)

    def answered(self, declaration: Declaration, answers: Mapping[Ask, bytes | None]) -> Declaration | DeclarationError:
        """Return the declaration with what its file holds."""
        spec: NginxFileSpec = declaration.spec
        data = answers[Ask(what="blob", path=spec.file)]
        if data is None or len(data) > LARGEST:
            reason = "there is no such file below the Application's path" if data is None else f"it has more than {LARGEST:,} bytes"
            where = [declaration.place(("spec", "file"))]
            return DeclarationError("HF1340", f"cannot serve NginxFile {declaration.name}: {spec.file}: {reason}", where=where)
        return replace(declaration, spec=replace(spec, text=data.decode("utf-8", "surrogateescape")))

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: NginxFileSpec = declaration.spec
        try:
            tree = parse(scope.shown(spec.file), (spec.text or "").encode("utf-8", "surrogateescape")).directives
        except DeclarationError as error:
            return (error,)
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
