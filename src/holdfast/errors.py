"""The error tree of the whole house.

    HoldfastError
    ├── DeclarationError   what Git says is wrong            exit 1   not before a new revision
    ├── Refused            policy said no                    exit 5   not before a person or the policy acts
    │   └── RefusedDeclaration   to what Git says: exposure  exit 5   both; it is a DeclarationError as well
    ├── EngineError        an engine could not do it
    │   ├── Unavailable    no answer                         exit 75  backoff
    │   ├── TimedOut       no answer in time                 exit 75  backoff
    │   ├── Conflict       changed under us                  exit 1   once, after observing
    │   └── Rejected       understood and said no            exit 1   not for this digest
    ├── SourceError        Git did not answer, or nonsense   exit 1   backoff; the last good revision stays
    ├── StoreError         disk full, corrupt                exit 1   no new operation starts
    ├── UsageError         the command line is wrong         exit 64  never
    ├── Busy               another daemon, not running       exit 75  later
    └── Bug                an invariant is broken            exit 70  never

An error is data at the edge: a code of the catalogue (`holdfast explain CODE`), one sentence "cannot <verb> <subject>: <reason>", the
places a person must look at, and a hint with the next command. `errors` holds the parts where one answer carries several.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar

LONGEST = 8_000
"""Characters of a message or a hint: it may quote what Git says, which is as long as somebody likes."""


class Retry(Enum):
    """When the same work may be tried again."""

    NEVER = "never"
    NEW_REVISION = "new revision"
    POLICY = "policy"
    ONCE = "once"
    BACKOFF = "backoff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place in a file: 1-based line and column, and the line's text where it is known."""

    path: str
    line: int | None = None
    column: int | None = None
    snippet: str | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)

    def to_json(self) -> dict[str, Any]:
        return {"path": self.path, "line": self.line, "column": self.column, "snippet": self.snippet}


class HoldfastError(Exception):
    """Base of all errors that a person is meant to read.

    `code` is in `holdfast.catalogue`; `message` one sentence without a full stop; `where` the places; `hint` the next step.
    """

    retry: ClassVar[Retry] = Retry.NEVER
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: Iterable[Where] = (),
        hint: str | None = None,
        errors: Iterable[HoldfastError] = (),
    ) -> None:
        message = _bounded(message)
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = tuple(where)
        self.hint = _bounded(hint) if hint is not None else None
        self.errors = tuple(errors)

    def to_json(self) -> dict[str, Any]:
        """Return the `Error` document's data of product.md §5."""
        return {
            "code": self.code,
            "message": self.message,
            "where": [where.to_json() for where in self.where],
            "hint": self.hint,
            "errors": [error.to_json() for error in self.errors],
        }


def _bounded(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


class DeclarationError(HoldfastError):
    retry = Retry.NEW_REVISION


class Refused(HoldfastError):
    retry = Retry.POLICY
    exit_code = 5


class RefusedDeclaration(Refused, DeclarationError):
    """What Git says is understood, and policy says no: a refusal first, and a declaration error wherever a render has those."""


class EngineError(HoldfastError):
    """What an engine could not do. `log`: the last lines of the failing unit; `is_dead`: a candidate died, no deadline was missed."""

    retry = Retry.BACKOFF

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: Iterable[Where] = (),
        hint: str | None = None,
        errors: Iterable[HoldfastError] = (),
        log: Iterable[str] = (),
        is_dead: bool = False,
    ) -> None:
        super().__init__(code, message, where=where, hint=hint, errors=errors)
        self.log = tuple(log)
        self.is_dead = is_dead


class Unavailable(EngineError):
    exit_code = 75


class TimedOut(EngineError):
    exit_code = 75


class Conflict(EngineError):
    retry = Retry.ONCE


class Rejected(EngineError):
    retry = Retry.NEW_REVISION


class SourceError(HoldfastError):
    retry = Retry.BACKOFF


class StoreError(HoldfastError):
    retry = Retry.BACKOFF


class UsageError(HoldfastError):
    exit_code = 64


class Busy(HoldfastError):
    retry = Retry.BACKOFF
    exit_code = 75


class Bug(HoldfastError):
    exit_code = 70


def declaration_errors(errors: Iterable[DeclarationError]) -> DeclarationError:
    """Join several declaration errors into one answer; a single one is returned as it is, flattened ones are not nested again."""
    flat: list[HoldfastError] = []
    for error in errors:
        flat.extend(error.errors or (error,))
    if len(flat) == 1 and isinstance(flat[0], DeclarationError):
        return flat[0]
    joined = RefusedDeclaration if any(isinstance(error, Refused) for error in flat) else DeclarationError
    return joined(
        "HF1000",
        f"cannot render: {len(flat)} errors",
        where=[where for error in flat for where in error.where],
        hint="every error is listed; mend them and commit",
        errors=flat,
    )
