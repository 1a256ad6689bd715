"""Envelope: apiVersion, kind and metadata around a spec, as Kubernetes has it.

Read first for every document of an own or Argo CD kind; the registry then finds the kind, and decode reads the spec. Law: a document that
is no resource is told what it looks like, because the file is more often in the wrong place than wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from holdfast.declare.decode import decode
from holdfast.declare.document import Document, Failed, Path
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json
from holdfast.kit.suggest import did_you_mean
from holdfast.model.scalars import Name, NonEmptyStr


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Who a resource is."""

    name: str
    namespace: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Fields that a cluster writes (`uid`, `resourceVersion` …): understood, not honoured, worth a warning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One resource as written: its spec not read yet."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: Json
    """None where there is none."""
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class _MetadataText:
    """What may stand below `metadata` (Kubernetes ObjectMeta)."""

    name: Name | None = None
    generate_name: object = None
    namespace: Name | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    finalizers: tuple[NonEmptyStr, ...] = ()
    creation_timestamp: object = None
    deletion_grace_period_seconds: object = None
    deletion_timestamp: object = None
    generation: object = None
    managed_fields: object = None
    owner_references: object = None
    resource_version: object = None
    self_link: object = None
    uid: object = None


_OWN = frozenset({"name", "namespace", "annotations", "labels", "finalizers", "generateName"})
_TOP = ("apiVersion", "kind", "metadata", "spec", "status")
_LOOKS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"services"}), "a compose file; name it compose.yaml"),
    (frozenset({"apps"}), "a PM2 file; name it ecosystem.config.yaml"),
    (frozenset({"jobs", "on"}), "a GitHub Actions workflow; it belongs in .github/workflows"),
    (frozenset({"resources"}), "a kustomization; name it kustomization.yaml"),
    (frozenset({"patches"}), "a kustomization; name it kustomization.yaml"),
    (frozenset({"scrape_configs"}), "a Prometheus configuration"),
    (frozenset({"groups"}), "a Prometheus rule file"),
    (frozenset({"stages"}), "a CI pipeline"),
    (frozenset({"image"}), "Helm values"),
    (frozenset({"replicaCount"}), "Helm values"),
)


def read_envelope(document: Document, *, more: Collection[str] | None = ()) -> Envelope | Failed:
    """Return the envelope of a document, or every error of it.

    `more` are further top-level fields of this kind (`data` of a ConfigMap); None lets any stand. `status` is passed over.
    """
    value = document.value
    if not isinstance(value, dict):
        return Failed((_error(document, "HF1030", "expected a mapping with apiVersion, kind, metadata and spec", (), None),))
    if (stranger := _stranger(document, value)) is not None:
        return Failed((stranger,))
    errors = _unknown(document, value, more)
    api_version, kind = _text(document, value, "apiVersion", errors), _text(document, value, "kind", errors)
    metadata = _metadata(document)
    if isinstance(metadata, Failed):
        return Failed((*errors, *metadata.errors))
    if errors:
        return Failed(tuple(errors))
    return Envelope(api_version=api_version, kind=kind, metadata=metadata, spec=value.get("spec"), document=document)


def _error(document: Document, code: str, reason: str, path: Path, hint: str | None, *, key: bool = False) -> DeclarationError:
    return DeclarationError(code, f"cannot read {document.path}: {reason}", where=[document.where(path, key)], hint=hint)


def _stranger(document: Document, value: Mapping[str, Json]) -> DeclarationError | None:
    """Say what a document without apiVersion and kind looks like; with one of the two it is a resource with an error."""
    if "apiVersion" in value or "kind" in value:
        return None
    looks = next((what for keys, what in _LOOKS if keys <= value.keys()), None)
    hint = f"this looks like {looks}" if looks else "every resource begins with apiVersion and kind; other files belong outside this path"
    return _error(document, "HF1030", "it is no resource, apiVersion and kind are missing", (), hint)


def _unknown(document: Document, value: Mapping[str, Json], more: Collection[str] | None) -> list[DeclarationError]:
    if more is None:
        return []
    known = (*_TOP, *more)
    errors = []
    for key in value:
        if key not in known:
            guess = did_you_mean(key, known)
            hint = f"did you mean {guess}?" if guess else f"known here: {', '.join(known)}; fields of the kind stand below spec"
            errors.append(_error(document, "HF1020", f"unknown field {key!r}", (key,), hint, key=True))
    return errors


def _text(document: Document, value: Mapping[str, Json], key: str, errors: list[DeclarationError]) -> str:
    text = value.get(key)
    if isinstance(text, str) and text:
        return text
    if key in value:
        errors.append(_error(document, "HF1021", f"{key} must be text", (key,), None))
    else:
        errors.append(_error(document, "HF1022", f"{key} is missing", (), f"add {key} at the top of the document"))
    return ""


def _metadata(document: Document) -> Metadata | Failed:
    text = decode(document, _MetadataText, ("metadata",))
    if isinstance(text, Failed):
        return text
    written = document.value.get("metadata") if isinstance(document.value, dict) else None
    keys = tuple(written) if isinstance(written, dict) else ()
    if "generateName" in keys:
        reason, hint = "metadata.generateName gives a new name each time", "write metadata.name: what Git says must have one name"
        return Failed((_error(document, "HF1031", reason, ("metadata", "generateName"), hint, key=True),))
    if text.name is None:
        return Failed((_error(document, "HF1022", "metadata.name is missing", ("metadata",), "add a name below metadata", key=True),))
    return Metadata(
        name=text.name,
        namespace=text.namespace,
        annotations=text.annotations,
        labels=text.labels,
        finalizers=text.finalizers,
        ignored=tuple(key for key in keys if key not in _OWN),
    )
