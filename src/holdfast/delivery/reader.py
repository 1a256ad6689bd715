"""Reader: files that hold Applications and AppProjects → values, or every error of all the files in one answer.

Called by `app` with what the operator gave (`up -f`, the applications folder), and with what was found in Git. Pure: bytes in, values out.
Law: what is written is honoured, refused with its place, or warned of with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from holdfast.declare.annotation import Orders, read_orders
from holdfast.declare.decode import decode
from holdfast.declare.document import Document, Failed
from holdfast.declare.envelope import Metadata, read_envelope
from holdfast.declare.json_reader import read_json
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.delivery.application import Application, Applications, Context
from holdfast.delivery.application_spec import ApplicationSpec
from holdfast.delivery.build import Draft, build
from holdfast.delivery.project import Project
from holdfast.delivery.project_spec import AppProjectSpec
from holdfast.delivery.unhonoured import Unhonoured
from holdfast.errors import DeclarationError, Where, declaration_errors
from holdfast.kit.suggest import did_you_mean
from holdfast.model.resource import Origin

T = TypeVar("T")

GROUP = "argoproj.io"
API_VERSION = f"{GROUP}/v1alpha1"
APPLICATION = "Application"
PROJECT = "AppProject"
_KINDS = (APPLICATION, PROJECT)


def read_applications(files: Sequence[tuple[str, bytes]], context: Context) -> Applications:
    """Return what `files`, path and bytes, say. Raises one DeclarationError with every error of all of them."""
    reading = _Reading(context)
    for path, data in files:
        reading.file(path, data)
    return reading.result()


class _Reading:
    """All the files in reading: first each document, then what they say of each other."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.drafts: list[Draft] = []
        self.projects: dict[str, Project] = {}
        self.broken: set[str] = set()
        """Projects whose own errors are told."""
        self.errors: list[DeclarationError] = []
        self.files: dict[str, int] = {}
        self.named: dict[tuple[str, str], Where] = {}

    def file(self, path: str, data: bytes) -> None:
        self.files.setdefault(path, len(self.files))
        parsed = read_json(path, data) if path.endswith(".json") else read_yaml(path, data, Dialect.KUBERNETES)
        self.errors += parsed.errors
        for document in parsed.documents:
            self.document(document)
        if not parsed.documents and not parsed.errors:
            self.errors.append(_stranger(path, "it holds nothing", Where(path=path), "write an Application into it"))

    def document(self, document: Document) -> None:
        value = document.value
        api_version, kind = (value.get("apiVersion"), value.get("kind")) if isinstance(value, dict) else (None, None)
        if isinstance(api_version, str) and isinstance(kind, str) and (api_version, kind) not in {(API_VERSION, each) for each in _KINDS}:
            self.errors.append(_foreign(document, api_version, kind))
        elif kind == PROJECT:
            self.declared(document, AppProjectSpec, self.project)
            self.broken |= {_name_of(document)} - self.projects.keys()
        else:
            self.declared(document, ApplicationSpec, self.application)

    def declared(self, document: Document, spec_type: type[T], take: Callable[[Document, Metadata, T, Orders], None]) -> None:
        """Read the envelope and the spec, and `take` what is sound of them; with an error nothing comes of it but further errors."""
        envelope = read_envelope(document, more=("operation",) if spec_type is ApplicationSpec else ())
        is_resource = isinstance(document.value, dict) and "kind" in document.value
        spec = decode(document, spec_type, ("spec",)) if is_resource or not isinstance(envelope, Failed) else Failed(())
        for each in (envelope, spec):
            if isinstance(each, Failed):
                self.errors += each.errors
        metadata = Metadata(name=_name_of(document) or "without a name") if isinstance(envelope, Failed) else envelope.metadata
        orders, errors = read_orders(metadata.annotations, lambda key: document.where(("metadata", "annotations", key)))
        self.errors += errors
        if not isinstance(envelope, Failed):
            self.once(document, envelope.kind, metadata.name)
        if not isinstance(spec, Failed):
            take(document, metadata, spec, orders)

    def once(self, document: Document, kind: str, name: str) -> None:
        where = document.where(("metadata", "name"))
        first = self.named.setdefault((kind, name), where)
        if first is not where:
            message = f"cannot read {document.path}: {kind} {name} is declared twice"
            self.errors.append(DeclarationError("HF1104", message, where=[where, first], hint="rename one of the two, or remove it"))

    def project(self, document: Document, metadata: Metadata, spec: AppProjectSpec, orders: Orders) -> None:
        if key := next((key for key, asked in _signed(spec) if asked), None):
            self.errors.append(
                DeclarationError(
                    "HF1155",
                    f"cannot use AppProject {metadata.name}: it asks for signed commits, and signatures are not checked yet",
                    where=[document.where(("spec", key), key=True)],
                    hint=f"take spec.{key} out, if commits may be followed unchecked",
                )
            )
            return
        unhonoured = Unhonoured(document, PROJECT, metadata.name, self.context.revision)
        self.projects[metadata.name] = Project(
            name=metadata.name,
            spec=spec,
            origin=self.origin(document),
            place=document.where,
            folder=self.context.folders.get(document.path),
            warnings=(*unhonoured.metadata(metadata.ignored), *unhonoured.project(spec)),
        )

    def application(self, document: Document, metadata: Metadata, spec: ApplicationSpec, orders: Orders) -> None:
        unhonoured = Unhonoured(document, APPLICATION, metadata.name, self.context.revision)
        self.drafts.append(Draft(document=document, metadata=metadata, spec=spec, orders=orders, unhonoured=unhonoured))

    def origin(self, document: Document) -> Origin:
        return Origin(path=document.path, line=document.where(()).line or 1, revision=self.context.revision)

    def result(self) -> Applications:
        applications: list[Application] = []
        projects = {**self.context.projects, **self.projects}
        for draft in self.drafts:
            built = build(draft, projects, self.broken, self.context)
            if isinstance(built, Application):
                applications.append(built)
            else:
                self.errors += built
        if self.errors:
            raise declaration_errors(sorted(self.errors, key=self.place))
        used = {each.project for each in applications}
        unused = [project for name, project in self.projects.items() if name not in used]
        warnings = tuple(warning for project in unused for warning in project.warnings)
        return Applications(applications=tuple(applications), projects=self.projects, warnings=warnings)

    def place(self, error: DeclarationError) -> tuple[int, int, int]:
        where = error.where[0]
        return self.files.get(where.path, 0), where.line or 0, where.column or 0


