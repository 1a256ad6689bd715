"""What goes into the log: without secrets, and with nothing that could not be written or shown later.

Engines take care not to say secrets; this is the net below. It redacts texts, never the words and names by which events are folded: who has
chosen `Healthy` for a password must not lose the view for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from holdfast.kit.canonical import Json
from holdfast.kit.secret import Redactor
from holdfast.model.event import Event
from holdfast.model.operation import Failure, Operation, Outcome
from holdfast.model.ports import Append, PutOperation, Write

NAMES = frozenset("application id destination kind sync status phase trigger verb verdict digest declared approve".split())
"""Fields of an event's data, and of the entries of its lists, that name something or are a word of Holdfast's own."""


def redacted(redactor: Redactor, write: Write) -> Write:
    """Return `write` as it may be stored. What engines remember is theirs, and states hold references instead of secrets."""
    if isinstance(write, Append):
        return Append(redacted_event(redactor, write.event))
    if isinstance(write, PutOperation):
        return PutOperation(_operation(redactor, write.operation))
    return write


def redacted_event(redactor: Redactor, event: Event) -> Event:
    return event if _is_clean(redactor, event.data) else replace(event, data=_named(redactor, event.data, depth=1))


def _is_clean(redactor: Redactor, data: Mapping[str, Json]) -> bool:
    """Say whether redacting would surely change nothing: most events, at a fraction of the cost, since their texts are searched as one."""
    texts: list[str] = []
    for value in data.values():
        if not _is_plain(value, texts):
            return False
    text = "\n".join(texts)
    return text.isascii() and redactor.redact(text) == text


def _is_plain(value: Json, texts: list[str]) -> bool:
    """Say whether `value` is JSON as it stands; its texts are added to `texts`."""
    kind = type(value)
    if kind is str:
        texts.append(value)  # type: ignore[arg-type]
        return True
    if kind is int or kind is bool or value is None:
        return True
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    if kind is not dict and kind is not list:
        return False
    return all(_is_plain(one, texts) for one in (value.values() if kind is dict else value))  # type: ignore[union-attr]


def _named(redactor: Redactor, data: Mapping[str, Json], depth: int) -> dict[str, Json]:
    """Redact an object but for its NAMES; the same in lists of objects, `depth` deep."""
    return {
        key: value
        if key in NAMES and isinstance(value, str)
        else [_named(redactor, one, depth - 1) if isinstance(one, dict) else _plain(redactor, one) for one in value]
        if depth and isinstance(value, list)
        else _plain(redactor, value)
        for key, value in data.items()
    }


def _plain(redactor: Redactor, value: Json) -> Json:
    if isinstance(value, str):
        return _text(redactor, value)
    if isinstance(value, dict):
        return {key: _plain(redactor, one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(redactor, one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such number
    return value


def _text(redactor: Redactor, text: str) -> str:
    """Redact `text`; bytes that were no text, as a program may print them, are told as `\\xNN`."""
    clean = redactor.redact(text)
    return clean if clean.isascii() else clean.encode("utf-8", "backslashreplace").decode()


def _operation(redactor: Redactor, operation: Operation) -> Operation:
    outcomes = tuple(_outcome(redactor, outcome) for outcome in operation.outcomes)
    return replace(operation, message=_text(redactor, operation.message), outcomes=outcomes)


def _outcome(redactor: Redactor, outcome: Outcome) -> Outcome:
    return outcome if outcome.failure is None else replace(outcome, failure=_failure(redactor, outcome.failure))


def _failure(redactor: Redactor, failure: Failure) -> Failure:
    hint = None if failure.hint is None else _text(redactor, failure.hint)
    log = tuple(_text(redactor, line) for line in failure.log)
    return replace(failure, message=_text(redactor, failure.message), hint=hint, log=log)
