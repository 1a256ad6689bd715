"""Build: what of the repository the build of an image sees, and by which name its result is known. Pure.

Law: two builds have the same key exactly when the engine is given the same files and told the same; a key is built once.
Source of the patterns: moby `patternmatcher`, Docker's reference of .dockerignore.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from holdfast.declare.schema import encode
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import digest
from holdfast.kit.glob import matches
from holdfast.kit.image_reference import ImageReference
from holdfast.kit.path import is_below, joined, tidy
from holdfast.model.declaration import Ask, Declaration
from holdfast.model.resource import Warning
from holdfast.workload.build_spec import BuildSpec

IGNORE = ".dockerignore"
TREE, BLOB = "tree", "blob"
KEPT = ("tags", "pull", "noCache", "cacheFrom", "context", "ignore")
"""Fields that make no other image."""
KEY_LENGTH = 32
LARGEST = 1 << 30
"""Bytes of a context."""
LARGEST_DOCKERFILE = 1 << 20
_SECRET = re.compile(r"(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)(?:_|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A file of a context: mode and object id as Git has them, size in bytes."""

    mode: int
    id: str
    size: int


Listing = Mapping[str, Listed]
"""By path, relative to the context."""


def listing_of(answer: bytes) -> dict[str, Listed]:
    """Return what the answer to an Ask of `tree` lists."""
    found: dict[str, Listed] = {}
    for line in filter(None, answer.decode("utf-8", "surrogateescape").split("\0")):
        mode, id, size, path = line.split(" ", 3)
        found[path] = Listed(mode=int(mode, 8), id=id, size=int(size))
    return found


def context(spec: BuildSpec, listing: Listing) -> dict[str, Listed]:
    """Return the files of `listing` that the build sees, in the order of their paths.

    The Dockerfile and .dockerignore are among them even where a pattern leaves them out: the engine takes them out again itself.
    """
    patterns = [*_patterns(spec.ignore)]
    known: dict[str, bool] = {}
    kept = {IGNORE, tidy(spec.dockerfile)} if spec.inline is None else {IGNORE}
    return {path: listing[path] for path in sorted(listing) if path in kept or not _is_ignored(path, patterns, known)}


