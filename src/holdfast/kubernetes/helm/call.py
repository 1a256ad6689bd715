"""What `helm template` is asked for an Application, as Argo CD asks it: from `spec.source.helm` to arguments and files.

Pure: `host.helm` writes the files into a folder of its own and runs it. Order of values, the later wins: the chart's own, `valueFiles`,
`values` or `valuesObject`, `parameters` and `fileParameters` (Argo CD `util/helm`). Law: no argument names a file that is not of the
repository, and nothing is fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from holdfast.kit.canonical import Json
from holdfast.kit.path import within

_UNESCAPED_COMMA = re.compile(r"(?<!\\),")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_REFERENCE = re.compile(r"\$([\w.-]+)/(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """For what a chart is rendered."""

    application: str
    namespace: str
    root: str
    """The chart's folder in its repository; "" is the whole."""
    revision: str
    repository: str = ""
    target_revision: str = ""
    kube_version: str = ""
    """Of the cluster, empty where it is not known; the Application's own word counts before it."""
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that helm is given: one of Git (`source` "" is the chart's repository, else the name of another source), or a text."""

    source: str = ""
    path: str = ""
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """An argument that is known once the files lie somewhere: `prefix`, and where the file with that number lies, or the chart."""

    prefix: str = ""
    file: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`arguments` come behind `helm template`."""

    arguments: tuple[str | Placed, ...]
    files: tuple[File, ...] = ()


class Wrong(Exception):
    """What `spec.source.helm` says cannot be. `path`: below it."""

    def __init__(self, reason: str, hint: str, *path: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.path = path


@dataclass(slots=True)
class _Files:
    """`has` says whether a source holds a file."""

    has: Callable[[File], bool]
    found: list[File] = field(default_factory=list)

    def add(self, file: File, prefix: str = "") -> Placed:
        self.found.append(file)
        return Placed(prefix, len(self.found) - 1)


def call_of(options: Mapping[str, Json], chart: Chart, has: Callable[[File], bool]) -> Call:
    """Return what to ask. `options` are `spec.source.helm` as it is written, and sound. Raises Wrong."""
    files = _Files(has)
    words: list[str | Placed] = ["--name-template", _text(options, "releaseName") or chart.application]
    words += ["--namespace", _text(options, "namespace") or chart.namespace]
    if version := _text(options, "kubeVersion") or chart.kube_version:
        words += ["--kube-version", version]
    for each in _texts(options, "apiVersions") or chart.api_versions:
        words += ["--api-versions", each]
    if not _is_on(options, "skipCrds"):
        words.append("--include-crds")
    for key, flag in (("skipTests", "--skip-tests"), ("skipSchemaValidation", "--skip-schema-validation")):
        words += [flag] if _is_on(options, key) else ()
    variables = _variables(chart)
    words += _values(options, chart, variables, files)
    for at, given in enumerate(_maps(options, "parameters")):
        flag = "--set-string" if _is_on(given, "forceString") else "--set"
        words += [flag, f"{_named(given, 'parameters', at)}={_escaped(_filled(_text(given, 'value'), variables))}"]
    for at, given in enumerate(_maps(options, "fileParameters")):
        file = _file(_filled(_text(given, "path"), variables), chart, ("fileParameters", at, "path"))
        if not files.has(file):
            raise _missing(file, ("fileParameters", at, "path"))
        words += ["--set-file", files.add(file, f"{_named(given, 'fileParameters', at)}=")]
    return Call(arguments=(*words, Placed()), files=tuple(files.found))


def _values(options: Mapping[str, Json], chart: Chart, variables: Mapping[str, str], files: _Files) -> list[str | Placed]:
    words: list[str | Placed] = []
    for at, text in enumerate(_texts(options, "valueFiles")):
        file = _file(_filled(text, variables), chart, ("valueFiles", at))
        if files.has(file):
            words += ["--values", files.add(file)]
        elif not _is_on(options, "ignoreMissingValueFiles"):
            raise _missing(file, ("valueFiles", at))
    own = options.get("valuesObject")
    if isinstance(own, dict) and own:
        words += ["--values", files.add(File(text=json.dumps(own)))]
    elif text := _text(options, "values"):
        words += ["--values", files.add(File(text=text))]
    return words


def _file(text: str, chart: Chart, at: tuple[str | int, ...]) -> File:
    """Return which file a path means: below the chart, from the root of its repository (`/`), or of another source (`$ref/`)."""
    if "://" in text:
        raise Wrong(f"{text} lies elsewhere, and nothing is fetched", "put the file into Git and name its path", *at)
    if (reference := _REFERENCE.fullmatch(text)) is not None:
        return File(source=reference[1], path=_within("", reference[2], at))
    return File(path=_within("", text.lstrip("/"), at) if text.startswith("/") else _within(chart.root, text, at))


def _within(folder: str, path: str, at: tuple[str | int, ...]) -> str:
    found = within(folder, path)
    if found is None:
        raise Wrong(f"{path} leads out of the repository", "name a file of the repository", *at)
    return found


def _missing(file: File, at: tuple[str | int, ...]) -> Wrong:
    where = f"source {file.source!r}" if file.source else "the repository"
    hint = "correct the path, or set ignoreMissingValueFiles" if at[0] == "valueFiles" else "correct the path"
    return Wrong(f"there is no file {file.path} in {where}", hint, *at)


def _named(parameter: Mapping[str, Json], key: str, at: int) -> str:
    name = _text(parameter, "name")
    if not name or "=" in name:
        raise Wrong(f"{name!r} is no name of a value", "write a path into the values, such as image.tag", key, at, "name")
    return name


def _variables(chart: Chart) -> Mapping[str, str]:
    """What Argo CD fills in: its build environment."""
    return {
        "ARGOCD_APP_NAME": chart.application,
        "ARGOCD_APP_NAMESPACE": chart.namespace,
        "ARGOCD_APP_REVISION": chart.revision,
        "ARGOCD_APP_REVISION_SHORT": chart.revision[:7],
        "ARGOCD_APP_REVISION_SHORT_8": chart.revision[:8],
        "ARGOCD_APP_SOURCE_PATH": chart.root,
        "ARGOCD_APP_SOURCE_REPO_URL": chart.repository,
        "ARGOCD_APP_SOURCE_TARGET_REVISION": chart.target_revision,
    }


def _filled(text: str, variables: Mapping[str, str]) -> str:
    """Fill in what is known; the rest stays, since `$values/…` is no variable."""
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], found[0]), text)


def _escaped(value: str) -> str:
    """Return a value as `--set` takes it: a comma is part of it, unless it is a list in braces (Argo CD `cleanSetParameters`)."""
    return value if value.startswith("{") and value.endswith("}") else _UNESCAPED_COMMA.sub(r"\\,", value)


def _text(options: Mapping[str, Json], key: str) -> str:
    value = options.get(key)
    return value if isinstance(value, str) else "" if value is None else str(value)


def _texts(options: Mapping[str, Json], key: str) -> tuple[str, ...]:
    value = options.get(key)
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _maps(options: Mapping[str, Json], key: str) -> tuple[Mapping[str, Json], ...]:
    value = options.get(key)
    return tuple(each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()


def _is_on(options: Mapping[str, Json], key: str) -> bool:
    return options.get(key) is True
