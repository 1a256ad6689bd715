"""Renew: certificates come in time through whole years, outages, limits, clocks that jump and daemons that end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace

import pytest
from tests.real.process_house import MemoryRecords

from holdfast.controllers.renew import SLOTS, RenewController
from holdfast.edge.certificate_drift import Note
from holdfast.edge.certificate_life import (
    DAY,
    HOUR,
    SELF_SIGNED,
    Course,
    Failed,
    Fault,
    Held,
    Leaf,
    Obtained,
    Rehearsal,
    RenewalInfo,
    Source,
    Window,
    is_late,
)
from holdfast.errors import EngineError, Rejected, Unavailable
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.ports import Write
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run

DOWN = Failed(fault=Fault.UNANSWERED, code="HF3140", message="it is down")
NO = Failed(fault=Fault.REFUSED, code="HF3145", message="not proven", hint="mend it")


@dataclass
class Shelf:
    """Certificates that exist only as values, from issuers that do as they are told."""

    clock: SimulatedClock
    issuers: tuple[str, ...] = ("first",)
    days: float = 90.0
    ask_s: float = 0.3
    faults: dict[str, Failed] = field(default_factory=dict)
    windows: dict[str, RenewalInfo | EngineError] = field(default_factory=dict)
    """By serial."""
    there: dict[ResourceId, Held] = field(default_factory=dict)
    notes: dict[ResourceId, Note] = field(default_factory=dict)
    asked: list[tuple[float, str, str]] = field(default_factory=list)
    """When, who, for what."""
    revoked: list[tuple[str, int]] = field(default_factory=list)
    wake: Callable[[ResourceId], None] = lambda id: None
    clock_off_s: float = 0.0
    """How far ahead of the issuers' our clock is."""
    at_once: int = 0
    most_at_once: int = 0

    def apply(self, name: str = "shop") -> ResourceId:
        id = ResourceId(HOST, "Certificate", "shop", name)
        bootstrap = self._leaf(398.0, f"boot-{name}")
        self.there[id] = Held(application="shop", fields={"hosts": [f"{name}.example.com"]}, version="0", leaf=bootstrap)
        self.wake(id)
        return id

    def _leaf(self, days: float, serial: str) -> Leaf:
        name = serial.rpartition("-")[2]
        begins = self.clock.now() - self.clock_off_s
        return Leaf(
            serial=serial,
            names=(f"{name}.example.com",),
            not_before=begins,
            not_after=begins + days * DAY,
            issuer="Test CA",
            key="ecdsa-p256",
            digest=serial,
        )

    def held(self) -> Mapping[ResourceId, Held]:
        return self.there

    def candidates(self, id: ResourceId, course: Course) -> tuple[str, ...]:
        if course.is_taken_over:
            return tuple(name for name in self.issuers if name != "certbot")
        return self.issuers

    def on_due(self, wake: Callable[[ResourceId], None]) -> None:
        self.wake = wake

    def note(self, id: ResourceId, note: Note) -> None:
        self.notes[id] = note

    async def obtain(self, id: ResourceId, issuer: str) -> Obtained | Failed:
        self.asked.append((self.clock.now(), issuer, id.name))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.clock.sleep(self.ask_s)
        self.at_once -= 1
        if issuer in self.faults:
            return self.faults[issuer]
        held = self.there.get(id)
        if held is None:
            return NO
        leaf = self._leaf(self.days, f"{len(self.asked)}-{id.name}")
        source = Source.ADOPTED if issuer == "certbot" else Source.ISSUED
        self.there[id] = replace(held, version=leaf.serial, leaf=leaf, source=source, issuer=issuer)
        return Obtained(leaf=leaf, issuer=issuer)

    async def renewal_info(self, id: ResourceId) -> RenewalInfo | None:
        leaf = self.there[id].leaf
        found = self.windows.get(leaf.serial) if leaf is not None else None
        if isinstance(found, EngineError):
            raise found
        return found

    def revokes(self, id: ResourceId, issuer: str) -> None:
        if issuer == "local":
            raise Rejected("HF3157", "it does not speak ACME")

    async def revoke(self, id: ResourceId, version: str, issuer: str, reason: int) -> None:
        self.revoked.append((version, reason))

    async def rehearse(self, id: ResourceId, issuer: str) -> Rehearsal:
        if issuer == "local":
            raise Rejected("HF3157", "it does not speak ACME")
        return Rehearsal(issuer=issuer, directory="https://ca.example/dir", is_staging=True)


