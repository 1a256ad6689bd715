"""Scalars: the small values that specs are made of, each with how a person writes it and what it is asked to be.

Annotations for the specs of rooms; `declare` reads them. A Scalar has a text of its own ("30s" is 30.0 seconds); a Check asks more of a
value that was read already. Law: `scalar.parse(scalar.show(value)) == value`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias, TypeVar

from holdfast.kit.canonical import Json
from holdfast.kit.cron import Cron
from holdfast.kit.duration import format_duration, parse_duration
from holdfast.kit.quantity import format_quantity, parse_quantity

T = TypeVar("T")


def _same(value: Any) -> Json:
    result: Json = value
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A value with a written form of its own."""

    expected: str
    """In plain words, after "expected": `a duration such as 30s`."""
    parse: Callable[[Json], Any]
    """From what YAML holds to the value. Raises ValueError with a reason, which may be empty."""
    show: Callable[[Any], Json] = _same
    """From the value to what a person would write."""
    schema: Mapping[str, Json] = field(default_factory=lambda: {"type": "string"}, hash=False)
    """JSON Schema of the written form; its `type` says which JSON types parse looks at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """More that is asked of a value."""

    expected: str
    reason: Callable[[Any], str | None]
    """Why a value is not acceptable, None where it is."""
    schema: Mapping[str, Json] = field(default_factory=dict, hash=False)


def matching(expected: str, pattern: str, longest: int | None = None) -> Scalar:
    """Return a Scalar for text that `pattern` matches as a whole."""
    compiled = re.compile(pattern)

    def parse(value: Json) -> str:
        if not isinstance(value, str):
            raise ValueError
        if longest is not None and len(value) > longest:
            raise ValueError(f"{len(value)} characters, at most {longest}")
        if compiled.fullmatch(value) is None:
            raise ValueError
        return value

    schema: dict[str, Json] = {"type": "string", "pattern": f"^(?:{pattern})$"}
    return Scalar(expected=expected, parse=parse, schema=schema if longest is None else schema | {"maxLength": longest})


def _quietly(parse: Callable[[str], T], text: str) -> T:
    """Return what `parse` gives, its failure without a reason: `expected` says as much as kit would, and the text is shown beside it."""
    try:
        return parse(text)
    except ValueError:
        raise ValueError from None


def _duration(value: Json) -> float:
    if isinstance(value, str):
        seconds = _quietly(parse_duration, value)
        if math.isfinite(seconds):
            return seconds
        raise ValueError("it is endless")
    if value == 0 and not isinstance(value, bool):
        return 0.0
    raise ValueError("a unit is missing: ms, s, m, h or d" if isinstance(value, int | float) and not isinstance(value, bool) else "")


def _size(value: Json) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    if not isinstance(value, str):
        raise ValueError
    amount = _quietly(parse_quantity, value)
    if amount >= 1 << 63:
        raise ValueError("it is beyond 64 bits")
    if amount != int(amount):
        raise ValueError("it is no whole number of bytes")
    return int(amount)


def _port(value: Json) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535:
        return value
    raise ValueError


def _text(value: Json) -> str:
    """Return text without NUL: it becomes an argument, a path or a variable of a process, where C ends at NUL."""
    if not isinstance(value, str):
        raise ValueError
    if "\0" in value:
        raise ValueError("it holds a NUL character")
    return value


def _non_empty(value: Json) -> str:
    text = _text(value)
    if not text:
        raise ValueError("it is empty")
    return text


def _relative_path(value: Json) -> str:
    text = _non_empty(value)
    if text.startswith("/"):
        raise ValueError("it is absolute")
    if ".." in text.split("/"):
        raise ValueError("it climbs with ..")
    return text


def _cron(value: Json) -> str:
    text = _non_empty(value)
    try:
        Cron.parse(text)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"cannot read cron {text!r}: ")) from None
    return text


def _runnable(argv: tuple[str, ...]) -> str | None:
    if not argv:
        return "it is empty"
    return None if argv[0] else "the program is empty"


Duration: TypeAlias = Annotated[
    float, Scalar(expected="a duration such as 30s", parse=_duration, show=format_duration, schema={"type": ["string", "integer"]})
]
"""Seconds; written `30s`, `1m30s`, `250ms`, or 0."""

Size: TypeAlias = Annotated[
    int, Scalar(expected="a size such as 512Mi", parse=_size, show=format_quantity, schema={"type": ["string", "integer"], "minimum": 0})
]
"""Bytes; written `512Mi`, `1G`, or a plain number."""

Port: TypeAlias = Annotated[
    int,
    Scalar(expected="a port from 1 to 65535", parse=_port, schema={"type": "integer", "minimum": 1, "maximum": 65535}),
]

Name: TypeAlias = Annotated[
    str, matching("a name of lower-case letters, digits, '-', '_' and '.'", r"[a-z0-9]([-a-z0-9_.]*[a-z0-9])?", longest=63)
]
"""Of a resource or a part of one; no slash, so that `Kind/namespace/name` reads one way."""

NonEmptyStr: TypeAlias = Annotated[str, Scalar(expected="text", parse=_non_empty, schema={"type": "string", "minLength": 1})]

Argv: TypeAlias = Annotated[
    tuple[Annotated[str, Scalar(expected="text", parse=_text)], ...],
    Check(expected="a list of a program and its arguments", reason=_runnable, schema={"minItems": 1}),
]
"""A program and its arguments, never a shell line."""

RelativePath: TypeAlias = Annotated[
    str,
    Scalar(expected="a path below the folder, such as config/app.yaml", parse=_relative_path, schema={"type": "string", "minLength": 1}),
]

CronText: TypeAlias = Annotated[str, Scalar(expected="a cron expression such as '0 3 * * *'", parse=_cron)]

EnvName: TypeAlias = Annotated[str, matching("the name of a variable: letters, digits and '_'", r"[A-Za-z_][A-Za-z0-9_]*")]
