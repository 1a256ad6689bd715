"""Manifest directory: a folder of YAML and JSON → its objects, as Argo CD's directory source has them.

Every `.yaml`, `.yml` and `.json` file that `recurse`, `include` and `exclude` choose, in the order of paths; documents in the order of
the file; the items of lists in their place. Empty documents are left out, an object that stands twice is named with both places. YAML means
what kubectl takes it for; a file that says `+argocd:skip-file-rendering` is passed over. Law: one reading of a file gives the same objects
whatever the others say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.declare.document import Document, Limits, Path
from holdfast.declare.json_reader import read_json
from holdfast.declare.resolve import Dialect
from holdfast.declare.select import Directory
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kubernetes.manifest import Manifest, duplicates
from holdfast.model.resource import Origin, Warning

LIMITS: Final = Limits(bytes=8 << 20, expanded=50_000, documents=10_000)
"""Of one file; a bundle of custom resource definitions has megabytes."""
_SKIP: Final = b"+argocd:skip-file-rendering"


@dataclass(frozen=True, slots=True)
class ReadManifests:
    """What files gave: objects, every error, and what a person should know."""

    manifests: tuple[Manifest, ...] = ()
    errors: tuple[DeclarationError, ...] = ()
    warnings: tuple[Warning, ...] = ()


def chosen(paths: Mapping[str, object], directory: Directory) -> tuple[str, ...]:
    """Return the files of a tree that are manifests, in order."""
    return tuple(path for path in sorted(paths) if directory.takes(path))


def read_manifests(path: str, data: bytes, revision: str) -> ReadManifests:
    """Return the objects of one file and all its errors; `path` is shown. Never raises for bad input."""
    if _SKIP in data:
        return ReadManifests()
    if path.endswith(".json"):
        parsed = read_json(path, data, LIMITS)
    else:
        parsed = read_yaml(path, data, Dialect.KUBERNETES, LIMITS)
    manifests: list[Manifest] = []
    errors = list(parsed.errors)
    for document in parsed.documents:
        for value, at in _objects(document, document.value, ()):
            if isinstance(value, DeclarationError):
                errors.append(value)
            else:
                origin = Origin(path=path, line=document.where(at).line or 1, revision=revision)
                manifests.append(Manifest(value=value, origin=origin))
    return ReadManifests(tuple(manifests), tuple(errors))


def joined(readings: Iterable[ReadManifests], namespace: str = "") -> ReadManifests:
    """Return the objects of several files; of two that are one object the later counts, and a warning names both places.

    `namespace`: of those that name none, so that two are seen to be one.
    """
    found = tuple(readings)
    manifests = [each for reading in found for each in reading.manifests]
    warnings = [warning for reading in found for warning in reading.warnings]
    for first, again in duplicates(manifests, namespace):
        message = f"{again} stands in {first.origin.path}:{first.origin.line} and again in {again.origin.path}:{again.origin.line}"
        warnings.append(Warning(reason="RepeatedResource", message=f"{message}; the last one counts", origin=again.origin))
    last = {each.key(namespace): each for each in manifests}
    return ReadManifests(tuple(last.values()), tuple(error for reading in found for error in reading.errors), tuple(warnings))


def _objects(document: Document, value: Json, at: Path) -> Iterator[tuple[dict[str, Json] | DeclarationError, Path]]:
    """Yield the objects of a document with the path of each, lists taken apart."""
    if value is None or value == {}:
        return
    if not isinstance(value, dict):
        yield _wrong(document, at, "a document is no object", "each document is an object with apiVersion, kind and metadata.name"), at
        return
    kind, api_version = value.get("kind"), value.get("apiVersion")
    if not isinstance(kind, str) or not kind or not isinstance(api_version, str) or not api_version:
        missing = "kind" if not isinstance(kind, str) or not kind else "apiVersion"
        yield _wrong(document, at, f"an object has no {missing}", "each document is an object with apiVersion, kind and metadata.name"), at
        return
    if kind.endswith("List") and isinstance(items := value.get("items"), list):
        for index, item in enumerate(items):
            yield from _objects(document, _typed(item, kind, api_version), (*at, "items", index))
        return
    metadata = value.get("metadata")
    names = [metadata.get(key) for key in ("name", "generateName")] if isinstance(metadata, dict) else []
    if not any(isinstance(each, str) and each for each in names):
        yield _wrong(document, at, f"the {kind} has no metadata.name", "add metadata.name"), at
        return
    yield value, at


def _typed(item: Json, kind: str, api_version: str) -> Json:
    """Return an item of a typed list with the type that it need not write (`ConfigMapList` of `ConfigMap`)."""
    if kind == "List" or not isinstance(item, dict) or "kind" in item:
        return item
    return {"apiVersion": api_version, "kind": kind.removesuffix("List"), **item}


def _wrong(document: Document, at: Path, reason: str, hint: str) -> DeclarationError:
    return DeclarationError("HF1714", f"cannot read {document.path}: {reason}", where=[document.where(at)], hint=hint)
