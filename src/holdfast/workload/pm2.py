"""PM2: `ecosystem.config.{json,yaml,yml,js,cjs}` → one Process for each app.

Format `pm2`. The JavaScript forms are run by whoever answers `Ask("javascript", path)`, and only where the local configuration allows it;
what comes back is the JSON that the file exports. pm2_app reads one app, pm2_fields lists the fields.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.declare.document import Document, Mark, Marks, Parsed, pack, place, split_lines
from holdfast.declare.json_reader import read_json
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.model.declaration import Ask, Declaration, Reading, Scope
from holdfast.model.labels import PM2_ENV
from holdfast.model.resource import Origin, Warning
from holdfast.workload.pm2_app import App, Found
from holdfast.workload.pm2_fields import BY_KEY, ENV_PREFIX

_FILE = re.compile(r"(?:ecosystem|pm2)(?:\.config)?\.(?:json|ya?ml|[cm]?js)")
_SCRIPT = (".js", ".cjs", ".mjs")
ALLOWED = "javascript"
"""What the local configuration must allow for the JavaScript forms."""
_DEFAULT_ENVIRONMENT = "production"
_SPEC_KEYS: Mapping[str, str] = {
    "command": "script",
    "workingDir": "cwd",
    "replicas": "instances",
    "cronRestart": "cron_restart",
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
            return Parsed(errors=(_not_run(shown, data, ALLOWED in scope.allowed),))
        parsed = read_json(shown, exported)
        return Parsed(documents=tuple(_in_script(document, data) for document in parsed.documents), errors=parsed.errors)


def _not_run(shown: str, data: bytes, is_allowed: bool) -> DeclarationError:
    lines = split_lines(data.decode("utf-8", errors="replace"))
    reason = "node gave no answer" if is_allowed else "the local configuration does not allow it to be run"
    return DeclarationError(
        "HF1130",
        f"cannot read {shown}: it is JavaScript, and {reason}",
        where=[place(shown, lines, 0)],
        hint="allow `javascript` in the local configuration, or convert it: "
        f"node -p 'JSON.stringify(require(\"./{posixpath.basename(shown)}\"), null, 2)' > ecosystem.config.json",
    )


def _no_apps(where: Where) -> DeclarationError:
    return DeclarationError(
        "HF1131", f"cannot read {where.path}: it names no apps", where=[where], hint="write apps: with a list of apps, each with a script"
    )


def _in_script(document: Document, data: bytes) -> Document:
    """Return what a script exported with places in the script: an app is where its name stands, as well as that can be told."""
    text = data.decode("utf-8", errors="replace")
    lines = split_lines(text)

    def mark(app: Json) -> Mark:
        name = app.get("name", app.get("script")) if isinstance(app, dict) else None
        for number, line in enumerate(lines):
            if isinstance(name, str) and (found := re.search(f"['\"`]{re.escape(name)}['\"`]", line)) is not None:
                return pack(number, found.start())
        return 0

    value = document.value
    root: Mark = mark(value)
    if isinstance(value, list):
        root = (0, [mark(app) for app in value])
    elif isinstance(value, dict) and isinstance(apps := value.get("apps"), list):
        each: Mark = (0, [mark(app) for app in apps])
        root = (0, {"apps": (0, each)})
    return Document(document.path, value, Marks(document.path, lines, root))


class _Ecosystem:
    """One ecosystem file in reading."""

    def __init__(self, document: Document, answers: Mapping[Ask, bytes | None], scope: Scope) -> None:
        self.document = document
        self.scope = scope
        self.found = Found(files={ask.path: content for ask, content in answers.items() if ask.what == "blob"})
        self.environment = scope.annotations.get(PM2_ENV, _DEFAULT_ENVIRONMENT)
        self.declarations: list[Declaration] = []
        self.warnings: list[Warning] = []
        self.errors: list[DeclarationError] = []
        self.names: dict[tuple[str | None, str], Where] = {}

    def reading(self, consumed: frozenset[str]) -> Reading:
        for app in self.apps():
            self.app(app)
        if not self.declarations and not self.errors:
            self.errors.append(_no_apps(self.document.where(())))
        self.chosen()
        if self.found.wanted:
            return Reading(asks=tuple(Ask(what="blob", path=path) for path in dict.fromkeys(self.found.wanted)))
        return Reading(
            declarations=tuple(self.declarations),
            consumed=consumed,
            warnings=tuple(self.warnings),
            errors=tuple(self.errors),
        )

    def apps(self) -> Iterator[Document]:
        """Yield each app as a document of its own."""
        value, root = self.document.value, self.document.marks.root
        if isinstance(value, dict) and "apps" in value:
            self.others(value)
            root = _child(root, "apps")
            value = value["apps"]
        entries = value if isinstance(value, list) else [value]
        for index, entry in enumerate(entries):
            mark = _child(root, index) if isinstance(value, list) else root
            document = _app_document(self.document, entry, mark)
            if isinstance(entry, dict):
                yield document
            else:
                self.errors.append(
                    DeclarationError("HF1131", f"cannot read {self.document.path}: an app must be a mapping", where=[document.where(())])
                )

    def others(self, value: Mapping[str, Json]) -> None:
        for key in value:
            if key != "apps":
                line = self.document.where((key,), key=True).line or 1
                says = "deploying is what Git does here" if key == "deploy" else "only apps is read"
                origin = Origin(path=self.document.path, line=line, revision=self.scope.revision)
                self.warnings.append(Warning(reason="FieldNotHonoured", message=f"{key} is not honoured: {says}", origin=origin))

    def app(self, document: Document) -> None:
        origin = Origin(path=document.path, line=document.where(()).line or 1, revision=self.scope.revision)
        app = App(document, origin, self.found, self.environment)
        spec, name, namespace = app.spec(), app.name(), app.namespace()
        self.warnings += app.warnings
        self.errors += app.errors
        where = document.where(("name",))
        if (first := self.names.setdefault((namespace, name), where)) is not where:
            reason = f"the app {name!r} stands twice"
            self.errors.append(
                DeclarationError("HF1133", f"cannot read {document.path}: {reason}", where=[first, where], hint="rename one of the two")
            )
        elif spec is not None:
            self.declarations.append(
                Declaration(kind="Process", name=name, namespace=namespace, spec=spec, origin=origin, place=_placing(document))
            )

    def chosen(self) -> None:
        """Refuse an environment that a person chose and no app has."""
        if PM2_ENV not in self.scope.annotations or self.environment == "":
            return
        key = f"{ENV_PREFIX}{self.environment}"
        if not any(isinstance(app.value, dict) and key in app.value for app in self.apps_quietly()):
            self.warnings.append(
                Warning(
                    reason="EnvironmentUnknown",
                    message=f"annotation {PM2_ENV} names {self.environment!r}, and no app has {key}",
                    origin=self.scope.annotation_origin,
                )
            )

    def apps_quietly(self) -> tuple[Document, ...]:
        warnings, errors = list(self.warnings), list(self.errors)
        apps = tuple(self.apps())
        self.warnings, self.errors = warnings, errors
        return apps


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
    marks = Marks(whole.path, whole.text_lines, _renamed(mark))
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
