"""Ignore: the differences that an Application says are none (Argo CD's `ignoreDifferences`), and what `compare-options` say.

Three ways to name fields: a JSON pointer, a jq path expression, or the managers whose fields are theirs. jq is no part of this house:
who has it passes a function from expression and object to paths; without one such a rule is an error. Laws:
what a rule names is left out of both sides; a rule that names nothing of an object changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kit.glob import matches
from holdfast.kubernetes.drift import managers
from holdfast.kubernetes.field_set import FieldSet, find, place
from holdfast.kubernetes.health import group_kind
from holdfast.model.terms import IgnoredFields, IgnoreRule

JsonPath: TypeAlias = tuple[str | int, ...]
Jq: TypeAlias = Callable[[str, Json], tuple[JsonPath, ...]]
"""Raises ValueError where the expression is none, or names no paths."""

COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"


def fits(rule: IgnoreRule, manifest: Mapping[str, Json], namespace: str = "") -> bool:
    """Say whether a rule is about this object; `namespace` is that of one which names none."""
    group, kind = group_kind(manifest)
    metadata = manifest.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    wanted = ((rule.group, group), (rule.kind, kind), (rule.name or "*", named.get("name")))
    where = named.get("namespace") or namespace
    return all(matches(pattern, str(value or "")) for pattern, value in wanted) and matches(rule.namespace or "*", str(where))


def ignored(
    rules: Iterable[IgnoredFields],
    desired: Mapping[str, Json],
    live: Mapping[str, Json],
    jq: Jq | None = None,
    theirs: Mapping[str, FieldSet] | None = None,
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return both sides without what the rules name. ValueError names a rule that cannot be followed.

    `theirs`: the fields of the managers that rules name, where `live` has no record of owners any more.
    """
    sides = (dict(desired), dict(live))
    for rule in rules:
        if theirs is None:
            fields = fields_of(live, rule.managed_fields_managers)
        else:
            fields = frozenset().union(*(theirs.get(name, frozenset()) for name in rule.managed_fields_managers))
        sides = (_without(sides[0], rule, fields, jq), _without(sides[1], rule, fields, jq))
    return sides


def is_same_but(
    rules: Iterable[IgnoredFields],
    desired: Mapping[str, Json],
    live: Mapping[str, Json],
    jq: Jq | None = None,
    theirs: Mapping[str, FieldSet] | None = None,
) -> bool:
    """Say whether both sides are the same but for what the rules name. ValueError as `ignored`."""
    one, other = ignored(rules, desired, live, jq, theirs)
    return _bare(one) == _bare(other)


def _bare(value: Json) -> Json:
    """Return a value without what became empty when something was taken out of it."""
    if isinstance(value, dict):
        return {key: bare for key, each in value.items() if (bare := _bare(each)) not in ({}, [])}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def respecting(
    rules: Iterable[IgnoredFields],
    desired: Mapping[str, Json],
    live: Mapping[str, Json],
    jq: Jq | None = None,
    theirs: Mapping[str, FieldSet] | None = None,
) -> dict[str, Json]:
    """Return what to apply where ignored fields are respected: `desired` with the live values of what the rules name.

    A value, not a gap: a field that we leave out of an apply after it was ours is taken away by the server. What the rules name and live
    has not is left out. ValueError as `ignored`.
    """
    result: Json = dict(desired)
    for rule in rules:
        for ours, other in _pairs(rule, desired, live, jq, theirs or {}):
            there, value = _at(dict(live), other)
            result = _with(result, ours, value) if there else removed(result, ours)
    return result if isinstance(result, dict) else dict(desired)


def _pairs(
    rule: IgnoredFields, desired: Mapping[str, Json], live: Mapping[str, Json], jq: Jq | None, theirs: Mapping[str, FieldSet]
) -> Iterator[tuple[JsonPath, JsonPath]]:
    """Yield where a named field stands in either side; one that stands in one side alone stands in both at the same place."""
    for pointer in rule.json_pointers:
        yield (path := read_pointer(pointer)), path
    for name in rule.managed_fields_managers:
        for steps in theirs.get(name, ()):
            ours, other = _resolved(dict(desired), steps), _resolved(dict(live), steps)
            if ours is not None and other is not None:
                yield ours, other
    for expression in rule.jq_path_expressions:
        one, two = _asked(jq, expression, dict(desired)), _asked(jq, expression, dict(live))
        yield from zip(one, two, strict=True) if len(one) == len(two) else ((path, path) for path in one)


def _asked(jq: Jq | None, expression: str, side: Json) -> tuple[JsonPath, ...]:
    if jq is None:
        raise ValueError(f"jqPathExpressions {expression!r}: nobody answers jq here")
    return jq(expression, side)


def _at(root: Json, path: JsonPath) -> tuple[bool, Json]:
    """Return whether something stands at a path, and what."""
    for step in path:
        if isinstance(root, dict) and isinstance(step, str) and step in root:
            root = root[step]
        elif isinstance(root, list) and (at := _index(step)) in range(len(root)):
            root = root[at]
        else:
            return False, None
    return True, root


def _with(root: Json, path: JsonPath, value: Json) -> Json:
    """Return `root` with `value` at a path; as it is where the path leads into a list that is too short, or through a plain value."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(root, dict) and isinstance(step, str):
        return {**root, step: _with(root.get(step, {}), rest, value)}
    if isinstance(root, list) and (at := _index(step)) in range(len(root)):
        return [*root[:at], _with(root[at], rest, value), *root[at + 1 :]]
    return root


def _index(step: str | int) -> int:
    return step if isinstance(step, int) else int(step) if step.isdigit() else -1


def fields_of(live: Mapping[str, Json], names: Collection[str]) -> FieldSet:
    """Return the fields that the record of owners gives to managers of these names."""
    return frozenset(path for name, _, _, fields in managers(live) if name in names for path in fields)


def _without(side: dict[str, Json], rule: IgnoredFields, theirs: FieldSet, jq: Jq | None) -> dict[str, Json]:
    paths: list[JsonPath] = [read_pointer(pointer) for pointer in rule.json_pointers]
    for expression in rule.jq_path_expressions:
        paths += _asked(jq, expression, side)
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
    if isinstance(root, list) and (at := _index(step)) in range(len(root)):
        return [*root[:at], *([removed(root[at], rest)] if rest else []), *root[at + 1 :]]
    return root


def compare_options(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and value of each compare option: IgnoreExtraneous, ServerSideDiff=true, IncludeMutationWebhook=true."""
    for part in annotations.get(COMPARE_OPTIONS, "").split(","):
        name, _, value = part.strip().partition("=")
        if name:
            yield name, value or "true"
