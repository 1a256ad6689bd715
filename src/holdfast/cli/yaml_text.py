"""Own kinds as YAML text that a person would have written: the same value gives the same text, and YAML reads it back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.cli.scaffold import scalar

API_VERSION = "holdfast.dev/v1alpha1"
WIDTH = 100
FIRST: Sequence[str] = ("hosts", "canonicalHost", "path", "match", "name", "certificate", "redirectHttp")
"""Fields that say what the rest is about."""
LAST: Sequence[str] = ("raw", "paths")
_MEASURE = re.compile(r"[0-9]+(?:ms|[smhdw]|[KMGT]i)")


def document(kind: str, name: str, spec: Mapping[str, Any], comments: Sequence[str] = ()) -> str:
    """Return one resource, with comments above it."""
    lines = [*(f"# {' '.join(each.split())}" for each in comments), f"apiVersion: {API_VERSION}", f"kind: {kind}"]
    lines += ["metadata:", f"  name: {scalar(name)}", *(["spec:", *_mapping(spec, "  ")] if spec else ["spec: {}"])]
    return "\n".join(lines) + "\n"


def _mapping(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, each in sorted(value.items(), key=lambda pair: _rank(pair[0])):
        yield from _entry(f"{indent}{_key(key)}:", each, indent + "  ")


def _rank(key: str) -> tuple[int, int]:
    if key in FIRST:
        return 0, FIRST.index(key)
    return (2, LAST.index(key)) if key in LAST else (1, 0)


def _key(text: str) -> str:
    return text if text.isidentifier() and scalar(text) == text else _text(text)


def _text(text: str) -> str:
    """Return text as YAML reads it back: measures plain, patterns in single quotes."""
    if _MEASURE.fullmatch(text):
        return text
    short = "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in scalar(text))
    return f"'{text}'" if "\\" in short and "'" not in text and text.isprintable() and text.isascii() else short


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    """Yield `head` with its value on the same line where it fits, else below."""
    short = _flow(value)
    if not isinstance(value, Mapping | list) or (len(head) + 1 + len(short) <= WIDTH and _is_flat(value)):
        yield f"{head} {short}"
    elif isinstance(value, Mapping):
        yield head
        yield from _mapping(value, indent)
    else:
        yield head
        for each in value:
            yield from _item(each, indent)


def _item(value: Any, indent: str) -> Iterator[str]:
    short = _flow(value)
    if not isinstance(value, Mapping) or (len(indent) + 2 + len(short) <= WIDTH and _is_flat(value)):
        yield f"{indent}- {short}"
        return
    first, *rest = _mapping(value, indent + "  ")
    yield f"{indent}- {first[len(indent) + 2 :]}"
    yield from rest


def _is_flat(value: Any) -> bool:
    """Whether it reads well on one line: nothing nested in what is nested."""
    inner = value.values() if isinstance(value, Mapping) else value
    return all(not isinstance(each, Mapping | list) or _holds_words(each) for each in inner)


def _holds_words(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value
    return len(inner) <= 2 and all(not isinstance(each, Mapping | list) for each in inner)


def _flow(value: Any) -> str:
    match value:
        case bool() | int() | float() | None:
            return json.dumps(value)
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(map(_flow, value))}]"
        case _:
            pairs = (f"{_key(key)}: {_flow(each)}" for key, each in sorted(value.items(), key=lambda pair: _rank(pair[0])))
            return f"{{{', '.join(pairs)}}}" if value else "{}"
