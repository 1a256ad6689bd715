"""Format: a folder with a chart, as `model.declaration.Format` has it.

A chart is a program: `helm template` runs it (`host.helm`, an ask), and what it prints is read here. A template says no place of what came
of it, so an object stands at the first line of the template that made it. What comes of it are objects of a cluster: declarations where the
destination is one, and shown as a model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from holdfast.declare.document import Document, Limits
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.kubernetes.declared import declared
from holdfast.kubernetes.kind import KubernetesKind
from holdfast.kubernetes.manifest import Manifest
from holdfast.kubernetes.shown import model
from holdfast.model.declaration import Ask, Reading, Scope
from holdfast.model.resource import Origin, Warning

CHART = "Chart.yaml"
LIMITS: Final = Limits(bytes=32 << 20, expanded=200_000, documents=20_000)
LONGEST = 2_000
"""Characters of what helm says that are told."""
_SOURCE = re.compile(r"^# Source: (\S+)$", re.MULTILINE)
_SPLIT = re.compile(r"^---[ \t]*$", re.MULTILINE)
_PLACE = re.compile(r"([\w.-]+(?:/[\w.@-]+)*?/(?:templates|crds)/[^\s:()\"]+)(?::(\d+))?(?::(\d+))?")
_HINTS: Mapping[str, str] = MappingProxyType(
    {
        "missing in charts/ directory": "run `helm dependency build` and commit charts/: nothing is fetched while rendering",
        "incompatible with Kubernetes": "set spec.source.helm.kubeVersion to the version of the cluster",
        "don't meet the specifications of the schema": "correct the values, or set skipSchemaValidation",
        "validation: chart.metadata": "correct Chart.yaml",
    }
)
_CORRECT = "`helm template` says the same of this chart and these values"


class Helm:
    """The format. `objects`: who reads objects of a cluster."""

    name = "helm"
    workload = True
    whole = True
    is_remembered = False

    def __init__(self, objects: KubernetesKind | None = None) -> None:
        self._objects = objects

    def matches(self, path: str) -> bool:
        return path == CHART

    def read(self, path: str, data: bytes, answers: Mapping[Ask, bytes | None], scope: Scope) -> Reading:
        """Return the objects of the chart, the ask for its rendering, or what is wrong with it."""
        ask = Ask(what="helm", path=path)
        if ask not in answers:
            return Reading(asks=(ask,))
        answer: dict[str, Any] = json.loads(answers[ask] or b'{"failed": "there is no chart"}')
        consumed = frozenset({path, *answer.get("files", ())})
        if "wrong" in answer:
            return Reading(consumed=consumed, errors=(_wrong(answer["wrong"], scope),))
        if "failed" in answer:
            return Reading(consumed=consumed, errors=(_failed(str(answer["failed"]), path, scope),))
        name = str(answer["chart"])
        manifests, errors = _manifests(str(answer["output"]), name, path, scope)
        reading = declared(self._objects, manifests, scope) if not errors else Reading()
        return Reading(
            declarations=reading.declarations,
            consumed=consumed,
            errors=(*errors, *reading.errors),
            warnings=(*_links(answer.get("links", ()), path, scope), *reading.warnings),
            models=(model(scope.shown(path), manifests),) if not errors else (),
        )


def _manifests(output: str, chart: str, path: str, scope: Scope) -> tuple[list[Manifest], tuple[DeclarationError, ...]]:
    """Return the objects of what helm printed; its lists are opened."""
    found: list[Manifest] = []
    errors: list[DeclarationError] = []
    for text in _SPLIT.split(output):
        source = _SOURCE.search(text)
        file = _template(source[1], chart, scope) if source is not None else scope.shown(path)
        parsed = read_yaml(file, text.encode(), Dialect.KUBERNETES, LIMITS, last_key_wins=True)
        errors += (
            DeclarationError("HF1722", f"cannot read what {file} gives: {error.message}", where=[Where(path=file, line=1)], hint=error.hint)
            for error in parsed.errors
        )
        origin = Origin(path=file, line=1, revision=scope.revision)
        found += (Manifest(value=value, origin=origin) for document in parsed.documents for value in _objects(document))
    return found, tuple(errors)


def _objects(document: Document) -> Iterator[Mapping[str, Json]]:
    value = document.value
    if not isinstance(value, dict) or not value:
        return
    items = value.get("items")
    if value.get("kind") == "List" and isinstance(items, list):
        yield from (item for item in items if isinstance(item, dict))
    else:
        yield value


def _template(source: str, chart: str, scope: Scope) -> str:
    """Return where a template lies in the repository; helm calls it by the chart's name."""
    return scope.shown(source.removeprefix(f"{chart}/"))


def _failed(said: str, path: str, scope: Scope) -> DeclarationError:
    """Return what helm says of a chart, at the template that it names."""
    text = re.sub(r"^Error: ", "", said.strip()).split("\n\nUse --debug", 1)[0]
    found = _PLACE.search(text)
    where = Where(path=scope.shown(path), line=1)
    if found is not None:
        where = Where(
            path=scope.shown(found[1].partition("/")[2]),
            line=int(found[2]) if found[2] else 1,
            column=int(found[3]) + 1 if found[3] else None,
        )
    hint = next((hint for mark, hint in _HINTS.items() if mark in text), _CORRECT)
    return DeclarationError("HF1721", f"cannot render chart {scope.root or scope.application}: {text[:LONGEST]}", where=[where], hint=hint)


def _wrong(wrong: Mapping[str, str], scope: Scope) -> DeclarationError:
    origin = scope.annotation_origin
    where = Where(path=origin.path, line=origin.line) if origin is not None else Where(path=f"Application {scope.application}")
    message = f"cannot render chart {scope.root or scope.application}: helm.{wrong['path']}: {wrong['reason']}"
    return DeclarationError("HF1720", message, where=[where], hint=wrong["hint"])


def _links(links: list[str], path: str, scope: Scope) -> Iterator[Warning]:
    for each in sorted(links):
        message = f"{scope.shown(each)} is a link, and no part of the chart that is rendered"
        yield Warning(reason="LinkNotFollowed", message=message, origin=Origin(path=scope.shown(path), line=1, revision=scope.revision))
