"""Glob patterns as Argo CD reads them (gobwas/glob): `*`, `**`, `?`, `[a-z]`, `[!a-z]`, `{one,two}` and `\\` before a plain character."""

from __future__ import annotations

import re
from functools import lru_cache


def matches(pattern: str, text: str, separated: bool = False) -> bool:
    """Say whether the whole of `text` fits `pattern`; where `separated`, only `**` reaches across a slash."""
    return _compiled(pattern, separated).fullmatch(text) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str, separated: bool) -> re.Pattern[str]:
    try:
        return re.compile(_expression(pattern, separated), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def _expression(pattern: str, separated: bool) -> str:
    any_one = "[^/]" if separated else "."
    out: list[str] = []
    at, depth = 0, 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            is_double = pattern.startswith("*", at)
            at += is_double
            out.append(".*" if is_double else f"{any_one}*")
        elif character == "?":
            out.append(any_one)
        elif character == "[" and (end := pattern.find("]", at + 1)) > 0:
            body = pattern[at:end].replace("\\", "\\\\")
            out.append(f"[^{body[1:]}]" if body[0] in "!^" else f"[{body}]")
            at = end + 1
        elif character == "{" and "}" in pattern[at:]:
            depth += 1
            out.append("(?:")
        elif character == "}" and depth:
            depth -= 1
            out.append(")")
        elif character == "," and depth:
            out.append("|")
        elif character == "\\" and at < len(pattern):
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(character))
    return "".join(out)
