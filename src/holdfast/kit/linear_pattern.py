"""Regular expressions in time that grows with pattern times text, whatever the pattern: what comes from Git may not stop the house.

The language is RE2's without Unicode classes and without flags but `i`: what needs backtracking (look-around, back references, atomic
groups) is refused. A pattern becomes a small program that walks all its ways at once (Thompson 1968, Pike's captures as in RE2). Law:
what is accepted here finds the same text and the same groups as Python's `re`, which tries the same ways in the same order; but for a
repeat of what may be empty, where the two languages differ.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

LONGEST = 512
"""Characters of a pattern."""
LARGEST = 4096
"""Steps of a program, after repeats are written out."""
MOST_REPEATS = 1000
DEEPEST = 32
WIDEST = 0x1000
"""Of a range of characters."""
_DIGITS, _SPACES, _WORD = frozenset(string.digits), frozenset("\t\n\f\r "), frozenset(string.ascii_letters + string.digits + "_")
_CLASSES: Mapping[str, frozenset[str]] = {"d": _DIGITS, "s": _SPACES, "w": _WORD}
_NAMES: Mapping[str, frozenset[str]] = {
    "alnum": frozenset(string.ascii_letters + string.digits),
    "alpha": frozenset(string.ascii_letters),
    "blank": frozenset("\t "),
    "digit": _DIGITS,
    "lower": frozenset(string.ascii_lowercase),
    "punct": frozenset(string.punctuation),
    "space": frozenset(string.whitespace),
    "upper": frozenset(string.ascii_uppercase),
    "word": _WORD,
    "xdigit": frozenset(string.hexdigits),
}
"""`[:name:]` within brackets."""
_ESCAPES: Mapping[str, str] = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "a": "\a", "v": "\v"}
_NAMED = re.compile(r"\?P?<([A-Za-z_]\w*)>", re.ASCII)
_COUNT = re.compile(r"\{(\d{1,4})(?:(,)(\d{1,4})?)?\}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _One:
    """One character of a set, or of all but a set."""

    letters: frozenset[str]
    is_not: bool = False

    def takes(self, letter: str) -> bool:
        return (letter in self.letters) is not self.is_not


@dataclass(frozen=True, slots=True)
class _Edge:
    """A place between characters: `^`, `$`, `b` or `B`."""

    what: str


@dataclass(frozen=True, slots=True)
class _Row:
    items: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Either:
    ways: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    inner: _Node
    number: int


@dataclass(frozen=True, slots=True)
class _Repeat:
    inner: _Node
    least: int
    most: int | None
    is_lazy: bool


_Node: TypeAlias = "_One | _Edge | _Row | _Either | _Group | _Repeat"
_NOTHING = _Row(())
"""What a flag is."""


@dataclass(frozen=True, slots=True)
class _Fork:
    """Go on at the first, and if that leads nowhere at the second."""

    first: int
    second: int


@dataclass(frozen=True, slots=True)
class _Save:
    slot: int


_Step: TypeAlias = "_One | _Edge | _Fork | _Save | None"
"""None is the end: found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a pattern was found: text by group number, 0 is the whole; None for a group that took no part."""

    groups: tuple[str | None, ...]
    names: Mapping[str, int]

    def expand(self, template: str) -> str:
        """Return `template` with `$name`, `${name}`, `$1` and `$$` filled in as Go's regexp.Expand does: what there is not is empty."""
        return re.sub(r"\$(?:(\$)|\{(\w+)\}|(\w+))", self._filled, template, flags=re.ASCII)

    def _filled(self, at: re.Match[str]) -> str:
        if at[1]:
            return "$"
        name = at[2] or at[3]
        number = int(name) if name.isdigit() else self.names.get(name, len(self.groups))
        return (self.groups[number] if number < len(self.groups) else None) or ""


