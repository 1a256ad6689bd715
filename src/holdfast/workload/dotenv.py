"""Dotenv: the `.env` file beside a Procfile → variables, by foreman's rules (`lib/foreman/env.rb`).

`NAME=value`; single quotes keep all as it stands; in double quotes `\\n` is a line break and a backslash keeps what follows. Where foreman
passes a line over without a word, it is an error here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from holdfast.declare.document import Limits, split_lines
from holdfast.declare.text import read_text
from holdfast.errors import DeclarationError, Where

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")
_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dotenv:
    """Variables with the line of each, and every error."""

    values: dict[str, str]
    lines: dict[str, int]
    errors: tuple[DeclarationError, ...] = ()


def read_dotenv(path: str, data: bytes) -> Dotenv:
    """Return the variables of a `.env` file; of a name that stands twice the later, as foreman."""
    text = read_text(path, data, _LIMITS)
    if isinstance(text, DeclarationError):
        return Dotenv(values={}, lines={}, errors=(text,))
    found = Dotenv(values={}, lines={})
    errors = []
    for number, line in enumerate(split_lines(text), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            errors.append(_wrong(path, number, line))
            continue
        found.values[match[1]] = _value(match[2])
        found.lines[match[1]] = number
    return Dotenv(values=found.values, lines=found.lines, errors=tuple(errors))


def _value(text: str) -> str:
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1]
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return re.sub(r"\\(.)", r"\1", text[1:-1].replace("\\n", "\n"))
    return text


def _wrong(path: str, number: int, line: str) -> DeclarationError:
    column = len(line) - len(line.lstrip()) + 1
    return DeclarationError(
        "HF1125",
        f"cannot read {path}: expected NAME=value",
        where=[Where(path=path, line=number, column=column, snippet=_without_value(line))],
        hint="a name has letters, digits and '_', and no blanks around '='; comments begin with #",
    )


def _without_value(line: str) -> str:
    """Return the line up to its value, which may be a secret."""
    name, equals, _ = line.partition("=")
    return f"{name}=…" if equals else line
