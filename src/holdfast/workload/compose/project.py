"""Project: a compose file with everything that it leans on → one model in long form, or every error of it.

Drives load, shape, normalize and meaning; format and the tests of compose-go's cases call it. `origin_of` says where a value came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.kit.path import tidy
from holdfast.model.resource import Located, Warning
from holdfast.workload.compose.load import Loader, Setting
from holdfast.workload.compose.meaning import check, check_resources
from holdfast.workload.compose.node import Node, Path, steps_of
from holdfast.workload.compose.normalize import normalized, project_name, selected
from holdfast.workload.compose.service_fields import TOP
from holdfast.workload.compose.shelf import Shelf, within
from holdfast.workload.compose.template import Missing, Unreadable, substitute
from holdfast.workload.compose.told import Resolve, Told

NAME = "COMPOSE_PROJECT_NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be loaded, and how."""

    files: tuple[str, ...]
    """Later ones over earlier ones; relative to the Application's path."""
    variables: Mapping[str, str] = field(default_factory=dict)
    name: str | None = None
    """Of the project, whatever the files say."""
    fallback_name: str | None = None
    """Of the project where the files say none."""
    profiles: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()
    """Only these, and what they need; all without any."""
    resolve: Resolve | None = None
    """Where relative paths lead; without it below the Application's path."""
    is_implied: bool = True
    """Whether what compose implies is said."""
    is_checked: bool = True
    """Whether references must lead somewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A model. `tree` is in long form; with `errors` it holds what is sound."""

    name: str
    tree: Node | None
    variables: Mapping[str, str]
    errors: tuple[DeclarationError, ...] = ()
    warnings: tuple[Warning, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return the model in long form, without places."""
        found = self.tree.to_json() if self.tree is not None else {}
        assert isinstance(found, dict), "a model is a mapping"
        return found

    def shown(self) -> Json:
        """Return the model as `docker compose config` prints it: read again, it means the same, so a dollar stands as two."""
        return _escaped(self.to_json())


def _escaped(value: Json) -> Json:
    if isinstance(value, dict):
        return {key: _escaped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    return value.replace("$", "$$") if isinstance(value, str) else value


def read_project(request: Request, shelf: Shelf, told: Told) -> Project:
    """Return what the files mean. While `shelf` still wants files the answer is incomplete, and only the wants count."""
    name = _name(request, shelf, told)
    variables = {**request.variables, NAME: name} if name else dict(request.variables)
    tree = Loader(shelf, told).load(request.files, Setting(variables=variables))
    if shelf.wanted or tree is None:
        if tree is None and not shelf.wanted and not told.errors:
            told.at("HF1409", Where(path=shelf.shown(request.files[0]), line=1), "it declares nothing", "write services:")
        return _answer(name, None, variables, told)
    told.resolve = request.resolve or resolve_within
    read = TOP.read(tree, (), told)
    assert read is not None, "a mapping reads to a mapping"
    if "version" in read.fields:
        told.warn("Obsolete", "version is obsolete and means nothing: remove it", read.fields["version"])
        read = read.without("version")
    check_resources(read, told)
    if not name:
        told.at("HF1409", read.where, "the project has no name", "write name: at the top")
    if request.is_implied:
        read = normalized(read, name or "", variables)
        if request.is_checked:
            check(read, request.profiles, told)
        read = selected(read, request.profiles, request.services, told)
    return _answer(name, read, variables, told)


def _answer(name: str | None, tree: Node | None, variables: Mapping[str, str], told: Told) -> Project:
    return Project(name=name or "", tree=tree, variables=variables, errors=told.errors, warnings=told.warnings)


def resolve_within(node: Node, path: str) -> str:
    """Return where a path of a file leads: below the Application's path, or a path of the host as it is."""
    if path.startswith(("/", "~")) or "\\" in path or path[1:2] == ":":
        return path if "\\" in path or path[1:2] == ":" else tidy(path)
    return within(node.source.folder, path)


def _name(request: Request, shelf: Shelf, told: Told) -> str | None:
    """Return the project's name: as asked, by its variable, by the last file that says one, else the fallback."""
    if request.name is not None:
        return request.name
    if (given := request.variables.get(NAME)) and not request.is_implied:
        return given
    return request.variables.get(NAME) or _written_name(request, shelf, told) or request.fallback_name


def _written_name(request: Request, shelf: Shelf, told: Told) -> str | None:
    found: str | None = None
    for path in request.files:
        data = shelf.content(path)
        for document in Loader(shelf, Told()).parsed(path, data, Setting(variables={})) if data is not None and b"name" in data else ():
            text = document.text("name")
            if text is None:
                continue
            try:
                written = substitute(text, request.variables.get)
            except (Unreadable, Missing):
                continue  # told when the file is loaded
            if written and written != project_name(written):
                node = document.fields["name"]
                hint = (
                    f"write {project_name(written) or 'a name'}: lower case letters, digits, '-' and '_', beginning with a letter or digit"
                )
                told.error("HF1410", node, f"name: {written!r} is no name of a project", hint)
            else:
                found = written or found
    return found


def origin_of(project: Project, text: str) -> Located | None:
    """Return a value, and the file and line it came from: `web.ports[0]`, or from the top `services.web.ports[0]`, `networks.back.name`.

    None where the model has no such value; ValueError where `text` is no path.
    """
    if project.tree is None:
        return None
    path = steps_of(text)
    found = node_at(project.tree, path) or node_at(project.tree, ("services", *path))
    return Located(value=found.to_json(), where=found.where) if found is not None else None


def node_at(tree: Node, path: Path) -> Node | None:
    """Return the node at `path`; a name that holds dots is found as well."""
    if not path:
        return tree
    if isinstance(path[0], int):
        below = tree.items[path[0]] if path[0] < len(tree.items) else None
        return node_at(below, path[1:]) if below is not None else None
    words: list[str] = []
    for count, step in enumerate(path, 1):
        if not isinstance(step, str):
            break
        words.append(step)
        below = tree.get(".".join(words))
        found = node_at(below, path[count:]) if below is not None else None
        if found is not None:
            return found
    return None