def files_digest(files: Listing) -> str:
    """Return the SHA-256 over path, mode and object id of each file."""
    found = hashlib.sha256()
    for path, each in sorted(files.items()):
        found.update(f"{each.mode:o} {each.id} {path}\0".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def key(spec: BuildSpec) -> str:
    """Return by what a build is told from every other."""
    encoded = encode(BuildSpec, spec)
    assert isinstance(encoded, dict), "a spec is a mapping"
    return digest({name: value for name, value in encoded.items() if name not in KEPT})[:KEY_LENGTH]


def tag(image: str, spec: BuildSpec) -> str:
    """Return the name of a build's result: that of the image with the key as its tag."""
    name = ImageReference.parse(image).familiar_name
    return f"{name}:build-{key(spec)}"


def asks(spec: BuildSpec) -> tuple[Ask, ...]:
    """Return what of the repository must be known: the files of the context, its .dockerignore, a Dockerfile that lies outside."""
    if spec.files is not None:
        return ()
    own = f"{spec.dockerfile}{IGNORE}"
    blobs = [_in(spec, IGNORE), *([_in(spec, own)] if spec.inline is None else [])]
    if spec.inline is None and not is_below(tidy(spec.dockerfile)):
        blobs.append(_in(spec, spec.dockerfile))
    return (Ask(what=TREE, path=_context(spec)), *(Ask(what=BLOB, path=each) for each in blobs if is_below(each)))


def answered(declaration: Declaration, spec: BuildSpec, answers: Mapping[Ask, bytes | None]) -> BuildSpec | DeclarationError:
    """Return the build with what it sees filled in, or why there is nothing to build from."""

    def wrong(field: str, reason: str, hint: str) -> DeclarationError:
        message = f"cannot build {declaration.kind} {declaration.name}: {reason}"
        return DeclarationError("HF1435", message, where=[declaration.place(("spec", "build", field))], hint=hint)

    if not is_below(_context(spec)):
        return wrong("context", f"{spec.context} leads out of the Application's path", "build from a folder below it")
    answer = answers.get(Ask(what=TREE, path=_context(spec)))
    if answer is None:
        return wrong("context", f"there is no folder {spec.context}", "commit it")
    listing = listing_of(answer)
    found = spec
    if spec.inline is None and tidy(spec.dockerfile) not in listing:
        text = answers.get(Ask(what=BLOB, path=_in(spec, spec.dockerfile)))
        if text is None:
            return wrong("dockerfile", f"there is no {_in(spec, spec.dockerfile)}", "commit it, or say dockerfile")
        if len(text) > LARGEST_DOCKERFILE:
            return wrong("dockerfile", f"it has more than {LARGEST_DOCKERFILE >> 20} MiB", "write a shorter one")
        found = replace(found, inline=text.decode("utf-8", "replace"))
    ignore = answers.get(Ask(what=BLOB, path=_in(spec, f"{spec.dockerfile}{IGNORE}")))
    if ignore is None:
        ignore = answers.get(Ask(what=BLOB, path=_in(spec, IGNORE)))
    if ignore is not None:
        found = replace(found, ignore=tuple(ignore.decode("utf-8", "replace").splitlines()))
    files = context(found, listing)
    if (size := sum(each.size for each in files.values())) > LARGEST:
        hint = "leave out in .dockerignore what the build does not need"
        return wrong("context", f"it sees {size:,} bytes, more than the {LARGEST:,} that a context may have", hint)
    return replace(found, files=files_digest(files))


def warnings(declaration: Declaration, spec: BuildSpec) -> Iterator[Warning]:
    """Yield a warning for each argument that reads as a secret: an image tells its arguments to whoever has it."""
    for name in sorted(spec.args):
        if _SECRET.search(name):
            message = f"{declaration.kind} {declaration.name}: build argument {name} reads as a secret, and the image tells it to everybody"
            yield Warning(reason="SecretInBuild", message=message, origin=declaration.origin)


def _context(spec: BuildSpec) -> str:
    return tidy(spec.context) or "."


def _in(spec: BuildSpec, path: str) -> str:
    """Return a path of the context as the Application has it."""
    return tidy(joined(_context(spec), path))


@dataclass(frozen=True, slots=True)
class _Pattern:
    glob: str
    is_back: bool
    """Whether it takes back in what an earlier one left out."""


def _patterns(lines: tuple[str, ...]) -> Iterator[_Pattern]:
    for line in lines:
        text = line.removeprefix("\ufeff").strip()
        if not text or text.startswith("#"):
            continue
        is_back = text.startswith("!")
        path = tidy(text.removeprefix("!").strip()).lstrip("/")
        if path not in {".", ""}:
            yield _Pattern(_glob(path), is_back)


def _glob(pattern: str) -> str:
    """Return a pattern in the words of `kit.glob`: braces are plain characters here, and `**/` may be no folder at all."""
    found = re.sub(r"\\.|[{},]", lambda each: each[0] if each[0].startswith("\\") else f"\\{each[0]}", pattern, flags=re.DOTALL)
    return found.replace("**/", "{**/,}")


def _is_ignored(path: str, patterns: list[_Pattern], known: dict[str, bool]) -> bool:
    """Say whether a file is left out: the last pattern that fits it, or a folder that it lies in, decides."""
    folder = path.rpartition("/")[0]
    parents = [folder] if folder else []
    while parents and (above := parents[-1].rpartition("/")[0]):
        parents.append(above)
    is_out = False
    for number, each in enumerate(patterns):
        if each.is_back == is_out and any(_fits(number, each, one, known) for one in (path, *parents)):
            is_out = not each.is_back
    return is_out


def _fits(number: int, pattern: _Pattern, path: str, known: dict[str, bool]) -> bool:
    place = f"{number} {path}"
    if place not in known:
        known[place] = matches(pattern.glob, path, separated=True)
    return known[place]
