"""One Docker host: what it has, asked in as few calls as may be, and what happens there, followed without a gap.

The event stream is taken up again from where it ended, with an overlap; what came twice is told once. After a gap that the engine may not
have kept (it remembers 256 events, and none over its own restart) everything known may have changed, and that is told.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from holdfast.engines.docker.client import segment
from holdfast.engines.docker.failure import Missing
from holdfast.engines.docker.port import Api
from holdfast.errors import EngineError
from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Wakeup, all_of

AGAIN = Backoff(first_s=0.05, factor=2.0, cap_s=5.0)
OVERLAP_S = 3.0
"""How far back a new stream begins before the last event of the old one."""
REMEMBERED = 1024
KEPT_IMAGES = 256
LOOK_AGAIN_S = 0.25
"""A gate looks again so often where no event comes."""
OURS = ("container", "network", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of the engine: `container` and `die`, whose (id), with its attributes: labels, name, exitCode …"""

    type: str
    action: str
    whose: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class DockerHost:
    """`happened` is told of each event, `doubted` that all may have changed."""

    def __init__(
        self,
        *,
        name: str,
        api: Api,
        clock: Clock,
        random: Random,
        happened: Callable[[DockerHost, Happened], None],
        doubted: Callable[[DockerHost], None],
    ) -> None:
        self.name = name
        self.api = api
        self._clock = clock
        self._random = random
        self._happened = happened
        self._doubted = doubted
        self._bells: dict[str, list[Wakeup]] = {}
        self._images: OrderedDict[str, Mapping[str, Any]] = OrderedDict()
        self._seen: OrderedDict[tuple[int, str, str], None] = OrderedDict()
        self._cursor_ns = 0
        self._is_heard = False

    # What it has

    async def containers(self) -> dict[str, dict[str, Any]]:
        """Return all containers, running or not, by id, as ContainerList has them."""
        found = await self.api.get("list containers", "/containers/json", {"all": True})
        return {each["Id"]: each for each in found}

    async def inspect(self, container: str) -> dict[str, Any] | None:
        """Return what ContainerInspect says, None where there is none of that id or name."""
        try:
            found: dict[str, Any] = await self.api.get(f"look at container {container[:12]}", f"/containers/{segment(container)}/json")
        except Missing:
            return None
        return found

    async def inspected(self, containers: Collection[str]) -> dict[str, dict[str, Any]]:
        """Look at many at once; what is gone meanwhile is left out."""
        found = await all_of(*(self.inspect(each) for each in containers)) if containers else []
        return {each["Id"]: each for each in found if each is not None}

    async def networks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.api.get("list networks", "/networks")
        return found

    async def volumes(self) -> list[dict[str, Any]]:
        found = await self.api.get("list volumes", "/volumes")
        return list(found.get("Volumes") or ())

    async def images(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.api.get("list images", "/images/json")
        return found

    async def image(self, reference: str) -> Mapping[str, Any] | None:
        """Return what ImageInspect says, None where the host has no such image. An id is asked for once: what it names never changes."""
        if reference in self._images:
            self._images.move_to_end(reference)
            return self._images[reference]
        try:
            found: dict[str, Any] = await self.api.get(f"look at image {reference}", f"/images/{reference}/json")
        except Missing:
            return None
        except EngineError as error:
            if error.code == "HF3206":
                return None
            raise
        self._images[found["Id"]] = found
        if len(self._images) > KEPT_IMAGES:
            self._images.popitem(last=False)
        return found

    def forget_image(self, id: str) -> None:
        self._images.pop(id, None)

    # What happens there

    async def run(self) -> None:
        """Follow until cancelled."""
        attempt = 0
        while True:
            with suppress(EngineError):
                await self._follow()
            if self._is_heard:
                self._is_heard, attempt = False, 0
                self._doubt()  # it went away: nothing is known until it is back
            attempt += 1
            await self._clock.sleep(AGAIN.full_jitter(attempt, self._random.random()))
            self.api.forget_version()

    async def _follow(self) -> None:
        since = max(0.0, self._cursor_ns / 1e9 - OVERLAP_S) if self._cursor_ns else self._clock.now() - OVERLAP_S
        query: dict[str, Json] = {"since": f"{since:.9f}", "filters": {"type": [*OURS]}}
        await self.api.version()
        async with aclosing(self.api.messages("GET", "follow events", "/events", query)) as events:
            self._is_heard = True
            self._doubt()
            async for event in events:
                self._take(event)

    def _doubt(self) -> None:
        """Say that all may have changed: a stream began."""
        self._doubted(self)
        for bells in self._bells.values():
            for bell in bells:
                bell.wake()

    def _take(self, event: Mapping[str, Any]) -> None:
        actor = event.get("Actor") or {}
        at, whose, action = int(event.get("timeNano") or 0), str(actor.get("ID") or ""), str(event.get("Action") or "")
        if (at, whose, action) in self._seen:
            return
        self._seen[at, whose, action] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self._cursor_ns = max(self._cursor_ns, at)
        told = Happened(type=str(event.get("Type") or ""), action=action, whose=whose, attributes=actor.get("Attributes") or {})
        self._happened(self, told)
        container = whose if told.type == "container" else told.attributes.get("container", "")
        for bell in self._bells.get(container, ()):
            bell.wake()

    async def news_of(self, container: str, deadline: float) -> None:
        """Wait until something happens to a container, a moment has passed, or the loop's time is `deadline`."""
        bell = Wakeup()
        self._bells.setdefault(container, []).append(bell)
        try:
            await bell.wait_until(min(deadline, asyncio.get_running_loop().time() + LOOK_AGAIN_S))
        finally:
            self._bells[container].remove(bell)
            if not self._bells[container]:
                del self._bells[container]
