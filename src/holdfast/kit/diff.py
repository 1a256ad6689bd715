"""Field by field: what differs between two JSON values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.kit.canonical import Json, canonical


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that differs: a path such as `env.PORT` or `sockets[0].port`. A side that is not there is None."""

    path: str
    before: Json
    after: Json


def diff(before: Json, after: Json) -> tuple[Difference, ...]:
    """Return what differs, in path order of the walk: keys sorted, list items by index.

    Objects and lists are walked where both sides are of that kind; anything else is compared whole. Law: empty exactly where both have
    the same digest, so null and missing differ (both sides then read None), and so do 1 and 1.0.
    """
    return tuple(_walk("", before, after))


def _walk(path: str, before: Json, after: Json) -> Iterator[Difference]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            inner = f"{path}.{key}" if path else key
            if key in before and key in after:
                yield from _walk(inner, before[key], after[key])
            else:
                yield Difference(path=inner, before=before.get(key), after=after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        both = min(len(before), len(after))
        for index in range(both):
            yield from _walk(f"{path}[{index}]", before[index], after[index])
        for index, item in enumerate(before[both:], both):
            yield Difference(path=f"{path}[{index}]", before=item, after=None)
        for index, item in enumerate(after[both:], both):
            yield Difference(path=f"{path}[{index}]", before=None, after=item)
    elif canonical(before) != canonical(after):
        yield Difference(path=path, before=before, after=after)
