"""Orphan: looks, where a project asks for it, for objects in namespaces of Applications that no Application has, and tells what is news.

At the start once all Applications were looked at, after each operation, and every few minutes; a person who asks has it looked at now.
It changes nothing in a cluster. Law: what could not be listed stays as it was told last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from holdfast.core.orphan_events import orphans_observed, told
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Journal
from holdfast.model.terms import Orphans, OrphanTerms

EVERY_S = 300.0
GAP_S = 10.0
"""Between two looks that nobody asked for, at least."""
ALL = "*"
"""In the place of a kind that could not be listed: none could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """One Application whose project wants orphans told."""

    application: str
    destination: str
    namespace: str
    terms: OrphanTerms
    permits: Callable[[str, str], bool]
    """Of API group and kind, whether its project lets it be declared."""


class OrphanController:
    """`last` is what was told of an Application, as the event has it. `after` is waited for before the first look."""

    def __init__(
        self,
        *,
        monitored: Callable[[], Iterable[Monitored]],
        look: Callable[[Monitored], Awaitable[Orphans]],
        last: Callable[[], Mapping[str, Mapping[str, Any] | None]],
        journal: Journal,
        clock: Clock,
        random: Random,
        after: Callable[[], Awaitable[None]],
    ) -> None:
        self._monitored = monitored
        self._look = look
        self._last = last
        self._journal = journal
        self._clock = clock
        self._random = random
        self._after = after
        self._bell = Wakeup()

    def mark(self) -> None:
        """Say that something moved: an operation ended, an Application or its project is another."""
        self._bell.wake()

    async def run(self) -> None:
        await self._after()
        while True:
            await self.look()
            await self._clock.sleep(GAP_S)
            await self._bell.wait_until(asyncio.get_running_loop().time() + EVERY_S * (0.75 + self._random.random() / 2))

    async def look(self, application: str | None = None) -> None:
        """Look at the namespace of one Application, or of all, now."""
        found = {each.application: each for each in self._monitored()}
        for name, each in found.items():
            if application in (None, name):
                await self._tell(each)
        for name in [name for name, was in self._last().items() if was is not None and name not in found]:
            event = orphans_observed(at=self._clock.now(), application=name, namespace="", warn=False, orphans=None)
            await self._journal.emit(event)

    async def _tell(self, it: Monitored) -> None:
        seen = await self._look(it)
        was = self._last().get(it.application)
        if seen.unknown and was is not None and was["namespace"] == it.namespace:
            before = (ResourceId.parse(each["id"], each["destination"]) for each in was["found"])
            kept = {id for id in before if ALL in seen.unknown or id.kind in seen.unknown}
            seen = replace(seen, found=tuple(sorted({*seen.found, *kept})))
        if told(it.namespace, seen, warn=it.terms.warn) != was:
            at = self._clock.now()
            event = orphans_observed(at=at, application=it.application, namespace=it.namespace, warn=it.terms.warn, orphans=seen)
            await self._journal.emit(event)
