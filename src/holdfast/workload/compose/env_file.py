"""Env file: `.env`, `env_file` and the like → variables, by compose's rules.

`NAME=value`, `NAME: value`, `export NAME=value`, or `NAME` alone, which takes the value that is set around it. Single quotes keep all as
it stands; double quotes know `\\n` and the like; both may run over lines. Outside of single quotes variables are replaced, by earlier ones
too.
Source: compose-spec `05-services.md` §env_file and the behaviour of compose-go. dotenv reads Procfile's, whose rules are foreman's.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.declare.document import Limits, line_starts, pack, place, split_lines
from holdfast.declare.text import read_text
from holdfast.errors import DeclarationError, Where
from holdfast.workload.compose.template import Lookup, Missing, Unreadable, substitute

_LIMITS = Limits()
_BLANK = " \t\v\f\r\x85\xa0"
_EXPORT = re.compile(rf"export(?=[{_BLANK}])")
_END = re.compile(r"[=:\n]|\Z")
_NAME = re.compile(r"[\w.\-\[\]]+")
_COMMENT = re.compile(rf"(?:^|[{_BLANK}])#.*")
_ESCAPE = re.compile(r'\\(0[0-7]{0,3}|[abfnrtv$"\\])')
_CONTROL: Mapping[str, str] = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_CLOSING: Mapping[str, re.Pattern[str]] = {quote: re.compile(rf"(?s)(?:[^\\{quote}]|\\.)*({quote})") for quote in "\"'"}
_MOST = 8 << 20
"""Characters of all values of one file, which could otherwise double with each line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """Variables in the order of the file, and every error."""

    values: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)
    """Name → line, from 1."""
    errors: tuple[DeclarationError, ...] = ()


def read_env_file(path: str, data: bytes, lookup: Lookup) -> EnvFile:
    """Return the variables of a file; what `lookup` knows counts before those of the file when values name them."""
    text = read_text(path, data, _LIMITS)
    if isinstance(text, DeclarationError):
        return EnvFile(values={}, errors=(text,))
    reader = _Reader(path, text.replace("\r\n", "\n"), lookup)
    try:
        reader.read()
    except _Wrong as wrong:
        return EnvFile(values=reader.values, lines=reader.lines, errors=(reader.error(wrong),))
    return EnvFile(values=reader.values, lines=reader.lines)


def read_raw(path: str, data: bytes) -> EnvFile:
    """Return the variables of a file of `format: raw`: what follows the first `=`, as it stands."""
    text = read_text(path, data, _LIMITS)
    if isinstance(text, DeclarationError):
        return EnvFile(values={}, errors=(text,))
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(split_lines(text), 1):
        name, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#"):
            found[name.strip()], lines[name.strip()] = value, number
    return EnvFile(values=found, lines=lines)


class _Wrong(Exception):
    """The file cannot be read from `at` on."""

    def __init__(self, at: int, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.at = at
        self.hint = hint


class _Reader:
    """One file in reading."""

    def __init__(self, path: str, text: str, lookup: Lookup) -> None:
        self.path = path
        self.text = text
        self.around = lookup
        self.values: dict[str, str] = {}
        self.lines: dict[str, int] = {}
        self.starts = line_starts(self.text)
        self.at = 0
        self.size = 0

    def read(self) -> None:
        while self.skip():
            start = self.at
            name, is_inherited = self.name()
            value = self.around(name) if is_inherited else self.value(start)
            if value is not None:
                self.values[name] = value
                self.lines[name] = bisect_right(self.starts, start)
                self.size += len(value)
            if self.size > _MOST:
                raise _Wrong(start, f"its values have more than {_MOST:,} characters", "values name each other: write them out")

    def skip(self) -> bool:
        """Go to the next statement; False at the end."""
        while self.at < len(self.text):
            if self.text[self.at].isspace():
                self.at += 1
            elif self.text[self.at] == "#":
                line_end = self.text.find("\n", self.at)
                self.at = len(self.text) if line_end < 0 else line_end
            else:
                return True
        return False

    def name(self) -> tuple[str, bool]:
        """Return the name of a statement, and whether it stands alone."""
        if (export := _EXPORT.match(self.text, self.at)) is not None:
            self.at = export.end()
        end = _END.search(self.text, self.at)
        assert end is not None, "the end of the text is one"
        start = self.at + len(self.text[self.at : end.start()]) - len(self.text[self.at : end.start()].lstrip(_BLANK))
        name = self.text[start : end.start()].rstrip()
        match = _NAME.match(name)
        if match is None or match.end() != len(name):
            at = start + (match.end() if match is not None else 0)
            what = f"unexpected character {self.text[at]!r}" if at < end.start() else "a name is missing"
            raise _Wrong(at, what, "a name has letters, digits, '_', '.' and '-'; a comment begins with #")
        self.at = end.end()
        return name, end[0] not in ("=", ":")

    def value(self, start: int) -> str:
        while self.at < len(self.text) and self.text[self.at] in _BLANK:
            self.at += 1
        quote = self.text[self.at : self.at + 1]
        if quote in _CLOSING:
            return self.quoted(quote, start)
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        written = _COMMENT.sub("", self.text[self.at : end], count=1).rstrip()
        self.at = end
        return self.expanded(written, start)

    def quoted(self, quote: str, start: int) -> str:
        closing = _CLOSING[quote].match(self.text, self.at + 1)
        if closing is None:
            raise _Wrong(self.at, "a quote is opened and never closed", f"close it with {quote}")
        written = self.text[self.at + 1 : closing.start(1)]
        self.at = closing.end()
        if quote == "'":
            return written.replace("\\'", "'")
        return self.expanded(_ESCAPE.sub(_unescaped, written), start)

    def expanded(self, text: str, start: int) -> str:
        try:
            return substitute(text, self.lookup)
        except (Unreadable, Missing) as error:
            raise _Wrong(start, str(error), "a dollar that is meant is written $$") from None

    def lookup(self, name: str) -> str | None:
        around = self.around(name)
        return around if around is not None else self.values.get(name)

    def error(self, wrong: _Wrong) -> DeclarationError:
        """Return where and why; the line is shown up to its value, which may be a secret."""
        before = split_lines(self.text[: wrong.at])
        lines = split_lines(self.text)
        found = place(self.path, lines, pack(len(before) - 1, len(before[-1])))
        name, equals, _ = (found.snippet or "").partition("=")
        where = Where(path=self.path, line=found.line, column=found.column, snippet=f"{name}=…" if equals else name)
        return DeclarationError("HF1401", f"cannot read {self.path}: {wrong}", where=[where], hint=wrong.hint)


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code == "$":
        return "$$"
    if code[0] == "0":
        number = int(code, 8)
        return chr(number) if 0 < number < 0x80 else match[0]
    return _CONTROL.get(code, code)
