"""Child: an Application or an AppProject that was found in the content of another Application (app of apps).

Pure: manifest in, value out, or one error at its place in Git. What Git says may not widen what an operator allowed: a child runs in
clusters only, takes from this host no repository but those that an operator named, declares no project that an operator's file declares,
and lies in the namespace of Argo CD unless its project's `sourceNamespaces` permit another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from holdfast.delivery.application import Application, Applications, Context
from holdfast.delivery.project import Project
from holdfast.delivery.reader import read_applications
from holdfast.errors import DeclarationError, RefusedDeclaration, Where
from holdfast.kit import glob
from holdfast.kit.canonical import Json
from holdfast.model.resource import Origin

CONTROL_NAMESPACE = "argocd"
"""Where Argo CD's own Applications lie; elsewhere a project must permit them."""


def read_child(manifest: Mapping[str, Json], origin: Origin, context: Context) -> Application:
    """Return the Application that `manifest` says. Raises DeclarationError, whose place is that of the document."""
    (child,) = _read(manifest, origin, context).applications
    if child.destination not in context.clusters.values():
        raise RefusedDeclaration(
            "HF1156",
            f"cannot serve Application {child.name}: its destination {child.destination} is no cluster, and no operator says it",
            where=[_where(origin)],
            hint="give its file to `holdfast up -f`: only an operator lets something run on a host",
        )
    _permit_namespace(child, manifest, origin, context.projects.get(child.project))
    return replace(child, origin=origin, warnings=tuple(replace(each, origin=origin) for each in child.warnings))


def read_child_project(manifest: Mapping[str, Json], origin: Origin, context: Context) -> Project:
    """Return the AppProject that `manifest` says. Raises DeclarationError, also where `context` has one of that name from an operator."""
    ((name, project),) = _read(manifest, origin, replace(context, projects={})).projects.items()
    if name in context.projects:
        own = context.projects[name].origin
        raise RefusedDeclaration(
            "HF1157",
            f"cannot use AppProject {name}: a file of an operator declares it",
            where=[_where(origin), _where(own)],
            hint="rename it, or take it out of Git",
        )
    return replace(project, origin=origin, place=lambda path: _where(origin))


def _read(manifest: Mapping[str, Json], origin: Origin, context: Context) -> Applications:
    # Read as what it is, JSON; the place that a person must edit is the document's in Git.
    try:
        return read_applications(
            [(f"{origin.path}.json", json.dumps(manifest).encode())], replace(context, revision=origin.revision, is_child=True)
        )
    except DeclarationError as error:
        first = error.errors[0] if error.errors else error
        more = f" (and {len(error.errors) - 1} more)" if len(error.errors) > 1 else ""
        places = [_where(origin), *(where for where in first.where if where.path != f"{origin.path}.json")]
        kind = RefusedDeclaration if isinstance(error, RefusedDeclaration) else DeclarationError
        message = first.message.replace(f"{origin.path}.json", origin.path) + more
        raise kind(first.code, message, where=places, hint=first.hint) from error


def _permit_namespace(child: Application, manifest: Mapping[str, Json], origin: Origin, project: Project | None) -> None:
    metadata = manifest.get("metadata")
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    if namespace in (None, CONTROL_NAMESPACE):
        return
    if project is not None and any(glob.matches(pattern, str(namespace)) for pattern in project.spec.source_namespaces):
        return
    raise RefusedDeclaration(
        "HF1158",
        f"cannot serve Application {child.name}: project {child.project} permits no Applications of namespace {namespace}",
        where=[_where(origin)],
        hint=f"declare it in namespace {CONTROL_NAMESPACE}, or add the namespace to spec.sourceNamespaces of the AppProject",
    )


def _where(origin: Origin) -> Where:
    return Where(path=origin.path, line=origin.line)
