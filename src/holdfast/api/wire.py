"""The wire: envelopes, errors as HTTP status, and what a request may say. The command line has the other half of the same table.

The status tells the class of an error, and so its exit code; the body is always an envelope. A stream of lines has sent its status before
it knows, so its last line carries `status` too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import orjson

from holdfast.errors import (
    Bug,
    Busy,
    Conflict,
    DeclarationError,
    EngineError,
    HoldfastError,
    Refused,
    Rejected,
    SourceError,
    StoreError,
    TimedOut,
    Unavailable,
    UsageError,
)
from holdfast.kit.suggest import did_you_mean

API_VERSION = "holdfast.dev/v1"
T = TypeVar("T")

STATUS: Mapping[type[HoldfastError], int] = MappingProxyType(
    {
        UsageError: 400,
        Refused: 403,
        Conflict: 409,
        DeclarationError: 422,
        Busy: 423,
        Rejected: 424,
        Bug: 500,
        SourceError: 502,
        Unavailable: 503,
        TimedOut: 504,
        StoreError: 507,
        EngineError: 520,
        HoldfastError: 520,
    }
)
"""One status a class. 404, 405 and 413 are said of requests and mean usage as 400 does; 520 any other failure."""
STATUS_OF_CODE: Mapping[str, int] = MappingProxyType({"HF7001": 404, "HF7004": 404, "HF7006": 413, "HF7009": 404})


def envelope(kind: str, data: Any, warnings: Collection[str] = ()) -> bytes:
    """Return a document, one line."""
    return orjson.dumps({"apiVersion": API_VERSION, "kind": kind, "data": data, "warnings": list(warnings)})


def status_of(error: HoldfastError) -> int:
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    return next(STATUS[each] for each in type(error).__mro__ if each in STATUS)


def error_document(error: HoldfastError) -> bytes:
    return envelope("Error", error.to_json())


def last_line(body: bytes, status: int) -> bytes:
    """Return a document as the last line of a stream: with its status within."""
    return body[:-1] + b',"status":%d}\n' % status


def malformed(reason: str, hint: str | None = None) -> UsageError:
    return UsageError("HF7005", f"cannot read the request: {reason}", hint=hint)


def bug(error: BaseException) -> Bug:
    """Return what a caller may know of a defect: its kind, never its text, which may hold anything."""
    return Bug(
        "HF9001", f"cannot answer: an unexpected {type(error).__name__} in the daemon", hint="see `holdfast events`, and report it please"
    )


class Fields:
    """What a request says, by name: each taken once with its reader; what is left over is an error."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._known: list[str] = []

    def take(self, name: str, read: Callable[[Any], T]) -> T | None:
        """Return the value, None where it is missing or null; UsageError (HF7005) where `read` raises ValueError."""
        self._known.append(name)
        value = self._values.pop(name, None)
        if value is None:
            return None
        try:
            return read(value)
        except ValueError as error:
            raise malformed(f"{name}: {error}") from None

    def need(self, name: str, read: Callable[[Any], T]) -> T:
        value = self.take(name, read)
        if value is None:
            raise malformed(f"{name} is missing")
        return value

    def end(self) -> None:
        for name in self._values:
            guess = did_you_mean(name, self._known)
            raise malformed(f"{name} is not known here", f"did you mean {guess}?" if guess else None)


LONGEST_TEXT = 1024
LONGEST_LIST = 1000


def text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > LONGEST_TEXT or not value.isprintable():
        raise ValueError(f"expected 1 to {LONGEST_TEXT} printable characters")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Return a list of texts, from JSON or, in a query, from the text of a JSON list."""
    if isinstance(value, str):
        value = orjson.loads(value)
    if not isinstance(value, list) or len(value) > LONGEST_LIST:
        raise ValueError(f"expected a list of at most {LONGEST_LIST} texts")
    return tuple(map(text, value))


def number(value: Any) -> int:
    """Return a count, from a query or from JSON."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    raise ValueError("expected a whole number from 0")


def instant(value: Any) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if isinstance(value, bool) or not math.isfinite(seconds):
        raise ValueError("expected seconds since 1970")
    return seconds


def switch(value: Any) -> bool:
    words = {"1": True, "true": True, "0": False, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in words:
        return words[value]
    raise ValueError("expected true or false")


def json_object(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds; an empty body is an empty object."""
    try:
        value = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError as error:
        raise malformed(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise malformed("expected a JSON object")
    return value
