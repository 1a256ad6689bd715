"""Codec: what is remembered ↔ plain JSON, by the annotations of the values themselves.

`store` writes with it, and whoever shows an Operation or a Plan as JSON. Laws: `decode(type(x), encode(x)) == x`, also through JSON text;
keys that a newer version wrote are ignored; a field that is not there takes its default. Sets are sorted, so equal values give equal JSON.

The field names are the stored form: renaming a field, or adding one without a default, needs an upgrade step in `store.schema`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId

T = TypeVar("T")

TAG = "kind"
"""Of a value that is one of several classes (the owner of a resource): the class's name in lower case."""


@dataclass(frozen=True, slots=True)
class _Codec:
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]


def encode(value: Any) -> Json:
    """Return `value`, a frozen dataclass of `model` (Owned, Resource, Operation, Outcome, Plan, Change, Event …), as plain JSON."""
    result: Json = _codec(type(value)).encode(value)
    return result


def decode(form: type[T], data: Any) -> T:
    """Return the `form` that `encode` gave; ValueError where `data` is something else."""
    try:
        result: T = _codec(form).decode(data)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"cannot read {form.__name__}: {error}") from error
    return result


def _codec(form: Any) -> _Codec:
    """Return how values annotated as `form` are written and read."""
    return _made(form)


@cache
def _made(form: Any) -> _Codec:
    origin, arguments = get_origin(form), get_args(form)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple:
        return _tuple(_codec(arguments[0]))
    if origin is frozenset:
        return _frozenset(_codec(arguments[0]))
    if origin is Mapping:
        return _mapping(*arguments)
    if form is ResourceId:
        return _Codec(list, lambda data: _id(_checked(list, data)))
    if isinstance(form, type) and issubclass(form, Enum):
        return _Codec(lambda value: value.value, form)
    if isinstance(form, type) and is_dataclass(form):
        return _dataclass(form)
    if form in (str, bool, int, float):
        return _scalar(form)
    raise TypeError(f"no codec for {form}")


def _checked(form: Any, data: Any) -> Any:
    if not isinstance(data, form):
        raise ValueError(f"{data!r:.80} stands where {form} belongs")
    return data


def _id(parts: list[Any]) -> ResourceId:
    return ResourceId.of([_checked(str, part) for part in parts])


def _same(value: Any) -> Any:
    return value


def _scalar(form: type) -> _Codec:
    accepted: Any = int | float if form is float else form
    return _Codec(_same, lambda data: _checked(accepted, data))


def _union(arguments: tuple[Any, ...]) -> _Codec:
    """JSON itself, a value or None, or one of several dataclasses, told apart by TAG."""
    if any(get_origin(argument) is list for argument in arguments):
        return _Codec(_same, _same)
    present = [argument for argument in arguments if argument is not type(None)]
    if len(present) == 1:
        inner = _codec(present[0])
        return _Codec(
            lambda value: None if value is None else inner.encode(value), lambda data: None if data is None else inner.decode(data)
        )
    tagged = {form.__name__.lower(): form for form in present}
    return _Codec(
        lambda value: {TAG: type(value).__name__.lower(), **_codec(type(value)).encode(value)},
        lambda data: _codec(tagged[data[TAG]]).decode(data),
    )


def _tuple(inner: _Codec) -> _Codec:
    return _Codec(lambda value: [inner.encode(one) for one in value], lambda data: tuple(inner.decode(one) for one in _checked(list, data)))


def _frozenset(inner: _Codec) -> _Codec:
    return _Codec(
        lambda value: sorted(inner.encode(one) for one in value), lambda data: frozenset(inner.decode(one) for one in _checked(list, data))
    )


def _mapping(key: Any, value: Any) -> _Codec:
    """An object; keyed by ids a sorted list of pairs."""
    inner = _codec(value)
    if key is str:
        return _Codec(
            lambda mapping: {name: inner.encode(one) for name, one in mapping.items()},
            lambda data: {name: inner.decode(one) for name, one in _checked(dict, data).items()},
        )
    keys = _codec(key)
    return _Codec(
        lambda mapping: [[keys.encode(one), inner.encode(mapping[one])] for one in sorted(mapping)],
        lambda data: {keys.decode(one): inner.decode(found) for one, found in _checked(list, data)},
    )


def _dataclass(form: type) -> _Codec:
    hints = get_type_hints(form)
    parts = {one.name: _codec(hints[one.name]) for one in fields(form)}
    required = [one.name for one in fields(form) if one.default is MISSING and one.default_factory is MISSING]

    def read(data: Any) -> Any:
        found = _checked(dict, data)
        if lacking := [name for name in required if name not in found]:
            raise ValueError(f"{form.__name__} lacks {', '.join(lacking)}")
        return form(**{name: part.decode(found[name]) for name, part in parts.items() if name in found})

    return _Codec(lambda value: {name: part.encode(getattr(value, name)) for name, part in parts.items()}, read)
