"""The controller of orphans: what is told and when, what stays while it is not known, and what ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from holdfast.controllers.orphan import EVERY_S, GAP_S, Monitored, OrphanController
from holdfast.core.fold import Folding
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.terms import Orphans, OrphanTerms
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run

HERE = "https://kubernetes.default.svc"
SHOP = Monitored(application="shop", destination=HERE, namespace="shop", terms=OrphanTerms(), permits=lambda group, kind: True)


def orphan(kind: str, name: str) -> ResourceId:
    return ResourceId(HERE, kind, "shop", name)


CONFIG, SECRET = orphan("ConfigMap", "a"), orphan("Secret", "b")


class Town:
    """A namespace in which `orphans` are seen, and what was told of it."""

    def __init__(self) -> None:
        self.monitored = [SHOP]
        self.orphans = Orphans()
        self.looks: list[float] = []
        self.told: list[Event] = []
        self._folding = Folding()
        self.clock = SimulatedClock()
        self.controller = OrphanController(
            monitored=lambda: self.monitored,
            look=self._look,
            last=lambda: {name: it.orphans for name, it in self._folding.view.applications.items()},
            journal=self,
            clock=self.clock,
            random=SimulatedRandom(1),
            after=self._after,
        )

    async def _after(self) -> None:
        await self.clock.sleep(1.0)

    async def _look(self, it: Monitored) -> Orphans:
        assert it is SHOP
        self.looks.append(self.clock.monotonic())
        return self.orphans

    async def emit(self, *events: Event) -> None:
        for event in events:
            self.told.append(event)
            self._folding.apply(event)

    async def commit(self, *writes: Any) -> tuple[Event, ...]:
        raise AssertionError("nothing is committed")

    def names(self) -> list[str] | None:
        """Return what was told last."""
        said: Any = self.told[-1].data["orphans"]
        return None if said is None else [each["id"] for each in said["found"]]


def story(told: Callable[[Town], Any]) -> None:
    async def main() -> None:
        await told(Town())

    run(0, main())


def test_what_is_new_is_told_once() -> None:
    async def told(town: Town) -> None:
        town.orphans = Orphans(found=(CONFIG,))
        for _ in range(3):
            await town.controller.look("shop")
        assert [town.names(), len(town.told)] == [["ConfigMap/shop/a"], 1]
        town.orphans = Orphans()
        await town.controller.look()
        assert [town.names(), len(town.told)] == [[], 2]

    story(told)


def test_what_cannot_be_listed_stays_as_it_was() -> None:
    async def told(town: Town) -> None:
        town.orphans = Orphans(found=(CONFIG, SECRET))
        await town.controller.look()
        for unknown, left in (
            ({"Secret": "forbidden"}, ["Secret/shop/b"]),
            ({"*": "away"}, ["Secret/shop/b"]),
            ({"ConfigMap": "forbidden"}, []),
        ):
            town.orphans = Orphans(unknown=unknown)
            await town.controller.look()
            assert town.names() == left
            said: Any = town.told[-1].data["orphans"]
            assert {each["kind"]: each["reason"] for each in said["unknown"]} == unknown

    story(told)


def test_who_is_not_monitored_any_more_is_told_of_no_more() -> None:
    async def told(town: Town) -> None:
        town.orphans = Orphans(found=(CONFIG,))
        await town.controller.look()
        town.monitored = []
        for _ in range(2):
            await town.controller.look()
        assert [town.names(), len(town.told)] == [None, 2]
        assert len(town.looks) == 1

    story(told)


def test_it_looks_when_something_moved_and_now_and_then() -> None:
    async def told(town: Town) -> None:
        async def stir() -> None:
            await asyncio.sleep(EVERY_S * 3)
            for _ in range(5):
                town.controller.mark()
                await asyncio.sleep(1.0)

        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(town.controller.run())
            await tasks.create_task(stir())
            running.cancel()
        assert town.looks[0] == 1.0, "after what it waits for"
        gaps: Mapping[int, float] = {at: after - before for at, (before, after) in enumerate(zip(town.looks, town.looks[1:], strict=False))}
        assert all(gap >= GAP_S for gap in gaps.values())
        assert all(0.75 * EVERY_S <= gap <= 1.25 * EVERY_S + GAP_S for at, gap in gaps.items() if at < 2)
        assert len([at for at in town.looks if at >= EVERY_S * 3]) == 1, "marks that come together are one"

    story(told)
