"""Tree: an nginx configuration as directives, with how each was written where it was read from a file.

Made by `parse` and by the rendering of Sites, read by `write`, `directive` and `review`. Two trees are equal when their directives are:
places, comments and spellings do not count. A tree is edited by `dataclasses.replace`; what stays keeps its spelling.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.errors import Where

_LONGEST_SNIPPET = 400


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """Where directives were read from. Bytes that are no UTF-8 stand in `text` as lone surrogates, so that they survive."""

    path: str
    text: str
    starts: tuple[int, ...]
    """Offset of each line's first character."""

    def line(self, at: int) -> int:
        """Return the 1-based line of the character at offset `at`."""
        return bisect_right(self.starts, at)

    def where(self, at: int) -> Where:
        line = self.line(at)
        start = self.starts[line - 1]
        end = self.text.find("\n", start)
        text = printable(self.text[start:] if end < 0 else self.text[start:end]).rstrip("\r")
        return Where(path=self.path, line=line, column=at - start + 1, snippet=text if len(text) <= _LONGEST_SNIPPET else None)


def printable(text: str) -> str:
    """Return text that any terminal takes: what is no UTF-8 reads `�`."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, eq=False)
class Spelling:
    """How a directive was written, so that what nobody changes is written back byte for byte."""

    file: File
    at: int
    """Offset of its name."""
    words: tuple[str, ...]
    """The name and the arguments with their quotes and escapes."""
    gaps: tuple[str, ...]
    """Spaces and comments before each word, and at last before the `;` or `{`."""
    end: int
    """Offset after its `;` or `}`."""
    close: str = ""
    """Spaces and comments before the `}`."""


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive. Names and arguments are values: without quotes and escapes."""

    name: str
    args: tuple[str, ...] = ()
    block: tuple[Directive, ...] | None = None
    """What stands between its braces; None where it ends with a semicolon."""
    raw: str | None = None
    """Text between the braces that is another language's (`content_by_lua_block`)."""
    note: str | None = field(default=None, compare=False)
    """A comment above it, in generated configurations."""
    spelling: Spelling | None = field(default=None, compare=False, repr=False)

    @property
    def where(self) -> Where | None:
        return None if self.spelling is None else self.spelling.file.where(self.spelling.at)

    @property
    def line(self) -> int | None:
        return None if self.spelling is None else self.spelling.file.line(self.spelling.at)

    def all(self, name: str) -> tuple[Directive, ...]:
        """Return the directives of this name directly in its block."""
        return tuple(each for each in self.block or () if each.name == name)

    def first(self, name: str) -> Directive | None:
        return next((each for each in self.block or () if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Config:
    """One file's directives."""

    directives: tuple[Directive, ...]
    tail: str = field(default="", compare=False)
    """Spaces and comments after the last directive."""


def walk(directives: tuple[Directive, ...], above: tuple[Directive, ...] = ()) -> Iterator[tuple[Directive, tuple[Directive, ...]]]:
    """Yield each directive, in order, with those that it stands in, the outermost first."""
    stack = [iter(directives)]
    line = list(above)
    while stack:
        directive = next(stack[-1], None)
        if directive is None:
            stack.pop()
            if len(line) > len(above):
                line.pop()
            continue
        yield directive, tuple(line)
        if directive.block:
            line.append(directive)
            stack.append(iter(directive.block))