class Told:
    def __init__(self) -> None:
        self.events: list[Event] = []

    async def emit(self, *events: Event) -> None:
        self.events.extend(events)

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        raise AssertionError("nobody writes here")


class Stage:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.clock = SimulatedClock()
        self.shelf = Shelf(self.clock)
        self.journal = Told()
        self.records = MemoryRecords()
        self.crashes: list[tuple[str, BaseException]] = []
        self.renew = self.daemon()
        self.tasks = Tasks()

    def daemon(self) -> RenewController:
        return RenewController(
            certificates=self.shelf,
            journal=self.journal,
            records=self.records,
            clock=self.clock,
            random=SimulatedRandom(self.seed),
            crashed=lambda part, error: self.crashes.append((part, error)),
        )

    async def restart(self) -> None:
        self.tasks.cancel("renew")
        await self.tasks.ended("renew")
        self.renew = self.daemon()
        self.tasks.start("renew", self.renew.run())

    def asked(self, issuer: str = "first") -> list[float]:
        return [at for at, who, _ in self.shelf.asked if who == issuer]

    def types(self) -> list[str]:
        return [event.type for event in self.journal.events]


def play(story: Callable[[Stage], Awaitable[None]], seed: int = 1) -> None:
    async def main() -> None:
        stage = Stage(seed)
        async with stage.tasks:
            stage.tasks.start("renew", stage.renew.run())
            await story(stage)
            await stage.tasks.stop()
        assert stage.crashes == []

    run(seed, main())


def test_what_is_applied_is_asked_for_at_once() -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        rests = [stage.renew.is_at_rest]
        await stage.clock.sleep(1)
        assert [*rests, stage.renew.is_at_rest] == [False, True]
        assert stage.shelf.there[id].issuer == "first"
        assert stage.types() == ["certificate.issued"]

    play(story)


@pytest.mark.parametrize(("days", "renewals"), [(90, 7), (64, 10), (45, 14), (6.6, 120)])
def test_through_two_years_nothing_is_ever_late_and_nothing_renewed_twice(days: float, renewals: int) -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.days = days
        id = stage.shelf.apply()
        await stage.clock.sleep(60)
        for _ in range(int(2 * 365 * DAY / (6 * HOUR))):
            await stage.clock.sleep(6 * HOUR)
            leaf = stage.shelf.there[id].leaf
            assert leaf is not None
            assert not is_late(leaf, stage.clock.now())
        share = 0.45 if days < 10 else 0.62
        assert renewals <= len(stage.asked()) <= 730 / (days * (share - 0.04)) + 1

    play(story)


def test_many_at_once_are_asked_for_a_few_at_a_time() -> None:
    async def story(stage: Stage) -> None:
        for number in range(50):
            stage.shelf.apply(f"h{number}")
        await stage.clock.sleep(60)
        assert len(stage.asked()) == 50
        assert stage.shelf.most_at_once == SLOTS
        assert {held.source for held in stage.shelf.there.values()} == {Source.ISSUED}

    play(story)


def test_what_was_issued_at_one_time_is_not_renewed_at_one_time() -> None:
    async def story(stage: Stage) -> None:
        for number in range(50):
            stage.shelf.apply(f"h{number}")
        await stage.clock.sleep(61 * DAY)
        renewed = sorted(stage.asked()[50:])
        assert len(renewed) == 50
        assert renewed[-1] - renewed[0] > 2 * DAY

    play(story)


