"""Template: `$NAME`, `${NAME}`, and `${NAME:-default}`, `${NAME:?error}`, `${NAME:+other}`, or without the colon where empty counts as set.

One text at a time; interpolate walks a model. What stands after the operator is a template itself. Source: compose-spec
`12-interpolation.md`. Laws: `$$` is a dollar; a text without a dollar is itself; nothing grows beyond LONGEST.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

Lookup: TypeAlias = Callable[[str], str | None]
"""Value of a variable, None where it is not set."""

LONGEST = 1 << 20
"""Characters of one result."""
_DEEPEST = 20
_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_OPERATOR = re.compile(r":?[-?+]")
_BRACE = re.compile(r"[{}]")


class Unreadable(ValueError):
    """The text is no template, or grows too large."""


class Missing(ValueError):
    """A variable that must have a value has none: `${NAME:?reason}`."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"required variable {name} is missing a value" + (f": {reason}" if reason else ""))
        self.name = name
        self.reason = reason


def substitute(text: str, lookup: Lookup, unset: set[str] | None = None, depth: int = 0) -> str:
    """Return `text` with its variables replaced, unset ones by nothing; `unset` takes their names. Raises Unreadable, Missing."""
    if "$" not in text:
        return text
    if depth > _DEEPEST:
        raise Unreadable(f"variables stand within variables more than {_DEEPEST} deep")
    parts: list[str] = []
    at = size = 0
    opening = "{"
    while at < len(text):
        dollar = text.find("$", at)
        if dollar < 0:
            dollar = len(text)
        if dollar > at:
            part, at = text[at:dollar], dollar
        elif text.startswith("${", at):
            end = closing(text, at + 1, opening)
            if end is None and opening == "{":
                # A lone brace in a default opens nothing: from here on only ${ does.
                opening = "${"
                end = closing(text, at + 1, opening)
            if end is None:
                raise Unreadable(f"{_cut(text[at:])!r} opens a brace and does not close it")
            part, at = _braced(text[at + 2 : end], lookup, unset, depth), end + 1
        elif text.startswith("$$", at):
            part, at = "$", at + 2
        elif (name := _NAME.match(text, at + 1)) is not None:
            part, at = _value(name[0], lookup, unset), name.end()
        else:
            part, at = "$", at + 1
        size += len(part)
        if size > LONGEST:
            raise Unreadable(f"its variables make it longer than {LONGEST:,} characters")
        parts.append(part)
    return "".join(parts)


def closing(text: str, at: int, opening: str = "{") -> int | None:
    """Return where the brace at `at` is closed; what `opening` is nests, so that a default may be JSON."""
    level = 0
    for match in _BRACE.finditer(text, at):
        if match[0] == "}":
            level -= 1
            if not level:
                return match.start()
        elif opening == "{" or match.start() == at or text[match.start() - 1] == "$":
            level += 1
    return None


def _value(name: str, lookup: Lookup, unset: set[str] | None) -> str:
    value = lookup(name)
    if value is None and unset is not None:
        unset.add(name)
    return value or ""


def _braced(body: str, lookup: Lookup, unset: set[str] | None, depth: int) -> str:
    name = _NAME.match(body)
    operator = _OPERATOR.match(body, name.end()) if name is not None else None
    if name is None or (operator is None and name.end() != len(body)):
        raise Unreadable(f"{_cut('${' + body + '}')!r} is no variable")
    if operator is None:
        return _value(name[0], lookup, unset)
    value = lookup(name[0])
    rest = body[operator.end() :]
    is_given = bool(value) if operator[0].startswith(":") else value is not None
    match operator[0][-1]:
        case "-":
            return value if is_given and value is not None else substitute(rest, lookup, unset, depth + 1)
        case "+":
            return substitute(rest, lookup, unset, depth + 1) if is_given else ""
    if not is_given or value is None:
        raise Missing(name[0], substitute(rest, lookup, unset, depth + 1))
    return value


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
