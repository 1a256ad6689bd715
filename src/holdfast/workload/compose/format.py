"""Format: `compose.yaml` and its like as `model.declaration.Format` has it.

Reads `.env` beside it, files that join it (`compose.override.yaml`, COMPOSE_FILE), and what they extend and include, asking for each. The
environment of the daemon is never read: what is not in `.env` is not set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from holdfast.errors import DeclarationError, Where
from holdfast.model.declaration import Ask, Declaration, Reading, Scope
from holdfast.model.ids import DOCKER
from holdfast.model.labels import COMPOSE_PROFILES
from holdfast.model.resource import Model
from holdfast.workload.compose.derive import derive
from holdfast.workload.compose.env_file import read_env_file
from holdfast.workload.compose.environment import resolved
from holdfast.workload.compose.normalize import project_name
from holdfast.workload.compose.project import Project, Request, origin_of, read_project
from holdfast.workload.compose.shelf import Shelf, within
from holdfast.workload.compose.told import MOST_MADE, Excess, Told
from holdfast.workload.container import adopts
from holdfast.workload.container_spec import ContainerSpec, NetworkSpec, VolumeSpec
from holdfast.workload.exposure import container_refusals, network_refusals, volume_refusals

FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
_ENV = ".env"
_FILE, _SEPARATOR, _PROFILES, _NAME = "COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME"


class Compose:
    """The format. `is_reached`: whether containers may stand at any destination, since nothing is applied; else at a Docker host."""

    name = "compose"
    workload = True

    def __init__(self, *, is_reached: bool, host_roots: tuple[str, ...] = ()) -> None:
        self._is_reached = is_reached
        self._host_roots = host_roots

    def matches(self, path: str) -> bool:
        return path in FILES

    def read(self, path: str, data: bytes, answers: Mapping[Ask, bytes | None], scope: Scope) -> Reading:
        shelf = Shelf({Ask(what="blob", path=path): data, **answers}, scope)
        told = Told(scope.revision)
        try:
            return self._read(path, shelf, told, scope)
        except Excess as excess:
            told.error("HF1414", excess.node, f"it makes more than {MOST_MADE:,} values of what it says", "write less in one project")
            return Reading(consumed=frozenset({path, *shelf.consumed}), errors=told.errors)

    def _read(self, path: str, shelf: Shelf, told: Told, scope: Scope) -> Reading:
        request = _request(path, shelf, told, scope)
        if request is None:
            return Reading(asks=tuple(shelf.wanted))
        project = read_project(request, shelf, told)
        if not shelf.wanted and project.tree is not None:
            tree = resolved(project.tree, shelf, project.variables, told)
            project = Project(name=project.name, tree=tree, variables=project.variables)
        derivation = derive(project, shelf, told, adopts=adopts(scope)) if not shelf.wanted else None
        if shelf.wanted or derivation is None:
            return Reading(asks=tuple(shelf.wanted))
        errors = told.errors
        if errors:
            errors = (*errors, *self._refused(derivation.declarations, scope))
        if not self._is_reached and not scope.destination.startswith(DOCKER):
            errors = (_no_engine(path, scope), *errors)
        return Reading(
            declarations=() if told.errors else derivation.declarations,
            consumed=frozenset({path, *shelf.consumed}),
            warnings=told.warnings,
            errors=errors,
            models=(_model(scope.shown(path), project),) if project.tree is not None else (),
        )

    def _refused(self, declarations: tuple[Declaration, ...], scope: Scope) -> Iterator[DeclarationError]:
        """Yield what the exposure rules refuse, where errors keep the declarations from being looked at."""
        for each in declarations:
            match each.spec:
                case ContainerSpec():
                    yield from container_refusals(each, scope, self._host_roots)
                case VolumeSpec():
                    yield from volume_refusals(each, scope, self._host_roots)
                case NetworkSpec():
                    yield from network_refusals(each)


def _model(path: str, project: Project) -> Model:
    return Model(path=path, value=project.shown(), locate=lambda text: origin_of(project, text))


def _no_engine(path: str, scope: Scope) -> DeclarationError:
    return DeclarationError(
        "HF1430",
        f"cannot run {scope.shown(path)} at {scope.destination}: containers need a Docker host",
        where=[Where(path=scope.shown(path), line=1)],
        hint="write server: unix:///var/run/docker.sock in the Application's destination; `holdfast render` shows what it would be",
    )


def _request(path: str, shelf: Shelf, told: Told, scope: Scope) -> Request | None:
    """Return what is to be loaded: the file, those that join it, and the variables of `.env`; None while something is wanted."""
    stem, _, ending = path.rpartition(".")
    overrides = [f"{stem}.override.{each}" for each in (ending, "yaml" if ending == "yml" else "yml")]
    if not shelf.has_all((_ENV, *overrides)):
        return None
    variables: Mapping[str, str] = {}
    if (env := shelf.content(_ENV)) is not None:
        read = read_env_file(shelf.shown(_ENV), env, lambda name: None)
        told.add(*read.errors)
        variables = read.values
        shelf.consumed.add(_ENV)
    files = [path, *[each for each in overrides if shelf.content(each) is not None][:1]]
    if named := variables.get(_FILE):
        files = list(_named(named.split(variables.get(_SEPARATOR) or ":"), shelf, told))
        if shelf.wanted:
            return None
    profiles = scope.annotations.get(COMPOSE_PROFILES, variables.get(_PROFILES, ""))
    given = variables.get(_NAME)
    return Request(
        files=tuple(files),
        variables=variables,
        name=project_name(given) or None if given else None,
        fallback_name=project_name(scope.application) or "project",
        profiles=frozenset(filter(None, (each.strip() for each in profiles.split(",")))),
    )


def _named(paths: list[str], shelf: Shelf, told: Told) -> Iterator[str]:
    """Yield the files that COMPOSE_FILE names."""
    for each in filter(None, paths):
        where = Where(path=shelf.shown(_ENV))
        try:
            found = within(".", each)
        except ValueError as error:
            told.at("HF1404", where, f"COMPOSE_FILE names {each!r}: {error}")
            continue
        if shelf.has(found):
            if shelf.content(found) is None:
                told.at("HF1404", where, f"COMPOSE_FILE names {each!r}, and there is no file {shelf.shown(found)}")
            yield found