@pytest.mark.parametrize("seed", range(5))
def test_an_outage_of_weeks_is_survived_and_the_issuer_spared(seed: int) -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        await stage.clock.sleep(50 * DAY)
        stage.shelf.faults["first"] = DOWN
        await stage.clock.sleep(20 * DAY)
        tries = len(stage.asked()) - 1
        assert 3 <= tries <= 20 * 24 * 9
        assert stage.shelf.notes[id].message == "first: it is down"
        assert stage.shelf.notes[id].failing_since is not None
        del stage.shelf.faults["first"]
        await stage.clock.sleep(HOUR)
        assert stage.types()[-1] == "certificate.issued"
        assert stage.shelf.notes[id] == Note()

    play(story, seed)


def test_the_next_issuer_gives_what_the_first_refuses() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.issuers = ("first", "second")
        stage.shelf.faults["first"] = NO
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        assert stage.shelf.there[id].issuer == "second"
        assert stage.types() == ["certificate.failed", "certificate.issued"]
        failed = stage.journal.events[0]
        assert (failed.data["issuer"], failed.data["code"], failed.data["hint"]) == ("first", "HF3145", "mend it")

    play(story)


def test_a_first_issuer_that_is_down_is_tried_once_for_many() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.issuers = ("first", "second")
        stage.shelf.faults["first"] = DOWN
        for number in range(40):
            stage.shelf.apply(f"h{number}")
        await stage.clock.sleep(10)
        assert len(stage.asked("second")) == 40
        assert len(stage.asked("first")) <= SLOTS

    play(story)


def test_the_word_of_an_issuer_outlives_the_daemon() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.faults["first"] = replace(NO, fault=Fault.LIMITED, retry_after_s=DAY)
        stage.shelf.apply()
        await stage.clock.sleep(10)
        for _ in range(5):
            await stage.restart()
            await stage.clock.sleep(HOUR)
        assert len(stage.asked()) == 1
        del stage.shelf.faults["first"]
        await stage.clock.sleep(DAY)
        assert len(stage.asked()) == 2

    play(story)


def test_a_restart_renews_nothing_by_itself() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.apply()
        for _ in range(20):
            await stage.restart()
            await stage.clock.sleep(DAY)
        assert len(stage.asked()) == 1

    play(story)


@pytest.mark.parametrize("days", [61, 200, 4000, -20, -4000])
def test_a_clock_that_jumps_leads_to_one_renewal_at_most_and_to_no_rest_for_ever(days: float) -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        await stage.clock.sleep(HOUR)
        stage.clock.jump(days * DAY)
        stage.shelf.clock_off_s = days * DAY
        await stage.clock.sleep(3 * HOUR)
        assert len(stage.asked()) <= 2
        stage.clock.jump(-days * DAY)
        stage.shelf.clock_off_s = 0.0
        await stage.clock.sleep(62 * DAY)
        leaf = stage.shelf.there[id].leaf
        assert leaf is not None
        assert not is_late(leaf, stage.clock.now())

    play(story)


def test_a_failure_under_a_wrong_clock_does_not_hold_up_the_right_one() -> None:
    async def story(stage: Stage) -> None:
        stage.clock.jump(4000 * DAY)
        stage.shelf.faults["first"] = replace(NO, fault=Fault.LIMITED, retry_after_s=7 * DAY)
        stage.shelf.apply()
        await stage.clock.sleep(10)
        stage.clock.jump(-4000 * DAY)
        stage.shelf.faults.clear()
        await stage.clock.sleep(HOUR)
        assert stage.types()[-1] == "certificate.issued"

    play(story)


