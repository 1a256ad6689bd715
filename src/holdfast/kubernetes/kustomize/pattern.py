"""Patterns of selectors, image names and paths: RE2's, as kustomize has them; each is read once, and what it fits is remembered."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from holdfast.kit.linear_pattern import LinearPattern

_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> LinearPattern:
    """Return a pattern. Raises ValueError with the reason."""
    return LinearPattern(pattern)


@lru_cache(maxsize=2048)
def fits(pattern: str, text: str) -> bool:
    """Say whether the whole of `text` is what `pattern` says. Raises ValueError."""
    if _SPECIAL.isdisjoint(pattern):
        return pattern == text
    return compile_pattern(f"^(?:{pattern})$").search(text) is not None
