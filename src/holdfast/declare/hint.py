"""Hint: what a spec type says about the YAML that a person may write: field names, shapes, and expectations in plain words.

Read by decode and schema. A spec is a frozen dataclass of a room, typed with: str int float bool None, Literal, Enum, `X | Y`, tuple[X,
...], frozenset[X], Mapping[str, X], Annotated[X, Scalar | Check], other such dataclasses, and object or Json for what stays as it was read.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from holdfast.kit.canonical import Json
from holdfast.model.scalars import Check, Scalar

Hint: TypeAlias = Any
"""A type as `typing.get_type_hints(include_extras=True)` gives it."""

_PLAIN: Mapping[Hint, tuple[str, str]] = {
    str: ("text", "string"),
    bool: ("true or false", "boolean"),
    int: ("a whole number", "integer"),
    float: ("a number", "number"),
    type(None): ("nothing", "null"),
}
_RAW: frozenset[Hint] = frozenset({Any, object})
ALL_SHAPES = frozenset({"string", "boolean", "integer", "number", "null", "array", "object"})


@dataclass(frozen=True, slots=True)
class SpecField:
    """One field of a spec, as Python and as YAML name it."""

    name: str
    key: str
    hint: Hint
    default: object
    """dataclasses.MISSING where the field must be written; a default factory is called."""

    @property
    def is_required(self) -> bool:
        return self.default is dataclasses.MISSING


def camel(name: str) -> str:
    """Return `stop_timeout` as `stopTimeout`; a trailing underscore, that keeps clear of a Python word, is dropped."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


def spec_fields(spec_type: Hint) -> Mapping[str, SpecField]:
    """Return the fields of a spec by their YAML key: camelCase, or as `field(metadata={"key": "repoURL"})` says."""
    return _spec_fields(spec_type)


@cache
def _spec_fields(spec_type: Hint) -> Mapping[str, SpecField]:
    hints = typing.get_type_hints(spec_type, include_extras=True)
    fields = (
        SpecField(item.name, item.metadata.get("key", camel(item.name)), hints[item.name], _default(item))
        for item in dataclasses.fields(spec_type)
        if item.init
    )
    return {item.key: item for item in fields}


def _default(item: dataclasses.Field[Any]) -> object:
    return item.default_factory() if item.default_factory is not dataclasses.MISSING else item.default


def is_spec(hint: Hint) -> bool:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def is_enum(hint: Hint) -> bool:
    return isinstance(hint, type) and issubclass(hint, enum.Enum)


def _taken_apart(hint: Hint) -> tuple[Any, tuple[Any, ...]]:
    """Return the origin and the arguments of a hint."""
    return typing.get_origin(hint), typing.get_args(hint)


def union(hint: Hint) -> tuple[Hint, ...]:
    """Return the members of `X | Y`, empty for any other hint."""
    origin, args = _taken_apart(hint)
    return args if origin in {typing.Union, types.UnionType} else ()


def is_raw(hint: Hint) -> bool:
    """Whether a value stays as it was read: object, Any, and the recursive Json, which no walk over types can end."""
    members = union(hint)
    holds_all = any(element(member) is not None for member in members) and any(entries(member) is not None for member in members)
    return hint in _RAW or (holds_all and {str, float, bool, type(None)} <= set(members))


def scalar(hint: Hint) -> Scalar | None:
    """Return the Scalar that an Annotated hint carries."""
    return next((mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Scalar)), None)


def checks(hint: Hint) -> tuple[Check, ...]:
    return tuple(mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, Check))


def bare(hint: Hint) -> Hint:
    """Return `hint` without its annotations."""
    origin, args = _taken_apart(hint)
    return args[0] if origin is typing.Annotated else hint


def element(hint: Hint) -> Hint | None:
    """Return X of tuple[X, ...], list[X] or frozenset[X]."""
    origin, args = _taken_apart(hint)
    return args[0] if origin in {tuple, list, frozenset} else None


def entries(hint: Hint) -> tuple[Hint, Hint] | None:
    """Return K and X of Mapping[K, X]."""
    origin, args = _taken_apart(hint)
    return (args[0], args[1]) if isinstance(origin, type) and issubclass(origin, Mapping) else None


def choices(hint: Hint) -> tuple[Json, ...]:
    """Return the values of a Literal or an Enum."""
    origin, args = _taken_apart(hint)
    if origin is typing.Literal:
        return args
    return tuple(member.value for member in hint) if is_enum(hint) else ()


@cache
def shapes(hint: Hint) -> frozenset[str]:
    """Return the JSON types that a value of `hint` may have; an integer is a number too."""
    if (mark := scalar(hint)) is not None:
        kind = mark.schema.get("type", "string")
        return frozenset([kind] if isinstance(kind, str) else map(str, kind if isinstance(kind, list | tuple) else ()))
    hint = bare(hint)
    if is_raw(hint):
        return ALL_SHAPES
    if members := union(hint):
        return frozenset().union(*map(shapes, members))
    if hint in _PLAIN:
        return frozenset({_PLAIN[hint][1]} | ({"integer"} if hint is float else set()))
    if values := choices(hint):
        return frozenset(map(shape, values))
    if element(hint) is not None:
        return frozenset({"array"})
    return frozenset({"object"})


def shape(value: Json) -> str:
    """Return the JSON type of a value."""
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, list) else _PLAIN[type(value)][1]


def expectation(hint: Hint) -> str:
    """Return in plain words what a person may write for `hint`."""
    if (mark := scalar(hint)) is not None:
        return mark.expected
    if bounds := checks(hint):
        return bounds[0].expected
    hint = bare(hint)
    if members := union(hint):
        return _either([expectation(member) for member in members if member is not type(None)])
    if hint in _PLAIN:
        return _PLAIN[hint][0]
    if values := choices(hint):
        return " or ".join(map(str, values)) if len(values) < 3 else f"one of {', '.join(map(str, values))}"
    if element(hint) is not None:
        return "a list"
    if is_spec(hint):
        required = [item.key for item in spec_fields(hint).values() if item.is_required]
        return f"a mapping with {' and '.join(required)}" if required else "a mapping"
    return "a mapping" if entries(hint) else "a value"


def _either(words: list[str]) -> str:
    *others, last = dict.fromkeys(words)
    if len(others) > 1:
        return f"{', '.join(others)}, or {last}"
    return f"{others[0]} or {last}" if others else last


def described(value: Json) -> str:
    """Return in plain words what a person has written."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return repr(value if len(value) <= 60 else f"{value[:60]}…")
        case list():
            return "a list"
    return "a mapping"
