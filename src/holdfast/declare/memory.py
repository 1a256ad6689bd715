"""Memory: what was read and made before, bounded, so that a commit costs what it changes. Kept by render."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")
VERSIONS = 4
"""Of one file: what it is, what it was before, what it is pinned at, and the mistake in between."""


class Memory(Generic[K, V]):
    """A bounded cache of places and their versions: what was used longest ago is forgotten first.

    Of a place only a few versions are kept. Without that bound a file that changes with every commit fills the memory with what it was.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[K, OrderedDict[str, V]] = OrderedDict()

    def has(self, place: K, version: str) -> bool:
        return version in self._held.get(place, ())

    def get(self, place: K, version: str) -> V | None:
        versions = self._held.get(place)
        if versions is None or (value := versions.get(version)) is None:
            return None
        self._held.move_to_end(place)
        versions.move_to_end(version)
        return value

    def versions(self, place: K) -> tuple[V, ...]:
        return tuple(self._held.get(place, {}).values())

    def put(self, place: K, version: str, value: V) -> None:
        versions = self._held.setdefault(place, OrderedDict())
        self._held.move_to_end(place)
        versions[version] = value
        if len(versions) > VERSIONS:
            versions.popitem(last=False)
        if len(self._held) > self._most:
            self._held.popitem(last=False)
