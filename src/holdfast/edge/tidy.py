"""Tidy: a configuration in one form, with the comments where they were.

One directive a line, four spaces a level, one blank line at most. Words keep their spelling, and a directive of several lines keeps them.
Laws: nginx reads the same; every comment stays, in order; tidying again changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from holdfast.edge.tree import Config, Directive
from holdfast.edge.write import INDENT

_PIECE = re.compile(r"\#[^\n]*|\n")


def tidy(config: Config) -> bytes:
    """Return the text of a configuration that was read from a file."""
    page = _Page()
    for directive in config.directives:
        page.directive(directive, 0)
    page.gap(config.tail, 0)
    while page.lines and not page.lines[-1]:
        page.lines.pop()
    return "".join(f"{line}\n" for line in page.lines).encode("utf-8", "surrogateescape")


@dataclass(slots=True)
class _Page:
    """The lines so far."""

    lines: list[str] = field(default_factory=list)
    is_open: bool = True
    """Whether a block, or the file, has just begun: no blank line comes first in it."""
    pending: int = 0
    """Line breaks before what comes next."""

    def gap(self, text: str, depth: int) -> None:
        """Take in what stands before a directive: comments on lines of their own, and one that ends the line before."""
        breaks = 1 if not self.lines else 0
        for piece in _PIECE.findall(text):
            if piece == "\n":
                breaks += 1
                continue
            comment = piece.rstrip()
            if breaks == 0:
                self.lines[-1] += f" {comment}"
                continue
            self.line(INDENT * depth + comment, is_apart=breaks > 1)
            breaks = 0
        self.pending = breaks

    def line(self, text: str, *, is_apart: bool) -> None:
        if is_apart and not self.is_open:
            self.lines.append("")
        self.lines.append(text)
        self.is_open = False

    def directive(self, it: Directive, depth: int) -> None:
        assert it.spelling is not None
        self.gap(it.spelling.gaps[0], depth)
        first, *more = _head(it, depth)
        self.line(first, is_apart=self.pending > 1)
        self.lines += more
        if it.raw is not None:
            self.lines[-1] += f"{{{it.raw}}}"
        elif it.block is None:
            self.lines[-1] += ";"
        else:
            self.block(it, it.block, depth)

    def block(self, it: Directive, inner: tuple[Directive, ...], depth: int) -> None:
        assert it.spelling is not None
        if not inner and "#" not in it.spelling.close:
            self.lines[-1] += "{ }"
            return
        self.lines[-1] += "{"
        self.is_open = True
        for each in inner:
            self.directive(each, depth + 1)
        self.gap(it.spelling.close, depth + 1)
        self.is_open = False
        self.lines.append(f"{INDENT * depth}}}")


def _head(it: Directive, depth: int) -> Iterator[str]:
    """Yield the lines of name and arguments, up to what ends them."""
    assert it.spelling is not None
    line = INDENT * depth + it.spelling.words[0]
    further = INDENT * (depth + 1)
    for gap, word in zip(it.spelling.gaps[1:], (*it.spelling.words[1:], None), strict=True):
        pieces = _PIECE.findall(gap)
        for piece in pieces:
            if piece != "\n":
                yield f"{line} {piece.rstrip()}" if line.strip() else f"{further}{piece.rstrip()}"
                line = further
            elif word is not None and line.strip():
                yield line
                line = further
        if word is not None:
            line += word if not line.strip() else f" {word}"
    has_body = it.block is not None or it.raw is not None
    yield line + " " if has_body and line.strip() else line