class LinearPattern:
    """A pattern that was read. `search` finds it anywhere in a text, the leftmost place first; texts are ASCII for its classes."""

    def __init__(self, text: str) -> None:
        """Read a pattern; ValueError says what is wrong with it."""
        if len(text) > LONGEST:
            raise ValueError(f"cannot read pattern: it is longer than {LONGEST} characters")
        reader = _Reader(text)
        tree = reader.read()
        self.text = text
        self._names = reader.names
        self._groups = reader.groups + 1
        self._program: list[_Step] = []
        self._write(_Group(tree, 0))
        self._program.append(None)

    def search(self, text: str) -> Found | None:
        """Return the leftmost place where the pattern fits, None where it fits nowhere."""
        best: tuple[int, ...] | None = None
        nothing = (-1,) * (2 * self._groups)
        alive: list[tuple[int, tuple[int, ...]]] = []
        for at in range(len(text) + 1):
            letter = text[at] if at < len(text) else None
            if best is None:
                alive.append((0, nothing))  # it may begin here too; whatever began earlier comes first
            following: list[tuple[int, tuple[int, ...]]] = []
            for step, slots in self._closed(alive, text, at):
                what = self._program[step]
                if what is None:
                    best = slots
                    break  # what comes behind is less wanted
                assert isinstance(what, _One), "only these are left when the rest is followed"
                if letter is not None and what.takes(letter):
                    following.append((step + 1, slots))
            alive = following
            if not alive and best is not None:
                break
        if best is None:
            return None
        spans = zip(best[::2], best[1::2], strict=True)
        return Found(groups=tuple(text[begin:end] if end >= 0 else None for begin, end in spans), names=self._names)

    def _closed(self, alive: list[tuple[int, tuple[int, ...]]], text: str, at: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield where all ways stand before the next character, the most wanted first, each step once."""
        seen: set[int] = set()
        waiting = alive[::-1]
        while waiting:
            step, slots = waiting.pop()
            if step in seen:
                continue
            seen.add(step)
            what = self._program[step]
            if isinstance(what, _Fork):
                waiting += ((what.second, slots), (what.first, slots))
            elif isinstance(what, _Save):
                waiting.append((step + 1, (*slots[: what.slot], at, *slots[what.slot + 1 :])))
            elif isinstance(what, _Edge):
                if _holds(what.what, text, at):
                    waiting.append((step + 1, slots))
            else:
                yield step, slots

    def _write(self, node: _Node) -> None:
        program = self._program
        if len(program) > LARGEST:
            raise ValueError(f"cannot read pattern {self.text!r}: its repeats make it too large")
        if isinstance(node, _One | _Edge):
            program.append(node)
        elif isinstance(node, _Row):
            for item in node.items:
                self._write(item)
        elif isinstance(node, _Group):
            program.append(_Save(2 * node.number))
            self._write(node.inner)
            program.append(_Save(2 * node.number + 1))
        elif isinstance(node, _Either):
            self._write_either(node)
        else:
            self._write_repeat(node)

    def _write_either(self, node: _Either) -> None:
        program, jumps = self._program, []
        for way in node.ways[:-1]:
            fork = len(program)
            program.append(None)
            self._write(way)
            jumps.append(len(program))
            program.append(None)
            program[fork] = _Fork(fork + 1, len(program))
        self._write(node.ways[-1])
        for jump in jumps:
            program[jump] = _Fork(len(program), len(program))

    def _write_repeat(self, node: _Repeat) -> None:
        program = self._program

        def fork(at: int, again: int, out: int) -> None:
            program[at] = _Fork(out, again) if node.is_lazy else _Fork(again, out)

        for _ in range(node.least):
            self._write(node.inner)
        if node.most is None:
            begin = len(program)
            program.append(None)
            self._write(node.inner)
            program.append(_Fork(begin, begin))
            fork(begin, begin + 1, len(program))
            return
        forks = []
        for _ in range(node.most - node.least):
            forks.append(len(program))
            program.append(None)
            self._write(node.inner)
        for at in forks:
            fork(at, at + 1, len(program))


def _holds(what: str, text: str, at: int) -> bool:
    if what in "^$":
        return at == (0 if what == "^" else len(text))
    is_edge = (at > 0 and text[at - 1] in _WORD) is not (at < len(text) and text[at] in _WORD)
    return is_edge is (what == "b")


class _Reader:
    """One pattern in reading."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.groups = 0
        self.names: dict[str, int] = {}
        self.ignores_case = False

    def read(self) -> _Node:
        found = self.either()
        if self.at < len(self.text):
            raise self.wrong("a bracket closes that was not opened")
        return found

    def wrong(self, reason: str) -> ValueError:
        return ValueError(f"cannot read pattern {self.text!r}: {reason}")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        letter = self.peek()
        if not letter:
            raise self.wrong("it ends too early")
        self.at += 1
        return letter

    def either(self) -> _Node:
        ways = [self.row()]
        while self.peek() == "|":
            self.at += 1
            ways.append(self.row())
        return ways[0] if len(ways) == 1 else _Either(tuple(ways))

    def row(self) -> _Node:
        items: list[_Node] = []
        while (letter := self.peek()) and letter not in "|)":
            items.append(self.repeated(self.item()))
        return _Row(tuple(items))

    def repeated(self, item: _Node) -> _Node:
        counts = self.counts()
        if counts is None:
            return item
        if isinstance(item, _Edge):
            raise self.wrong("a place between characters cannot be repeated")
        if item == _NOTHING:
            raise self.wrong("there is nothing to repeat")
        is_lazy = self.peek() == "?"
        self.at += is_lazy
        if self.counts() is not None:
            raise self.wrong("a repeat is repeated")
        least, most = counts
        return _Repeat(item, least, most, is_lazy)

    def counts(self) -> tuple[int, int | None] | None:
        letter = self.peek()
        simple: Mapping[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if letter in simple and letter:
            self.at += 1
            return simple[letter]
        found = _COUNT.match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        least = int(found[1])
        most = (int(found[3]) if found[3] else None) if found[2] else least
        if max(least, most or 0) > MOST_REPEATS or (most is not None and most < least):
            raise self.wrong(f"{found[0]} is no count from 0 to {MOST_REPEATS}")
        return least, most

    def item(self) -> _Node:
        match letter := self.take():
            case "(":
                return self.group()
            case "[":
                return self.letters()
            case ".":
                return _One(frozenset("\n"), is_not=True)
            case "^" | "$":
                return _Edge(letter)
            case "\\":
                return self.escaped()
            case "*" | "+" | "?":
                raise self.wrong("there is nothing to repeat")
        return self.one(letter)

    def one(self, letter: str) -> _One:
        return _One(self.cased(frozenset(letter)))

    def cased(self, letters: frozenset[str]) -> frozenset[str]:
        return letters | {other for each in letters for other in (each.lower(), each.upper())} if self.ignores_case else letters

    def group(self) -> _Node:
        if self.text.startswith("?i)", self.at):  # until the group ends that it stands in
            self.at += 3
            self.ignores_case = True
            return _NOTHING
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(f"its brackets go deeper than {DEEPEST}")
        number, ignored_case = None, self.ignores_case
        if self.text.startswith("?:", self.at):
            self.at += 2
        elif self.text.startswith("?i:", self.at):
            self.at += 3
            self.ignores_case = True
        elif self.peek() == "?":
            named = _NAMED.match(self.text, self.at)
            if named is None:
                raise self.wrong("(? here begins something that needs backtracking or is not known")
            self.at = named.end()
            self.groups = number = self.groups + 1
            if self.names.setdefault(named[1], number) != number:
                raise self.wrong(f"two groups are named {named[1]}")
        else:
            self.groups = number = self.groups + 1
        inner = self.either()
        if self.peek() != ")":
            raise self.wrong("a bracket is opened and never closed")
        self.at += 1
        self.depth -= 1
        self.ignores_case = ignored_case
        return inner if number is None else _Group(inner, number)

    def escaped(self) -> _Node:
        letter = self.take()
        if letter in "bB":
            return _Edge(letter)
        if letter in "Az":
            return _Edge("^" if letter == "A" else "$")
        if letter.lower() in _CLASSES:
            return _One(_CLASSES[letter.lower()], is_not=letter.isupper())
        return self.one(self.literal(letter))

    def literal(self, letter: str) -> str:
        """Return what an escaped character stands for."""
        if letter in _ESCAPES:
            return _ESCAPES[letter]
        if letter.isdigit():
            raise self.wrong(f"\\{letter} refers back, which needs backtracking")
        if letter.isalpha():
            raise self.wrong(f"\\{letter} is not known")
        return letter

    def letters(self) -> _Node:
        is_not = self.peek() == "^"
        self.at += is_not
        found: set[str] = set()
        is_first = True
        while (letter := self.take()) != "]" or is_first:
            is_first = False
            if letter == "[" and self.peek() == ":" and (end := self.text.find(":]", self.at + 1)) > 0:
                name = self.text[self.at + 1 : end]
                if name not in _NAMES:
                    raise self.wrong(f"[:{name}:] is not known")
                found |= _NAMES[name]
                self.at = end + 2
                continue
            if letter == "\\":
                letter = self.take()
                if letter.lower() in _CLASSES:
                    if letter.isupper():
                        raise self.wrong(f"\\{letter} within brackets is not known")
                    found |= _CLASSES[letter.lower()]
                    continue
                letter = self.literal(letter)
            found |= self.span(letter)
        return _One(self.cased(frozenset(found)), is_not=is_not)

    def span(self, first: str) -> set[str]:
        """Return a character, or all from it to the one behind a hyphen."""
        if self.peek() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return {first}
        self.at += 1
        last = self.take()
        if last == "\\":
            last = self.take()
            if last.lower() in _CLASSES:
                raise self.wrong(f"\\{last} is no end of a range")
            last = self.literal(last)
        if not 0 <= ord(last) - ord(first) <= WIDEST:
            raise self.wrong(f"{first}-{last} is no range of characters")
        return {chr(each) for each in range(ord(first), ord(last) + 1)}
