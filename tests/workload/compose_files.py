"""A compose file with what lies beside it, read as a render would: asks are answered from the files."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.errors import DeclarationError, HoldfastError, RefusedDeclaration, Where
from holdfast.kit.canonical import digest_bytes
from holdfast.model.declaration import Ask, Declaration, Reading, Scope
from holdfast.model.resource import Resource
from holdfast.model.source import Blob, Revision, Tree
from holdfast.model.state import Facts
from holdfast.workload.compose.format import Compose
from holdfast.workload.container import ContainerKind
from holdfast.workload.file import FileKind
from holdfast.workload.network import NetworkKind
from holdfast.workload.volume import VolumeKind

Files = Mapping[str, str | bytes]
NOTHING: Mapping[str, str] = MappingProxyType({})
TODAY = "2026-06-30"
KINDS = {
    kind.name: kind for kind in (ContainerKind(is_reached=True), NetworkKind(is_reached=True), VolumeKind(is_reached=True), FileKind())
}


def scope(
    *, annotations: Mapping[str, str] = NOTHING, allowed: frozenset[str] = frozenset(), destination: str = "unix:///var/run/docker.sock"
) -> Scope:
    return Scope(
        application="shop",
        namespace="shop",
        destination=destination,
        revision="r1",
        annotations=annotations,
        allowed=allowed,
        release="release-1",
    )


def read(files: Files | str, *, main: str = "compose.yaml", is_reached: bool = True, where: Scope | None = None) -> Reading:
    """Return what the files mean; a text alone is compose.yaml."""
    given = {main: files} if isinstance(files, str) else files
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in given.items()}
    answers: dict[Ask, bytes | None] = {}
    form = Compose(is_reached=is_reached)
    for _ in range(16):
        reading = form.read(main, contents[main], answers, where or scope())
        if not reading.asks:
            return reading
        answers |= {ask: answer(ask, contents) for ask in reading.asks}
    raise AssertionError("it asks for more without an end")


def answer(ask: Ask, contents: Mapping[str, bytes]) -> bytes | None:
    if ask.what == "today":
        return TODAY.encode()
    if ask.what == "folder":
        found = [path for path in contents if path == ask.path or path.startswith(f"{ask.path}/")]
        return "\n".join(sorted(found)).encode() if found else None
    if ask.what == "tree":
        return tree(contents).listing(ask.path)
    return contents.get(ask.path)


def tree(contents: Mapping[str, bytes]) -> Tree:
    """Return the files as a commit has them; the id of a blob is the digest of what it holds."""
    revision = Revision(repository="r", ref="main", commit="c1", committed_at=1_700_000_000.0, author="a", subject="s")
    blobs = {path: Blob(path=path, mode=0o100644, id=digest_bytes(data), size=len(data)) for path, data in contents.items()}
    return Tree(revision=revision, path="", blobs=blobs)


def told(errors: tuple[HoldfastError, ...] | tuple[DeclarationError, ...]) -> list[str]:
    """Return code, place and reason of each error."""
    return [f"{error.code} {line_of(error.where[0])} {error.message.split(': ', 1)[1]}" for error in errors]


def line_of(where: Where) -> str:
    return where.path if where.line is None else f"{where.path}:{where.line}"


def errors_of(files: Files | str, *, where: Scope | None = None) -> list[str]:
    """Return what is wrong with the files, and what is refused of what they become."""
    reading = read(files, where=where)
    found: list[HoldfastError] = list(reading.errors)
    for declaration in reading.declarations:
        made = declared(declaration, where or scope(), files)
        found += () if isinstance(made, Resource) else made
    return told(tuple(found))


def declared(declaration: Declaration, where: Scope, files: Files | str = NOTHING) -> Resource | tuple[DeclarationError, ...]:
    kind = KINDS[declaration.kind]
    if isinstance(kind, ContainerKind | VolumeKind) and (asks := kind.asks(declaration)):
        given = {} if isinstance(files, str) else files
        contents = {path: text.encode() if isinstance(text, str) else text for path, text in given.items()}
        judged = kind.answered(declaration, {ask: answer(ask, contents) for ask in asks})
        if not isinstance(judged, Declaration):
            return (judged,)
        declaration = judged
    return kind.declare(declaration, where, Facts())


def resources(files: Files | str, *, where: Scope | None = None) -> dict[str, Resource]:
    """Return what the files become, by Kind/name."""
    reading = read(files, where=where)
    assert told(reading.errors) == []
    found = {}
    for declaration in reading.declarations:
        made = declared(declaration, where or scope(), files)
        assert isinstance(made, Resource), [str(error) for error in made]
        found[f"{made.id.kind}/{made.id.name}"] = made
    return found


def is_refused(errors: tuple[HoldfastError, ...]) -> bool:
    return any(isinstance(error, RefusedDeclaration) for error in errors)
