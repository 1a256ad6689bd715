"""What an issuer answers instead of what was asked for, as the house's errors: problem documents, limits, nonsense, silence.

The words come from outside: they are shortened and rid of control characters before a person sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.edge.certificate_life import Failed, Fault
from holdfast.errors import EngineError, HoldfastError, Rejected, TimedOut, Unavailable

PREFIX = "urn:ietf:params:acme:error:"
LONGEST = 400
SILENT = frozenset({"HF3140", "HF3141", "HF3142"})
"""Codes of an issuer that gave no answer, or none that could be read."""
ACCOUNT = frozenset({"externalAccountRequired", "userActionRequired", "invalidContact", "unsupportedContact", "accountDoesNotExist"})


class Limited(Unavailable):
    """The issuer said when to come back: `retry_after_s`, None where it only said later."""

    def __init__(self, message: str, *, retry_after_s: float | None) -> None:
        super().__init__("HF3143", message, hint="nothing is to be done; it is asked again by itself")
        self.retry_after_s = retry_after_s


class Refusal(Rejected):
    """The issuer understood and said no. `type` without its prefix: `unauthorized`, `malformed` …"""

    def __init__(self, code: str, message: str, *, type: str, hint: str | None = None) -> None:
        super().__init__(code, message, hint=hint)
        self.type = type


def plain(text: object) -> str:
    """Return foreign text as one short line that can be shown."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text)[: LONGEST * 2])
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def problem_type(document: Mapping[str, Any]) -> str:
    return plain(document.get("type") or "").removeprefix(PREFIX)


def detail(document: Mapping[str, Any]) -> str:
    """Return what a problem document says, that of its parts included, each with the name it is about."""
    said = [plain(document.get("detail") or problem_type(document) or "it said no more"), *_parts(document)]
    return plain("; ".join(said))


def _parts(document: Mapping[str, Any]) -> Iterator[str]:
    found = document.get("subproblems")
    for part in found[:8] if isinstance(found, list) else ():
        if isinstance(part, dict):
            about = part.get("identifier")
            host = plain(about.get("value")) if isinstance(about, dict) else ""
            yield f"{host}: {plain(part.get('detail'))}" if host else plain(part.get("detail"))


def error_of(issuer: str, verb: str, status: int, document: Mapping[str, Any], retry_after_s: float | None) -> EngineError:
    """Return the error for an answer that is no success. `verb` says what was asked: `register at`, `order from` …"""
    said, type = detail(document), problem_type(document)
    if type == "rateLimited" or status == 429:
        return Limited(f"cannot {verb} issuer {issuer}: it limits us: {said}", retry_after_s=retry_after_s)
    if status == 503 and retry_after_s is not None:
        return Limited(f"cannot {verb} issuer {issuer}: it is busy: {said}", retry_after_s=retry_after_s)
    if status >= 500 or type == "serverInternal":
        return Unavailable("HF3140", f"cannot {verb} issuer {issuer}: it failed with {status}: {said}")
    if type in ACCOUNT:
        hint = "give the issuer a binding" if type == "externalAccountRequired" else None
        return Refusal("HF3146", f"cannot {verb} issuer {issuer}: it wants another account: {said}", type=type, hint=hint)
    if not type:
        return nonsense(issuer, verb, f"status {status} without a problem document")
    return Refusal("HF3144", f"cannot {verb} issuer {issuer}: {said} ({type})", type=type)


def nonsense(issuer: str, verb: str, why: str) -> Unavailable:
    return Unavailable("HF3142", f"cannot {verb} issuer {issuer}: it answered nonsense: {plain(why)}")


def failure(error: HoldfastError) -> Failed:
    """Return an error as the kind of failure that decides how long it waits."""
    if isinstance(error, Limited):
        return Failed(fault=Fault.LIMITED, code=error.code, message=error.message, hint=error.hint, retry_after_s=error.retry_after_s)
    is_silent = error.code in SILENT and isinstance(error, Unavailable | TimedOut)
    fault = Fault.UNANSWERED if is_silent else Fault.REFUSED
    return Failed(fault=fault, code=error.code, message=error.message, hint=error.hint)
