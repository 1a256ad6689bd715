"""Import of Argo CD: Applications and AppProjects as a cluster has them → as Git should say them, and what of them is not honoured.

What only the cluster writes is left out: status, the operation that runs, all of metadata but names, labels, annotations and finalizers,
tokens of roles. What looks like a secret is left out too, and told: credentials of an address, values by their name. Pure; what an object
says is not trusted, its name becomes that of a file. Law: the reader reads what comes out, or says why not, at its place.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.declare.document import Limits
from holdfast.declare.json_reader import read_json
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.delivery.address import has_credentials
from holdfast.delivery.application import Context
from holdfast.delivery.reader import API_VERSION, APPLICATION, GROUP, PROJECT, read_applications
from holdfast.errors import DeclarationError, declaration_errors
from holdfast.kit.canonical import Json
from holdfast.kit.secret_look import looks_secret

NAMESPACE = "argocd"
LEFT_OUT = "LEFT-OUT-BY-THE-IMPORT"
"""In the place of a value that looks like a secret."""
_LARGE = Limits(bytes=32 << 20, documents=10_000)
"""A cluster's answer, with the status of everything."""
_TRACKING = "argocd.argoproj.io/tracking-id"
_NOTES = frozenset({"kubectl.kubernetes.io/last-applied-configuration", "argocd.argoproj.io/refresh", _TRACKING})
"""Annotations that kubectl and Argo CD write."""
_METADATA = ("name", "namespace", "labels", "annotations", "finalizers")
_SAME_NAME = "one of another namespace has its name: rename one of the two, a name is there once"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LINE = re.compile(r"^(?P<head>[ \t-]*[\"']?(?P<key>[\w.-]+)[\"']?[ \t]*:[ \t]+)(?P<value>[^\s#&*|>{\[].*)$", re.MULTILINE)
"""A line of Helm values that has a key and a scalar."""
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[-.]")
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedObject:
    """One file of the repository to be."""

    kind: str
    namespace: str
    name: str
    path: str
    manifest: Mapping[str, Json]
    left: tuple[str, ...]
    """What was left out of it, or is made by somebody else, in words."""
    flagged: tuple[str, ...]
    """Fields that held what looks like a secret."""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the reader says of one file: `warnings` are honoured in vain, by `problems` it cannot be followed."""

    warnings: tuple[str, ...] = ()
    problems: tuple[DeclarationError, ...] = ()


def read_objects(path: str, data: bytes) -> list[Mapping[str, Json]]:
    """Return the objects of a file as `kubectl get -o yaml` (or json) writes it: documents, or a List. Raises DeclarationError."""
    parsed = read_json(path, data, _LARGE) if path.endswith(".json") else read_yaml(path, data, Dialect.KUBERNETES, _LARGE)
    if parsed.errors:
        raise declaration_errors(parsed.errors)
    found: list[Mapping[str, Json]] = []
    for document in parsed.documents:
        value = document.value
        items = value.get("items") if isinstance(value, dict) else None
        found += [each for each in (items if isinstance(items, list) else [value]) if isinstance(each, dict)]
    return found


def import_argocd(objects: Sequence[Mapping[str, Json]]) -> tuple[tuple[ImportedObject, ...], tuple[str, ...]]:
    """Return the files to be, projects first, and in words the objects that are passed over."""
    made: dict[str, ImportedObject] = {}
    passed_over: list[str] = []
    for each in objects:
        found = _imported(each)
        if isinstance(found, str):
            passed_over.append(found)
        elif found.path in made:
            passed_over.append(f"{found}: it is there twice")
        else:
            made[found.path] = found
    named = Counter((it.kind, it.name) for it in made.values())
    told = [replace(it, left=(*it.left, _SAME_NAME)) if named[it.kind, it.name] > 1 else it for it in made.values()]
    return tuple(sorted(told, key=lambda it: (it.kind != PROJECT, it.path))), tuple(passed_over)


def _imported(it: Mapping[str, Json]) -> ImportedObject | str:
    kind, metadata = it.get("kind"), it.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    what = f"{kind} {name}"
    if it.get("apiVersion") != API_VERSION or kind not in (APPLICATION, PROJECT):
        is_set = kind == "ApplicationSet"
        why = "it makes Applications, which are there; ApplicationSets are not read yet" if is_set else "Argo CD does not read it"
        return f"{what}: {why}"
    if not isinstance(metadata, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"{what}: it has no name that a file could have"
    namespace = metadata.get("namespace") or ""
    if not isinstance(namespace, str) or (namespace and not _NAME.fullmatch(namespace)):
        return f"{what}: it has no namespace that a file could have"
    assert isinstance(kind, str), "it is one of the two"
    cleaning = _Cleaning()
    manifest = {"apiVersion": API_VERSION, "kind": kind, "metadata": cleaning.clean(declared_metadata(metadata), ("metadata",))}
    manifest["spec"] = cleaning.clean(declared_spec(it.get("spec")), ("spec",))
    # An underscore is in no name of an object, so that no two objects have one file.
    stem = ("project_" if kind == PROJECT else "") + (f"{namespace}__" if namespace not in ("", NAMESPACE) else "") + name
    return ImportedObject(
        kind=kind,
        namespace=namespace,
        name=name,
        path=f"{stem}.yaml",
        manifest=manifest,
        left=tuple(_told(it, metadata)),
        flagged=tuple(cleaning.flagged),
    )


def declared_metadata(metadata: Mapping[str, Json]) -> dict[str, Json]:
    """Return metadata without what only the cluster, kubectl and Argo CD write."""
    kept = {key: metadata[key] for key in _METADATA if metadata.get(key)}
    annotations = kept.get("annotations")
    if isinstance(annotations, dict):
        kept["annotations"] = {key: value for key, value in annotations.items() if key not in _NOTES}
    return {key: value for key, value in kept.items() if value}


def declared_spec(spec: Json) -> Json:
    """Return a spec without the tokens that Argo CD's server notes in the roles of a project."""
    roles = spec.get("roles") if isinstance(spec, dict) else None
    if not isinstance(spec, dict) or not isinstance(roles, list):
        return spec
    kept: list[Json] = [
        {key: value for key, value in each.items() if key != "jwtTokens"} if isinstance(each, dict) else each for each in roles
    ]
    return {**spec, "roles": kept}