def test_the_window_of_an_issuer_is_obeyed_and_asked_for_again() -> None:
    async def story(stage: Stage) -> None:
        begin = stage.clock.now()
        stage.shelf.windows["1-shop"] = RenewalInfo(window=Window(start=begin + 20 * DAY, end=begin + 21 * DAY), retry_after_s=12 * HOUR)
        stage.shelf.apply()
        await stage.clock.sleep(19 * DAY)
        assert len(stage.asked()) == 1
        await stage.clock.sleep(3 * DAY)
        assert len(stage.asked()) == 2
        assert begin + 20 * DAY <= stage.asked()[1] <= begin + 21 * DAY + HOUR

    play(story)


def test_an_issuer_that_must_revoke_is_heard_within_a_day() -> None:
    async def story(stage: Stage) -> None:
        begin = stage.clock.now()
        stage.shelf.windows["1-shop"] = RenewalInfo(window=Window(start=begin + 50 * DAY, end=begin + 52 * DAY), retry_after_s=6 * HOUR)
        stage.shelf.apply()
        await stage.clock.sleep(5 * DAY)
        now = stage.clock.now()
        stage.shelf.windows["1-shop"] = RenewalInfo(window=Window(start=now - 2 * DAY, end=now - DAY), retry_after_s=6 * HOUR)
        await stage.clock.sleep(7 * HOUR)
        assert len(stage.asked()) == 2

    play(story)


def test_an_issuer_that_does_not_answer_when_to_renew_changes_nothing() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.windows["1-shop"] = Unavailable("HF3140", "it is down")
        stage.shelf.apply()
        await stage.clock.sleep(50 * DAY)
        assert len(stage.asked()) == 1
        await stage.clock.sleep(12 * DAY)
        assert len(stage.asked()) == 2

    play(story)


def test_what_is_gone_is_forgotten() -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        assert str(id) in stage.records.all()
        del stage.shelf.there[id]
        stage.shelf.wake(id)
        await stage.clock.sleep(HOUR)
        assert len(stage.asked()) == 1
        assert stage.renew.is_at_rest

    play(story)


def test_what_is_gone_while_it_is_asked_for_is_no_crash() -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        await stage.clock.sleep(0.1)
        del stage.shelf.there[id]
        await stage.clock.sleep(1)
        assert stage.types() == []
        assert stage.renew.is_at_rest

    play(story)


def test_without_force_only_what_is_due_is_renewed_and_what_failed_does_not_wait() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.faults["first"] = NO
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        assert stage.renew.shown(id)["message"] == "first: not proven"
        waits = stage.renew.shown(id)["next_at"]
        assert isinstance(waits, float)
        assert waits > stage.clock.now() + 10
        del stage.shelf.faults["first"]
        assert isinstance(await stage.renew.renew(id, "0 root"), Obtained)
        assert stage.journal.events[-1].data["by"] == "0 root"
        assert await stage.renew.renew(id) is None
        shown = stage.renew.shown(id)
        renew_at = shown["renew_at"]
        assert isinstance(renew_at, float)
        assert 53 * DAY < renew_at - stage.clock.now() < 60 * DAY
        assert (shown["next_at"], shown["message"]) == (renew_at, "")
        await stage.clock.sleep(59 * DAY)
        assert stage.types().count("certificate.issued") == 2
        assert stage.journal.events[-1].data["by"] is None

    play(story)


def test_of_what_certbot_renews_no_moment_is_told() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.issuers = ("certbot", "second")
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        assert stage.renew.shown(id)["renew_at"] is None
        assert (await stage.renew.dry_run(id)).issuer == "certbot"
        stage.shelf.faults["second"] = NO
        assert await stage.renew.take_over(id) == NO
        shown = stage.renew.shown(id)
        assert (shown["source"], shown["is_taken_over"], shown["message"]) == ("adopted", True, "second: not proven")
        assert shown["renew_at"] == stage.clock.now()

    play(story)


def test_a_person_has_a_new_one_at_any_age() -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        await stage.clock.sleep(DAY)
        got = await stage.renew.force(id)
        assert stage.shelf.there[id].leaf == got.leaf
        assert len(stage.asked()) == 2
        await stage.clock.sleep(DAY)
        assert len(stage.asked()) == 2

    play(story)


