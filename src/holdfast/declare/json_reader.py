"""JSON reader: bytes of a blob → one document with marks, or the errors in JSON's own words.

A scanner of its own, because the standard library's keeps no positions and lets the later of two equal keys win. Neighbours: text,
document. Law: never raises for bad input; what it accepts, `json.loads` accepts with the same value (RFC 8259).
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from typing import Final

from holdfast.declare.document import Document, Limits, Mark, Marks, Parsed, line_starts, pack, place, split_lines
from holdfast.declare.text import read_text
from holdfast.errors import DeclarationError
from holdfast.kit.canonical import Json

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"([^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*)"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?(?![0-9A-Za-z_.])")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST_DIGITS = 30
DEFAULT: Final = Limits()


def read_json(path: str, data: bytes, limits: Limits = DEFAULT) -> Parsed:
    """Return the one document of a JSON file, or its errors. Never raises for bad input."""
    text = read_text(path, data, limits)
    if isinstance(text, DeclarationError):
        return Parsed(errors=(text,))
    scanner = _Scanner(path, text, limits)
    try:
        value, mark = scanner.document()
    except _Abandon:
        return Parsed(errors=tuple(scanner.errors))
    if scanner.errors:
        return Parsed(errors=tuple(scanner.errors))
    return Parsed((Document(path, value, Marks(path, text, mark)),))


class _Abandon(Exception):
    """The rest cannot be read."""


class _Scanner:
    """One file in reading; `at` is the offset of the next character."""

    def __init__(self, path: str, text: str, limits: Limits) -> None:
        self.path = path
        self.text = text
        self.limits = limits
        self.lines = split_lines(text)
        self.starts = line_starts(text)
        self.at = 0
        self.errors: list[DeclarationError] = []

    def document(self) -> tuple[Json, Mark]:
        self.space()
        result = self.value(1)
        self.space()
        if self.at < len(self.text):
            raise self.broken(f"expected the end of the file, found {self.found()}")
        return result

    def space(self) -> str:
        """Skip white space; return the next character, empty at the end."""
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def mark(self, at: int) -> int:
        line = bisect_right(self.starts, at) - 1
        return pack(line, at - self.starts[line])

    def found(self) -> str:
        character = self.text[self.at : self.at + 1]
        return repr(character) if character else "the end of the file"

    def error(self, code: str, reason: str, at: int, hint: str | None, *others: int) -> None:
        where = [place(self.path, self.lines, mark) for mark in (self.mark(at), *others)]
        self.errors.append(DeclarationError(code, f"cannot read {self.path}: {reason}", where=where, hint=hint))
        if len(self.errors) >= self.limits.errors:
            raise _Abandon

    def broken(self, reason: str, hint: str | None = None) -> _Abandon:
        """Record a syntax error at the next character."""
        if hint is None and self.text.startswith(("//", "/*", "#"), self.at):
            hint = "JSON knows no comments"
        self.error("HF1005", reason, self.at, hint)
        return _Abandon()

    def value(self, depth: int) -> tuple[Json, Mark]:
        start = self.at
        match self.text[start : start + 1]:
            case '"':
                return self.string(), self.mark(start)
            case "{" | "[" as opening:
                if depth > self.limits.depth:
                    self.error("HF1009", f"nested deeper than {self.limits.depth} levels", start, "flatten the document")
                    raise _Abandon
                return self.object(depth) if opening == "{" else self.array(depth)
            case character if character and character in "-0123456789":
                return self.number(), self.mark(start)
        return self.literal(), self.mark(start)

    def literal(self) -> Json:
        match = _WORD.match(self.text, self.at)
        word = match.group() if match else ""
        match word:
            case "true" | "false":
                self.at += len(word)
                return word == "true"
            case "null":
                self.at += len(word)
                return None
            case "":
                hint = "JSON puts text in double quotes" if self.text.startswith("'", self.at) else None
                raise self.broken(f"expected a value, found {self.found()}", hint)
        raise self.broken(f"expected a value, found {word[:40]!r}", "JSON puts text in double quotes and knows true, false and null")

    def number(self) -> int | float:
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            raise self.broken("not a number as JSON writes it", "no leading zeros or plus, digits on both sides of the point")
        start, self.at = self.at, match.end()
        text = match.group()
        if match[1] or match[2]:
            real = float(text)
            return real if math.isfinite(real) else self.too_large(text, start)
        # Beyond 64 bits a float would round it without a word.
        if len(text) <= _MOST_DIGITS and -(1 << 63) <= (number := int(text)) < 1 << 64:
            return number
        return self.too_large(text, start)

    def too_large(self, text: str, start: int) -> int:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        self.error("HF1014", f"{shown} is too large for a number", start, "put it in quotes if it is text")
        return 0

    def string(self) -> str:
        start = self.at
        match = _STRING.match(self.text, start)
        if match is None:
            raise self.bad_string()
        self.at = match.end()
        body = match[1]
        if "\\" not in body:
            return body
        text: str = json.loads(match.group())
        if _SURROGATE.search(text):
            self.error("HF1005", "half of a surrogate pair is no character", start, "write both halves, or the character itself")
        return text

    def bad_string(self) -> _Abandon:
        """Move to what is wrong in a string that does not match."""
        good = re.compile(r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*').match(self.text, self.at)
        start, self.at = self.at, good.end() if good else self.at
        if self.text.startswith("\\", self.at):
            return self.broken("JSON knows no such escape", r"a backslash itself is written \\")
        self.error("HF1005", "a string is opened and not closed on its line", start, r"close the quote; a line break is written \n")
        return _Abandon()

    def key(self, marks: dict[str, tuple[int, Mark]]) -> str | None:
        """Read a key; return None where it may not stand here, after recording why."""
        if (character := self.space()) != '"':
            hint = "JSON allows no comma before }" if character == "}" else "JSON puts keys in double quotes" if character else None
            raise self.broken(f"expected a key in double quotes, found {self.found()}", hint)
        start = self.at
        key = self.string()
        if len(key) > self.limits.key:
            self.error("HF1013", f"a key of {len(key):,} characters", start, f"a key may have {self.limits.key:,}")
        elif key in marks:
            self.error("HF1006", f"the key {key!r} stands twice", start, "keep one of the two", marks[key][0])
        else:
            return key
        return None

    def object(self, depth: int) -> tuple[Json, Mark]:
        start = self.at
        self.at += 1
        values: dict[str, Json] = {}
        marks: dict[str, tuple[int, Mark]] = {}
        if self.space() == "}":
            self.at += 1
            return values, (self.mark(start), marks)
        while True:
            self.space()
            key_at = self.at
            key = self.key(marks)
            if self.space() != ":":
                raise self.broken(f"expected ':' after a key, found {self.found()}")
            self.at += 1
            self.space()
            value, mark = self.value(depth + 1)
            if key is not None:
                values[key] = value
                marks[key] = (self.mark(key_at), mark)
            if self.comma("}"):
                return values, (self.mark(start), marks)

    def array(self, depth: int) -> tuple[Json, Mark]:
        start = self.at
        self.at += 1
        values: list[Json] = []
        marks: list[Mark] = []
        if self.space() == "]":
            self.at += 1
            return values, (self.mark(start), marks)
        while True:
            if self.space() == "]":
                raise self.broken("expected a value, found ']'", "JSON allows no comma before ]")
            value, mark = self.value(depth + 1)
            values.append(value)
            marks.append(mark)
            if self.comma("]"):
                return values, (self.mark(start), marks)

    def comma(self, closing: str) -> bool:
        """Pass a comma, or the closing bracket and answer True."""
        character = self.space()
        if character not in {",", closing}:
            raise self.broken(f"expected ',' or '{closing}' after a value, found {self.found()}")
        self.at += 1
        return character == closing
