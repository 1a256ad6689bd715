"""The scalars of a YAML text with the exact place of each, so that one value can be replaced and every other byte stays.

Beside yaml_reader, which says what a text means; this says where it stands. Laws: replacing nothing gives the same text; a replaced value
reads back as the text that was asked for, in every dialect, and no other value, comment, line end or blank changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml
from yaml.cyaml import CSafeLoader
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from holdfast.declare.document import Path
from holdfast.declare.resolve import Dialect, Unclear, resolve

_PROPERTY = re.compile(r"[&!][^\s]*(?:\s|#.*)+")
"""An anchor or a tag before a value, with what separates them."""
_PLAIN = re.compile(r"[A-Za-z0-9_./](?:[A-Za-z0-9_./+@=-]|:(?=[A-Za-z0-9_./+@=-]))*")
"""What needs no quotes anywhere, in brackets either."""
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:[Tt\s].*)?")
_BREAKS = "\n\r\x85\u2028\u2029"
_COMMENT = re.compile(rf"[,\]}} \t]*[ \t]#([^{_BREAKS}]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """One value of a mapping or list: the path to it, its text, and where its spelling stands (offsets in characters)."""

    document: int
    path: Path
    value: str
    begin: int
    end: int
    style: str
    """`'`, `"`, or nothing."""
    line: int
    column: int
    """From 1, as in `errors.Where`."""
    comment: str
    """What stands behind it on its line after `#`, without blanks around it."""


def scalars(text: str) -> tuple[Scalar, ...]:
    """Return the values that can be replaced: those of one line, keys and block texts left out. What an alias stands for is there once.

    Raises ValueError where `text` is no YAML: its first sentence for people, 1-based line and column.
    """
    try:
        return tuple(_Walk(text).values())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ValueError(error.problem or "no YAML", mark.line + 1 if mark else 1, mark.column + 1 if mark else 1) from None
    except yaml.YAMLError as error:
        raise ValueError(str(error), 1, 1) from None
    except RecursionError:
        raise ValueError("it is nested too deep", 1, 1) from None


def replaced(text: str, values: Mapping[Scalar, str]) -> str:
    """Return `text` with another value for each scalar, in the quotes that it has where they can hold it."""
    for scalar, value in sorted(values.items(), key=lambda item: item[0].begin, reverse=True):
        if value != scalar.value:
            text = text[: scalar.begin] + spelled(value, scalar.style) + text[scalar.end :]
    return text


def spelled(value: str, style: str) -> str:
    """Return the spelling of a text in a style; quotes where without them it would be a number, a day or something else."""
    if style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if style or not _is_text(value, style):
        return '"' + "".join(map(_escaped, value)) + '"'
    return value


def _escaped(letter: str) -> str:
    """Return a character as it stands within double quotes (YAML 1.2.2 §5.7)."""
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _is_text(spelling: str, style: str) -> bool:
    """Say whether a spelling reads as text to everybody."""
    if style:
        return True
    if not _PLAIN.fullmatch(spelling) or _DAY.fullmatch(spelling):
        return False
    try:
        return all(isinstance(resolve(spelling, dialect), str) for dialect in Dialect)
    except Unclear:
        return False


class _Walk:
    """One text in walking."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.mark = 1 if text.startswith("\ufeff") else 0
        self.loader = CSafeLoader(text[self.mark :])
        self.document = -1

    def values(self) -> Iterator[Scalar]:
        try:
            while (event := self.loader.get_event()) is not None:
                if isinstance(event, DocumentStartEvent):
                    self.document += 1
                elif isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent):
                    yield from self.node(event, ())
        finally:
            self.loader.dispose()

    def node(self, event: yaml.Event | None, path: Path) -> Iterator[Scalar]:
        if isinstance(event, ScalarEvent):
            yield from self.scalar(event, path)
        elif isinstance(event, SequenceStartEvent):
            at = 0
            while not isinstance(item := self.loader.get_event(), SequenceEndEvent):
                yield from self.node(item, (*path, at))
                at += 1
        elif isinstance(event, MappingStartEvent):
            while not isinstance(key := self.loader.get_event(), MappingEndEvent):
                name = key.value if isinstance(key, ScalarEvent) else "*" if isinstance(key, AliasEvent) else self.passed_over(key)
                yield from self.node(self.loader.get_event(), (*path, name))

    def passed_over(self, event: yaml.Event | None) -> str:
        """Walk a key that is a mapping or list, and return a name that no path has."""
        for _ in self.node(event, ()):
            pass
        return "?"

    def scalar(self, event: ScalarEvent, path: Path) -> Iterator[Scalar]:
        begin, end = event.start_mark, event.end_mark
        if begin is None or end is None or event.style in ("|", ">"):
            return
        first, last = begin.index + self.mark, end.index + self.mark
        while (found := _PROPERTY.match(self.text, first, last)) is not None:
            first = found.end()
        spelling = self.text[first:last]
        if not spelling or any(letter in _BREAKS for letter in spelling):
            return
        comment = _COMMENT.match(self.text, last)
        yield Scalar(
            document=self.document,
            path=path,
            value=event.value,
            begin=first,
            end=last,
            style=event.style or "" if spelling[0] in "'\"" else "",
            line=begin.line + 1,
            column=begin.column + 1,
            comment=comment[1].strip() if comment is not None else "",
        )
