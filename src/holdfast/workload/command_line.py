"""Command line: one line of a Procfile → environment and argv, by the part of POSIX sh that needs no shell.

Words, quotes, backslashes, leading assignments, `$NAME` and `${NAME:-default}` mean what sh means (POSIX XCU §2.2, §2.6.2, §2.9.1). All
else that sh would act on (pipes, lists, redirections, substitutions, patterns) is refused with its column, never run and never passed on
as if it were text. Law: `read(shlex.join(argv)).argv == argv`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_OPERATORS = {
    "|": "a pipe",
    "&": "a list or a background command",
    ";": "a list of commands",
    "<": "a redirection",
    ">": "a redirection",
    "(": "a subshell",
    ")": "a subshell",
    "`": "a command substitution",
}.items()
_PATTERNS = "*?["
_BLANKS = (" ", "\t", "\n")
"""What splits the value of an expansion (IFS)."""
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?-)([^{}$`\"'\\]*))?\}")
_BUILTIN = frozenset(
    ". : alias bg break cd command continue eval exit export fg getopts jobs local read readonly return set shift source times trap type "
    "ulimit umask unalias unset wait".split()
)
_RESERVED = frozenset("! { } case do done elif else esac fi for function if in select then time until while [[".split())
"""Words that mean something to sh only where they stand without quotes."""


class Refused(ValueError):
    """Why a line is not taken: `code` of the catalogue, the offset in the line, and a hint."""

    def __init__(self, code: str, reason: str, at: int, hint: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.at = at
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """What a line runs."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    """Of the assignments before the command."""
    at: int
    """Offset of the program."""


def read_command_line(line: str, variables: Mapping[str, str]) -> CommandLine:
    """Return what `line` runs. Raises Refused."""
    words = _Words(line, variables).read()
    env: dict[str, str] = {}
    while words and words[0].assigns:
        name, _, value = words.pop(0).text.partition("=")
        env[name] = value
    if words and words[0].text == "exec" and len(words) > 1:
        words.pop(0)  # every program is exec'd here
    if not words:
        raise Refused("HF1120", "there is no command", len(line.rstrip()), "write a program and its arguments")
    first = words[0]
    if first.text in _BUILTIN or (first.text in _RESERVED and not first.is_quoted):
        raise Refused("HF1121", f"{first.text} is a command of the shell itself", first.at, shell_hint(line))
    return CommandLine(argv=tuple(word.text for word in words), env=env, at=first.at)


def shell_hint(line: str) -> str:
    """Return how the same line is written for a shell."""
    body = line.strip()
    return f"write: sh -c '{body}'" if "'" not in body else 'write: sh -c "…", or put the line in a script'


@dataclass(slots=True)
class _Word:
    text: str
    at: int
    is_quoted: bool = False
    """Whether a part of it was quoted or expanded, so that it is no keyword and assigns nothing."""
    assigns: bool = False


class _Words:
    """One line in reading; `at` is the offset of the next character."""

    def __init__(self, line: str, variables: Mapping[str, str]) -> None:
        self.line = line
        self.variables = variables
        self.at = 0
        self.words: list[_Word] = []
        self.word: _Word | None = None
        self.is_fresh = True
        """Whether a token begins here: an expansion to nothing begins one and leaves no word."""

    def read(self) -> list[_Word]:
        while self.at < len(self.line):
            character = self.line[self.at]
            if character in " \t":
                self.end()
                self.at += 1
                self.is_fresh = True
                continue
            if character == "#" and self.is_fresh:
                break
            if character == "'":
                self.single()
            elif character == '"':
                self.double()
            elif character == "\\":
                self.escape()
            elif character == "$":
                self.unquoted(self.expansion())
            else:
                self.plain(character)
            self.is_fresh = False
        self.end()
        return self.words

    def begun(self) -> _Word:
        if self.word is None:
            self.word = _Word("", self.at, is_quoted=not self.is_fresh)
        return self.word

    def begun_by_expansion(self) -> _Word:
        word = self.begun()
        word.is_quoted = True
        return word

    def end(self) -> None:
        if self.word is not None:
            self.words.append(self.word)
            self.word = None

    def shell(self, what: str) -> Refused:
        return Refused("HF1121", f"{what} needs a shell", self.at, shell_hint(self.line))

    def plain(self, character: str) -> None:
        for operator, what in _OPERATORS:
            if character == operator:
                raise self.shell(f"{what} ({character})")
        if character in _PATTERNS:
            hint = f"put the word in quotes if {character} is meant as it stands, or {shell_hint(self.line)}"
            raise Refused("HF1121", f"a file name pattern ({character}) needs a shell", self.at, hint)
        if character == "~" and self.is_fresh:
            raise self.shell("a home folder (~)")
        word = self.begun()
        word.text += character
        if character == "=" and not word.is_quoted and _ASSIGNMENT.fullmatch(word.text) and all(each.assigns for each in self.words):
            word.assigns = True
        self.at += 1

    def single(self) -> None:
        end = self.line.find("'", self.at + 1)
        if end < 0:
            raise Refused("HF1123", "a single quote is opened and not closed", self.at)
        word = self.begun()
        word.text += self.line[self.at + 1 : end]
        word.is_quoted = True
        self.at = end + 1

    def double(self) -> None:
        start = self.at
        word = self.begun()
        word.is_quoted = True
        self.at += 1
        while self.at < len(self.line):
            character = self.line[self.at]
            if character == '"':
                self.at += 1
                return
            if character == "$":
                word.text += self.expansion()
            elif character == "`":
                raise self.shell("a command substitution (`)")
            elif character == "\\" and self.line[self.at + 1 : self.at + 2] in {"$", "`", '"', "\\"}:
                word.text += self.line[self.at + 1]
                self.at += 2
            else:
                word.text += character
                self.at += 1
        raise Refused("HF1123", "a double quote is opened and not closed", start)

    def escape(self) -> None:
        if self.at + 1 >= len(self.line):
            raise Refused("HF1123", "a line cannot be continued", self.at, "write the whole command on one line")
        word = self.begun()
        word.text += self.line[self.at + 1]
        word.is_quoted = True
        self.at += 2

    def unquoted(self, value: str) -> None:
        """Take over the value of an expansion outside quotes: sh splits it at blanks."""
        if self.word is not None and self.word.assigns:
            self.word.text += value
            return
        if self.word is not None:
            self.word.is_quoted = True
        pieces = [piece for piece in re.split("[ \t\n]+", value) if piece]
        if value[:1] in _BLANKS:
            self.end()
        if not pieces:
            return
        for piece in pieces[:-1]:
            self.begun_by_expansion().text += piece
            self.end()
        self.begun_by_expansion().text += pieces[-1]
        if value[-1] in _BLANKS:
            self.end()

    def expansion(self) -> str:
        """Return what `$…` stands for, and pass it."""
        start = self.at
        rest = self.line[start + 1 :]
        if (braced := _BRACED.match(rest)) is not None:
            name, operator, default = braced.groups()
            self.at += 1 + braced.end()
        elif (plain := _NAME.match(rest)) is not None:
            name, operator, default = plain[0], None, None
            self.at += 1 + plain.end()
        elif rest[:1] in {"(", "{", "'", '"'} or rest[:1].isdigit() or rest[:1] in {"@", "*", "#", "?", "-", "$", "!"}:
            raise self.shell("a command substitution ($()" if rest[:1] == "(" else f"this expansion (${rest[:1]})")
        else:
            self.at += 1
            return "$"
        value = self.variables.get(name)
        if operator is not None and (value is None or (operator == ":-" and not value)):
            return default or ""
        if value is None:
            hint = f"set {name} in .env, write ${{{name}:-default}}, or {shell_hint(self.line)} to have it read when it runs"
            raise Refused("HF1124", f"the variable {name} is not known here", start, hint)
        return value
