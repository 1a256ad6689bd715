"""Sizes and amounts: Kubernetes quantities (apimachinery `resource.Quantity`) and PM2's own sizes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from types import MappingProxyType

_BINARY = MappingProxyType({"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60})
_DECIMAL = MappingProxyType(
    {"n": "1e-9", "u": "1e-6", "m": "1e-3", "": "1", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12", "P": "1e15", "E": "1e18"}
)
_FACTORS: Mapping[str, Decimal] = MappingProxyType(
    {unit: Decimal(size) for unit, size in _BINARY.items()} | {unit: Decimal(size) for unit, size in _DECIMAL.items()}
)
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([eE][+-]?[0-9]{1,3})|([KMGTPE]i|[numkMGTPE])?)")
_PM2 = re.compile(r"([0-9]+)\s*([KMGkmg]?)[bB]?")


def parse_quantity(text: str) -> Decimal:
    """Return the exact amount of a Kubernetes quantity (`512Mi`, `250m`, `1e3`, `1.5`); ValueError otherwise."""
    if (found := _QUANTITY.fullmatch(text.strip())) is None:
        raise ValueError(f"cannot read quantity {text!r}: expected a number with a unit such as Mi, Gi, k, M or m")
    number, exponent, unit = found.groups()
    return Decimal(number + (exponent or "")) * _FACTORS[unit or ""]


def format_quantity(size: int) -> str:
    """Return bytes in the largest binary unit that divides them: `512Mi`, `1536`, `0`."""
    for unit, factor in reversed(list(_BINARY.items())):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def parse_size(value: str | int) -> int:
    """Return bytes of a Kubernetes quantity, fractions of a byte rounded up; ValueError otherwise."""
    amount = parse_quantity(value) if isinstance(value, str) else Decimal(value)
    return int(amount.to_integral_value(ROUND_CEILING))


def parse_pm2_size(value: str | int) -> int:
    """Return bytes of a PM2 size: `300M`, `1G`, `100K` count in 1024s (PM2 `lib/Common.js`), a bare number in bytes."""
    if isinstance(value, int):
        return value
    if (found := _PM2.fullmatch(value.strip())) is None:
        raise ValueError(f"cannot read size {value!r}: expected a whole number with K, M or G")
    return int(found[1]) << {"": 0, "k": 10, "m": 20, "g": 30}[found[2].lower()]


def parse_cpu(value: str | float) -> float:
    """Return CPUs: `250m` → 0.25."""
    return float(parse_quantity(value) if isinstance(value, str) else value)
