"""Manifest: a YAML or JSON file of own kinds → declarations.

Called by render for the files that the Application's directory options choose. Knows no kind: the registry does. Laws: a file that says
nothing of apiVersion or kind is the application's own data and never an error; one that does is read whole, and all its errors are told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from holdfast.declare.decode import decode
from holdfast.declare.document import Document, Failed, Limits, Parsed, Places
from holdfast.declare.envelope import Envelope, read_envelope
from holdfast.declare.json_reader import read_json
from holdfast.declare.registry import Registry
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import DeclarationError
from holdfast.kit.suggest import did_you_mean
from holdfast.model.declaration import Declaration, Reading
from holdfast.model.resource import Origin, Warning

SUFFIXES = (".yaml", ".yml", ".json")
GROUP = "holdfast.dev"
_MENTION = re.compile(rb"\b(?:apiVersion|kind)[\"']?\s*:")
_FIRST_COLUMN = re.compile(rb"^[\"']?(?:apiVersion|kind)[\"']?[ \t]*:", re.MULTILINE)
_OBJECTS: Final = Limits(bytes=8 << 20, expanded=50_000, documents=10_000)
"""How much of a file of a cluster's objects is read: a bundle of custom resource definitions has megabytes."""
_SKIPPED: Final = b"+argocd:skip-file-rendering"
"""What a file says that Argo CD passes over (docs/user-guide/directory.md)."""
_HONOURED_ELSEWHERE = frozenset({"Application", "ApplicationSet", "AppProject"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Which file of which Application is read."""

    path: str
    """Relative to the Application's path."""
    shown: str
    """As it stands in the repository."""
    destination: str
    revision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Application:
    """An Application's own file."""

    name: str
    warning: Warning


def read_manifest(place: Place, data: bytes, registry: Registry) -> Reading:
    """Return what a file declares; an empty reading, consuming nothing, where it is the application's own data."""
    if not _MENTION.search(data):
        return Reading()
    is_json = place.path.endswith(".json")
    foreign = registry.foreign_at(place.destination)
    if foreign is not None and _SKIPPED in data:
        return Reading(consumed=frozenset({place.path}))
    dialect, limits = (Dialect.CORE, Limits()) if foreign is None else (Dialect.KUBERNETES, _OBJECTS)
    parsed = read_json(place.shown, data, limits) if is_json else read_yaml(place.shown, data, dialect, limits)
    if not _is_declaration(parsed, data, is_json):
        return Reading()
    declarations: list[Declaration] = []
    warnings: list[Warning] = []
    applications: dict[str, Warning] = {}
    errors = list(parsed.errors)
    for document in parsed.documents:
        if foreign is not None and not _is_own(document):  # Applications within Applications are objects there
            read = foreign.read(document.value, Places(document.marks), _origin(document, place))
            declarations += read.declarations
            warnings += read.warnings
            errors += read.errors
            continue
        match _read(document, place, registry):
            case Declaration() as declaration, ignored:
                declarations.append(declaration)
                warnings += ignored
            case Warning() as warning:
                warnings.append(warning)
            case _Application(name=name, warning=warning):
                applications[name] = warning
            case Failed(errors=failures):
                errors += failures
    return Reading(
        declarations=tuple(declarations),
        consumed=frozenset({place.path}),
        warnings=tuple(warnings),
        applications=applications,
        errors=tuple(errors),
    )


def _is_declaration(parsed: Parsed, data: bytes, is_json: bool) -> bool:
    if any(_names_a_kind(document, is_json) for document in parsed.documents):
        return True
    return bool(parsed.errors) and (b'"apiVersion"' in data if is_json else _FIRST_COLUMN.search(data) is not None)


def _is_own(document: Document) -> bool:
    """Say whether a document is of this house, or one of Argo CD that is not read at all, wherever it is for."""
    version = document.value.get("apiVersion") if isinstance(document.value, dict) else None
    kind = document.value.get("kind") if isinstance(document.value, dict) else None
    group = version.rpartition("/")[0] if isinstance(version, str) else ""
    return group == GROUP or (group == "argoproj.io" and kind == "ApplicationSet")


def _names_a_kind(document: Document, is_json: bool) -> bool:
    """Say whether a document begins like a resource. `kind` alone is a common word in JSON data."""
    value = document.value
    return isinstance(value, dict) and ("apiVersion" in value or ("kind" in value and not is_json))


def _read(document: Document, place: Place, registry: Registry) -> tuple[Declaration, list[Warning]] | Warning | _Application | Failed:
    value, kind = document.value, None
    if isinstance(value, dict):
        api_version, kind_name = value.get("apiVersion"), value.get("kind")
        if isinstance(api_version, str) and isinstance(kind_name, str) and (kind := registry.of(api_version, kind_name)) is None:
            return _stranger(document, place, registry, api_version, kind_name)
    envelope = read_envelope(document)
    if not isinstance(envelope, Failed):
        return _declaration(envelope, place, registry)
    spec = decode(document, kind.spec_type, ("spec",)) if kind is not None else None
    return Failed((*envelope.errors, *spec.errors)) if isinstance(spec, Failed) else envelope


def _declaration(envelope: Envelope, place: Place, registry: Registry) -> tuple[Declaration, list[Warning]] | Failed:
    document = envelope.document
    kind = registry.of(envelope.api_version, envelope.kind)
    assert kind is not None, "a stranger was turned away before"
    spec = decode(document, kind.spec_type, ("spec",))
    if isinstance(spec, Failed):
        return spec
    metadata = envelope.metadata
    declaration = Declaration(
        kind=kind.name,
        name=metadata.name,
        namespace=metadata.namespace,
        spec=spec,
        origin=_origin(document, place),
        place=document.where,
        annotations=metadata.annotations,
        labels=metadata.labels,
    )
    return declaration, [
        Warning(
            reason="FieldNotHonoured",
            message=f"metadata.{key} of {kind.name} {metadata.name} is written by a cluster; it is not honoured",
            origin=Origin(path=place.shown, line=document.where(("metadata", key), key=True).line or 1, revision=place.revision),
        )
        for key in metadata.ignored
    ]


def _origin(document: Document, place: Place) -> Origin:
    return Origin(path=place.shown, line=document.where(()).line or 1, revision=place.revision)


def _stranger(document: Document, place: Place, registry: Registry, api_version: str, kind: str) -> Warning | _Application | Failed:
    """Answer a document whose kind is not registered."""
    group, _, _ = api_version.rpartition("/")
    if group == "argoproj.io" and kind in _HONOURED_ELSEWHERE:
        why = "ApplicationSets are not read yet" if kind == "ApplicationSet" else "app of apps needs a parent for a cluster"
        message = f"the {kind} in {place.shown} is not followed: {why}"
        origin = Origin(path=place.shown, line=document.where(("kind",), key=True).line or 1, revision=place.revision)
        warning = Warning(reason="AppOfAppsNotHonoured", message=message, origin=origin)
        return _Application(name=_name(document), warning=warning) if kind == "Application" else warning
    if group == GROUP or did_you_mean(group, (GROUP,)):
        return Failed((_unknown(document, registry, api_version, kind),))
    return Failed(
        (
            DeclarationError(
                "HF1110",
                f"cannot run {api_version} {kind} at destination {place.destination}: it is a kind of a Kubernetes cluster",
                where=[document.where(("kind",), key=True)],
                hint="write it as a Process, or move it to an Application whose destination is a cluster",
            ),
        )
    )


def _name(document: Document) -> str:
    metadata = document.value.get("metadata") if isinstance(document.value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _unknown(document: Document, registry: Registry, api_version: str, kind: str) -> DeclarationError:
    """Say which half of apiVersion and kind is wrong."""
    names = sorted(known.name for known in registry.kinds if known.api_version == api_version)
    if not names:
        versions = sorted({known.api_version for known in registry.kinds})
        key, reason, near = "apiVersion", f"unknown apiVersion {api_version!r}", did_you_mean(api_version, versions)
        listed = versions
    else:
        key, reason, near, listed = "kind", f"unknown kind {kind!r}", did_you_mean(kind, names), names
    hint = f"did you mean {near}?" if near else f"known here: {', '.join(listed)}"
    return DeclarationError("HF1111", f"cannot read {document.path}: {reason}", where=[document.where((key,))], hint=hint)
