"""Trouble: what ends a build, and the place that a person is shown for it.

Raised wherever a build cannot go on, deep in a merge or a selector, without a place; whoever knows the line of the kustomization that asked
for it says so with `at`. Caught by build alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from holdfast.errors import DeclarationError, Where

Place = Callable[[], Where]


class Trouble(Exception):
    """A build cannot go on: code, reason, and hint. `where` is told by whoever knows it."""

    def __init__(self, code: str, reason: str, hint: str | None = None, *where: Where) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
        self.hint = hint
        self.where = where

    def error(self, subject: str) -> DeclarationError:
        return DeclarationError(self.code, f"cannot build {subject}: {self.reason}", where=self.where, hint=self.hint)


@contextmanager
def at(place: Place) -> Iterator[None]:
    """Give a place to trouble that has none; the innermost place stays."""
    try:
        yield
    except Trouble as trouble:
        if not trouble.where:
            trouble.where = (place(),)
        raise
