"""Pin: what an Application may go back to stays in its mirror, whatever happens upstream.

Hears the events: the last revision that was healthy and the one that is pinned each keep a ref. Both are a safety net for a history that is
rewritten; a ref that cannot be written now is written with the next event of its kind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

from holdfast.errors import SourceError
from holdfast.model.event import Event
from holdfast.model.operation import Trigger
from holdfast.model.source import Git

HEALTHY, PINNED = "healthy", "pinned"
HEARD = frozenset({"revision.pinned", "revision.unpinned", "operation.succeeded"})
FORWARD = frozenset({Trigger.COMMIT, Trigger.MANUAL})


class PinController:
    """`events` yields what happens from now on; `repository_of` says where an Application comes from, None where it is not known."""

    def __init__(self, *, git: Git, events: Callable[[], AsyncIterator[Event]], repository_of: Callable[[str], str | None]) -> None:
        self._git = git
        self._events = events
        self._repository_of = repository_of

    async def run(self) -> None:
        async for event in self._events():
            if event.type not in HEARD:
                continue
            name = event.data.get("application")
            repository = self._repository_of(name) if isinstance(name, str) else None
            if repository is not None:
                try:
                    await self._hear(str(name), repository, event)
                except SourceError:
                    continue  # told by whoever reads the source; what is pinned is held by the mirror for days without a ref

    async def _hear(self, name: str, repository: str, event: Event) -> None:
        data: Any = event.data
        if event.type == "revision.pinned":
            await self._git.pin(repository, data["pin"]["revision"], f"{PINNED}.{name}")
        elif event.type == "revision.unpinned":
            await self._git.unpin(repository, f"{PINNED}.{name}")
        elif event.type == "operation.succeeded" and data["trigger"] in FORWARD and event.revision and not data.get("selective"):
            await self._git.pin(repository, event.revision, f"{HEALTHY}.{name}")
