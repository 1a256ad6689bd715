"""Regex: the shape of a PCRE pattern, as far as its review needs it.

Characters are sets of ASCII, with one bit more for all others. What is not understood gives None, and nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

OTHER = 1 << 128
ALL = (1 << 129) - 1


def _bits(text: str) -> int:
    mask = 0
    for character in text:
        mask |= 1 << ord(character) if ord(character) < 128 else OTHER
    return mask


_DIGIT = _bits("0123456789")
_WORD = _DIGIT | _bits("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_SPACE = _bits(" \t\n\r\f\v")
NEWLINE = _bits("\n")
"""What ends a line of HTTP; a carriage return alone does not."""
ANY = ALL & ~_bits("\n")
"""What `.` matches."""
_CLASSES: Mapping[str, int] = {
    "d": _DIGIT,
    "D": ALL & ~_DIGIT,
    "w": _WORD,
    "W": ALL & ~_WORD,
    "s": _SPACE,
    "S": ALL & ~_SPACE,
    "h": _bits(" \t"),
    "v": _bits("\n\r\f\v"),
    "R": _bits("\r\n"),
    "N": ANY,
    "n": _bits("\n"),
    "r": _bits("\r"),
    "t": _bits("\t"),
    "f": _bits("\f"),
    "e": _bits("\x1b"),
}
_POSIX: Mapping[str, int] = {
    "alnum": _WORD & ~_bits("_"),
    "alpha": _WORD & ~_bits("_") & ~_DIGIT,
    "digit": _DIGIT,
    "lower": _bits("abcdefghijklmnopqrstuvwxyz"),
    "upper": _bits("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "space": _SPACE,
    "punct": _bits("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    "xdigit": _DIGIT | _bits("abcdefABCDEF"),
    "word": _WORD,
}


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a set."""

    mask: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """`^`, `$`, `b` (a word's edge), or `?` (a look around)."""

    what: str


@dataclass(frozen=True, slots=True)
class Series:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    body: Node
    least: int
    most: int | None
    is_possessive: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    body: Node
    number: int | None
    """None where it captures nothing."""
    name: str | None = None


Node: TypeAlias = Chars | Anchor | Series | Choice | Repeat | Group


class _Unknown(Exception):
    """Something that is not understood."""


