"""Build: a decoded Application and the projects → the value for the controllers, or every error of it.

Called by `reader` once all files are decoded. What is asked here: is there one source that can be followed, a destination that is reached,
options that exist, and does the project allow it all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from holdfast.core.rollback import OFF
from holdfast.declare.annotation import Orders
from holdfast.declare.document import Document, Path
from holdfast.declare.envelope import Metadata
from holdfast.declare.select import Directory
from holdfast.declare.source import Source
from holdfast.delivery.address import Address, Unusable, read_address
from holdfast.delivery.application import Application, Context
from holdfast.delivery.application_spec import ApplicationSpec, DestinationSpec
from holdfast.delivery.project import DEFAULT, Project
from holdfast.delivery.source_spec import DirectorySpec, SourceSpec
from holdfast.delivery.sync_policy import Options, read_options, retry_policy, settings
from holdfast.delivery.unhonoured import Unhonoured, shown, value_at
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.kit.suggest import did_you_mean
from holdfast.model.chart import ChartAddress, NoRepository
from holdfast.model.ids import DOCKER, HOST
from holdfast.model.labels import ROLLBACK
from holdfast.model.resource import Origin, Warning
from holdfast.model.terms import IgnoreRule, Terms

LOCAL = "host://local"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
_HOOK_FINALIZERS = frozenset(f"{when}-delete-finalizer.argocd.argoproj.io" for when in ("pre", "post"))
"""By which Argo CD waits for hooks when an Application goes; here that is waited for in any case."""
_POLICIES = frozenset({FINALIZER, f"{FINALIZER}/foreground", f"{FINALIZER}/background"})
IN_CLUSTER, IN_CLUSTER_NAME = "https://kubernetes.default.svc", "in-cluster"
_CLUSTER = ("https://", "http://")
_REFERENCE = re.compile(r"[A-Za-z0-9_-]+")
"""Argo CD `ValidateRefName`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An Application, decoded."""

    document: Document
    metadata: Metadata
    spec: ApplicationSpec
    orders: Orders
    unhonoured: Unhonoured

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.spec.destination.namespace or self.name

    def error(self, code: str, reason: str, path: Path, hint: str | None = None, *, key: bool = False) -> DeclarationError:
        where = self.document.where(path, key)
        return DeclarationError(code, f"cannot follow Application {self.name}: {reason}", where=[where], hint=hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """What is followed, and where it stands."""

    at: Path
    url: str
    url_at: Path
    target_revision: str
    path: str
    directory: DirectorySpec | None = None
    chart: str = ""
    name: str = ""
    ref: str = ""
    has_resources: bool = True


def build(draft: Draft, projects: Mapping[str, Project], broken: Collection[str], context: Context) -> Application | list[DeclarationError]:
    """Return the Application, or every error. `broken` are projects that are declared with errors, which are told already."""
    errors: list[DeclarationError] = []
    sources = _sources(draft)
    if isinstance(sources, DeclarationError):
        errors.append(sources)
        sources = ()
    found = [(source, _address(draft, source, context)) for source in sources]
    addressed = [(source, address) for source, address in found if isinstance(address, Address)]
    destination = _destination(draft, context)
    options = read_options(draft.spec.sync_policy.sync_options)
    errors += [each for each in (*(address for _, address in found), destination) if isinstance(each, DeclarationError)]
    errors += _beside(draft, sources)
    errors += _option_errors(draft, options)
    project = projects.get(draft.spec.project or DEFAULT)
    errors += _membership(draft, project, projects, broken)
    if project is not None and sources:
        errors += _permission(draft, project, addressed)
    if errors or isinstance(destination, DeclarationError):
        return errors
    return _application(draft, addressed, destination, options, project, context)


def _application(
    draft: Draft,
    sources: Sequence[tuple[_Source, Address]],
    destination: str,
    options: Options,
    project: Project | None,
    context: Context,
) -> Application:
    metadata, spec = draft.metadata, draft.spec
    annotations, document = metadata.annotations, draft.document
    is_cascade = not _POLICIES.isdisjoint(metadata.finalizers)
    return Application(
        name=draft.name,
        project=spec.project or DEFAULT,
        sources=tuple(_value(document, source, address) for source, address in sources),
        namespace=draft.namespace,
        destination=destination,
        terms=_terms(spec, options) if destination in context.clusters.values() else Terms(),
        annotations=annotations,
        annotation_places={key: document.where(("metadata", "annotations", key)) for key in annotations},
        labels=metadata.labels,
        origin=Origin(path=document.path, line=document.where(()).line or 1, revision=context.revision),
        settings=settings(spec.sync_policy, options, prune_share=context.prune_share, prune_free=context.prune_free),
        retry=retry_policy(spec.sync_policy.retry),
        # In a cluster one bad object holds up nothing else, and its controllers keep what served before: only who asks is rolled back.
        rollback=None
        if draft.orders.rollback and (ROLLBACK in metadata.annotations or destination not in context.clusters.values())
        else OFF,
        windows=project.windows(draft.name, draft.namespace, _clusters(spec.destination)) if project else (),
        permission=project.permission(*_reach(spec.destination)) if project else None,
        orphans=project.orphans if project and destination in context.clusters.values() else None,
        cascade=is_cascade and not options.keeps_resources,
        info=tuple((each.name, each.value) for each in spec.info),
        warnings=(
            *_warnings(draft, [source for source, _ in sources], options, destination, context),
            *(project.warnings if project else ()),
            *(_orphans_in_vain(draft, project) if project and destination not in context.clusters.values() else ()),
        ),
    )


def _value(document: Document, source: _Source, address: Address) -> Source:
    directory = source.directory or DirectorySpec()
    return Source(
        repository=address.text,
        is_local=address.is_local,
        target_revision=source.target_revision or "HEAD",
        path="" if source.chart else source.path,
        directory=Directory(recurse=directory.recurse, include=directory.include, exclude=directory.exclude),
        kustomize=_written(document, source, "kustomize"),
        helm=_written(document, source, "helm"),
        name=source.name,
        ref=source.ref,
        has_resources=source.has_resources,
        written=shown(source.at),
    )


def _orphans_in_vain(draft: Draft, project: Project) -> Iterator[Warning]:
    if project.orphans is not None:
        where = project.place(("spec", "orphanedResources"))
        message = (
            f"spec.orphanedResources of AppProject {project.name} is not honoured for Application {draft.name}: only a cluster is looked at"
        )
        yield Warning(
            reason="FieldNotHonoured",
            message=message,
            origin=Origin(path=where.path, line=where.line or 1, revision=project.origin.revision),
        )


def _terms(spec: ApplicationSpec, options: Options) -> Terms:
    managed = spec.sync_policy.managed_namespace_metadata
    return Terms(
        options=options.by_name,
        ignored=tuple(
            IgnoreRule(
                group=each.group,
                kind=each.kind,
                name=each.name,
                namespace=each.namespace,
                json_pointers=each.json_pointers,
                jq_path_expressions=each.jq_path_expressions,
                managed_fields_managers=each.managed_fields_managers,
            )
            for each in spec.ignore_differences
        ),
        namespace_labels=managed.labels if managed else {},
        namespace_annotations=managed.annotations if managed else {},
    )


def _sources(draft: Draft) -> Sequence[_Source] | DeclarationError:
    """Return what is followed: of the hydrator, of `sources`, or `source` (Argo CD `ApplicationSpec.GetSources`)."""
    spec = draft.spec
    if (hydrator := spec.source_hydrator) is not None:
        at: Path = ("spec", "sourceHydrator")
        return [
            _Source(
                at=at,
                url=hydrator.dry_source.repo_url,
                url_at=(*at, "drySource", "repoURL"),
                target_revision=hydrator.sync_source.target_branch,
                path=hydrator.sync_source.path,
            )
        ]
    if spec.sources:
        return [_followed(draft, each, ("spec", "sources", number)) for number, each in enumerate(spec.sources)]
    if spec.source is not None:
        return [_followed(draft, spec.source, ("spec", "source"))]
    return draft.error("HF1102", "spec.source is missing", ("spec",), "add spec.source with repoURL, path and targetRevision", key=True)


def _followed(draft: Draft, source: SourceSpec, at: Path) -> _Source:
    return _Source(
        at=at,
        url=source.repo_url,
        url_at=(*at, "repoURL"),
        target_revision=source.target_revision,
        path=source.path,
        directory=source.directory,
        chart=source.chart,
        name=source.name,
        ref=source.ref,
        has_resources=not source.ref or at == ("spec", "source") or _has_resources(draft, at),
    )


def _has_resources(draft: Draft, at: Path) -> bool:
    """Say whether a source that others take files of gives resources too: with a path, be it ".", or a chart, as Argo CD has it."""
    return any(value_at(draft.document.value, (*at, field)) for field in ("path", "chart"))


def _beside(draft: Draft, sources: Sequence[_Source]) -> Iterator[DeclarationError]:
    """Yield what is wrong with sources among each other: a name or reference that two have, and none that gives resources."""
    for field in ("name", "ref"):
        known: dict[str, _Source] = {}
        for source in sources:
            word: str = getattr(source, field)
            if word and known.setdefault(word, source) is not source:
                hint = "give each source a word of its own"
                yield draft.error("HF1150", f"two of its sources have the {field} {word!r}", (*source.at, field), hint)
    for source in sources:
        if source.ref and not _REFERENCE.fullmatch(source.ref):
            reason = f"{source.ref!r} is no reference"
            yield draft.error("HF1150", reason, (*source.at, "ref"), "write letters, digits, '-' and '_', so that $NAME/path can name it")
    if sources and not any(source.has_resources for source in sources):
        reason = "none of its sources gives resources, they are files for other sources"
        yield draft.error("HF1150", reason, (*sources[0].at, "ref"), "give one of them a path, or add the source that takes their files")


def _written(document: Document, source: _Source, key: str) -> Mapping[str, Json]:
    """Return the options of another tool as they are written; they were decoded, so that they are sound."""
    value = value_at(document.value, (*source.at, key))
    return value if isinstance(value, dict) else {}


def _address(draft: Draft, source: _Source, context: Context) -> Address | DeclarationError:
    if not source.url:
        return draft.error("HF1102", "repoURL is missing", source.url_at, "add repoURL: https://host/path", key=True)
    address = read_address(source.url, context.folders.get(draft.document.path), context.local)
    if source.chart and not (isinstance(address, Unusable) and address.is_secret):
        return _chart(draft, source)
    if isinstance(address, Address):
        return address
    error = draft.error(address.code, address.reason, source.url_at, address.hint)
    if not address.is_secret:
        return error
    where = [Where(path=each.path, line=each.line, column=each.column) for each in error.where]
    return DeclarationError(error.code, error.message, where=where, hint=error.hint)


def _chart(draft: Draft, source: _Source) -> Address | DeclarationError:
    """Return the address of a chart; as for Argo CD there is no default for its version."""
    if not source.target_revision:
        hint = "add targetRevision: a version of the chart, or a range such as 1.2.x or *"
        return draft.error("HF1102", "targetRevision of a chart is missing", source.at, hint, key=True)
    try:
        return Address(text=ChartAddress.of(source.url, source.chart).text)
    except NoRepository:
        reason = f"chart {source.chart} has no Helm repository: {source.url!r} is no https:// address and no registry"
        return draft.error("HF1151", reason, source.url_at, "write https://host/path, as `helm repo add` takes it, or registry/path")
    except ValueError as error:
        return draft.error(
            "HF1151", str(error), (*source.at, "chart"), "write the name that `helm search repo` shows, without the repository's"
        )


def _destination(draft: Draft, context: Context) -> str | DeclarationError:
    """Return `host`, the address of a Docker host, or what is written where nothing will be applied."""
    spec = draft.spec.destination
    at: Path = ("spec", "destination")
    if spec.server and spec.name:
        return draft.error("HF1101", "its destination names a server and a name", (*at, "name"), f"write server: {LOCAL} alone", key=True)
    if spec.server == LOCAL or not (spec.server or spec.name):
        return HOST
    if (reached := context.clusters.get(spec.server or spec.name)) is not None:
        return reached
    if _is_docker_host(spec.server) and not spec.name:
        return spec.server
    if (reason := _out_of_reach(spec)) is None:
        near = did_you_mean(spec.server, (LOCAL,))
        hint = f"did you mean {near}?" if near else f"write server: {LOCAL} to run the workloads on this host"
        return draft.error("HF1101", f"{spec.server!r} is no destination", (*at, "server"), hint)
    if context.is_render:
        return spec.server or spec.name
    hint = f"write server: {LOCAL} to run its workloads on this host"
    if spec.name or spec.server.startswith(_CLUSTER):
        hint = "set kubernetes.kubeconfig in the local configuration, or " + hint
    return draft.error("HF1100", reason, (*at, "server" if spec.server else "name"), hint)


def _out_of_reach(spec: DestinationSpec) -> str | None:
    """Return why no engine reaches a destination; None where it is none at all."""
    if spec.name:
        return f"destination {spec.name!r} is a Kubernetes cluster, and the local configuration does not reach it"
    if spec.server.startswith(_CLUSTER):
        return f"destination {spec.server} is a Kubernetes cluster, and the local configuration does not reach it"
    return None


def _is_docker_host(server: str) -> bool:
    """Say whether a destination is a Docker host's address; the engine has the last word on what is one."""
    return server.startswith(DOCKER) and server.isprintable() and not re.search(r"\s", server)


