"""File: one file of this host with content from Git, or a secret's.

Written by hand; applied by engines.file. Says what may differ and how it is judged. A relative path lies below the Application's data
folder; where an absolute one may lie is the local configuration's to say, and the engine's to keep. Law: the state holds the content
itself, or the name of a secret, so that what was last applied can be restored without Git.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kit.path import tidy
from holdfast.model import labels
from holdfast.model.declaration import Ask, Declaration, Scope
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, ResourcePolicy, Warning
from holdfast.model.scalars import Check, NonEmptyStr, RelativePath, Scalar, matching
from holdfast.model.state import Facts, State
from holdfast.workload.process_spec import SecretRef

LARGEST = 1 << 20
"""Bytes of content."""
_DEADLINE_S = 10.0


def _file_path(value: Json) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError
    parts = value.split("/")
    if ".." in parts:
        raise ValueError("it climbs with ..")
    if parts[-1] in {"", "."}:
        raise ValueError("it names no file")
    return value


def _secret_reason(ref: SecretRef) -> str | None:
    return "a secret's name has no slash and no leading dot" if "/" in ref.secret or ref.secret.startswith(".") else None


FilePath = Annotated[
    str,
    Scalar(expected="a path of a file, absolute or below the data folder", parse=_file_path, schema={"type": "string", "minLength": 1}),
]
Mode = Annotated[str, matching('a mode such as "0640", without setuid, setgid and sticky bits', r"0?[0-7]{3}")]
FileSecret = Annotated[SecretRef, Check(expected="{secret: name}", reason=_secret_reason)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentFrom:
    """Where content is taken from."""

    file: RelativePath
    """A file of the repository, relative to the Application's path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSpec:
    """One file of this host. Exactly one of `content` and `contentFrom`."""

    path: FilePath
    """Where it lies: absolute, beneath a folder that the local configuration allows; or relative to the Application's data folder."""
    content: str | FileSecret | None = None
    """Text, or `{secret: name}`."""
    content_from: ContentFrom | None = None
    """Content of a file in Git; it may be binary."""
    mode: Mode = "0644"
    """Permission bits, in quotes. A secret is never readable by others."""
    owner: NonEmptyStr | None = None
    """User, or `user:group`, where Holdfast runs as root. Without it: as the folder that it lies in."""
    binary: NonEmptyStr | None = None
    """Content in base64, where text cannot hold it."""

    def __post_init__(self) -> None:
        given = [name for name in ("content", "content_from", "binary") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("expected one of content, contentFrom and binary, " + (f"got {' and '.join(given)}" if given else "got none"))


class FileKind:
    """The kind `File` of `model.declaration.Kind`. `roots`: the folders beneath which an absolute path may lie; None: the engine says."""

    name = "File"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = FileSpec

    def __init__(self, roots: tuple[str, ...] | None = None) -> None:
        self._roots = None if roots is None else tuple(map(tidy, roots))

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: FileSpec = declaration.spec
        errors = (*_errors(declaration), *self._astray(declaration))
        if errors:
            return errors
        fields: dict[str, Json] = {"path": tidy(spec.path), "mode": mode_of(spec), "content": _content(spec, facts)}
        if spec.owner is not None:
            fields["owner"] = spec.owner
        return Resource(
            id=ResourceId(HOST, self.name, declaration.namespace or scope.namespace, declaration.name),
            state=State.of(fields),
            policy=ResourcePolicy(replace_on=frozenset({"path"})),
            origin=declaration.origin,
            labels={**declaration.labels, labels.EXCLUSIVE: _token(spec.path, scope)},
        )

    def _astray(self, declaration: Declaration) -> Iterator[DeclarationError]:
        path = tidy(declaration.spec.path)
        if self._roots is None or not path.startswith("/") or root_of(path, self._roots) is not None:
            return
        allowed = f"beneath {' or '.join(self._roots)}" if self._roots else "nowhere yet"
        yield DeclarationError(
            "HF1143",
            f"cannot write File {declaration.name}: {path} is not where the local configuration lets a File lie, which is {allowed}",
            where=[declaration.place(("spec", "path"))],
            hint="write a path relative to the Application's data folder, or add a folder to file_roots in the local configuration",
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        spec: FileSpec = declaration.spec
        if not isinstance(spec.content, SecretRef) or mode_of(spec) == _padded(spec.mode):
            return ()
        message = f"the secret in {spec.path} is written with mode {mode_of(spec)}: never readable by others"
        return (Warning(reason="SecretMode", message=message, origin=declaration.origin),)

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        if observation.state is None:
            return Health(Status.MISSING)
        return Health(Status.HEALTHY)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return _DEADLINE_S

    def asks(self, declaration: Declaration) -> tuple[Ask, ...]:
        spec: FileSpec = declaration.spec
        return (Ask(what="blob", path=tidy(spec.content_from.file)),) if spec.content_from is not None else ()

    def answered(self, declaration: Declaration, answers: Mapping[Ask, bytes | None]) -> Declaration | DeclarationError:
        """Return the declaration with the content that `contentFrom` names."""
        spec: FileSpec = declaration.spec
        if spec.content_from is None:
            return declaration
        file = spec.content_from.file
        content = answers[Ask(what="blob", path=tidy(file))]
        if content is None:
            return DeclarationError(
                "HF1140",
                f"cannot fill File {declaration.name}: there is no file {file!r} below the Application's path",
                where=[declaration.place(("spec", "contentFrom", "file"))],
            )
        if len(content) > LARGEST:
            return _too_large(declaration, len(content), ("spec", "contentFrom", "file"))
        filled = encoded(content)
        text = {"content": filled} if isinstance(filled, str) else {"binary": base64.b64encode(content).decode()}
        return replace(declaration, spec=replace(spec, content_from=None, **text))


def root_of(path: str, roots: Iterable[str]) -> str | None:
    """Return the nearest of `roots` that a tidy absolute path lies beneath; None where there is none."""
    found = (root for root in roots if path.startswith(f"{root.rstrip('/')}/"))
    return max(found, key=len, default=None)


def encoded(content: bytes) -> Json:
    """Return content as a state holds it: text, or `{base64: …}` where it is no UTF-8."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}
    return text


def decoded(content: Json) -> bytes:
    """Return the bytes of what `encoded` made; ValueError for a secret, whose bytes no state holds."""
    if isinstance(content, str):
        return content.encode()
    if isinstance(content, dict) and isinstance(text := content.get("base64"), str):
        return base64.b64decode(text)
    raise ValueError("the content is not held here")


def mode_of(spec: FileSpec) -> str:
    """Return the mode in four digits; of a secret without the bits of others."""
    mode = int(spec.mode, 8)
    return f"{mode & 0o770 if isinstance(spec.content, SecretRef) else mode:04o}"


def _padded(mode: str) -> str:
    return f"{int(mode, 8):04o}"


def _content(spec: FileSpec, facts: Facts) -> Json:
    if isinstance(spec.content, SecretRef):
        return {"secret": spec.content.secret, "fingerprint": facts.fingerprints.get(spec.content.secret)}
    return encoded(base64.b64decode(spec.binary)) if spec.binary is not None else spec.content


def _errors(declaration: Declaration) -> list[DeclarationError]:
    spec: FileSpec = declaration.spec
    if isinstance(spec.content, str) and (size := len(spec.content.encode())) > LARGEST:
        return [_too_large(declaration, size, ("spec", "content"))]
    if spec.binary is None:
        return []
    try:
        size = len(base64.b64decode(spec.binary, validate=True))
    except ValueError:
        where = [declaration.place(("spec", "binary"))]
        return [DeclarationError("HF1142", f"cannot fill File {declaration.name}: binary is no base64", where=where)]
    return [_too_large(declaration, size, ("spec", "binary"))] if size > LARGEST else []


def _too_large(declaration: Declaration, size: int, path: tuple[str | int, ...]) -> DeclarationError:
    return DeclarationError(
        "HF1141",
        f"cannot fill File {declaration.name}: {size:,} bytes, more than the {LARGEST:,} that a File may have",
        where=[declaration.place(path)],
        hint="a File is for configuration; keep data in the release or in the data folder",
    )


def _token(path: str, scope: Scope) -> str:
    """Return what only one File can hold; a comma would end a token, so it is not written as it stands."""
    written = tidy(path).replace(",", "%2C")
    return f"file:{written}" if written.startswith("/") else f"file:{scope.application}:{written}"
