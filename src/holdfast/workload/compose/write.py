"""Write: a model as the text of a compose file that a person would have written. Law: it reads back as the same values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.declare.yaml_scalar import spelled
from holdfast.workload.compose.import_seen import Noted

SPACED = ("services", "networks", "volumes")
"""Sections with an empty line before them."""


def write(model: Mapping[str, Any], comments: Sequence[str] = ()) -> str:
    """Return a compose file, with comments above it."""
    lines = [f"# {' '.join(each.split())}".rstrip() for each in comments]
    for key, value in model.items():
        if key in SPACED and lines:
            lines.append("")
        lines += _entry(f"{spelled(key, '')}:", value, "")
    return "\n".join(lines) + "\n"


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    """Yield `head` with its value behind it, or below."""
    comment = ""
    if isinstance(value, Noted):
        value, comment = value.value, f"  # {value.comment}"
    if isinstance(value, Mapping) and value:
        yield f"{indent}{head}{comment}"
        for key, each in value.items():
            yield from _entry(f"{spelled(str(key), '')}:", each, f"{indent}  ")
    elif isinstance(value, list) and value:
        yield f"{indent}{head}{comment}"
        for each in value:
            yield from _item(each, f"{indent}  ")
    else:
        yield f"{indent}{head}{_spelled(value)}{comment}"


def _item(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, list) and value:
        yield f"{indent}-"
        for each in value:
            yield from _item(each, f"{indent}  ")
        return
    if not isinstance(value, Mapping) or not value:
        yield f"{indent}-{_spelled(value)}"
        return
    first, *rest = (line for key, each in value.items() for line in _entry(f"{spelled(str(key), '')}:", each, f"{indent}  "))
    yield f"{indent}- {first[len(indent) + 2 :]}"
    yield from rest


def _spelled(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f" {str(value).lower()}"
        case str():
            return f" {spelled(value, '')}"
        case Mapping():
            return " {}"
        case list():
            return " []"
    return f" {value}"
