"""Unhonoured: what is written in an Application or AppProject, understood, and not honoured: a warning each, with its place.

Asked by the reader after a spec is decoded. Law: a field that would change what is synced, where or when is either honoured, refused or
told of here; what only a cluster could see is told of too where it restricts something.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from holdfast.declare.document import Document, Path
from holdfast.delivery.project_spec import AppProjectSpec
from holdfast.kit.canonical import Json
from holdfast.kit.suggest import did_you_mean
from holdfast.model import labels
from holdfast.model.resource import Origin, Warning

APPLICATION_FIELDS: Mapping[Path, str] = MappingProxyType(
    {
        ("ignoreDifferences",): "every field that is declared is compared",
        ("revisionHistoryLimit",): "history is kept for a time, not for a count of revisions",
        ("syncPolicy", "managedNamespaceMetadata"): "a host has no namespaces to create",
        ("sourceHydrator",): "manifests are not hydrated here; its syncSource is followed as it is in Git",
    }
)
"""Path below `spec` → why it has no effect."""
IN_CLUSTER = frozenset({("ignoreDifferences",), ("syncPolicy", "managedNamespaceMetadata")})
"""Those that have one where the destination is a cluster."""
SOURCE_FIELDS: Mapping[Path, str] = MappingProxyType(
    {
        ("directory", "disableExtensionFilter"): "only .yaml, .yml and .json files are read",
        ("directory", "jsonnet"): "Jsonnet is not read yet",
        ("kustomize", "commonAnnotationsEnvsubst"): "variables in annotations are not replaced",
        ("plugin",): "plugins are never run",
        ("ref",): "there is no other source that could take files of this one",
        ("tagPrefix",): "a range of versions looks at tags that are plain versions",
    }
)
"""The same below a source."""
CHART_FIELDS: Mapping[Path, str] = MappingProxyType(
    {
        ("helm", "passCredentials"): "a chart is rendered without fetching anything",
        ("helm", "version"): "the helm of this host renders",
    }
)
"""The same for a source whose chart is rendered."""
NO_CHART: Mapping[Path, str] = MappingProxyType({("helm",): "a chart gives objects of a cluster, and the destination is none"})
"""The same where the destination is none."""
PROJECT_FIELDS: Mapping[Path, str] = MappingProxyType(
    {
        ("destinationServiceAccounts",): "a host has no service accounts",
        ("permitOnlyProjectScopedClusters",): "there are no clusters of a project",
        ("roles",): "who may use the daemon's socket may do everything",
    }
)
_QUIET = frozenset({f"{labels.ARGO}{name}" for name in ("manifest-generate-paths", "tracking-id")})
"""Of no effect here by nature: only what changed is read anyway, and the inventory says what is whose."""
_ANNOTATIONS: Mapping[str, str] = MappingProxyType(
    {
        "compare-options": "",
        "deletion-approved": "a plan is approved by its digest: `holdfast sync --approve DIGEST`",
        "hook": "",
        "hook-delete-policy": "",
        "ignore-healthcheck": "",
        "ignore-resource-updates": "",
        "ignore-restart-policy": "",
        "manifest-generate-paths": "",
        "refresh": "a repository is looked at when it moves",
        "skip-reconcile": "use `holdfast suspend`",
        "sync-options": "write them in spec.syncPolicy.syncOptions",
        "sync-wave": "it counts where another Application declares this one",
        "tracking-id": "",
    }
)
_NOTIFICATIONS = "notifications.argoproj.io/"


class Unhonoured:
    """Finds what one document says in vain."""

    def __init__(self, document: Document, kind: str, name: str, revision: str) -> None:
        self._document = document
        self._subject = f"{kind} {name}"
        self._revision = revision

    def warning(self, reason: str, message: str, path: Path, *, key: bool = True) -> Warning:
        where = self._document.where(path, key)
        return Warning(reason=reason, message=message, origin=Origin(path=where.path, line=where.line or 1, revision=self._revision))

    def field(self, path: Path, why: str) -> Warning:
        return self.warning("FieldNotHonoured", f"{shown(path)} of {self._subject} is not honoured: {why}", path)

    def application(self, sources: Sequence[Path], *, is_cluster: bool = False, has_objects: bool = False) -> Iterator[Warning]:
        """Yield what stands in an Application; `sources` are the paths of those that are followed. `has_objects`: it is for a cluster, be
        it one that is reached (`is_cluster`) or not."""
        honoured = IN_CLUSTER if is_cluster else frozenset()
        yield from self._written({path: why for path, why in APPLICATION_FIELDS.items() if path not in honoured}, ("spec",))
        table = SOURCE_FIELDS if len(sources) == 1 else {path: why for path, why in SOURCE_FIELDS.items() if path != ("ref",)}
        for source in sources:
            yield from self._written(table, source)
            yield from self._written(CHART_FIELDS if has_objects else NO_CHART, source)
        for other in (("spec", "source"), ("spec", "sources")):
            if sources and self._value(other) and sources[0][: len(other)] != other:
                winner = "spec.sourceHydrator" if sources[0][1] == "sourceHydrator" else "spec.sources"
                yield self.field(other, f"{winner} is there too, and wins")

    def project(self, spec: AppProjectSpec) -> Iterator[Warning]:
        yield from self._written(PROJECT_FIELDS, ("spec",))
        for at, window in enumerate(spec.sync_windows):
            if not (window.applications or window.namespaces or window.clusters):
                yield self.field(("spec", "syncWindows", at), "it names no applications, namespaces or clusters, so it is for none")

    def metadata(self, keys: tuple[str, ...]) -> Iterator[Warning]:
        """Yield the fields of metadata that a cluster writes."""
        return (self.field(("metadata", key), "a cluster writes it") for key in keys)

    def annotations(self, annotations: Mapping[str, str], *, is_child: bool = False) -> Iterator[Warning]:
        """Yield Argo CD's annotations of an Application; those of Holdfast are read elsewhere. `is_child`: it has a place in its parent."""
        for key in annotations:
            if is_child and key == labels.SYNC_WAVE:
                continue
            if key.startswith(_NOTIFICATIONS):
                yield self._annotation(key, "notifications are not sent yet")
            elif key.startswith(labels.ARGO) and key not in _QUIET:
                name = key.removeprefix(labels.ARGO)
                guess = did_you_mean(name, _ANNOTATIONS)
                unknown = f"it is unknown, did you mean {labels.ARGO}{guess}?" if guess else "it is unknown"
                yield self._annotation(key, _ANNOTATIONS.get(name, unknown))

    def _annotation(self, key: str, why: str) -> Warning:
        message = f"annotation {key} of {self._subject} is not honoured" + (f": {why}" if why else "")
        return self.warning("AnnotationNotHonoured", message, ("metadata", "annotations", key))

    def _written(self, table: Mapping[Path, str], at: Path) -> Iterator[Warning]:
        return (self.field((*at, *path), why) for path, why in table.items() if self._value((*at, *path)))

    def _value(self, path: Path) -> Json:
        return value_at(self._document.value, path)


def shown(path: Path) -> str:
    """Return a path as people write it: `spec.sources[1].path`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def value_at(value: Json, path: Path) -> Json:
    """Return what is written at `path`, None where nothing is."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
