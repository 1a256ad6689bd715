"""Shelf: the files that a compose file leans on, as far as they were given, and which are still wanted.

Reading stays pure: what is not given yet is wanted, whoever drives the reading brings it and reads again. Law: nothing outside the
Application's path is ever wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from holdfast.kit.path import is_below, joined, tidy
from holdfast.model.declaration import Ask, Scope
from holdfast.workload.compose.node import Node
from holdfast.workload.compose.told import Told

BLOB, FOLDER, TODAY = "blob", "folder", "today"
DATE = Ask(what=TODAY, path="")
_REMOTE = ("://", "git@", "github.com/", "oci:")


class Shelf:
    """`answers` as model.declaration has them; paths are relative to the Application's."""

    def __init__(self, answers: Mapping[Ask, bytes | None], scope: Scope) -> None:
        self._answers = answers
        self._scope = scope
        self.wanted: dict[Ask, None] = {}
        self.consumed: set[str] = set()
        """Files that say what runs, and so are no part of a release."""

    def shown(self, path: str) -> str:
        return self._scope.shown(path)

    def has(self, path: str) -> bool:
        """Say whether the content of a file is known, or that there is none; else it is wanted."""
        return self._asked(Ask(what=BLOB, path=path))

    def has_all(self, paths: Iterable[str]) -> bool:
        """Say whether all are known; each that is not is wanted."""
        known = [self.has(path) for path in paths]
        return all(known)

    def content(self, path: str) -> bytes | None:
        """Return what a file holds; None where there is none, or it is wanted."""
        ask = Ask(what=BLOB, path=path)
        return self._answers[ask] if self._asked(ask) else None

    def answer(self, ask: Ask) -> bytes | None:
        """Return the answer to whatever is asked; None where there is none, or it is wanted."""
        return self._answers[ask] if self._asked(ask) else None

    def is_known(self, ask: Ask) -> bool:
        return ask in self._answers

    def scope_of(self, folder: str) -> Scope:
        """Return the scope of a file in a folder of the Application's."""
        return self._scope if folder in {"", "."} else replace(self._scope, root=self._scope.shown(folder))

    def is_there(self, path: str) -> bool | None:
        """Say whether a file or folder is in the repository; None while that is not known."""
        ask = Ask(what=FOLDER, path=path)
        return self._answers[ask] is not None if self._asked(ask) else None

    def today(self) -> str | None:
        """Return the date, such as 2026-01-31; None while it is not known."""
        found = self._answers[DATE] if self._asked(DATE) else None
        return found.decode() if found is not None else None

    def _asked(self, ask: Ask) -> bool:
        if ask in self._answers:
            return True
        self.wanted[ask] = None
        return False


def within(folder: str, path: str) -> str:
    """Return where `path` leads from `folder`, below the Application's path. Raises ValueError with the reason."""
    if any(mark in path for mark in _REMOTE):
        raise ValueError("it is somewhere else than in this repository")
    if path.startswith("/"):
        raise ValueError("it is a path of the host")
    found = tidy(joined(folder, path))
    if not is_below(found):
        raise ValueError("it leads out of the Application's path")
    return found


def asked_for(told: Told, node: Node, folder: str, path: str, what: str) -> str | None:
    """Return the file that `node` names, None, with an error, where it is none of the repository."""
    try:
        return within(folder, path)
    except ValueError as error:
        hint = "copy the file below the Application's path" if "host" not in str(error) else "write a path relative to this file"
        told.error("HF1404", node, f"{what} {path!r} cannot be read: {error}", hint)
        return None
