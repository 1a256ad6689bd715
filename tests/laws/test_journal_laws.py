"""The journal's laws: any moment is the fold of what was told until then, whatever was snapshotted, pruned or read back meanwhile."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core import events as say
from holdfast.core.fold import fold
from holdfast.core.view import View, to_json
from holdfast.errors import StoreError
from holdfast.host.clock import RealClock
from holdfast.kit.secret import Redactor
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.ports import Append, Store
from holdfast.model.proof import Proof, Verdict
from holdfast.store.journal import StoreJournal
from holdfast.store.reader import StoreReader
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.testing.simulated_store import SimulatedStore

SHOPS = st.sampled_from(["shop", "blog"])
IDS = st.sampled_from([ResourceId(HOST, "Process", "shop", name) for name in "ab"])
MOMENTS = st.integers(0, 60).map(float)


@dataclass(frozen=True)
class Snapshot:
    """Take one now."""


@dataclass(frozen=True)
class Prune:
    before: float


def observed(at: float, shop: str, id: ResourceId, status: Status) -> Event:
    return say.resource_observed(at=at, application=shop, id=id, sync="Synced", health=Health(status, f"at {at}"), live={"pid": int(at)})


def looked_at(at: float, shop: str, id: ResourceId, verdict: Verdict) -> Event:
    proof = Proof(claim="answers", subject=id, method="tcp", verdict=verdict, evidence=f"{at}", proven_at=at, valid_for_s=30.0)
    return say.claim_looked_at(at=at, application=shop, proof=proof)


TOLD = st.one_of(
    st.builds(lambda at, shop: say.application_suspended(at=at, application=shop, by="ann", reason=str(at)), MOMENTS, SHOPS),
    st.builds(lambda at, shop: say.application_resumed(at=at, application=shop, by="ann"), MOMENTS, SHOPS),
    st.builds(lambda at, shop: say.application_removed(at=at, application=shop, cascaded=True), MOMENTS, SHOPS),
    st.builds(observed, MOMENTS, SHOPS, IDS, st.sampled_from([Status.HEALTHY, Status.DEGRADED])),
    st.builds(looked_at, MOMENTS, SHOPS, IDS, st.sampled_from([Verdict.PROVEN, Verdict.REFUTED])),
)
STORIES = st.lists(st.one_of(TOLD, TOLD, TOLD, st.builds(Snapshot), st.builds(Prune, MOMENTS)), max_size=30)


async def tell(journal: StoreJournal, story: list[Event | Snapshot | Prune]) -> tuple[list[Event], float]:
    """Act the story; return all events as they were numbered, and the latest instant before which something may be forgotten."""
    told: list[Event] = []
    forgotten = 0.0
    for turn in story:
        match turn:
            case Snapshot():
                await journal.snapshot_now()
            case Prune(before):
                await journal.prune(before)
                forgotten = max(forgotten, before)
            case event:
                told += await journal.commit(Append(event))
    return told, forgotten


def as_of(told: list[Event], instant: float) -> str:
    return json.dumps(to_json(fold(View(), [event for event in told if event.at <= instant])))


async def check(store: Store, clock: SimulatedClock | RealClock, story: list[Event | Snapshot | Prune], path: Path | None) -> None:
    journal = StoreJournal(store, clock, Redactor())
    await journal.load()
    told, forgotten = await tell(journal, story)
    assert json.dumps(to_json(journal.view)) == as_of(told, 1e9)
    again = StoreJournal(store, clock, Redactor())
    await again.load()
    assert to_json(again.view) == to_json(journal.view)
    for instant in range(-1, 62, 3):
        view = await seen(journal, float(instant))
        if view is None:
            assert instant < forgotten
            continue
        assert json.dumps(to_json(view)) == as_of(told, instant)
        if path is not None:
            with StoreReader.open(path) as reader:
                assert to_json(reader.view_at(float(instant))) == to_json(view)


async def seen(journal: StoreJournal, instant: float) -> View | None:
    """Return how things stood, None where that is no longer kept."""
    try:
        return await journal.view_at(instant)
    except StoreError as error:
        if error.code == "HF5007":
            return None
        raise


@given(STORIES)
def test_any_moment_is_the_fold_of_what_was_told_until_then(story: list[Event | Snapshot | Prune]) -> None:
    async def main() -> None:
        clock = SimulatedClock(start=30.0)
        await check(SimulatedStore(clock=clock, random=SimulatedRandom(1)), clock, story, None)

    run(1, main())


@given(STORIES)
@settings(max_examples=25)
def test_the_real_store_tells_the_same(story: list[Event | Snapshot | Prune]) -> None:
    async def main(path: Path) -> None:
        store = await SqliteStore.open(path, clock=RealClock())
        try:
            await check(store, RealClock(), story, path)
        finally:
            await store.close()

    with TemporaryDirectory() as folder:
        asyncio.run(main(Path(folder) / "store.sqlite"))
