"""Format: a folder with a kustomization, as `model.declaration.Format` has it.

Reads every file that the kustomization leans on, wherever in the repository it lies, by asking for it; nothing is fetched, nothing is run.
What comes of it are objects of a cluster: declarations where the destination is one, and shown as a model. Law: nothing outside of the
repository is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from holdfast.declare.document import Document, Marks, pack
from holdfast.errors import DeclarationError, Where
from holdfast.kit.path import within
from holdfast.kubernetes.declared import declared
from holdfast.kubernetes.kind import KubernetesKind
from holdfast.kubernetes.kustomize.build import build
from holdfast.kubernetes.kustomize.discover import wanted
from holdfast.kubernetes.kustomize.library import NAMES, Broken, Library, Wanted, typed
from holdfast.kubernetes.kustomize.option import Options, with_options
from holdfast.kubernetes.kustomize.trouble import Trouble
from holdfast.kubernetes.shown import model
from holdfast.model.declaration import Ask, Reading, Scope
from holdfast.model.ids import HOST

_OF_NO_EFFECT: Final = frozenset({"version", "kubeVersion", "apiVersions", "commonAnnotationsEnvsubst"})
"""Options for Helm and for other kustomizes; the Application's reader tells of the last."""


class Kustomize:
    """The format. `is_reached`: whether objects may go to the destination, or are only rendered."""

    name = "kustomize"
    workload = True
    whole = True
    is_remembered = True

    def __init__(self, objects: KubernetesKind | None = None, *, is_reached: bool) -> None:
        self._objects = objects
        self._is_reached = is_reached

    def matches(self, path: str) -> bool:
        return path in NAMES

    def read(self, path: str, data: bytes, answers: Mapping[Ask, bytes | None], scope: Scope) -> Reading:
        """Return the objects as a model, what else must be given, or every error."""
        given = {Ask(what="blob", path=path): data, **answers}

        def content(file: str) -> bytes | None:
            ask = Ask(what="blob", path=beside(scope.root, file))
            if ask not in given:
                raise Wanted([file])
            return given[ask]

        library = Library(content, scope.revision)
        if scope.kustomize and (reading := _adjusted(library, scope)) is not None:
            return reading
        if missing := wanted(library, scope.root):
            return Reading(asks=tuple(Ask(what="blob", path=beside(scope.root, file)) for file in missing))
        try:
            built = build(library, scope.root)
        except Wanted as more:
            return Reading(asks=tuple(Ask(what="blob", path=beside(scope.root, file)) for file in more.paths))
        errors = built.errors
        if not errors and scope.destination == HOST and not self._is_reached:
            errors = (_no_cluster(path, scope),)
        reading = declared(self._objects, built.manifests, scope) if not errors else Reading()
        errors = (*errors, *reading.errors)
        below = (beside(scope.root, file) for file in library.paths)
        return Reading(
            declarations=reading.declarations,
            consumed=frozenset({path, *(file for file in below if not file.startswith("../"))}),
            errors=errors,
            warnings=(*built.warnings, *reading.warnings),
            models=(model(scope.shown(path), built.manifests),) if not errors else (),
        )


def _adjusted(library: Library, scope: Scope) -> Reading | None:
    """Add the Application's options; return what is to be asked for first, or why they do not fit."""
    known = {key: value for key, value in scope.kustomize.items() if key not in _OF_NO_EFFECT}
    where = scope.annotation_origin
    place = Where(path=where.path, line=where.line) if where is not None else Where(path=f"Application {scope.application}")
    try:
        home = library.home(scope.root)
        if home is None:
            return None
        options = typed(Document(place.path, known, Marks(place.path, "", pack((place.line or 1) - 1, 0))), Options)
        asked = options.components if options.ignore_missing_components else ()
        missing = [each for each in asked if (folder := within(scope.root, each)) is None or library.home(folder) is None]
        library.adjust(scope.root, with_options(home.spec, options, missing))
    except Wanted as more:
        return Reading(asks=tuple(Ask(what="blob", path=beside(scope.root, file)) for file in more.paths))
    except Broken as broken:
        return Reading(errors=broken.errors)
    except Trouble as trouble:
        trouble.where = trouble.where or (place,)
        return Reading(errors=(trouble.error(scope.root or "the repository"),))
    return None


def beside(root: str, file: str) -> str:
    """Return a path of the repository relative to the Application's, with `../` where it lies outside of that."""
    here, there = [part for part in root.split("/") if part], file.split("/")
    shared = 0
    while shared < min(len(here), len(there) - 1) and here[shared] == there[shared]:
        shared += 1
    return "/".join([*[".."] * (len(here) - shared), *there[shared:]])


def _no_cluster(path: str, scope: Scope) -> DeclarationError:
    return DeclarationError(
        "HF1716",
        f"cannot run {scope.shown(path)} at {scope.destination}: a kustomization makes objects of a Kubernetes cluster",
        where=[Where(path=scope.shown(path), line=1)],
        hint="`holdfast render` shows the objects; choose a cluster as destination, or write the workload as a Process",
    )
