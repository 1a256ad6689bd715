"""PM2: `ecosystem.config.{json,yaml,yml,js,cjs}` → one Process for each app.

Format `pm2`. The JavaScript forms are run by whoever answers `Ask("javascript", path)`, and only where the local configuration allows it;
what comes back is the JSON that the file exports. pm2_app reads one app, pm2_fields lists the fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from holdfast.declare.document import Document, Mark, Marks, Parsed
from holdfast.declare.json_reader import read_json
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.kit.suggest import did_you_mean
from holdfast.model.declaration import Ask, Declaration, Reading, Scope
from holdfast.model.labels import PM2_ENV
from holdfast.model.resource import Origin, Warning
from holdfast.workload.pm2_app import App, Found
from holdfast.workload.pm2_fields import BY_KEY, ENV_PREFIX, FIELDS
from holdfast.workload.pm2_script import not_run, read_script

_FILE = re.compile(r"(?:ecosystem|pm2)(?:(?:\.config)?\.(?:json|ya?ml)|\.config\.[cm]?js)")
_SCRIPT = (".js", ".cjs", ".mjs")
ALLOWED = "javascript"
"""What the local configuration must allow for the JavaScript forms."""
_SCRIPT_KEYS = frozenset({"script", *next(each.aliases for each in FIELDS if each.key == "script")})
_SPEC_KEYS: Mapping[str, str] = {
    "command": "script",
    "workingDir": "cwd",
    "replicas": "instances",
    "cronRestart": "cron_restart",
    "stop": "kill_timeout",
    "sockets": "port",
    "user": "uid",
}


class Pm2:
    """The format."""

    name = "pm2"
    workload = True

    def matches(self, path: str) -> bool:
        return _FILE.fullmatch(path) is not None

    def read(self, path: str, data: bytes, answers: Mapping[Ask, bytes | None], scope: Scope) -> Reading:
        parsed = self._parsed(path, data, answers, scope)
        if isinstance(parsed, Ask):
            return Reading(asks=(parsed,))
        consumed = frozenset({path})
        if parsed.errors or not parsed.documents:
            return Reading(consumed=consumed, errors=parsed.errors or (_no_apps(Where(path=scope.shown(path), line=1)),))
        if len(parsed.documents) > 1:
            return Reading(consumed=consumed, errors=(_several(parsed.documents[1]),))
        return _Ecosystem(parsed.documents[0], answers, scope).reading(consumed)

    def _parsed(self, path: str, data: bytes, answers: Mapping[Ask, bytes | None], scope: Scope) -> Parsed | Ask:
        shown = scope.shown(path)
        if path.endswith(".json"):
            return read_json(shown, data)
        if not path.endswith(_SCRIPT):
            return read_yaml(shown, data, Dialect.COMPOSE)
        ask = Ask(what="javascript", path=path)
        if ALLOWED in scope.allowed and ask not in answers:
            return ask
        exported = answers.get(ask)
        if exported is None:
            return Parsed(errors=(not_run(shown, data, ALLOWED in scope.allowed),))
        return read_script(shown, data, exported)


def _no_apps(where: Where, keys: Iterable[str] = ()) -> DeclarationError:
    near = did_you_mean("apps", keys)
    hint = f"did you mean apps instead of {near}?" if near else "write apps: with a list of apps, each with a script"
    return DeclarationError("HF1131", f"cannot read {where.path}: it names no apps", where=[where], hint=hint)


def _several(second: Document) -> DeclarationError:
    return DeclarationError(
        "HF1131", f"cannot read {second.path}: it holds more than one document", where=[second.where(())], hint="put all apps in one list"
    )


class _Ecosystem:
    """One ecosystem file in reading."""

    def __init__(self, document: Document, answers: Mapping[Ask, bytes | None], scope: Scope) -> None:
        self.document = document
        self.scope = scope
        self.found = Found(files={ask.path: content for ask, content in answers.items() if ask.what == "blob"})
        self.environment = scope.annotations.get(PM2_ENV, "")
        self.declarations: list[Declaration] = []
        self.warnings: list[Warning] = []
        self.errors: list[DeclarationError] = []
        self.names: dict[tuple[str | None, str], Where] = {}

    def reading(self, consumed: frozenset[str]) -> Reading:
        apps = tuple(self.apps())
        for app in apps:
            self.app(app)
        if not apps and not self.errors:
            self.errors.append(_no_apps(self.document.where(())))
        self.environments(apps)
        if self.found.wanted:
            return Reading(asks=tuple(Ask(what="blob", path=path) for path in dict.fromkeys(self.found.wanted)))
        return Reading(
            declarations=tuple(self.declarations),
            consumed=consumed,
            warnings=tuple(self.warnings),
            errors=tuple(self.errors),
        )

    def apps(self) -> Iterator[Document]:
        """Yield each app as a document of its own: of a list below `apps`, of a list, or the one that the file is."""
        value, root = self.document.value, self.document.marks.root
        if isinstance(value, dict) and "apps" in value:
            self.others(value)
            value, root = value["apps"], _child(root, "apps")
        elif isinstance(value, dict) and not _SCRIPT_KEYS & value.keys():
            self.errors.append(_no_apps(self.document.where(()), value))
            return
        for index, entry in enumerate(value) if isinstance(value, list) else ((0, value),):
            document = _app_document(self.document, entry, _child(root, index) if isinstance(value, list) else root)
            if isinstance(entry, dict):
                self.twice(entry, document)
                yield document
            else:
                self.refuse("HF1131", "an app must be a mapping", document.where(()), "write name and script of each app")

    def refuse(self, code: str, reason: str, where: Where, hint: str, *others: Where) -> None:
        self.errors.append(DeclarationError(code, f"cannot read {self.document.path}: {reason}", where=[*others, where], hint=hint))

    def warn(self, reason: str, message: str, where: Where) -> None:
        origin = Origin(path=where.path, line=where.line or 1, revision=self.scope.revision)
        self.warnings.append(Warning(reason=reason, message=message, origin=origin))

    def others(self, value: Mapping[str, Json]) -> None:
        """Warn of `deploy`, refuse what PM2 does not know beside `apps`."""
        for key in value:
            where = self.document.where((key,), key=True)
            if key == "deploy":
                self.warn("FieldNotHonoured", "deploy is not honoured: deploying is what Git does here", where)
            elif key not in {"apps", "$schema"} and not key.startswith("x-"):
                near = did_you_mean(key, ("apps", "deploy", *BY_KEY))
                self.refuse("HF1020", f"unknown field {key!r}", where, f"did you mean {near}?" if near else "apps and deploy stand here")

    def twice(self, entry: Mapping[str, Json], document: Document) -> None:
        """Refuse a field that stands under two of its names."""
        written: dict[str, str] = {}
        for key in entry:
            name = BY_KEY[key].key if key in BY_KEY else key
            if (first := written.setdefault(name, key)) != key:
                self.refuse("HF1132", f"{first} and {key} are one field", document.where((name,), key=True), "keep one of the two")

    def app(self, document: Document) -> None:
        origin = Origin(path=document.path, line=document.where(()).line or 1, revision=self.scope.revision)
        app = App(document, origin, self.found, self.environment)
        spec, name, namespace = app.spec(), app.name(), app.namespace()
        self.warnings += app.warnings
        self.errors += app.errors
        where = document.where(("name",))
        if (first := self.names.setdefault((namespace, name), where)) is not where:
            self.refuse("HF1133", f"the app {name!r} stands twice", where, "rename one of the two", first)
        elif spec is not None and not app.errors:
            self.declarations.append(
                Declaration(kind="Process", name=name, namespace=namespace, spec=spec, origin=origin, place=_placing(document))
            )

    def environments(self, apps: Iterable[Document]) -> None:
        """Warn where an environment is chosen that no app has, or where apps have some and none is chosen."""
        found = {key: app for app in apps if isinstance(app.value, dict) for key in app.value if key.startswith(ENV_PREFIX)}
        if self.environment and f"{ENV_PREFIX}{self.environment}" not in found:
            message = f"annotation {PM2_ENV} names {self.environment!r}, and no app has {ENV_PREFIX}{self.environment}"
            self.warnings.append(Warning(reason="EnvironmentUnknown", message=message, origin=self.scope.annotation_origin))
        if found and PM2_ENV not in self.scope.annotations:
            key = min(found)
            message = f"{' and '.join(sorted(found))} are not used: choose one by the annotation {PM2_ENV}, or none by an empty one"
            self.warn("EnvironmentNotChosen", message, found[key].where((key,), key=True))


def _child(mark: Mark, step: str | int) -> Mark:
    """Return the mark of a child, or of its parent where it has none."""
    if isinstance(mark, int):
        return mark
    children = mark[1]
    if isinstance(children, dict):
        return children[step][1] if isinstance(step, str) and step in children else mark[0]
    return children[step] if isinstance(step, int) and step < len(children) else mark[0]


def _app_document(whole: Document, entry: Json, mark: Mark) -> Document:
    """Return one app as a document, its fields under the names of PM2's schema; of a field and its alias the field counts."""
    marks = Marks(whole.path, whole.marks.text, _renamed(mark))
    if not isinstance(entry, dict):
        return Document(whole.path, entry, marks)
    value: dict[str, Json] = {}
    for key, each in entry.items():
        name = BY_KEY[key].key if key in BY_KEY else key
        if name == key or name not in entry:
            value[name] = each
    return Document(whole.path, value, marks)


def _renamed(mark: Mark) -> Mark:
    if isinstance(mark, int) or not isinstance(mark[1], dict):
        return mark
    children = mark[1]
    return (mark[0], {BY_KEY[key].key if key in BY_KEY else key: child for key, child in children.items()})


def _placing(document: Document) -> Any:
    """Return where the fields of the Process stand in the app."""

    def at(path: tuple[str | int, ...]) -> Where:
        if path[:1] == ("metadata",):
            return document.where(("name",))
        field = str(path[1]) if len(path) > 1 else ""
        return document.where((_SPEC_KEYS.get(field, field),) if field else ())

    return at