def _option_errors(draft: Draft, options: Options) -> Iterator[DeclarationError]:
    return (draft.error("HF1106", reason, ("spec", "syncPolicy", "syncOptions", at)) for at, reason in options.errors)


def _membership(draft: Draft, project: Project | None, projects: Collection[str], broken: Collection[str]) -> Iterator[DeclarationError]:
    name = draft.spec.project or DEFAULT
    if project is None and name not in {DEFAULT, *broken}:
        near = did_you_mean(name, projects)
        hint = f"did you mean {near}?" if near else "declare the AppProject in one of the files, or leave spec.project out"
        yield draft.error("HF1107", f"there is no AppProject {name}", ("spec", "project"), hint)


def _permission(draft: Draft, project: Project, sources: Iterable[tuple[_Source, Address]]) -> Iterator[DeclarationError]:
    spec = draft.spec.destination
    for source, address in sources:
        repository = source.url if source.chart else address.text
        if not project.permits_repository(repository):
            yield _forbidden(draft, project, f"repository {repository}", source.url_at, "sourceRepos")
    server, name = _reach(spec)
    if not project.permits_destination(server, name, draft.namespace):
        what = f"destination {server or name}, namespace {draft.namespace}"
        yield _forbidden(draft, project, what, ("spec", "destination"), "destinations")


