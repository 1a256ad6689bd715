"""Document: one declaration as plain values, with the place of each in its file.

Filled by yaml_reader and json_reader, asked by decode, formats and kinds. Law: for every path of `value`, `marks.at(path)` is the place of
the text that the value was read from; a path that is not there falls back to its nearest ancestor.

Marks are a tree beside the value, not a map of paths: a scalar's mark is one integer (line << 32 | column, both from 0); a list's is
(mark, [child, …]); a mapping's is (mark, {key: (mark of the key, child)}). What thousands of objects keep of them for as long as they are
declared is `Places`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json

Path: TypeAlias = tuple[str | int, ...]
"""From a document's root to a value: `("spec", "probes", 0, "http")`."""

Mark: TypeAlias = "int | tuple[int, list[Mark]] | tuple[int, dict[str, tuple[int, Mark]]]"

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What libyaml counts as the end of a line (YAML 1.1 §4.2)."""
_LONGEST_SNIPPET = 400


@lru_cache(maxsize=4)
def split_lines(text: str) -> tuple[str, ...]:
    """Return the lines of `text`, without their ends. Those of the last files are kept: a place is asked for after the other."""
    return tuple(_BREAK.split(text))


def line_starts(text: str) -> tuple[int, ...]:
    """Return the offset of each line's first character."""
    return (0, *(match.end() for match in _BREAK.finditer(text)))


def pack(line: int, column: int) -> int:
    """Return the mark of a scalar at `line` and `column`, both from 0."""
    return line << 32 | column


def place(path: str, lines: tuple[str, ...], mark: int) -> Where:
    """Return where `mark` is, with its line as snippet unless that is too long to show."""
    line, column = mark >> 32, mark & 0xFFFFFFFF
    text = lines[line] if line < len(lines) else None
    if text is not None and len(text) > _LONGEST_SNIPPET:
        text = None
    return Where(path=path, line=line + 1, column=column + 1, snippet=text)


@dataclass(frozen=True, slots=True)
class Marks:
    """The places of one document's values and keys."""

    path: str
    text: str
    """Of the whole file, shared by its documents."""
    root: Mark

    @property
    def lines(self) -> tuple[str, ...]:
        return split_lines(self.text)

    def at(self, path: Path, key: bool = False) -> Where:
        """Return the 1-based line and column of the value at `path`, or of its key; of the nearest known ancestor where there is none."""
        mark = self.root
        found = mark if isinstance(mark, int) else mark[0]
        for depth, step in enumerate(path, 1):
            if isinstance(mark, int):
                break
            children = mark[1]
            if isinstance(children, dict):
                entry = children.get(step) if isinstance(step, str) else None
                if entry is None:
                    break
                key_mark, mark = entry
                found = key_mark if key and depth == len(path) else _head(mark)
            elif isinstance(step, int) and 0 <= step < len(children):
                mark = children[step]
                found = _head(mark)
            else:
                break
        return place(self.path, self.lines, found)


def _head(mark: Mark) -> int:
    return mark if isinstance(mark, int) else mark[0]


_PACKER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


class Places:
    """`Document.where` of one document, without the document: its marks in a tenth of their size."""

    __slots__ = ("_packed", "_path", "_text")

    def __init__(self, marks: Marks) -> None:
        self._path, self._text = marks.path, marks.text
        self._packed = _PACKER.encode(marks.root).encode()

    def __call__(self, path: Path, key: bool = False) -> Where:
        return Marks(self._path, self._text, _unpacked(self._packed)).at(path, key)


@lru_cache(maxsize=4)
def _unpacked(packed: bytes) -> Mark:
    root: Mark = json.loads(packed)  # with lists for its tuples, which are read alike
    return root


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file. `value` is read, never changed."""

    path: str
    value: Json
    marks: Marks
    index: int = 0
    """Which document of its file, from 0."""
    tags: Mapping[int, str] = field(default_factory=dict)
    """Mark of a value → its local tag, where the reader was asked to keep such tags."""

    def where(self, path: Path, key: bool = False) -> Where:
        return self.marks.at(path, key)


@dataclass(frozen=True, slots=True)
class Parsed:
    """What reading a file gave: the documents that are sound, and every error of the others."""

    documents: tuple[Document, ...] = ()
    errors: tuple[DeclarationError, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """Instead of a value: every error of it."""

    errors: tuple[DeclarationError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of somebody else's text is read. Git content is hostile until verified."""

    bytes: int = 1 << 20
    depth: int = 64
    expanded: int = 100_000
    """Nodes that aliases may produce in one document."""
    documents: int = 1_000
    key: int = 1_024
    """Characters of a key."""
    errors: int = 100
    """Errors after which a file or a spec is not read on: nobody mends more in one go."""
