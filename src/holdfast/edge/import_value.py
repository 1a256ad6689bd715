"""Values of nginx files as fields hold them: sizes, times, keys of limits, and texts whose variables are known beforehand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from holdfast.kit.canonical import Json
from holdfast.model.scalars import Scalar

T = TypeVar("T")

_SIZE = re.compile(r"(\d+)([kKmMgG]?)")
_SIZES: Mapping[str, int] = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_TIME = re.compile(r"(\d+)(ms|[yMwdhms]?)")
_TIMES: Mapping[str, float] = {
    "y": 365 * 86_400.0,
    "M": 30 * 86_400.0,
    "w": 7 * 86_400.0,
    "d": 86_400.0,
    "h": 3_600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 0.001,
    "": 1.0,
}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_KEYS: Mapping[str, str] = {"binary_remote_addr": "ip", "remote_addr": "ip", "request_uri": "uri", "uri": "uri"}


def size(text: str) -> int | None:
    """Return bytes of `10m`; None where it is no size."""
    found = _SIZE.fullmatch(text)
    return None if found is None else int(found[1]) * _SIZES[found[2].lower()]


def seconds_of(text: str) -> float | None:
    """Return seconds of `1m30s`; None where it is no time."""
    parts = _TIME.findall(text.replace(" ", ""))
    if not parts or "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
        return None
    return sum(int(number) * _TIMES[unit] for number, unit in parts)


def key_of(text: str) -> str | None:
    """Return a key such as `ip` or `header:X-User` of what nginx counts or hashes by; None where no field says it."""
    name = _VARIABLE.fullmatch(text)
    if name is None:
        return None
    variable = name[1] or name[2]
    if variable in _KEYS:
        return _KEYS[variable]
    kind, _, rest = variable.partition("_")
    match kind:
        case "http":
            return "header:" + "-".join(word.capitalize() for word in rest.split("_"))
        case "cookie":
            return f"cookie:{rest}"
        case "arg":
            return f"query:{rest}"
    return None


def filled(text: str, known: Mapping[str, str]) -> str:
    """Return a text with the variables that are known put in."""
    return _VARIABLE.sub(lambda found: known.get(found[1] or found[2], found[0]), text)


def accepted(scalar: object, value: Json) -> str | None:
    """Return a value as a scalar (`Host`, `Address` …) takes it; None where it does not."""
    mark = next(each for each in getattr(scalar, "__metadata__", ()) if isinstance(each, Scalar))
    try:
        taken: str = mark.parse(value)
    except ValueError:
        return None
    return taken