def _forbidden(draft: Draft, project: Project, what: str, path: Path, rule: str) -> DeclarationError:
    return DeclarationError(
        "HF1105",
        f"cannot follow Application {draft.name}: project {project.name} does not allow {what}",
        where=[draft.document.where(path), project.place(("spec", rule))],
        hint=f"add it to spec.{rule} of the AppProject, or choose another project",
    )


def _reach(spec: DestinationSpec) -> tuple[str, str]:
    """Return server and name of a destination as projects compare them; Argo CD calls its own cluster by both."""
    if IN_CLUSTER in (spec.server, spec.name) or spec.name == IN_CLUSTER_NAME:
        return IN_CLUSTER, IN_CLUSTER_NAME
    return (spec.server, spec.name) if spec.server or spec.name else (LOCAL, "")


def _clusters(spec: DestinationSpec) -> tuple[str, ...]:
    return tuple(text for text in _reach(spec) if text)


def _warnings(draft: Draft, sources: Sequence[_Source], options: Options, destination: str, context: Context) -> Iterator[Warning]:
    unhonoured = draft.unhonoured
    yield from unhonoured.metadata(draft.metadata.ignored)
    yield from unhonoured.annotations(draft.metadata.annotations, is_child=context.is_child)
    is_cluster = destination in context.clusters.values()
    for source in sources:
        if source.chart and source.path:
            yield unhonoured.field((*source.at, "path"), "a chart of a Helm repository is rendered from its top")
    has_objects = destination != HOST and not destination.startswith(DOCKER)
    yield from unhonoured.application([source.at for source in sources], is_cluster=is_cluster, has_objects=has_objects)
    for at, option, why in options.in_vain_in_cluster if is_cluster else ((*each, "") for each in options.in_vain):
        path: Path = ("spec", "syncPolicy", "syncOptions", at)
        message = f"sync option {option} of Application {draft.name} is not honoured{f': {why}' if why else ' yet'}"
        yield unhonoured.warning("SyncOptionNotHonoured", message, path)
    for at, finalizer in enumerate(draft.metadata.finalizers):
        if finalizer not in _POLICIES | _HOOK_FINALIZERS:
            yield unhonoured.field(("metadata", "finalizers", at), f"{finalizer} is not known; {FINALIZER} is")
    if has_objects and not is_cluster:
        reason = _out_of_reach(draft.spec.destination) or ""
        message = f"Application {draft.name} cannot be applied: {reason}"
        yield unhonoured.warning("DestinationNotReached", message, ("spec", "destination"), key=False)
