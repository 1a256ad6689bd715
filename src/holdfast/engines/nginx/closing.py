"""Closing: which Sites turn requests away now, because Git says so or because a person did.

What a person says goes before what Git says, until it is taken back or its time has come; it is remembered, so that it outlives a daemon.
Nothing is rendered and nothing reloaded for it: a flag is there or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from holdfast.edge.fold import Folded
from holdfast.edge.part import Part
from holdfast.edge.render_guard import MAINTENANCE, MESSAGE, PAUSED
from holdfast.edge.world import key
from holdfast.engines.nginx import telling
from holdfast.errors import StoreError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Instant
from holdfast.kit.tasks import Wakeup
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Emit, Records

SPACE = "closed:"
"""Before the ids in the records."""
GIT = "Git"
PAGE = (
    "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'><title>503</title>"
    "<style>body{{font:1.2rem system-ui;max-width:40rem;margin:20vh auto;padding:0 1rem}}</style><p>{message}\n"
)


class How(StrEnum):
    """What becomes of requests."""

    MAINTENANCE = "maintenance"
    """They get a page."""
    PAUSE = "pause"
    """They wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A Site that turns requests away. `by`: a person, or Git; `until`: None for no end."""

    how: How
    by: str
    at: Instant | None = None
    until: Instant | None = None
    message: str = ""

    def to_json(self) -> dict[str, Json]:
        return {"how": self.how.value, "at": self.at, **self.told()}

    def told(self) -> dict[str, Json]:
        return {"by": self.by, "until": self.until, "message": self.message}


class Closing:
    """`regrounded` puts the flags in place that `flags` says now; `changed` is told of Sites that stand otherwise."""

    def __init__(
        self,
        *,
        records: Records,
        emit: Emit,
        clock: Clock,
        regrounded: Callable[[], Awaitable[None]],
        changed: Callable[[tuple[ResourceId, ...]], None],
    ) -> None:
        self._records = records
        self._emit = emit
        self._clock = clock
        self._regrounded = regrounded
        self._changed = changed
        self._said: dict[ResourceId, Closed] = {}
        self._bell = Wakeup()

    def load(self) -> None:
        for name, value in self._records.all().items():
            if name.startswith(SPACE) and isinstance(value, dict):
                destination, _, id = name.removeprefix(SPACE).partition("/")
                self._said[ResourceId.parse(id, destination)] = read_closed(value)

    def of(self, part: Part) -> Closed | None:
        """Return how a Site is closed; None where it is open."""
        if (said := self._said.get(part.id)) is not None:
            return said
        if part.spec.maintenance.enabled:
            return Closed(how=How.MAINTENANCE, by=GIT)
        return Closed(how=How.PAUSE, by=GIT) if part.spec.pause.enabled else None

    def flags(self, folded: Folded) -> frozenset[str]:
        """Return the flags that close Sites of a configuration."""
        closed = {key(part.label): it for part in folded.served.values() if (it := self.of(part)) is not None}
        paused = (f"{name}{PAUSED}" for name, it in closed.items() if it.how is How.PAUSE)
        return frozenset((*(f"{name}{MAINTENANCE}" for name in closed), *paused))

    def messages(self, folded: Folded) -> Mapping[str, str]:
        """Return what stands in the place of pages: file beneath `flags` → HTML."""
        closed = ((key(part.label), self.of(part)) for part in folded.served.values())
        return {f"{name}{MESSAGE}": PAGE.format(message=escape(it.message)) for name, it in closed if it is not None and it.message}

    # What a person says

    async def close(self, part: Part, closed: Closed) -> None:
        """Close a Site, or otherwise than before. Raises StoreError, with all as it was."""
        await self._records.put(_key(part.id), closed.to_json())
        self._said[part.id] = closed
        said = telling.switched(
            at=self._clock.now(), part=part, how=closed.how.value, by=closed.by, until=closed.until, message=closed.message
        )
        await self._put_in_place(part, said)

    async def open(self, part: Part, person: str) -> bool:
        """Take back what a person said of a Site; False where nobody said anything. What Git says holds again."""
        if part.id not in self._said:
            return False
        await self._records.drop(_key(part.id))
        del self._said[part.id]
        left = self.of(part)
        how = "open" if left is None else left.how.value
        await self._put_in_place(part, telling.switched(at=self._clock.now(), part=part, how=how, by=person))
        return True

    async def _put_in_place(self, part: Part, event: Event) -> None:
        await self._regrounded()
        await self._emit(event)
        self._changed((part.id,))
        self._bell.wake()

    async def forget(self, id: ResourceId) -> None:
        """Forget what was said of a Site that is gone."""
        if self._said.pop(id, None) is not None:
            with suppress(StoreError):
                await self._records.drop(_key(id))

    async def run(self, parts: Callable[[], Mapping[ResourceId, Part]], turning: asyncio.Lock) -> None:
        """Take back what has had its time, until cancelled."""
        while True:
            now = self._clock.now()
            ends = sorted(it.until for it in self._said.values() if it.until is not None)
            delay = None if not ends else asyncio.get_running_loop().time() + min(max(0.0, ends[0] - now), LONGEST_WAIT_S)
            await self._bell.wait_until(delay)
            async with turning:
                for id, it in tuple(self._said.items()):
                    if it.until is not None and it.until <= self._clock.now() and (part := parts().get(id)) is not None:
                        await self.open(part, EXPIRED)


EXPIRED = "its time"
LONGEST_WAIT_S = 60.0
"""The wall clock may be set: it is looked at again at least this often."""


def _key(id: ResourceId) -> str:
    return f"{SPACE}{id.destination}/{id}"


def read_closed(value: Mapping[str, Json]) -> Closed:
    """Return what `Closed.to_json` wrote."""
    at, until = value.get("at"), value.get("until")
    return Closed(
        how=How(str(value.get("how"))),
        by=str(value.get("by") or ""),
        at=at if isinstance(at, int | float) else None,
        until=until if isinstance(until, int | float) else None,
        message=str(value.get("message") or ""),
    )
