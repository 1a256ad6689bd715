"""Live object: an Application or AppProject as it stands in a cluster → what it declares, and what it is read as.

Pure. What an object says may not widen what an operator allowed, as Git may not (`child`): it runs in clusters only. That it goes, and
with what, is said by its deletion and its finalizer, never by its absence: an object that is not there any more takes nothing along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from holdfast.delivery.application import Application, Context
from holdfast.delivery.build import FINALIZER
from holdfast.delivery.child import read_child, read_child_project
from holdfast.delivery.import_argocd import declared_metadata, declared_spec
from holdfast.delivery.project import Project
from holdfast.delivery.reader import API_VERSION
from holdfast.kit.canonical import Json
from holdfast.model.resource import Origin

REFRESH = "argocd.argoproj.io/refresh"
"""Annotation by which Argo CD's command line asks for a look at Git."""
_OURS = "argocd.argoproj.io"
"""What each finalizer that Argo CD waits by has in its name: `resources-finalizer.…`, `post-delete-finalizer.…/cleanup`."""


def declared(item: Mapping[str, Json], kind: str) -> dict[str, Json]:
    """Return an object as Git would say it: without status, the operation that waits, and what only a cluster writes."""
    metadata = declared_metadata(metadata_of(item))
    metadata.pop("namespace", None)  # the operator named it, so that no project need permit it
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": declared_spec(item.get("spec"))}


def read_object(manifest: Mapping[str, Json], origin: Origin, context: Context) -> Application:
    """Return the Application that `declared` gave. Raises DeclarationError."""
    it = read_child(manifest, origin, context)
    return replace(it, cascade=False)  # its going is told by its deletion


def read_project_object(manifest: Mapping[str, Json], origin: Origin, context: Context) -> Project:
    """Return the AppProject that `declared` gave. Raises DeclarationError, also where an operator's file has one of that name."""
    return read_child_project(manifest, origin, context)


def origin_of(place: str, kind: str, item: Mapping[str, Json]) -> Origin:
    """Return where a person finds it: in `place`, a cluster and a namespace."""
    metadata = metadata_of(item)
    return Origin(path=f"{place}/{kind}/{metadata.get('name')}", line=1, revision="")


def metadata_of(item: Mapping[str, Json]) -> Mapping[str, Json]:
    metadata = item.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def is_deleted(item: Mapping[str, Json]) -> bool:
    return bool(metadata_of(item).get("deletionTimestamp"))


def finalizers(item: Mapping[str, Json]) -> tuple[str, ...]:
    """Return those that Argo CD's Applications wait by, which are to be taken away when it may go."""
    found = metadata_of(item).get("finalizers")
    return tuple(str(each) for each in found if _OURS in str(each)) if isinstance(found, list) else ()


def cascades(item: Mapping[str, Json]) -> bool:
    """Say whether all that the Application has goes with it."""
    spec = item.get("spec")
    policy = spec.get("syncPolicy") if isinstance(spec, dict) else None
    options = policy.get("syncOptions") if isinstance(policy, dict) else None
    keeps = isinstance(options, list) and "Delete=false" in options
    return not keeps and any(each.partition("/")[0] == FINALIZER for each in finalizers(item))


def refresh_of(item: Mapping[str, Json]) -> str | None:
    """Return what the annotation that asks for a look at Git says; None without it."""
    annotations = metadata_of(item).get("annotations")
    said = annotations.get(REFRESH) if isinstance(annotations, dict) else None
    return said if isinstance(said, str) else None
