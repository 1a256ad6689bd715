"""Variables of a configuration: where a value comes from, and whether a client can put a line break or a host of its own into it.

Used by the rules on response splitting and on forged requests. What cannot be traced is not accused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.edge.regex import NEWLINE, Node, group, is_finite, may_hold, read_regex
from holdfast.edge.review_subject import Above, Subject, variables
from holdfast.edge.tree import Directive

DECODED = frozenset({"uri", "document_uri"})
"""The path after %0a became a line break; `$request_uri` is the path as it was sent."""
CHOSEN = ("arg_", "http_", "cookie_")
"""Prefixes of variables that a client writes as it likes."""
CHOSEN_HOSTS = frozenset({"http_host", "args", "query_string", "host"})
_SEPARATORS = sum(1 << ord(character) for character in "/?#:@")


@dataclass(frozen=True, slots=True)
class Traced:
    """A variable's origin: a capture of a pattern, a value made of others, or neither (a variable of nginx itself)."""

    capture: Node | None = None
    value: str | None = None


def patterns(above: Above) -> Iterator[Node]:
    """Yield the patterns whose captures hold within the innermost block, the nearest first."""
    for at in range(len(above) - 1, -1, -1):
        block = above[at]
        node = None
        if block.name == "location" and len(block.args) == 2 and block.args[0] in {"~", "~*"}:
            node = read_regex(block.args[1])
        elif block.name == "if":
            node = _condition(block)
        elif block.name == "server":
            for name in (name for directive in block.all("server_name") for name in directive.args if name.startswith("~")):
                if (of_name := read_regex(name[1:])) is not None:
                    yield of_name
        if node is not None:
            yield node


def _condition(block: Directive) -> Node | None:
    """Return the pattern of `if ($x ~ pattern)`."""
    arguments = [word for word in (argument.strip("()") if at in {0, 1} else argument for at, argument in enumerate(block.args)) if word]
    for operator in ("~", "~*"):
        if operator in arguments[1:2] and len(arguments) > 2:
            text = arguments[2]
            return read_regex(text[:-1] if text.endswith(")") and text.count("(") < text.count(")") else text)
    return None


def trace(name: str, at: Directive, above: Above) -> Traced:
    """Return where a variable comes from as seen by directive `at`."""
    if not name.isdigit() and (value := _set(name, above)) is not None:
        return Traced(value=value)
    own = _own(at)
    for node in (*((own,) if own is not None else ()), *patterns(above)):
        found = group(node, name)
        if found is not None:
            return Traced(capture=found.body)
        if name.isdigit():
            return Traced()  # the nearest pattern sets all the numbers
    return Traced()


def _own(at: Directive) -> Node | None:
    return read_regex(at.args[0]) if at.name == "rewrite" and at.args else None


def _set(name: str, above: Above) -> str | None:
    for block in reversed(above):
        for directive in reversed(block.all("set")):
            if len(directive.args) == 2 and directive.args[0] == f"${name}":
                return directive.args[1]
    return None


def broken_by(value: str, at: Directive, above: Above, depth: int = 0) -> str | None:
    """Return the variable of `value` through which a client can send a line break; None where there is none."""
    for name in variables(value):
        if name in DECODED:
            return name
        traced = trace(name, at, above)
        if traced.capture is not None and may_hold(traced.capture, NEWLINE):
            return name
        if traced.value is not None and depth < 8 and broken_by(traced.value, at, above, depth + 1) is not None:
            return name
    return None


def chosen_by_client(value: str, at: Directive, above: Above, subject: Subject, depth: int = 0) -> str | None:
    """Return the variable of `value`, a host, that a client may fill as it likes; None where there is none.

    A capture of a few words is no choice, nor is one that cannot leave the domain written after it.
    """
    end = value.rpartition("}")[2] if value.endswith("}") else value
    for name in variables(value):
        if name in CHOSEN_HOSTS or name.startswith(CHOSEN):
            return name
        if _is_mapped(name, subject):
            continue
        traced = trace(name, at, above)
        if traced.capture is not None and not is_finite(traced.capture):
            is_confined = "." in end.rpartition(f"${name}")[2] and not may_hold(traced.capture, _SEPARATORS)
            if not is_confined:
                return name
        if traced.value is not None and depth < 8 and chosen_by_client(traced.value, at, above, subject, depth + 1) is not None:
            return name
    return None


def _is_mapped(name: str, subject: Subject) -> bool:
    return any(len(each.args) == 2 and each.args[1] == f"${name}" for each, _ in subject.each("map", "geo", "split_clients"))