def read_regex(pattern: str) -> Node | None:
    """Return the shape of a pattern; None where it is wrong or holds what is not understood (recursion, conditions, back references)."""
    try:
        reader = _Reader(pattern)
        node = reader.choice()
    except (_Unknown, IndexError, RecursionError, ValueError):
        return None
    return node if reader.at == len(pattern) else None


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.text = pattern
        self.at = 0
        self.groups = 0
        self.depth = 0

    def peek(self, word: str) -> bool:
        return self.text.startswith(word, self.at)

    def take(self, word: str) -> bool:
        if not self.peek(word):
            return False
        self.at += len(word)
        return True

    def next(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def choice(self) -> Node:
        options = [self.series()]
        while self.take("|"):
            options.append(self.series())
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def series(self) -> Node:
        items: list[Node] = []
        while self.at < len(self.text) and not self.peek("|") and not self.peek(")"):
            if (item := self.item()) is not None:
                items.append(self.repeated(item))
        return items[0] if len(items) == 1 else Series(tuple(items))

    def item(self) -> Node | None:
        character = self.next()
        match character:
            case "(":
                return self.group()
            case "[":
                return Chars(self.set())
            case ".":
                return Chars(ANY)
            case "^" | "$":
                return Anchor(character)
            case "\\":
                return self.escape()
            case "*" | "+" | "?":
                raise _Unknown
        return Chars(_bits(character))

    def escape(self) -> Node:
        character = self.next()
        if character in "AGbBzZ":
            return Anchor({"A": "^", "z": "$", "Z": "$"}.get(character, "b"))
        if character.isdigit() or character in "kgpPXQEKCouU":
            raise _Unknown
        return Chars(self.code() if character == "x" else _CLASSES.get(character, _bits(character)))

    def code(self) -> int:
        """Return the character of `\\x41`."""
        digits = self.next() + self.next()
        return _bits(chr(int(digits, 16)))

    def set(self) -> int:
        """Return the mask of `[…]`, whose first bracket was read."""
        is_negated = self.take("^")
        mask, is_first = 0, True
        while is_first or not self.peek("]"):
            is_first = False
            if self.take("[:"):
                name = self.text[self.at : self.text.index(":]", self.at)]
                self.at += len(name) + 2
                mask |= ALL & ~self.posix(name[1:]) if name.startswith("^") else self.posix(name)
                continue
            low = self.member()
            if self.peek("-") and not self.peek("-]") and isinstance(low, str):
                self.at += 1
                high = self.member()
                if not isinstance(high, str):
                    raise _Unknown
                mask |= sum(1 << code for code in range(ord(low), min(ord(high), 127) + 1)) | (OTHER if ord(high) > 127 else 0)
            else:
                mask |= _bits(low) if isinstance(low, str) else low
        self.at += 1
        return ALL & ~mask if is_negated else mask

    def posix(self, name: str) -> int:
        if name not in _POSIX:
            raise _Unknown
        return _POSIX[name]

    def member(self) -> str | int:
        """Return one character of a set, or the mask of a class such as `\\d`."""
        character = self.next()
        if character != "\\":
            return character
        escaped = self.next()
        if escaped == "x":
            return self.code()
        return _CLASSES.get(escaped, "\b" if escaped == "b" else escaped)

    def group(self) -> Node | None:
        self.depth += 1
        number: int | None = None
        name: str | None = None
        is_look = False
        if self.take("?"):
            is_look, name = self.special()
            if name is None and not is_look and self.text[self.at - 1] == ")":
                return None  # an option such as (?i)
        if name is not None or not (is_look or self.text[self.at - 1] in ":>"):
            self.groups += 1
            number = self.groups
        body = self.choice()
        if not self.take(")"):
            raise _Unknown
        return Anchor("?") if is_look else Group(body, number, name)

    def special(self) -> tuple[bool, str | None]:
        """Read what follows `(?`; return whether it looks around, and the group's name."""
        for word in ("=", "!", "<=", "<!"):
            if self.take(word):
                return True, None
        for opened, closed in (("P<", ">"), ("<", ">"), ("'", "'")):
            if self.take(opened):
                end = self.text.index(closed, self.at)
                name = self.text[self.at : end]
                self.at = end + 1
                return False, name
        if self.take(":") or self.take(">"):
            return False, None
        while self.text[self.at] in "imsxJU-":
            self.at += 1
        if not (self.take(")") or self.take(":")):
            raise _Unknown
        return False, None

    def repeated(self, item: Node) -> Node:
        while self.at < len(self.text):
            bounds = self.bounds()
            if bounds is None:
                return item
            self.take("?")
            item = Repeat(item, *bounds, is_possessive=self.take("+"))
        return item

    def bounds(self) -> tuple[int, int | None] | None:
        for word, bounds in (("*", (0, None)), ("+", (1, None)), ("?", (0, 1))):
            if self.take(word):
                return bounds
        if not self.peek("{"):
            return None
        end = self.text.find("}", self.at)
        least, comma, most = self.text[self.at + 1 : end].partition(",")
        if end < 0 or not least.isdigit() or not (most.isdigit() or not most):
            return None  # a brace that stands for itself
        self.at = end + 1
        return int(least), int(least) if not comma else int(most) if most else None


def inside(node: Node) -> Iterator[Node]:
    """Yield a node and all that it holds."""
    yield node
    match node:
        case Series(items=parts) | Choice(options=parts):
            for part in parts:
                yield from inside(part)
        case Repeat(body=body) | Group(body=body):
            yield from inside(body)


def may_hold(node: Node, mask: int) -> bool:
    """Say whether what it matches can contain one of these characters."""
    return any(isinstance(part, Chars) and part.mask & mask for part in inside(node))


def group(node: Node, which: str) -> Group | None:
    """Return the capture `1`, or of a name."""
    groups = (part for part in inside(node) if isinstance(part, Group))
    return next((part for part in groups if str(part.number) == which or part.name == which), None)


def is_finite(node: Node) -> bool:
    """Say whether it matches only so many texts: words chosen from, not a wide set repeated."""
    return not any(_is_wide(part) for part in inside(node))


def _is_wide(part: Node) -> bool:
    return part.most is None if isinstance(part, Repeat) else isinstance(part, Chars) and part.mask.bit_count() > 16


def is_catastrophic(node: Node) -> bool:
    """Say whether matching can take exponential time: a repeat without end of what itself repeats without end, with nothing between."""
    return any(isinstance(part, Repeat) and part.most is None and not part.is_possessive and _is_loose(part.body) for part in inside(node))


def _is_loose(body: Node) -> bool:
    """Whether one text can be cut into turns of `body` in many ways."""
    while isinstance(body, Group):
        body = body.body
    if isinstance(body, Choice):
        return any(_is_loose(option) for option in body.options)
    parts = body.items if isinstance(body, Series) else (body,)
    for at, part in enumerate(parts):
        inner = part
        while isinstance(inner, Group):
            inner = inner.body
        if isinstance(inner, Repeat) and inner.most is None and not inner.is_possessive:
            mask = _mask(inner)
            others = (each for place, each in enumerate(parts) if place != at and not _is_nullable(each))
            if all(_mask(each) & mask for each in others):
                return True
    return False


def _mask(node: Node) -> int:
    mask = 0
    for part in inside(node):
        if isinstance(part, Chars):
            mask |= part.mask
    return mask


def _is_nullable(node: Node) -> bool:
    match node:
        case Chars():
            return False
        case Anchor():
            return True
        case Series(items=items):
            return all(map(_is_nullable, items))
        case Choice(options=options):
            return any(map(_is_nullable, options))
        case Repeat(body=body, least=least):
            return least == 0 or _is_nullable(body)
        case Group(body=body):
            return _is_nullable(body)


_LIKED = "abcdefghijklmnopqrstuvwxyz0123456789/-_."


def example(node: Node) -> str:
    """Return a short text that the pattern is likely to match: looks around and edges of words are passed over."""
    match node:
        case Chars(mask=mask):
            return next((each for each in _LIKED if mask & 1 << ord(each)), None) or _lowest(mask)
        case Anchor():
            return ""
        case Series(items=items):
            return "".join(map(example, items))
        case Choice(options=options):
            return example(options[0])
        case Repeat(body=body, least=least):
            return example(body) * least
        case Group(body=body):
            return example(body)


def _lowest(mask: int) -> str:
    bit = (mask & -mask).bit_length() - 1
    return chr(bit) if 0 <= bit < 128 else "é"
