"""What an Application may go back to keeps a ref in its mirror."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping

from holdfast.controllers.pin import PinController
from holdfast.core import events
from holdfast.core.rollback import Pin
from holdfast.declare.source import Followed
from holdfast.errors import SourceError
from holdfast.model.event import Event
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.source import Revision, Tree

REPOSITORY = "/srv/shop"


class Refs:
    """A Git that only knows pins. `is_broken`: the next call fails."""

    def __init__(self) -> None:
        self.pins: dict[str, str] = {}
        self.is_broken = False

    def _check(self) -> None:
        if self.is_broken:
            self.is_broken = False
            raise SourceError("HF4023", "cannot read /srv/shop: no such commit")

    async def pin(self, repository: str, commit: str, name: str) -> None:
        self._check()
        self.pins[f"{repository} {name}"] = commit

    async def unpin(self, repository: str, name: str) -> None:
        self._check()
        self.pins.pop(f"{repository} {name}", None)

    async def resolve(self, repository: str, target_revision: str) -> Revision:
        raise AssertionError("nobody asks for that here")

    async def tree(self, revision: Revision, path: str) -> Tree:
        raise AssertionError("nobody asks for that here")

    async def read(self, repository: str, blob_ids: Collection[str]) -> Mapping[str, bytes]:
        raise AssertionError("nobody asks for that here")

    async def changed(self, repository: str, before_commit: str, after_commit: str, path: str) -> frozenset[str]:
        raise AssertionError("nobody asks for that here")

    async def watch(self, repository: str) -> AsyncIterator[None]:
        yield None


FOLLOWED = {
    "shop": (Followed(REPOSITORY, "main"),),
    "both": (Followed(REPOSITORY, "main"), Followed("/srv/config", "main"), Followed(REPOSITORY, "v1")),
}


def heard(refs: Refs, *told: Event) -> dict[str, str]:
    async def happened() -> AsyncIterator[Event]:
        for event in told:
            yield event

    controller = PinController(
        git=refs,  # type: ignore[arg-type] # of the port only what a pin needs
        events=happened,
        followed=lambda name: FOLLOWED.get(name, ()),
    )
    asyncio.run(controller.run())
    return refs.pins


def succeeded(revision: str, trigger: Trigger = Trigger.COMMIT, application: str = "shop") -> Event:
    operation = Operation(
        id="o",
        application=application,
        trigger=trigger,
        revision=revision,
        desired_digest="d",
        plan_digest="p",
        phase=Phase.SUCCEEDED,
        started_at=1.0,
    )
    return events.operation_succeeded(at=2.0, operation=operation)


PIN = Pin(failed_digest="d", failed_revision="bad", revision="good", at=1.0, reason="it died")


def test_the_newest_healthy_revision_is_held_and_a_heal_moves_nothing() -> None:
    assert heard(Refs(), succeeded("one"), succeeded("two"), succeeded("one", Trigger.DRIFT)) == {f"{REPOSITORY} healthy.shop": "two"}


def test_what_is_pinned_is_held_until_it_is_not() -> None:
    refs = Refs()
    assert heard(refs, events.revision_pinned(at=1.0, application="shop", pin=PIN)) == {f"{REPOSITORY} pinned.shop": "good"}
    assert heard(refs, events.revision_unpinned(at=2.0, application="shop", reason="resumed")) == {}


def test_what_has_no_repository_here_is_passed_over() -> None:
    assert heard(Refs(), succeeded("one", application="other"), events.daemon_started(at=1.0, version="1", pid=1)) == {}


def test_a_ref_that_cannot_be_written_ends_nothing() -> None:
    refs = Refs()
    refs.is_broken = True
    assert heard(refs, succeeded("one"), succeeded("two")) == {f"{REPOSITORY} healthy.shop": "two"}


def test_the_commits_of_several_sources_are_held_each_in_its_repository() -> None:
    refs = Refs()
    heard(refs, succeeded("aaaa+bbbb+cccc", application="both"))
    assert refs.pins == {
        f"{REPOSITORY} healthy.both": "aaaa",
        "/srv/config healthy.both_2": "bbbb",
        f"{REPOSITORY} healthy.both_3": "cccc",
    }
    pin = Pin(failed_digest="d", failed_revision="bad", revision="dddd+eeee+ffff", at=1.0, reason="it died")
    heard(refs, events.revision_pinned(at=1.0, application="both", pin=pin))
    assert {name: commit for name, commit in refs.pins.items() if "pinned" in name} == {
        f"{REPOSITORY} pinned.both": "dddd",
        "/srv/config pinned.both_2": "eeee",
        f"{REPOSITORY} pinned.both_3": "ffff",
    }
    heard(refs, events.revision_unpinned(at=2.0, application="both", reason="resumed"))
    assert not [name for name in refs.pins if "pinned" in name]


def test_a_revision_of_other_sources_than_now_is_not_held() -> None:
    assert heard(Refs(), succeeded("aaaa+bbbb")) == {}