def test_a_person_is_told_why_there_is_none() -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        stage.shelf.faults["first"] = NO
        with pytest.raises(Rejected) as caught:
            await stage.renew.force(id)
        assert (caught.value.code, caught.value.hint) == ("HF3145", "mend it")
        stage.shelf.faults["first"] = DOWN
        with pytest.raises(Unavailable):
            await stage.renew.force(id)
        with pytest.raises(Unavailable) as waits:
            await stage.renew.force(id)
        assert waits.value.code == "HF3163"
        stage.shelf.issuers = ()
        with pytest.raises(Rejected) as nobody:
            await stage.renew.force(id)
        assert nobody.value.code == "HF3162"
        with pytest.raises(Rejected) as unknown:
            await stage.renew.force(id._replace(name="nobody"))
        assert unknown.value.code == "HF3158"

    play(story)


def test_revoking_serves_a_new_one_first() -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        old = stage.shelf.there[id].version
        await stage.renew.revoke(id)
        assert stage.shelf.revoked == [(old, 4)]
        assert stage.shelf.there[id].version != old
        assert stage.types() == ["certificate.issued", "certificate.issued", "certificate.revoked"]

    play(story)


@pytest.mark.parametrize(("reason", "revoked"), [("superseded", 0), ("keyCompromise", 1)])
def test_only_a_key_that_others_know_is_revoked_without_a_new_one(reason: str, revoked: int) -> None:
    async def story(stage: Stage) -> None:
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        stage.shelf.faults["first"] = DOWN
        with pytest.raises(Unavailable) as caught:
            await stage.renew.revoke(id, reason, "0 root")
        assert len(stage.shelf.revoked) == revoked
        assert ("which is revoked now: it is down" in caught.value.message) == bool(revoked)
        assert [event.data["by"] for event in stage.journal.events if event.type == "certificate.revoked"] == ["0 root"] * revoked

    play(story)


def test_what_its_issuer_cannot_revoke_is_not_even_replaced() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.issuers = ("local",)
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        asked = len(stage.shelf.asked)
        with pytest.raises(Rejected) as caught:
            await stage.renew.revoke(id)
        assert (caught.value.code, len(stage.shelf.asked)) == ("HF3157", asked)

    play(story)


def test_what_no_issuer_gave_is_not_revoked() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.issuers = (SELF_SIGNED,)
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        with pytest.raises(Rejected) as caught:
            await stage.renew.revoke(id)
        assert caught.value.code == "HF3157"

    play(story)


def test_a_dry_run_asks_the_first_that_speaks_acme() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.issuers = ("local", "second")
        id = stage.shelf.apply()
        assert (await stage.renew.dry_run(id)).issuer == "second"
        stage.shelf.issuers = ("local",)
        with pytest.raises(Rejected) as caught:
            await stage.renew.dry_run(id)
        assert caught.value.code == "HF3157"

    play(story)


def test_what_was_adopted_is_looked_at_hourly_and_taken_over_on_request() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.issuers = ("certbot", "second")
        id = stage.shelf.apply()
        await stage.clock.sleep(5.5 * HOUR)
        assert len(stage.asked("certbot")) == 6
        await stage.renew.take_over(id)
        await stage.clock.sleep(1)
        assert stage.shelf.there[id].issuer == "second"
        await stage.restart()
        await stage.clock.sleep(DAY)
        assert len(stage.asked("certbot")) == 6
        assert len(stage.asked("second")) == 1

    play(story)


def test_other_issuers_are_heard_of_when_it_is_said() -> None:
    async def story(stage: Stage) -> None:
        stage.shelf.issuers = ()
        id = stage.shelf.apply()
        await stage.clock.sleep(1)
        assert stage.renew.is_at_rest
        stage.shelf.issuers = ("first",)
        stage.renew.reconsider()
        await stage.clock.sleep(1)
        assert stage.shelf.there[id].issuer == "first"

    play(story)
