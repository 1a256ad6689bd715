"""Canonical JSON and its digests: equal values give equal bytes, whatever the order of their keys."""

from __future__ import annotations

import hashlib
import json
from typing import TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False)


def canonical(value: Json) -> bytes:
    """Return `value` as JSON in UTF-8 with sorted keys and no spaces; ValueError for NaN, infinities and lone surrogates."""
    return _ENCODER.encode(value).encode()


def digest(value: Json) -> str:
    """Return the SHA-256 of `canonical(value)` in hexadecimal."""
    return digest_bytes(canonical(value))


def digest_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def short(digest: str) -> str:
    """Return the first twelve characters, which is what people are shown."""
    return digest[:12]
