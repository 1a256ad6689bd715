"""Unit: sizes, times, modes and switches as compose writes them, and their one canonical spelling.

`2gb` is "2147483648", `90s` is "1m30s", mode 0440 is "0440": what `docker compose config` prints. derive makes numbers of them. Sources:
docker `go-units` RAMInBytes, Go `time.Duration`, xhit `go-str2duration`. Each raises ValueError with the reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal

from holdfast.kit.canonical import Json

_SIZE = re.compile(r"(-?[0-9]+(?:\.[0-9]*)?|-?\.[0-9]+) ?([kKmMgGtTpP]?)(?:[iI]?[bB])?")
_SHIFT: Mapping[str, int] = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|w|d|h|m|s)")
_NANOSECONDS: Mapping[str, int] = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_TRUE = frozenset({"y", "yes", "true", "on"})
_FALSE = frozenset({"n", "no", "false", "off"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_REAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_OCTAL = re.compile(r"0?[oO]?[0-7]{1,7}")


def written(value: Json) -> str:
    """Return a scalar as text, as Go prints it: true, 3, 2.5, 1e+21."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, float):
        return str(value)
    if value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    text = repr(value)
    mantissa, e, exponent = text.partition("e")
    return text if not e else f"{mantissa}e{int(exponent):+03d}"


def flag(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise ValueError


def whole(value: Json) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise ValueError


def real(value: Json) -> int | float:
    if isinstance(value, str) and not _REAL.fullmatch(value):
        raise ValueError
    number = float(value) if isinstance(value, str | int | float) else math.nan
    if not math.isfinite(number):
        raise ValueError
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def size(value: Json) -> str:
    """Return bytes as text; k, m, g, t and p count in 1024s. -1 stands for no limit."""
    if isinstance(value, int):
        return str(value)
    match = _SIZE.fullmatch(written(value).strip())
    if match is None:
        raise ValueError
    amount = Decimal(match[1]) * (1 << _SHIFT[match[2].lower()])
    if abs(amount) >= 1 << 63:
        raise ValueError("it is beyond 64 bits")
    return str(int(amount))


def nanoseconds(value: Json) -> int:
    """Return a time in nanoseconds: a row of numbers with units, w and d among them, or a bare 0."""
    text = written(value).strip()
    sign = -1 if text.startswith("-") else 1
    text = text.lstrip("+-")
    if text == "0":
        return 0
    at, total = 0, Decimal(0)
    while at < len(text):
        if (part := _SPAN.match(text, at)) is None:
            raise ValueError("a unit is missing: ms, s, m, h, d or w" if text[at:].replace(".", "", 1).isdigit() else "")
        total += Decimal(part[1]) * _NANOSECONDS[part[2]]
        at = part.end()
    if not text or total >= 1 << 63:
        raise ValueError("it is empty" if not text else "it is beyond 292 years")
    return sign * int(total)


def span(value: Json) -> str:
    """Return a time as Go prints it: `1m0s`, `1.5s`, `100ms`, `0s`."""
    total = nanoseconds(value)
    sign, total = ("-", -total) if total < 0 else ("", total)
    if total < _NANOSECONDS["s"]:
        unit = "ms" if total >= _NANOSECONDS["ms"] else "µs" if total >= _NANOSECONDS["us"] else "ns"
        return f"{sign}{_plain(Decimal(total) / _NANOSECONDS[unit])}{unit}" if total else "0s"
    minutes, rest = divmod(total, _NANOSECONDS["m"])
    hours, minutes = divmod(minutes, 60)
    front = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{front}{_plain(Decimal(rest) / _NANOSECONDS['s'])}s"


def _plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def mode(value: Json) -> str:
    """Return permission bits in octal: of a number as YAML read it, of a text as it is written."""
    if isinstance(value, float):
        value = whole(value)
    if isinstance(value, int):
        number = value
    else:
        text = written(value)
        if not _OCTAL.fullmatch(text):
            raise ValueError
        number = int(text.lower().replace("o", ""), 8)
    if not 0 <= number <= 0o7777:
        raise ValueError("it is more than 07777")
    return f"{number:04o}"
