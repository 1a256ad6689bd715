"""Pattern: regular expressions as Go's RE2 has them, matched in time that grows with pattern times text.

Selectors and image names of a kustomization are such patterns, and they come from Git: Python's own engine can be made to search for years.
A pattern becomes a small program that is run for all ways at once (Thompson; swtch.com/~rsc/regexp). Not read, and refused by ValueError:
Unicode classes (`\\p`), named flags but `i`, and repeats beyond what RE2 allows.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

_MOST_REPEATS = 1_000
_MOST_STEPS = 20_000
_DEEPEST = 100
_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")
_WORD: Final = frozenset(string.ascii_letters + string.digits + "_")
_SETS: Mapping[str, frozenset[str]] = {"d": frozenset(string.digits), "w": _WORD, "s": frozenset("\t\n\f\r ")}
_NAMED: Mapping[str, frozenset[str]] = {
    "alnum": frozenset(string.ascii_letters + string.digits),
    "alpha": frozenset(string.ascii_letters),
    "digit": frozenset(string.digits),
    "lower": frozenset(string.ascii_lowercase),
    "upper": frozenset(string.ascii_uppercase),
    "punct": frozenset(string.punctuation),
    "space": frozenset(string.whitespace),
    "word": _WORD,
    "xdigit": frozenset(string.hexdigits),
}
_CONTROL: Mapping[str, str] = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


@dataclass(frozen=True, slots=True)
class _Set:
    """One character that is, or is not, among some."""

    inside: frozenset[str]
    negated: bool = False

    def has(self, character: str) -> bool:
        return (character in self.inside) != self.negated


@dataclass(frozen=True, slots=True)
class _Place:
    """A place between characters: `^`, `$`, `b` a border of a word, `B` none."""

    what: str

    def holds(self, text: str, at: int) -> bool:
        if self.what == "^":
            return at == 0
        if self.what == "$":
            return at == len(text)
        is_border = (at > 0 and text[at - 1] in _WORD) != (at < len(text) and text[at] in _WORD)
        return is_border == (self.what == "b")


@dataclass(frozen=True, slots=True)
class _Row:
    parts: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Either:
    ways: tuple[_Part, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Part
    least: int
    most: int | None


_Part: TypeAlias = "_Set | _Place | _Row | _Either | _Repeat"
_Step: TypeAlias = "_Set | _Place | tuple[int, ...] | None"
"""A character or place to pass, places to go on at, or the end."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that was read."""

    steps: tuple[_Step, ...]

    def searches(self, text: str) -> bool:
        """Say whether it fits anywhere in `text`."""
        now: set[int] = set()
        for at in range(len(text) + 1):
            if self._follow(0, text, at, now):
                return True
            if at == len(text):
                return False
            then: set[int] = set()
            for step in now:
                part = self.steps[step]
                if isinstance(part, _Set) and part.has(text[at]) and self._follow(step + 1, text, at + 1, then):
                    return True
            now = then
        return False

    def _follow(self, start: int, text: str, at: int, found: set[int]) -> bool:
        """Add the steps that may be next from `start`; say whether the end is one."""
        open_ones = [start]
        while open_ones:
            step = open_ones.pop()
            if step in found:
                continue
            found.add(step)
            part = self.steps[step]
            if part is None:
                return True
            if isinstance(part, tuple):
                open_ones += part
            elif isinstance(part, _Place) and part.holds(text, at):
                open_ones.append(step + 1)
        return False


@lru_cache(maxsize=512)
def compile_pattern(pattern: str) -> Pattern:
    """Return a pattern. Raises ValueError with the reason."""
    reader = _Reader(pattern)
    part = reader.either(0)
    if reader.at < len(pattern):
        raise ValueError("a bracket is closed that was not opened")
    steps: list[_Step] = []
    _write(part, steps)
    return Pattern((*steps, None))


@lru_cache(maxsize=2048)
def fits(pattern: str, text: str) -> bool:
    """Say whether the whole of `text` is what `pattern` says. Raises ValueError."""
    if _SPECIAL.isdisjoint(pattern):
        return pattern == text
    return compile_pattern(f"^(?:{pattern})$").searches(text)


def _write(part: _Part, steps: list[_Step]) -> None:
    if len(steps) > _MOST_STEPS:
        raise ValueError("it is too long")
    match part:
        case _Set() | _Place():
            steps.append(part)
        case _Row(parts):
            for each in parts:
                _write(each, steps)
        case _Either(ways):
            _write_ways(ways, steps)
        case _Repeat(inner, least, most):
            for _ in range(least):
                _write(inner, steps)
            if most is None:
                start = len(steps)
                steps.append(())
                _write(inner, steps)
                steps.append((start,))
                steps[start] = (start + 1, len(steps))
            else:
                _write_optional(inner, most - least, steps)


def _write_ways(ways: tuple[_Part, ...], steps: list[_Step]) -> None:
    start = len(steps)
    steps.append(())
    begins, ends = [], []
    for way in ways:
        begins.append(len(steps))
        _write(way, steps)
        ends.append(len(steps))
        steps.append(())
    steps[start] = tuple(begins)
    for end in ends:
        steps[end] = (len(steps),)