def _signed(spec: AppProjectSpec) -> tuple[tuple[str, bool], ...]:
    return ("signatureKeys", bool(spec.signature_keys)), ("sourceIntegrity", bool(spec.source_integrity))


def _name_of(document: Document) -> str:
    value = document.value
    metadata = value.get("metadata") if isinstance(value, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""


def _stranger(path: str, reason: str, where: Where, hint: str) -> DeclarationError:
    return DeclarationError("HF1103", f"cannot read {path}: {reason}", where=[where], hint=hint)


def _foreign(document: Document, api_version: str, kind: str) -> DeclarationError:
    """Say what a document is, and where it belongs."""
    where, group = document.where(("kind",)), api_version.partition("/")[0]
    if api_version != API_VERSION and did_you_mean(group, (GROUP,)):
        reason = f"there is no apiVersion {api_version!r}"
        return _stranger(document.path, reason, document.where(("apiVersion",)), f"write apiVersion: {API_VERSION}")
    if group == GROUP and kind == "ApplicationSet":
        return _stranger(document.path, "an ApplicationSet is not read yet", where, "write the Applications that it would make")
    near = did_you_mean(kind, _KINDS) if group == GROUP else None
    hint = f"did you mean {near}?" if near else "give only Applications and AppProjects; other declarations belong into the repository"
    return _stranger(document.path, f"{kind} of {group} is neither an Application nor an AppProject of {GROUP}", where, hint)
