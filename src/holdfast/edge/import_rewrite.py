"""What `set`, `if`, `return` and `rewrite` of a block come to, for a request of which scheme and host are known.

Only what is the same for every such request is followed; the rest is Unclear. What the edge answers by itself is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.edge.import_value import filled
from holdfast.edge.site_check import RESERVED
from holdfast.edge.tree import Directive

REWRITES = frozenset({"set", "if", "return", "rewrite", "break"})
ALL = frozenset({"^", "^/", ".*", "^.*", "^.*$", "^/.*$", "^(.*)$", "^(.*)", "^/(.*)$", "^/(.*)", "(.*)"})
"""Patterns of `rewrite` that every path fits."""


class Unclear(Exception):
    """What a block does depends on more than is known."""

    def __init__(self, directive: Directive, reason: str) -> None:
        super().__init__(reason)
        self.directive = directive
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What comes of it: an answer (a `return`, its variables put in), or the values of variables that locations go on with."""

    answer: Directive | None
    known: Mapping[str, str]


def outcome(directives: Sequence[Directive], known: Mapping[str, str]) -> Outcome:
    """Return what a block's rewrites come to; raises Unclear."""
    values = dict(known)
    for directive in directives:
        match directive.name:
            case "set" if len(directive.args) == 2:
                values[directive.args[0].removeprefix("$")] = filled(directive.args[1], values)
            case "return":
                return Outcome(answer=_returned(directive, values), known=values)
            case "rewrite":
                return Outcome(answer=_rewritten(directive, values), known=values)
            case "break":
                break
            case "if":
                if _holds(directive, values):
                    found = outcome(_only_rewrites(directive), values)
                    if found.answer is not None:
                        return found
                    values = dict(found.known)
    return Outcome(answer=None, known=values)


def _only_rewrites(block: Directive) -> Sequence[Directive]:
    for each in block.block or ():
        if each.name not in REWRITES:
            raise Unclear(each, f"{each.name} within if")
    return block.block or ()


def _returned(directive: Directive, known: Mapping[str, str]) -> Directive:
    return Directive("return", tuple(filled(each, known) for each in directive.args), spelling=directive.spelling)


def _rewritten(directive: Directive, known: Mapping[str, str]) -> Directive:
    """Return the `return` that a rewrite of every path to another address is."""
    pattern, to, *flags = (*directive.args, "", "")[:3]
    flag = flags[0] if flags else ""
    text = filled(to, known)
    if pattern not in ALL or not text.startswith(("http://", "https://")) or flag not in {"permanent", "redirect", ""}:
        raise Unclear(directive, f"rewrite of {pattern}")
    status = "301" if flag == "permanent" else "302"
    address = text.removesuffix("?")
    if pattern.rstrip("$").endswith(("(.*)",)):
        address = address.replace("/$1" if pattern.startswith("^/") else "$1", "$request_uri")
    elif not text.endswith("?") and "$request_uri" not in text:
        address += "$is_args$args"
    return Directive("return", (status, address), spelling=directive.spelling)


def _holds(block: Directive, known: Mapping[str, str]) -> bool:
    """Say whether the condition of an `if` holds; raises Unclear."""
    words = condition(block)
    if len(words) == 1 and words[0].startswith("$"):
        value = filled(words[0], known)
        if "$" not in value:
            return value not in {"", "0"}
    elif len(words) == 3:
        left, operator, right = filled(words[0], known), words[1], words[2]
        if words[0] == "$request_uri" and operator == "=" and right.startswith(RESERVED):
            return False
        if "$" not in left:
            return _compared(block, left, operator, filled(right, known))
    raise Unclear(block, f"if ({' '.join(words)})")


def _compared(block: Directive, left: str, operator: str, right: str) -> bool:
    if operator in {"=", "!="} and "$" not in right:
        return (left == right) is (operator == "=")
    if operator in {"~", "~*", "!~", "!~*"}:
        try:
            is_found = re.search(right, left, re.IGNORECASE if operator.endswith("*") else 0) is not None
        except re.error:
            raise Unclear(block, f"the pattern {right}") from None
        return is_found is not operator.startswith("!")
    raise Unclear(block, f"if (… {operator} …)")


def condition(block: Directive) -> tuple[str, ...]:
    """Return the words of a condition without its parentheses."""
    words = list(block.args)
    if words:
        words[0] = words[0].removeprefix("(")
        words[-1] = words[-1].removesuffix(")")
    return tuple(word for at, word in enumerate(words) if word or 0 < at < len(words) - 1)
