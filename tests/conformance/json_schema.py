"""As much of JSON Schema draft 7 as the published schema of compose uses; an oracle that shares nothing with the reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TYPES: Mapping[str, Any] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and value.is_integer())),
}
KNOWN = frozenset(
    "$schema $id title description default deprecated definitions type properties patternProperties additionalProperties items oneOf enum "
    "required $ref minimum maximum pattern uniqueItems format".split()
)


def is_valid(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Say whether `value` is of `schema`. `uniqueItems` is not looked at: compose takes what comes again out of most lists first."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        return is_valid(value, root["definitions"][schema["$ref"].removeprefix("#/definitions/")], root)
    types = schema.get("type", list(TYPES))
    if not any(TYPES[name](value) for name in ([types] if isinstance(types, str) else types)):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "oneOf" in schema and sum(is_valid(value, each, root) for each in schema["oneOf"]) != 1:
        return False
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        return False
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return False
    if isinstance(value, list) and "items" in schema:
        return all(is_valid(each, schema["items"], root) for each in value)
    return not isinstance(value, dict) or _is_valid_object(value, schema, root)


def _is_valid_object(value: Mapping[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    if not set(schema.get("required", ())) <= value.keys():
        return False
    for key, each in value.items():
        matching = [schema["properties"][key]] if key in schema.get("properties", {}) else []
        matching += [inner for pattern, inner in schema.get("patternProperties", {}).items() if re.search(pattern, key)]
        if not matching and schema.get("additionalProperties") is False:
            return False
        if not all(is_valid(each, inner, root) for inner in matching):
            return False
    return True
