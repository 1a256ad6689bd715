"""Ignore: the differences that an Application says are none (Argo CD's `ignoreDifferences`), and what `compare-options` say.

Three ways to name fields: a JSON pointer, a jq path expression, or the managers whose fields are theirs. jq is no part of this house:
who has it passes a function from expression and object to paths; without one such a rule is an error that says what to install. Laws:
what a rule names is left out of both sides; a rule that names nothing of an object changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kit.glob import matches
from holdfast.kubernetes.drift import managers
from holdfast.kubernetes.field_set import FieldSet, find, place
from holdfast.kubernetes.health import group_kind

JsonPath: TypeAlias = tuple[str | int, ...]
Jq: TypeAlias = Callable[[str, Json], tuple[JsonPath, ...]]
"""Raises ValueError where the expression is none, or names no paths."""

COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRule:
    """One entry of `spec.ignoreDifferences`. `*` stands in group, kind, namespace and name for any; empty name or namespace too."""

    kind: str
    group: str = ""
    name: str = ""
    namespace: str = ""
    json_pointers: tuple[str, ...] = ()
    jq_path_expressions: tuple[str, ...] = ()
    managed_fields_managers: tuple[str, ...] = ()

    def fits(self, manifest: Mapping[str, Json], namespace: str = "") -> bool:
        """Say whether the rule is about this object; `namespace` is that of one which names none."""
        group, kind = group_kind(manifest)
        metadata = manifest.get("metadata")
        named = metadata if isinstance(metadata, dict) else {}
        wanted = ((self.group, group), (self.kind, kind), (self.name or "*", named.get("name")))
        where = named.get("namespace") or namespace
        return all(matches(pattern, str(value or "")) for pattern, value in wanted) and matches(self.namespace or "*", str(where))


def ignored(
    rules: tuple[IgnoreRule, ...], desired: Mapping[str, Json], live: Mapping[str, Json], jq: Jq | None = None
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return both sides without what the rules name. ValueError names a rule that cannot be followed."""
    sides = (dict(desired), dict(live))
    for rule in rules:
        if rule.fits(live) or rule.fits(desired):
            theirs = _fields_of(live, rule.managed_fields_managers)
            sides = (_without(sides[0], rule, theirs, jq), _without(sides[1], rule, theirs, jq))
    return sides


def _fields_of(live: Mapping[str, Json], names: tuple[str, ...]) -> FieldSet:
    return frozenset(path for name, _, _, fields in managers(live) if name in names for path in fields)


def _without(side: dict[str, Json], rule: IgnoreRule, theirs: FieldSet, jq: Jq | None) -> dict[str, Json]:
    paths: list[JsonPath] = [read_pointer(pointer) for pointer in rule.json_pointers]
    for expression in rule.jq_path_expressions:
        if jq is None:
            raise ValueError(f"jqPathExpressions {expression!r}: jq is not installed; pip install 'holdfast[kubernetes]'")
        paths += jq(expression, side)
    paths += [path for steps in theirs if (path := _resolved(side, steps)) is not None]
    result: Json = side
    for path in sorted(set(paths), key=_from_the_end, reverse=True):  # later items of a list first: places stay what they were
        result = removed(result, path)
    return result if isinstance(result, dict) else side


def _from_the_end(path: JsonPath) -> tuple[int, tuple[tuple[int, str, int], ...]]:
    return len(path), tuple((1, "", step) if isinstance(step, int) else (0, step, 0) for step in path)


def _resolved(root: Json, steps: tuple[str, ...]) -> JsonPath | None:
    """Return the plain path of an owned field; None where it is not there."""
    path: list[str | int] = []
    for step in steps:
        there, inner = find(root, step)
        if not there:
            return None
        if step[:2] == "f:":
            path.append(step[2:])
        else:
            at = int(step[2:]) if step[:2] == "i:" else place(root, step) if isinstance(root, list) else None
            if at is None:
                return None
            path.append(at)
        root = inner
    return tuple(path)


def read_pointer(text: str) -> JsonPath:
    """Return the steps of a JSON pointer (RFC 6901). ValueError where it is none; a number is a place where a list stands there."""
    if text and not text.startswith("/"):
        raise ValueError(f"JSON pointer {text!r} does not begin with /")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def removed(root: Json, path: JsonPath) -> Json:
    """Return `root` without what stands at `path`; as it is where nothing does."""
    if not path:
        return root
    step, rest = path[0], path[1:]
    if isinstance(root, dict) and isinstance(step, str) and step in root:
        if not rest:
            return {key: value for key, value in root.items() if key != step}
        return {**root, step: removed(root[step], rest)}
    if isinstance(root, list) and (at := int(step) if isinstance(step, int) or step.isdigit() else -1) in range(len(root)):
        return [*root[:at], *([removed(root[at], rest)] if rest else []), *root[at + 1 :]]
    return root


def compare_options(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and value of each compare option: IgnoreExtraneous, ServerSideDiff=true, IncludeMutationWebhook=true."""
    for part in annotations.get(COMPARE_OPTIONS, "").split(","):
        name, _, value = part.strip().partition("=")
        if name:
            yield name, value or "true"
