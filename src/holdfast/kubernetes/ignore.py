"""Ignore: the differences that an Application says are none (Argo CD's `ignoreDifferences`), and what `compare-options` say.

Three ways to name fields: a JSON pointer, a jq path expression, or the managers whose fields are theirs. jq is no part of this house: who
has it asks for the paths of each expression in either side first (`Named`). Laws: what a rule names is left out of both sides; a rule that
names nothing of an object changes nothing; in which order rules come is all the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kit.glob import matches
from holdfast.kubernetes.drift import managers
from holdfast.kubernetes.field_set import FieldSet, find, place
from holdfast.kubernetes.health import group_kind
from holdfast.kubernetes.list_key import key_of, list_keys
from holdfast.model.terms import IgnoredFields, IgnoreRule

JsonPath: TypeAlias = tuple[str | int, ...]
Held: TypeAlias = tuple[()] | tuple[Json]
"""What stands somewhere; empty where nothing does."""
Named: TypeAlias = Mapping[str, tuple[tuple[JsonPath, ...], tuple[JsonPath, ...]]]
"""What each jq path expression names in the desired side, and in the live one."""

MOST = 10_000
"""Fields that one expression may name."""
DEEPEST = 100
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
    named: Named | None = None,
    theirs: Mapping[str, FieldSet] | None = None,
) -> tuple[dict[str, Json], dict[str, Json]]:
    """Return both sides without what the rules name. ValueError names a rule that cannot be followed.

    `theirs`: the fields of the managers that rules name, where `live` has no record of owners any more.
    """
    sides: tuple[dict[str, Json], dict[str, Json]] = dict(desired), dict(live)
    paths: tuple[list[JsonPath], list[JsonPath]] = [], []
    for rule in rules:
        if theirs is None:
            fields = fields_of(live, rule.managed_fields_managers)
        else:
            fields = frozenset().union(*(theirs.get(name, frozenset()) for name in rule.managed_fields_managers))
        for at in (0, 1):
            paths[at].extend(read_pointer(pointer) for pointer in rule.json_pointers)
            paths[at].extend(path for expression in rule.jq_path_expressions for path in _named(named, expression)[at])
            paths[at].extend(path for steps in fields if (path := _resolved(sides[at], steps)) is not None)
    return _without(sides[0], paths[0]), _without(sides[1], paths[1])


def is_same_but(
    rules: Iterable[IgnoredFields],
    desired: Mapping[str, Json],
    live: Mapping[str, Json],
    named: Named | None = None,
    theirs: Mapping[str, FieldSet] | None = None,
) -> bool:
    """Say whether both sides are the same but for what the rules name. ValueError as `ignored`."""
    one, other = ignored(rules, desired, live, named, theirs)
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
    named: Named | None = None,
    theirs: Mapping[str, FieldSet] | None = None,
) -> dict[str, Json]:
    """Return what to apply where ignored fields are respected: `desired` with the live values of what the rules name.

    A value, not a gap: a field that we leave out of an apply after it was ours is taken away by the server. What the rules name and live
    has not is left out. ValueError as `ignored`.
    """
    changes: dict[JsonPath, Held] = {}
    for rule in rules:
        for ours, other in _pairs(rule, desired, live, named, theirs or {}):
            changes[ours] = _at(dict(live), other)
    return _changed_object(desired, changes)


def _pairs(
    rule: IgnoredFields, desired: Mapping[str, Json], live: Mapping[str, Json], named: Named | None, theirs: Mapping[str, FieldSet]
) -> Iterator[tuple[JsonPath, JsonPath]]:
    """Yield where a named field stands in either side: what one side alone has would stand in the same place of the other."""
    for pointer in rule.json_pointers:
        path = read_pointer(pointer)
        ours, other = _standing(dict(desired), path), _standing(dict(live), path)
        if ours and ours == other:  # else a list stands in one of them where the other has none
            yield ours, other
    for name in rule.managed_fields_managers:
        for steps in theirs.get(name, ()):
            here, there = _resolved(dict(desired), steps), _resolved(dict(live), steps)
            if here is not None and there is not None:
                yield here, there
    to_live, to_ours = _Counterparts(dict(desired), dict(live)), _Counterparts(dict(live), dict(desired))
    for expression in rule.jq_path_expressions:
        one, two = _named(named, expression)
        yield from ((path, to_live.of(path)) for path in one)
        yield from ((ours, path) for path in two if ABSENT not in (ours := to_ours.of(path)))


ABSENT = -1
"""The place in a list of an item that is not there."""


class _Counterparts:
    """Where in `other` stands what stands somewhere in `root`: items of lists are the same by their keys; without keys, by their places."""

    def __init__(self, root: Json, other: Json) -> None:
        self._root = root
        self._other = other
        self._places: dict[JsonPath, Mapping[int, int]] = {}

    def of(self, path: JsonPath) -> JsonPath:
        """Return the path in `other`; the place of an item that it has not is ABSENT."""
        root, other = self._root, self._other
        found: list[str | int] = []
        for at, step in enumerate(path):
            there = step
            if isinstance(step, int) and isinstance(root, list):
                if path[:at] not in self._places:
                    field = str(path[at - 1]) if at else ""
                    self._places[path[:at]] = _places(field, root, other if isinstance(other, list) else [])
                there = self._places[path[:at]].get(step, ABSENT)
            found.append(there)
            root, other = _inner(root, step), _inner(other, there)
        return tuple(found)


def _places(field: str, items: list[Json], others: list[Json]) -> Mapping[int, int]:
    """Return the place in `others` of each of `items` that is there too."""
    keys = list_keys(field, [*items, *others])
    if not keys and all(isinstance(each, dict) and "name" in each for each in [*items, *others]):
        keys = ("name",)  # of a kind that no built-in list tells of
    if not keys:
        return {at: at for at in range(min(len(items), len(others)))}
    by_key = {_text(key_of(each, keys)): at for at, each in reversed([*enumerate(others)]) if isinstance(each, dict)}
    keyed = {at: _text(key_of(each, keys)) for at, each in enumerate(items) if isinstance(each, dict)}
    return {at: by_key[key] for at, key in keyed.items() if key in by_key}


def _text(key: tuple[Json, ...]) -> str:
    return json.dumps(key, sort_keys=True)


def _inner(root: Json, step: str | int) -> Json:
    return next(iter(_at(root, (step,))), None)


def _named(named: Named | None, expression: str) -> tuple[tuple[JsonPath, ...], tuple[JsonPath, ...]]:
    if named is None or expression not in named:
        raise ValueError(f"jqPathExpressions {expression!r}: nobody answers jq here")
    return named[expression]


def read_jq_paths(root: Json, answer: Json) -> tuple[JsonPath, ...]:
    """Return paths that jq names in `root` in plain steps: a slice is each of its items, a place counts from the front.

    ValueError where they are too many, too deep, or none.
    """
    found: list[JsonPath] = []
    for each in answer if isinstance(answer, list) else ():
        if not isinstance(each, list) or not each:
            raise ValueError("it names the whole object")
        if len(each) > DEEPEST:
            raise ValueError(f"it names a field more than {DEEPEST} deep")
        for path in _plain(root, each):
            found.append(path)
            if len(found) > MOST:
                raise ValueError(f"it names more than {MOST:,} fields")
    return tuple(dict.fromkeys(found))


def _plain(root: Json, steps: list[Json]) -> Iterator[JsonPath]:
    path: JsonPath = ()
    view: range | None = None  # what a slice lets be seen of the list
    for step in steps:
        places = view if view is not None else range(len(root) if isinstance(root, list) else 0)
        match step:
            case str():
                path, root, view = (*path, step), _inner(root, step), None
            case {"start": start, "end": end}:
                view = places[_edge(start, math.floor) : _edge(end, math.ceil)]
            case int() | float():
                place = math.floor(step) + (len(places) if step < 0 else 0)
                if place not in range(len(places)):
                    return
                path, root, view = (*path, places[place]), _inner(root, places[place]), None
            case _:
                raise ValueError("it names no fields")
    if view is None:
        yield path
    else:
        yield from ((*path, at) for at in view)


def _edge(value: Json, rounded: Callable[[float], int]) -> int | None:
    return rounded(value) if isinstance(value, int | float) else None


def _at(root: Json, path: JsonPath) -> Held:
    for step in path:
        if isinstance(root, dict) and isinstance(step, str) and step in root:
            root = root[step]
        elif isinstance(root, list) and (at := _index(step)) in range(len(root)):
            root = root[at]
        else:
            return ()
    return (root,)


def _changed_object(root: Mapping[str, Json], changes: Mapping[JsonPath, Held]) -> dict[str, Json]:
    result = next(iter(_changed(dict(root), [*changes.items()])), None)
    return result if isinstance(result, dict) else dict(root)


def _changed(root: Json, changes: list[tuple[JsonPath, Held]]) -> Held:
    """Return `root` with what the changes put at their paths, or take away; every part is made anew once, however many changes it has.

    As it is where a path leads through a plain value, or to an item that a list has not.
    """
    beneath: dict[str | int, list[tuple[JsonPath, Held]]] = {}
    for path, held in changes:
        if not path:
            return held
        beneath.setdefault(path[0], []).append((path[1:], held))
    if isinstance(root, dict):
        result = dict(root)
        for step, inner in beneath.items():
            if isinstance(step, str) and (step in root or any(held for _, held in inner)):
                held = _changed(root.get(step, {}), inner)
                if held:
                    result[step] = held[0]
                else:
                    result.pop(step, None)
        return (result,)
    if isinstance(root, list):
        return ([value for at, each in enumerate(root) for value in (_changed(each, beneath[at]) if at in beneath else (each,))],)
    return (root,)


def _index(step: str | int) -> int:
    return step if isinstance(step, int) else int(step) if step.isdigit() else -1


def fields_of(live: Mapping[str, Json], names: Collection[str]) -> FieldSet:
    """Return the fields that the record of owners gives to managers of these names."""
    return frozenset(path for name, _, _, fields in managers(live) if name in names for path in fields)


def _without(side: dict[str, Json], paths: Iterable[JsonPath]) -> dict[str, Json]:
    return _changed_object(side, dict.fromkeys((path for each in paths if (path := _standing(side, each))), ()))


def _standing(root: Json, path: JsonPath) -> JsonPath:
    """Return a path with numbers where it leads through lists: a JSON pointer writes them as text."""
    found: list[str | int] = []
    for step in path:
        found.append(_index(step) if isinstance(root, list) else step)
        root = _inner(root, step)
    return tuple(found)


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


def compare_options(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield name and value of each compare option: IgnoreExtraneous, ServerSideDiff=true, IncludeMutationWebhook=true."""
    for part in annotations.get(COMPARE_OPTIONS, "").split(","):
        name, _, value = part.strip().partition("=")
        if name:
            yield name, value or "true"
