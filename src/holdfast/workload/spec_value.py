"""From the JSON of a state back to the spec that it was made of."""

from __future__ import annotations

from typing import Any

from holdfast.declare.hint import Hint, bare, element, entries, is_spec, scalar, shape, shapes, spec_fields, union


def spec_value(hint: Hint, value: Any) -> Any:
    """Return `value`, as a state holds it, as what `hint` asks for; it was valid when it was declared."""
    if (mark := scalar(hint)) is not None:
        return mark.parse(value)
    plain = bare(hint)
    if members := union(plain):
        return spec_value(next(member for member in members if shape(value) in shapes(member)), value)
    if is_spec(plain):
        return plain(**{item.name: spec_value(item.hint, value[key]) for key, item in spec_fields(plain).items() if key in value})
    if (item := element(plain)) is not None:
        return tuple(spec_value(item, each) for each in value)
    if (pair := entries(plain)) is not None:
        return {key: spec_value(pair[1], each) for key, each in value.items()}
    return float(value) if plain is float else value
