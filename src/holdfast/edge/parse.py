"""Parse: the bytes of an nginx configuration file → its tree, by nginx's own rules.

Bytes that are no UTF-8 survive. Included files are not followed: `include` is a directive like others. Blocks of Lua are kept as text.
Laws: any bytes give a tree or a DeclarationError; `write(parse(data)) == data`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from holdfast.edge.token import AFTER_QUOTE, GAP, TOKEN, unquote
from holdfast.edge.tree import Config, Directive, File, Spelling, printable
from holdfast.errors import DeclarationError

LARGEST = 16 << 20
"""Bytes of a file."""
DEEPEST = 100
_GAP = re.compile(GAP)
_LUA = "_by_lua_block"
_LUA_TOKEN = re.compile(
    r"""--\[(?P<comment>=*)\[.*?\](?P=comment)\] | --[^\n]*+ | \[(?P<level>=*)\[.*?\](?P=level)\]
      | "(?:[^"\\\n]++|\\.)*+" | '(?:[^'\\\n]++|\\.)*+' | [{}]""",
    re.VERBOSE | re.DOTALL,
)


def parse(path: str, data: bytes) -> Config:
    """Return the tree of a file; DeclarationError (HF1300, HF1301) with the place where nginx would stop."""
    if len(data) > LARGEST:
        message = f"cannot read {path}: {len(data):,} bytes, more than the {LARGEST:,} that a configuration may have"
        raise DeclarationError("HF1301", message, hint="split it into files and include them")
    text = data.decode("utf-8", "surrogateescape")
    starts = (0, *(match.end() for match in re.finditer("\n", text)))
    return _Parser(File(path, text, starts)).config()


@dataclass(slots=True)
class _Open:
    """A block that is being read: its directive so far, and what it holds."""

    head: Directive | None
    block: list[Directive] = field(default_factory=list)


class _Parser:
    """One walk over a file's tokens."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.text = file.text
        self.open: list[_Open] = [_Open(None)]
        self.words: list[str] = []
        self.gaps: list[str] = []
        self.at = 0
        """Where the directive in hand begins."""

    def config(self) -> Config:
        position, words, gaps, match = 0, self.words, self.gaps, TOKEN.match
        while True:
            token = match(self.text, position)
            if token is None:
                raise self.unfinished(position)
            kind = token.lastgroup
            position = token.end()
            if kind == "bare" or kind == "quoted":
                if not words:
                    self.at = token.start(kind)
                gaps.append(token["gap"])
                words.append(token[kind])
                if kind == "quoted" and self.text[position : position + 1] not in AFTER_QUOTE:
                    raise self.unexpected(position)
            elif kind == "end":
                return self.end(token["gap"], position)
            else:
                position = self.mark(token["mark"], token["gap"], position)

    def mark(self, mark: str, gap: str, position: int) -> int:
        """Take in `;`, `{` or `}`, which ends before `position`; return where to read on."""
        if mark == "}":
            if self.words or len(self.open) == 1:
                raise self.unexpected(position - 1)
            self.close(gap, position)
        elif not self.words:
            raise self.unexpected(position - 1)
        else:
            directive = self.directive(gap, position)
            if mark == ";":
                self.open[-1].block.append(directive)
            elif directive.name.endswith(_LUA):
                return self.lua(directive, position)
            else:
                self.begin(directive)
        return position

    def directive(self, gap: str, end: int) -> Directive:
        words, gaps = tuple(self.words), (*self.gaps, gap)
        self.words.clear()
        self.gaps.clear()
        name, *args = map(unquote, words)
        return Directive(name, tuple(args), None, None, None, Spelling(self.file, self.at, words, gaps, end))

    def begin(self, head: Directive) -> None:
        if len(self.open) > DEEPEST:
            message = f"cannot read {self.file.path}: blocks stand in more than {DEEPEST} others"
            raise DeclarationError("HF1301", message, where=[self.file.where(self.at)])
        self.open.append(_Open(head))

    def close(self, gap: str, end: int) -> None:
        done = self.open.pop()
        self.open[-1].block.append(_closed(done.head, gap, end, block=tuple(done.block)))

    def lua(self, head: Directive, position: int) -> int:
        """Take in a block of Lua up to the brace that closes it, past strings and comments."""
        depth, at = 1, position
        while depth:
            found = _LUA_TOKEN.search(self.text, at)
            if found is None:
                raise self.error("a block of Lua is not closed", position - 1, "add its }")
            at = found.end()
            depth += {"{": 1, "}": -1}.get(found[0], 0)
        self.open[-1].block.append(_closed(head, "", at, raw=self.text[position : at - 1]))
        return at

    def end(self, tail: str, position: int) -> Config:
        if self.words:
            raise self.error(f"{_shown(self.words[0])} is not ended", self.at, "add ; or a block in braces")
        if len(self.open) > 1:
            head = self.open[-1].head
            spelling = None if head is None else head.spelling
            raise self.error("a block is not closed", position if spelling is None else spelling.at, "add its }")
        return Config(tuple(self.open[0].block), tail)

    def unfinished(self, position: int) -> DeclarationError:
        """Return why no token could be read: a quote that is never closed, or a backslash at the very end."""
        gap = _GAP.match(self.text, position)
        at = position if gap is None else gap.end()
        reason = "a quote is not closed" if self.text[at] in "\"'" else "it ends within a word"
        return self.error(reason, at, "close it")

    def unexpected(self, at: int) -> DeclarationError:
        if at >= len(self.text):
            return self.error(f"{_shown(self.words[0])} is not ended", self.at, "add ; or a block in braces")
        return self.error(f"unexpected {_shown(self.text[at])}", at, _advice(self.text[at], bool(self.words)))

    def error(self, reason: str, at: int, hint: str | None) -> DeclarationError:
        return DeclarationError("HF1300", f"cannot read {self.file.path}: {reason}", where=[self.file.where(at)], hint=hint)


def _closed(
    head: Directive | None, close: str, end: int, *, block: tuple[Directive, ...] | None = None, raw: str | None = None
) -> Directive:
    assert head is not None
    assert head.spelling is not None
    written = head.spelling
    spelling = Spelling(written.file, written.at, written.words, written.gaps, end, close)
    return Directive(head.name, head.args, block, raw, None, spelling)


def _shown(text: str) -> str:
    return repr(printable(text[:40]))


def _advice(character: str, has_words: bool) -> str | None:
    if character == "}":
        return "end the directive before it with ;" if has_words else "it closes nothing: remove it"
    if character in ";{":
        return "a directive begins with its name"
    return "put a space after the quote"
