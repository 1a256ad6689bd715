"""Pin: what an Application may go back to stays in its mirror, whatever happens upstream.

Hears the events: the last revision that was healthy and the one that is pinned each keep a ref. Both are a safety net for a history that is
rewritten; a ref that cannot be written now is written with the next event of its kind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

from holdfast.declare.source import Followed
from holdfast.errors import SourceError
from holdfast.model.event import Event
from holdfast.model.operation import Trigger
from holdfast.model.source import Git, commits_of

HEALTHY, PINNED = "healthy", "pinned"
HEARD = frozenset({"revision.pinned", "revision.unpinned", "operation.succeeded"})
FORWARD = frozenset({Trigger.COMMIT, Trigger.MANUAL})


class PinController:
    """`events` yields what happens from now on; `followed` says what an Application follows, in the order of its revision's commits, and
    nothing where it is not known."""

    def __init__(self, *, git: Git, events: Callable[[], AsyncIterator[Event]], followed: Callable[[str], tuple[Followed, ...]]) -> None:
        self._git = git
        self._events = events
        self._followed = followed

    async def run(self) -> None:
        async for event in self._events():
            if event.type not in HEARD:
                continue
            name = event.data.get("application")
            repositories = [each.repository for each in self._followed(name)] if isinstance(name, str) else []
            if repositories:
                await self._hear(str(name), repositories, event)

    async def _hear(self, name: str, repositories: Sequence[str], event: Event) -> None:
        data: Any = event.data
        if event.type == "revision.pinned":
            await self._pin(repositories, data["pin"]["revision"], f"{PINNED}.{name}")
        elif event.type == "revision.unpinned":
            for repository, each in zip(repositories, _names(f"{PINNED}.{name}"), strict=False):
                with suppress(SourceError):
                    await self._git.unpin(repository, each)
        elif event.type == "operation.succeeded" and data["trigger"] in FORWARD and event.revision and not data.get("selective"):
            await self._pin(repositories, event.revision, f"{HEALTHY}.{name}")

    async def _pin(self, repositories: Sequence[str], revision: str, name: str) -> None:
        """Hold each commit in its repository; what cannot be held is told by whoever reads the source, and stays for days without a ref."""
        commits = commits_of(revision)
        if len(commits) != len(repositories):
            return  # the sources were changed meanwhile
        for repository, commit, each in zip(repositories, commits, _names(name), strict=False):
            with suppress(SourceError):
                await self._git.pin(repository, commit, each)


def _names(name: str) -> Iterator[str]:
    """Yield `healthy.shop`, `healthy.shop_2` …: two of what an Application follows may be of one repository."""
    yield name
    yield from (f"{name}_{number}" for number in count(2))
