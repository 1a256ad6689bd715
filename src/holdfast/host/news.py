"""News: which ids may have changed, told to whoever watches. Many changes of one id before it is taken are one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from holdfast.kit.tasks import Wakeup
from holdfast.model.ids import ResourceId


class News:
    """Each watcher has its own list; nothing is kept while nobody watches."""

    def __init__(self) -> None:
        self._watchers: list[tuple[dict[ResourceId, None], Wakeup]] = []

    def tell(self, id: ResourceId) -> None:
        for pending, bell in self._watchers:
            pending[id] = None
            bell.wake()

    def tell_all(self, ids: Iterable[ResourceId]) -> None:
        named = dict.fromkeys(ids)
        for pending, bell in self._watchers:
            pending |= named
            bell.wake()

    async def watch(self) -> AsyncIterator[ResourceId]:
        watcher: tuple[dict[ResourceId, None], Wakeup] = ({}, Wakeup())
        self._watchers.append(watcher)
        pending, bell = watcher
        try:
            while True:
                await bell.wait()
                while pending:
                    id = next(iter(pending))
                    del pending[id]
                    yield id
        finally:
            self._watchers.remove(watcher)