def _write_optional(part: _Part, times: int, steps: list[_Step]) -> None:
    begins = []
    for _ in range(times):
        begins.append(len(steps))
        steps.append(())
        _write(part, steps)
    for begin in begins:
        steps[begin] = (begin + 1, len(steps))


class _Reader:
    """One pattern in reading; `at` is the next character."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.ignores_case = False

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        character = self.peek()
        if not character:
            raise ValueError("it ends too early")
        self.at += 1
        return character

    def either(self, depth: int) -> _Part:
        if depth > _DEEPEST:
            raise ValueError("its brackets go too deep")
        ways = [self.row(depth)]
        while self.peek() == "|":
            self.at += 1
            ways.append(self.row(depth))
        return ways[0] if len(ways) == 1 else _Either(tuple(ways))

    def row(self, depth: int) -> _Part:
        parts: list[_Part] = []
        while self.peek() not in {"", "|", ")"}:
            parts.append(self.repeated(self.one(depth)))
        return parts[0] if len(parts) == 1 else _Row(tuple(parts))

    def repeated(self, part: _Part) -> _Part:
        while (mark := self.peek()) in {"*", "+", "?", "{"} and mark:
            bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(mark) or self.bounds()
            if bounds is None:
                return part
            if mark != "{":
                self.at += 1
            if self.peek() == "?":
                self.at += 1  # which of two matches is preferred makes no difference to whether there is one
            part = _Repeat(part, *bounds)
        return part

    def bounds(self) -> tuple[int, int | None] | None:
        """Read `{2}`, `{2,}` or `{2,5}`; None, and nothing read, where the brace is a character."""
        end = self.pattern.find("}", self.at)
        least, comma, most = self.pattern[self.at + 1 : end].partition(",")
        if end < 0 or not least.isdecimal() or (most and not most.isdecimal()):
            return None
        low, high = int(least), int(most) if most else None if comma else int(least)
        if low > _MOST_REPEATS or (high is not None and not low <= high <= _MOST_REPEATS):
            raise ValueError("it repeats too often")
        self.at = end + 1
        return low, high

    def one(self, depth: int) -> _Part:
        character = self.take()
        match character:
            case "(":
                return self.group(depth)
            case "[":
                return self.characters()
            case ".":
                return _Set(frozenset("\n"), negated=True)
            case "^" | "$":
                return _Place(character)
            case "\\":
                return self.escaped()
            case "*" | "+" | "?":
                raise ValueError(f"{character} stands after nothing")
        return self.literal(character)

    def literal(self, character: str) -> _Set:
        return _Set(frozenset({character.lower(), character.upper()}) if self.ignores_case else frozenset(character))

    def group(self, depth: int) -> _Part:
        before = self.ignores_case
        if self.pattern.startswith("?", self.at):
            self.at += 1
            if self.pattern.startswith(("P<", "<"), self.at):
                self.at = self.pattern.find(">", self.at) + 1
            elif self.pattern.startswith("i", self.at):
                self.at += 1
                self.ignores_case = True
                if self.peek() == ")":
                    self.at += 1
                    return _Row(())
            if self.peek() == ":":
                self.at += 1
            elif self.pattern[self.at - 1 : self.at] != ">":
                raise ValueError("it looks around or sets flags, which RE2 patterns cannot here")
        part = self.either(depth + 1)
        if self.take() != ")":
            raise ValueError("a bracket is not closed")
        self.ignores_case = before
        return part

    def escaped(self) -> _Part:
        character = self.take()
        if character.lower() in _SETS:
            return _Set(_SETS[character.lower()], negated=character.isupper())
        if character in {"A", "z", "b", "B"}:
            return _Place({"A": "^", "z": "$"}.get(character, character))
        return self.literal(self.escape(character))

    def escape(self, character: str) -> str:
        if character in _CONTROL:
            return _CONTROL[character]
        if character in _WORD:
            raise ValueError(f"\\{character} is not known")
        return character

    def characters(self) -> _Set:
        negated = self.peek() == "^"
        self.at += negated
        inside: set[str] = set()
        is_first = True
        while (character := self.take()) != "]" or is_first:
            is_first = False
            if character == "[" and self.peek() == ":" and (end := self.pattern.find(":]", self.at)) > 0:
                inside |= self.named(self.pattern[self.at + 1 : end])
                self.at = end + 2
                continue
            if character == "\\":
                character = self.take()
                if character.lower() in _SETS:
                    if character.isupper():
                        raise ValueError(f"\\{character} within brackets is not read")
                    inside |= _SETS[character]
                    continue
                character = self.escape(character)
            inside |= self.span(character)
        if self.ignores_case:
            inside |= {form for each in inside for form in (each.lower(), each.upper())}
        return _Set(frozenset(inside), negated)

    def named(self, name: str) -> frozenset[str]:
        if name not in _NAMED:
            raise ValueError(f"[:{name}:] is not known")
        return _NAMED[name]

    def span(self, first: str) -> set[str]:
        if self.peek() != "-" or self.pattern[self.at + 1 : self.at + 2] in {"]", ""}:
            return {first}
        self.at += 1
        last = self.take()
        if last == "\\":
            last = self.escape(self.take())
        if ord(last) < ord(first) or ord(last) - ord(first) > _MOST_STEPS:
            raise ValueError(f"{first}-{last} is no range")
        return {chr(code) for code in range(ord(first), ord(last) + 1)}
