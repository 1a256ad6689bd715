"""Durations as people write them: `30s`, `1h30m`, `500ms` (Go's time.ParseDuration, and `d` for days)."""

from __future__ import annotations

import re
from types import MappingProxyType

_UNITS = MappingProxyType({"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6})
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|us|µs|d|h|m|s)")


def parse_duration(text: str) -> float:
    """Return seconds; ValueError where `text` is not a row of numbers with units."""
    at = 0
    seconds = 0.0
    text = text.strip()
    while at < len(text):
        if (part := _PART.match(text, at)) is None:
            raise ValueError(f"cannot read duration {text!r}: expected numbers with units ms, s, m, h or d, such as 1h30m")
        seconds += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    if not text:
        raise ValueError("cannot read duration '': it is empty")
    return round(seconds, 9)


def format_duration(seconds: float) -> str:
    """Return the shortest exact text in d, h, m, s and ms (microseconds are rounded): `90` → `1m30s`, `0.25` → `250ms`."""
    micro = round(seconds * 1_000_000)
    if micro < 0:
        return "-" + format_duration(-seconds)
    parts = []
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000), ("us", 1)):
        count, micro = divmod(micro, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