def _told(it: Mapping[str, Json], metadata: Mapping[str, Json]) -> Iterator[str]:
    owners, annotations = metadata.get("ownerReferences"), metadata.get("annotations")
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, dict):
            yield f"{owner.get('kind')} {owner.get('name')} makes it: what that says later does not reach this file"
    tracking = annotations.get(_TRACKING) if isinstance(annotations, dict) else None
    parent = tracking.partition(":")[0] if isinstance(tracking, str) else ""
    if parent and f":{GROUP}/" in str(tracking):
        yield f"Application {parent} declares it in Git already: once that is followed, this file may go"
    if it.get("operation"):
        yield "an operation runs, or waits: it is left out"
    if metadata.get("deletionTimestamp"):
        yield "it is being deleted"


class _Cleaning:
    """One object without what looks like a secret."""

    def __init__(self) -> None:
        self.flagged: list[str] = []

    def clean(self, value: Json, at: tuple[str, ...], name: str = "") -> Json:
        """Return `value`; `name` is what it is called where that is not its key (`{name: password, value: x}`)."""
        if isinstance(value, dict):
            called = value.get("name")
            called = called if isinstance(called, str) else ""
            return {
                key: self.clean(each, (*at, key), called if key in ("value", "string", "map", "array") else "")
                for key, each in value.items()
            }
        if isinstance(value, list):
            return [self.clean(each, (*at[:-1], f"{at[-1]}[{place}]"), name) for place, each in enumerate(value)]
        if isinstance(value, bool) or value is None:
            return value
        return self._scalar(value, at, name or at[-1].partition("[")[0])

    def _scalar(self, value: Json, at: tuple[str, ...], name: str) -> Json:
        text = str(value)
        if text == LEFT_OUT:
            return value
        if looks_secret(_WORDS.sub("_", name), "x"):
            cleaned = LEFT_OUT if looks_secret(_WORDS.sub("_", name), text) else text
        elif "\n" in text or at[-2:] == ("helm", "values"):
            cleaned = _text(text)
        elif ("://" in text and has_credentials(text)) or looks_secret("", text):
            cleaned = _ADDRESS.sub(lambda match: match["scheme"], text) if _ADDRESS.search(text) else LEFT_OUT
        else:
            return value
        if cleaned == text:
            return value
        self.flagged.append(".".join(at))
        return cleaned


def _text(text: str) -> str:
    """Return text of several lines, Helm values mostly, with its comments; nothing of it where leaving out lines does not help."""
    if not _holds_secret(text):
        return text
    cleaned = _LINE.sub(_line, text)
    return LEFT_OUT if _holds_secret(cleaned) else cleaned


def _line(match: re.Match[str]) -> str:
    is_plain = not looks_secret(_WORDS.sub("_", match["key"]), match["value"].strip("\"' "))
    return match[0] if is_plain else f"{match['head']}{LEFT_OUT}"


def _holds_secret(text: str) -> bool:
    """Say whether text looks like a secret, or is YAML that holds one."""
    inner = _Cleaning()
    for document in read_yaml("values", text.encode(), Dialect.KUBERNETES).documents:
        if isinstance(document.value, dict | list):
            inner.clean(document.value, ("values",))
    return bool(inner.flagged) or any(looks_secret("", line) for line in text.splitlines())


def tell(files: Sequence[tuple[str, str, bytes]], clusters: Mapping[str, str]) -> dict[str, Told]:
    """Return by path what the reader says of files, kind, path and bytes each; an Application is read with the projects that are sound."""
    context = Context(is_render=True, clusters=clusters)
    told = {path: _read([(path, data)], path, context) for kind, path, data in files if kind == PROJECT}
    sound = [(path, data) for kind, path, data in files if kind == PROJECT and not told[path].problems]
    return told | {path: _read([(path, data), *sound], path, context) for kind, path, data in files if kind == APPLICATION}


def _read(files: Sequence[tuple[str, bytes]], path: str, context: Context) -> Told:
    try:
        found = read_applications(files, context)
    except DeclarationError as error:
        parts = [each for each in error.errors or (error,) if isinstance(each, DeclarationError)]
        return Told(problems=tuple(each for each in parts if each.where and each.where[0].path == path))
    every = (*found.warnings, *(warning for it in found.applications for warning in it.warnings))
    own = [each for each in every if each.origin is not None and each.origin.path == path]
    return Told(warnings=tuple(dict.fromkeys(f"{each.message} ({path}:{each.origin.line})" for each in own if each.origin is not None)))
