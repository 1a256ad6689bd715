"""Typed: specs of the edge as plain JSON for a state, and back.

A state holds what a person wrote in its canonical form, defaults left out, so that a Holdfast that knows more fields changes nothing by
itself. A secret stands with its fingerprint, so that a new value is a change. Law: `read(type, write(type, spec, …)) == spec`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from holdfast.declare.hint import Hint, bare, element, entries, is_spec, scalar, shape, shapes, spec_fields, union
from holdfast.declare.schema import encode
from holdfast.kit.canonical import Json

T = TypeVar("T")


def write(spec_type: type[T], spec: T, fingerprints: Mapping[str, str]) -> dict[str, Json]:
    """Return a spec as the fields of a state. A secret that was not fingerprinted yet reads `fingerprint: null` (known after apply)."""
    fields: Any = _sealed(encode(spec_type, spec), fingerprints)
    result: dict[str, Json] = fields
    return result


def _sealed(value: Json, fingerprints: Mapping[str, str]) -> Json:
    if isinstance(value, list):
        return [_sealed(each, fingerprints) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(name := value.get("secret"), str) and len(value) == 1:
        return {"secret": name, "fingerprint": fingerprints.get(name)}
    return {key: _sealed(each, fingerprints) for key, each in value.items()}


def read(spec_type: type[T], fields: Mapping[str, Json]) -> T:
    """Return what the fields of a state say; fields that are no part of the spec are passed over."""
    result: T = _value(spec_type, fields)
    return result


def _value(hint: Hint, value: Any) -> Any:
    if (mark := scalar(hint)) is not None:
        return mark.parse(value)
    plain = bare(hint)
    if members := union(plain):
        return _member(members, value)
    if is_spec(plain):
        return plain(**{item.name: _value(item.hint, value[key]) for key, item in spec_fields(plain).items() if key in value})
    if (item := element(plain)) is not None:
        return tuple(_value(item, each) for each in value)
    if (pair := entries(plain)) is not None:
        return {key: _value(pair[1], each) for key, each in value.items()}
    return float(value) if plain is float else value


def _member(members: tuple[Hint, ...], value: Any) -> Any:
    """Return the value by the first member that takes it."""
    fitting = [member for member in members if shape(value) in shapes(member)]
    for member in fitting[:-1]:
        try:
            return _value(member, value)
        except ValueError:
            continue
    return _value(fitting[-1], value)


def secrets(value: Json) -> Iterator[str]:
    """Yield the names of the secrets that a state's fields refer to."""
    if isinstance(value, list):
        for each in value:
            yield from secrets(each)
    elif isinstance(value, dict):
        if isinstance(name := value.get("secret"), str):
            yield name
        else:
            for each in value.values():
                yield from secrets(each)
