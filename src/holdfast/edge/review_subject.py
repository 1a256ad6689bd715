"""Subject: a configuration as the rules of the review look at it, and what they answer with.

Included files stand where they are included (`include`). A fragment without its outer blocks is looked at as if they said nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from holdfast.edge.capability import Capability
from holdfast.edge.directive import OPAQUE
from holdfast.edge.tree import Directive, walk

Above = tuple[Directive, ...]
"""The blocks that a directive stands in, the outermost first."""


class Severity(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Edit:
    """What mends a finding: these directives in the place of that one."""

    old: Directive
    new: tuple[Directive, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """What a rule found, at a directive that was read from a file."""

    rule: str
    severity: Severity
    directive: Directive
    message: str
    edits: tuple[Edit, ...] = ()


def words(old: Directive, *args: str, name: str | None = None) -> Edit:
    """Return the edit that gives a directive other arguments."""
    return Edit(old, (replace(old, name=name or old.name, args=args),))


def removal(old: Directive) -> Edit:
    return Edit(old, ())


def before(old: Directive, *new: Directive) -> Edit:
    return Edit(old, (*new, old))


def after(old: Directive, *new: Directive) -> Edit:
    return Edit(old, (old, *new))


def within(block: Directive, *new: Directive) -> Edit:
    """Return the edit that puts directives first in a block."""
    inner = block.block or ()
    return before(inner[0], *new) if inner else Edit(block, (replace(block, block=new),))


_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def variables(text: str) -> tuple[str, ...]:
    """Return the names of the variables in a value, in order."""
    return tuple(braced or plain for braced, plain in _VARIABLE.findall(text))


class Subject:
    """One configuration: its directives by name, what holds at a place, and the nginx that it is for."""

    def __init__(self, directives: Sequence[Directive], capability: Capability | None) -> None:
        self.directives = tuple(directives)
        self.capability = capability
        self._by_name: defaultdict[str, list[tuple[Directive, Above]]] = defaultdict(list)
        self._in_server: defaultdict[tuple[int, str], list[Directive]] = defaultdict(list)
        for directive, above in walk(self.directives):
            if not (above and above[-1].name in OPAQUE):
                self._by_name[directive.name].append((directive, above))
                if (server := server_of(above)) is not None:
                    self._in_server[id(server), directive.name].append(directive)

    def each(self, *names: str) -> Iterator[tuple[Directive, Above]]:
        for name in names:
            yield from self._by_name.get(name, ())

    def inside(self, server: Directive, name: str) -> Sequence[Directive]:
        """Return the directives of this name anywhere in a server."""
        return self._in_server.get((id(server), name), ())

    @property
    def is_whole(self) -> bool:
        """Whether it is a whole configuration, or a whole `http` block; else something may stand in what includes it."""
        return any(directive.name == "http" for directive in self.directives)

    def is_at_least(self, version: str) -> bool:
        """Whether the nginx is known to be of this version or later."""
        return self.capability is not None and self.capability.is_at_least(version)

    def is_older_than(self, version: str) -> bool:
        return self.capability is not None and not self.capability.is_at_least(version)

    def said(self, block: Directive | None, name: str) -> tuple[Directive, ...]:
        """Return what one level says itself; None is the outermost."""
        return tuple(each for each in self.directives if each.name == name) if block is None else block.all(name)

    def in_force(self, name: str, above: Above) -> tuple[Directive, ...]:
        """Return what holds within the innermost block of `above`: of the nearest level that says anything."""
        for block in (*reversed(above), None):
            if found := self.said(block, name):
                return found
        return ()

    @cached_property
    def servers(self) -> tuple[tuple[Directive, Above], ...]:
        return tuple((each, above) for each, above in self.each("server") if each.block is not None and _is_http(above))

    @cached_property
    def upstreams(self) -> Mapping[str, Directive]:
        return {each.args[0]: each for each, _ in self.each("upstream") if each.args}


def _is_http(above: Above) -> bool:
    return not above or above[-1].name == "http"


def server_of(above: Above) -> Directive | None:
    return next((each for each in reversed(above) if each.name == "server"), None)


def location_of(above: Above) -> Directive | None:
    return next((each for each in reversed(above) if each.name == "location"), None)
