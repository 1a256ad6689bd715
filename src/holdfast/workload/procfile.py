"""Procfile: `web: node server.js` → one Process each.

Format `procfile`, read as foreman reads it, without its shell: command_line says what a line runs, dotenv what `.env` beside it sets. Each
process gets PORT: 5000, 5100, … by its line (foreman's `port_for`). Law: a line is understood whole, or it is an error with its column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.declare.document import Limits, split_lines
from holdfast.declare.text import read_text
from holdfast.errors import DeclarationError, Where
from holdfast.model.declaration import Ask, Declaration, Reading, Scope
from holdfast.model.resource import Origin, Warning
from holdfast.workload.command_line import CommandLine, Refused, read_command_line
from holdfast.workload.dotenv import Dotenv, read_dotenv
from holdfast.workload.process_spec import ProcessSpec
from holdfast.workload.slug import slug

_LINE = re.compile(r"([A-Za-z0-9_-]+):[ \t]*(.*)")
_PORT = re.compile(r"\$(?:PORT\b|\{PORT\b)")
_LIMITS = Limits()
_PORT_NUMBER = re.compile(r"[0-9]{1,5}")
_FIRST_PORT = 5000
_PORT_STEP = 100
_ENV = Ask(what="blob", path=".env")
_PUBLIC = "web"
"""The process type that Heroku's router, and so everybody's `.env`, means by PORT."""
_ONCE = "release"
"""Heroku's release phase: run once for each release, not a process."""


class Procfile:
    """The format."""

    name = "procfile"
    workload = True

    def matches(self, path: str) -> bool:
        return path == "Procfile"

    def read(self, path: str, data: bytes, answers: Mapping[Ask, bytes | None], scope: Scope) -> Reading:
        if _ENV not in answers:
            return Reading(asks=(_ENV,))
        shown = scope.shown(path)
        text = read_text(shown, data, _LIMITS)
        if isinstance(text, DeclarationError):
            return Reading(consumed=frozenset({path}), errors=(text,))
        env = answers[_ENV]
        dotenv = read_dotenv(scope.shown(_ENV.path), env) if env is not None else Dotenv(values={}, lines={})
        reader = _Reader(shown, split_lines(text), dotenv, scope)
        reader.read()
        return Reading(
            declarations=tuple(reader.declarations),
            consumed=frozenset({path}),
            warnings=tuple(reader.warnings),
            errors=(*dotenv.errors, *reader.errors),
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """A line with its places."""

    path: str
    number: int
    text: str
    command_at: int
    """Offset of the command."""

    def at(self, offset: int = 0) -> Where:
        return Where(path=self.path, line=self.number, column=offset + 1, snippet=self.text)

    def place(self, path: tuple[str | int, ...]) -> Where:
        return self.at(self.command_at if path[:2] == ("spec", "command") else 0)


class _Reader:
    """One Procfile in reading."""

    def __init__(self, path: str, lines: tuple[str, ...], dotenv: Dotenv, scope: Scope) -> None:
        self.path = path
        self.lines = lines
        self.dotenv = dotenv
        self.scope = scope
        self.declarations: list[Declaration] = []
        self.warnings: list[Warning] = []
        self.errors: list[DeclarationError] = []
        self.names: dict[str, _Line] = {}

    def read(self) -> None:
        for number, text in enumerate(self.lines, 1):
            if not text.strip() or text.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(text)
            if match is None:
                self.not_understood(_Line(self.path, number, text, 0))
            else:
                self.entry(_Line(self.path, number, text, match.start(2)), match[1], match[2])

    def error(self, code: str, line: _Line, reason: str, offset: int, hint: str | None, *others: _Line) -> None:
        where = [*(other.at() for other in others), line.at(offset)]
        self.errors.append(DeclarationError(code, f"cannot read {self.path}: {reason}", where=where, hint=hint))

    def not_understood(self, line: _Line) -> None:
        blanks = len(line.text) - len(line.text.lstrip())
        name, colon, _ = line.text.partition(":")
        hint = "write name: command, such as web: node server.js"
        if blanks:
            hint = "a line begins with the name of its process, without blanks before it"
        elif colon and name:
            hint = "a name has letters, digits, '-' and '_'"
        self.error("HF1120", line, "expected name: command", blanks, hint)

    def entry(self, line: _Line, written: str, text: str) -> None:
        name = slug(written)
        if (first := self.names.setdefault(name, line)) is not line:
            self.error("HF1122", line, f"the process {name!r} stands twice", 0, "rename one of the two", first)
            return
        port = self.port(len(self.names) - 1)
        if name == _ONCE:
            self.warn("ReleaseNotRun", line, f"{_ONCE}: is not run; what a release needs is said by the annotation holdfast.dev/prepare")
            return
        if name != written:
            self.warn("Renamed", line, f"the process {written} is called {name} here: names are lower case")
        try:
            command = read_command_line(text, {**self.dotenv.values, "PORT": str(port)})
        except Refused as refused:
            self.error(refused.code, line, refused.reason, line.command_at + refused.at, refused.hint)
            return
        self.declarations.append(self.declaration(line, name, command, port))

    def port(self, index: int) -> int:
        """Return the PORT of the process on the `index`th line, as `foreman start` counts."""
        return (_port_of(self.dotenv.values.get("PORT", "")) or _FIRST_PORT) + index * _PORT_STEP

    def warn(self, reason: str, line: _Line, message: str) -> None:
        self.warnings.append(Warning(reason=reason, message=message, origin=self.origin(line)))

    def origin(self, line: _Line) -> Origin:
        return Origin(path=self.path, line=line.number, revision=self.scope.revision)

    def declaration(self, line: _Line, name: str, command: CommandLine, port: int) -> Declaration:
        env = {**self.dotenv.values, "PORT": str(port), **command.env}
        listens = _PORT.search(line.text) is not None or (name == _PUBLIC and "PORT" in self.dotenv.values)
        return Declaration(
            kind="Process",
            name=name,
            namespace=None,
            spec=ProcessSpec(
                command=command.argv,
                env=env,
                port=_port_of(env["PORT"]) if listens else None,
            ),
            origin=self.origin(line),
            place=_Line(line.path, line.number, line.text, line.command_at + command.at).place,
        )


def _port_of(text: str) -> int | None:
    """Return the port that `text` is, None where it is none."""
    number = int(text) if _PORT_NUMBER.fullmatch(text) else 0
    return number if 0 < number < 65536 else None
