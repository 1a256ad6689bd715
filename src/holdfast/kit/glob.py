"""Glob patterns as Argo CD reads them (gobwas/glob): `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{one,two}` and `\\` before a plain character.

Patterns come from Git, so no pattern may take long: one with few choices becomes a regular expression, which is fast; any other is walked
with the set of all places that it may have reached, in time that grows with pattern times text. Law: both say the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

_FEW = 2
"""Choices (`*`, `{}`) up to which a regular expression cannot try more than text squared ways."""
_DEEPEST = 16
"""Braces within braces; a pattern that goes deeper is taken as plain text."""


@dataclass(frozen=True, slots=True)
class _Star:
    crosses: bool
    """Whether it reaches across a slash."""


@dataclass(frozen=True, slots=True)
class _Either:
    ways: tuple[_Tokens, ...]


_Tokens: TypeAlias = "tuple[re.Pattern[str] | _Star | _Either, ...]"
"""A pattern is a row of: one character that fits, anything, or one of several rows."""


def matches(pattern: str, text: str, separated: bool = False) -> bool:
    """Say whether the whole of `text` fits `pattern`; where `separated`, only `**` reaches across a slash."""
    found = _read(pattern, separated)
    return found.fullmatch(text) is not None if isinstance(found, re.Pattern) else len(text) in _ends(found, text, {0})


@lru_cache(maxsize=256)
def _read(pattern: str, separated: bool) -> re.Pattern[str] | _Tokens:
    """Return `pattern` as whichever of the two is safe."""
    try:
        tokens = _tokens(pattern, separated)
    except (ValueError, re.error):
        return re.compile(re.escape(pattern))
    return re.compile(_expression(tokens), re.DOTALL) if _choices(tokens) <= _FEW else tokens


def _tokens(pattern: str, separated: bool) -> _Tokens:
    """Raises ValueError for braces that do not close or go too deep, re.error for a set that is none."""
    any_one = re.compile("[^/]" if separated else ".", re.DOTALL)
    open_ones: list[list[list[re.Pattern[str] | _Star | _Either]]] = [[[]]]
    at = 0
    while at < len(pattern):
        character = pattern[at]
        row = open_ones[-1][-1]
        at += 1
        if character == "*":
            is_double = pattern.startswith("*", at)
            at += is_double
            star = _Star(is_double or not separated)
            if not row or row[-1] != star:
                row.append(star)
        elif character == "?":
            row.append(any_one)
        elif character == "[" and (end := pattern.find("]", at + 1)) > 0:
            row.append(_set(pattern[at:end]))
            at = end + 1
        elif character == "{" and "}" in pattern[at:]:
            open_ones.append([[]])
            if len(open_ones) > _DEEPEST:
                raise ValueError
        elif character == "}" and len(open_ones) > 1:
            ways = open_ones.pop()
            open_ones[-1][-1].append(_Either(tuple(map(tuple, ways))))
        elif character == "," and len(open_ones) > 1:
            open_ones[-1].append([])
        else:
            if character == "\\" and at < len(pattern):
                character = pattern[at]
                at += 1
            row.append(re.compile(re.escape(character)))
    if len(open_ones) > 1:
        raise ValueError
    return tuple(open_ones[0][0])


def _set(body: str) -> re.Pattern[str]:
    """Return one character of `a-z`, or none of `!a-z`; only the dash between two characters means something."""
    mark = "^" if body[0] in "!^" else ""
    plain = "".join(character if character == "-" else re.escape(character) for character in body[len(mark) :])
    return re.compile(f"[{mark}{plain.replace('--', '-' + re.escape('-'))}]")


def _choices(tokens: _Tokens) -> int:
    return sum(1 + sum(map(_choices, token.ways)) if isinstance(token, _Either) else isinstance(token, _Star) for token in tokens)


def _expression(tokens: _Tokens) -> str:
    return "".join(_pieces(tokens))


def _pieces(tokens: _Tokens) -> Iterator[str]:
    for token in tokens:
        if isinstance(token, _Star):
            yield ".*" if token.crosses else "[^/]*"
        elif isinstance(token, _Either):
            yield f"(?:{'|'.join(map(_expression, token.ways))})"
        else:
            yield token.pattern


def _ends(tokens: _Tokens, text: str, starts: set[int]) -> set[int]:
    """Return every place in `text` that `tokens` may reach from one of `starts`."""
    for token in tokens:
        if not starts:
            break
        if isinstance(token, _Star):
            starts = set(_reach(text, starts, token.crosses))
        elif isinstance(token, _Either):
            starts = set[int]().union(*(_ends(way, text, starts) for way in token.ways))
        else:
            starts = {place + 1 for place in starts if token.match(text, place)}
    return starts


def _reach(text: str, starts: set[int], crosses: bool) -> Sequence[int]:
    if crosses:
        return range(min(starts), len(text) + 1)
    found: list[int] = []
    for place in range(min(starts), len(text) + 1):
        # From the place before, if that was reached and no slash lies between.
        if place in starts or (found and found[-1] == place - 1 and text[place - 1] != "/"):
            found.append(place)
    return found
