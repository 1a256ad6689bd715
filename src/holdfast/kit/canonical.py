"""Canonical JSON and its digests: equal values give equal bytes, whatever the order of their keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
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


def sharing(value: Json, known: Json) -> Json:
    """Return `value`, of which every part that `known` has alike in the same place is that very part: what is equal is kept once."""
    if isinstance(value, dict) and isinstance(known, dict):
        made = {key: sharing(each, known[key]) if key in known else each for key, each in value.items()}
        return known if same_parts(made, known) else made
    if isinstance(value, list) and isinstance(known, list) and len(value) == len(known):
        items = [sharing(each, other) for each, other in zip(value, known, strict=True)]
        return known if all(one is other for one, other in zip(items, known, strict=True)) else items
    is_same = type(value) is type(known) and value == known and (bool(value) or repr(value) == repr(known))  # 0.0 is not -0.0
    return known if is_same else value


def same_parts(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Say whether two mappings hold the very same values under the same keys."""
    return len(one) == len(other) and all(key in other and other[key] is value for key, value in one.items())


def short(digest: str) -> str:
    """Return the first twelve characters, which is what people are shown."""
    return digest[:12]
