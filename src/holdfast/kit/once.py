"""Once: words that come again in thousands of values, kept once."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def one_word(word: str) -> str:
    """Return the one string for all that are equal, as long as it is among those asked for last: a kind, a namespace, a key."""
    return word
