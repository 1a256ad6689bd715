"""Declared: the objects that another tool gives (kustomize, helm), as declarations where they are for a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from holdfast.errors import Where
from holdfast.kubernetes.kind import KubernetesKind
from holdfast.kubernetes.manifest import Manifest
from holdfast.model.declaration import Reading, Scope


def declared(objects: KubernetesKind | None, manifests: Iterable[Manifest], scope: Scope) -> Reading:
    """Return the declarations of `manifests`, with what is wrong with them; none where the destination is no cluster."""
    if objects is None or not objects.reads(scope.destination):
        return Reading()
    read = [objects.read(dict(each.value), _place(each), each.origin) for each in manifests]
    return Reading(
        declarations=tuple(it for each in read for it in each.declarations),
        warnings=tuple(it for each in read for it in each.warnings),
        errors=tuple(it for each in read for it in each.errors),
    )


def _place(manifest: Manifest) -> Callable[[tuple[str | int, ...]], Where]:
    """Where an object is said: which line of which patch or template a field came from is not kept."""
    return lambda path: Where(path=manifest.origin.path, line=manifest.origin.line)
