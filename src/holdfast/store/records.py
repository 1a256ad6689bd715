"""StoreRecords: what one engine or controller must remember, in memory for reading and written through."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType

from holdfast.kit.canonical import Json
from holdfast.model.ports import DropRecord, Journal, PutRecord, Store, Write


class StoreRecords:
    """Implements `model.ports.Records` for one space; nobody else may write it. `get` and `all` show what is stored, never what may be."""

    def __init__(self, journal: Journal, space: str, values: Mapping[str, Json]) -> None:
        self._journal = journal
        self._space = space
        self._values = dict(values)
        self._turns = itertools.count(1)
        self._waiting: Counter[str] = Counter()
        self._shown: dict[str, int] = {}

    @classmethod
    async def load(cls, journal: Journal, store: Store, space: str) -> StoreRecords:
        return cls(journal, space, await store.records(space))

    def get(self, key: str) -> Json:
        """Return the value, None where there is none."""
        return self._values.get(key)

    def all(self) -> Mapping[str, Json]:
        return MappingProxyType(self._values)

    async def put(self, key: str, value: Json) -> None:
        """Remember; raises StoreError, and then the old value stands."""
        if await self._write(key, PutRecord(self._space, key, value)):
            self._values[key] = value

    async def drop(self, key: str) -> None:
        if await self._write(key, DropRecord(self._space, key)):
            self._values.pop(key, None)

    async def _write(self, key: str, write: Write) -> bool:
        """Write; say whether nothing newer of that key was shown meanwhile, since writers of one key are answered in any order."""
        turn = next(self._turns)
        self._waiting[key] += 1
        try:
            await self._journal.commit(write)
            is_news = turn > self._shown.get(key, 0)
            if is_news:
                self._shown[key] = turn
            return is_news
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                self._shown.pop(key, None)
