"""Field by field: what differs between two JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.kit.canonical import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that differs: a path such as `env.PORT` or `sockets[0].port`. A side that is not there is None."""

    path: str
    before: Json
    after: Json


def diff(before: Json, after: Json) -> tuple[Difference, ...]:
    """Return what differs, in path order of the walk: keys sorted, list items by index.

    Objects and lists are walked where both sides are of that kind; anything else is compared whole. Law: empty exactly where both are
    equal, but for a key that is null on one side and missing on the other.
    """
    return tuple(_walk("", before, after))


def _walk(path: str, before: Json, after: Json) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _walk(f"{path}.{key}" if path else key, before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            one = before[index] if index < len(before) else None
            other = after[index] if index < len(after) else None
            yield from _walk(f"{path}[{index}]", one, other)
    elif type(before) is not type(after) or before != after:
        yield Difference(path=path, before=before, after=after)
