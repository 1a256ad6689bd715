"""The tables of compose's fields take what the published schema takes, and refuse what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.compose_cases import cases, tree
from tests.conformance.given import cases_at
from tests.conformance.json_schema import is_valid

from holdfast.workload.compose.node import made
from holdfast.workload.compose.service_fields import TOP
from holdfast.workload.compose.shape import ListOf, MapOf, Record, Scalar, Shape
from holdfast.workload.compose.told import Told

SCHEMA: dict[str, Any] = json.loads((cases_at("compose", "schema") / "compose-spec.json").read_text())
NEWER: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("service",): ("pre_start",),
    ("service", "build"): ("no_cache_filter",),
}
"""Fields that compose-go reads and this edition of the schema does not have yet."""
LAX = re.compile(
    r"(?:configs|secrets)\.[^:]*\.external: unknown field "
    r"|\.gpus\.\d+: unknown field "
    r"|: '.*' is no name: "
    r"|: it stands twice, "
    r"|: name and external\.name are one thing$"
    r"|, got (?:'|the number)"
)
"""What this edition or its evaluator leaves open: fields that nobody reads, names that nothing can have, what comes again in a list, a name
said twice, and words that stand for no number, switch, size, time or port."""
LIKE = tree("a: 1")
FILES = [text for case in cases("load").values() if len(text := case["files"][0]["content"]) < 4_000]


def models() -> list[Any]:
    """Return files of the given cases that the schema takes: what is changed below."""
    found = []
    for text in FILES:
        try:
            model = tree(text).to_json()
        except (AssertionError, ValueError):
            continue
        if is_valid(model, SCHEMA, SCHEMA) and verdict(model) == []:
            found.append(model)
    return found


def verdict(model: Any) -> list[str]:
    """Return what the tables say against a model."""
    told = Told()
    TOP.read(made(model, LIKE), (), told)
    return [error.message for error in told.errors]


MODELS = models()
WORDS = st.sampled_from(["", "a", "10s", "1g", "80", "x y"])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 70_000), st.sampled_from([0.5, 1.0, -2.25]), WORDS)
KEYS = st.sampled_from("a name x-a 0".split())
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner), max_leaves=3)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*path, key))


def changed(value: Any, path: tuple[Any, ...], new: Any, is_added: bool) -> Any:
    """Return `value` with what stands at `path` exchanged, or with a field added to the mapping there."""
    if not path:
        return {**value, "imageNot": new} if is_added and isinstance(value, dict) else new
    if isinstance(value, dict):
        return {**value, path[0]: changed(value[path[0]], path[1:], new, is_added)}
    return [*value[: path[0]], changed(value[path[0]], path[1:], new, is_added), *value[path[0] + 1 :]]


def test_there_is_enough_to_change() -> None:
    assert len(MODELS) > 150


@settings(max_examples=400)
@given(st.data())
def test_what_the_schema_refuses_is_refused(data: st.DataObject) -> None:
    """And what it takes is taken, but for what it leaves open."""
    model = data.draw(st.sampled_from(MODELS))
    path = data.draw(st.sampled_from(list(places(model))))
    new = changed(model, path, data.draw(VALUES), data.draw(st.booleans()))
    told = verdict(new)
    if not is_valid(new, SCHEMA, SCHEMA):
        assert told != []
    else:
        assert all(map(LAX.search, told)), told


def test_what_a_later_element_takes_the_place_of_is_read_too() -> None:
    assert verdict({"services": {"web": {"image": "x", "secrets": [None, ""]}}}) == [
        "cannot read case.yaml: services.web.secrets.0: expected a name or a mapping, got nothing"
    ]


def test_the_fields_are_the_schemas_fields() -> None:
    expected = {path: set(names) for path, names in properties(SCHEMA, ())}
    for path, names in NEWER.items():
        expected[path] |= set(names)
    known = dict(fields(TOP, ()))
    assert set(SCHEMA["properties"]) == known[()]
    assert expected[("service",)] == known[("services", "*")]
    assert expected[("service", "build")] == known[("services", "*", "build")]
    for name in ("network", "volume", "secret", "config", "model"):
        assert expected[(name,)] == known[(f"{name}s", "*")]


def properties(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield the properties of each definition, and of what stands below it under one name."""
    for name, definition in schema["definitions"].items():
        if "properties" in definition:
            yield (name,), list(definition["properties"])
            for key, each in definition["properties"].items():
                for option in each.get("oneOf", [each]):
                    if "properties" in option:
                        yield (name, key), list(option["properties"])


def fields(shape: Shape, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    if isinstance(shape, Record):
        yield path, set(shape.fields)
        for key, field in shape.fields.items():
            yield from fields(field.shape, (*path, key))
    elif isinstance(shape, MapOf | ListOf):
        yield from fields(shape.item, (*path, "*" if isinstance(shape, MapOf) else "[]"))
    else:
        assert isinstance(shape, Scalar | Shape)
