"""Expiry: the alarm rings for what visitors get, once, and is taken back when they get a fresh one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from holdfast.controllers.expiry import ExpiryController, claim
from holdfast.edge.certificate_life import DAY, HOUR, Held, Leaf, Source
from holdfast.errors import EngineError, Unavailable
from holdfast.host.tls import Handshake
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event, Severity
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.ports import Write
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run

ID = ResourceId(HOST, "Certificate", "shop", "shop")
NAME = "shop.example.com"


@dataclass
class Wire:
    """What visitors get, by name."""

    shown: dict[str, Leaf | EngineError] = field(default_factory=dict)
    asked: list[tuple[str, int, str]] = field(default_factory=list)

    async def __call__(self, host: str, port: int, *, server_name: str, timeout_s: float) -> Handshake:
        self.asked.append((host, port, server_name))
        found = self.shown.get(server_name, Unavailable("HF3160", f"cannot shake hands with {server_name}: it refused the name"))
        if isinstance(found, EngineError):
            raise found
        return Handshake(der=b"", leaf=found, protocol="TLSv1.3")


@dataclass
class Told:
    events: list[Event] = field(default_factory=list)

    async def emit(self, *events: Event) -> None:
        self.events.extend(events)

    async def commit(self, *writes: Write) -> tuple[Event, ...]:
        raise AssertionError("nobody writes here")


class Stage:
    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.wire = Wire()
        self.journal = Told()
        self.held = {ID: Held(application="shop", fields={"hosts": [NAME]}, source=Source.ISSUED, issuer="first")}
        self.edge: tuple[str, int] | None = ("127.0.0.1", 8443)
        self.expiry = ExpiryController(
            held=lambda: self.held,
            edge=lambda: self.edge,
            served=self.wire,
            journal=self.journal,
            clock=self.clock,
            random=SimulatedRandom(1),
        )

    def leaf(self, days: float, *names: str, serial: str = "a1") -> Leaf:
        now = self.clock.now()
        names = names or (NAME,)
        return Leaf(
            serial=serial, names=names, not_before=now, not_after=now + days * DAY, issuer="Test CA", key="ecdsa-p256", digest=serial
        )

    def types(self) -> list[str]:
        return [event.type for event in self.journal.events]


def play(story: Callable[[Stage], Awaitable[None]]) -> None:
    async def main() -> None:
        stage = Stage()
        async with Tasks() as tasks:
            tasks.start("expiry", stage.expiry.run())
            await story(stage)
            await tasks.stop()

    run(1, main())


def test_the_alarm_rings_once_when_less_than_a_third_is_left_on_the_wire() -> None:
    async def story(stage: Stage) -> None:
        stage.wire.shown[NAME] = stage.leaf(90)
        await stage.clock.sleep(59 * DAY)
        assert stage.types() == []
        await stage.clock.sleep(10 * DAY)
        (event,) = stage.journal.events
        assert (event.type, event.severity, event.subject, event.key) == (
            "certificate.expiring",
            Severity.ERROR,
            "Certificate/shop/shop",
            f"expiring:{ID}:{NAME}",
        )
        left = event.data["left_s"]
        assert isinstance(left, float)
        assert 29.8 * DAY < left < 30 * DAY
        assert (event.data["application"], event.data["serial"]) == ("shop", "a1")

    play(story)


def test_the_alarm_is_taken_back_soon_after_visitors_get_a_fresh_one() -> None:
    async def story(stage: Stage) -> None:
        stage.wire.shown[NAME] = stage.leaf(90)
        await stage.clock.sleep(61 * DAY)
        stage.wire.shown[NAME] = stage.leaf(90, serial="b2")
        await stage.clock.sleep(120)
        assert stage.types() == ["certificate.expiring", "certificate.fresh"]

    play(story)


@pytest.mark.parametrize("days", [6.6, 45.0, 64.0])
def test_short_lives_ring_at_the_same_share(days: float) -> None:
    async def story(stage: Stage) -> None:
        stage.wire.shown[NAME] = stage.leaf(days)
        await stage.clock.sleep((days * 2 / 3) * DAY - 2 * HOUR)
        assert stage.types() == []
        await stage.clock.sleep(5 * HOUR)
        assert stage.types() == ["certificate.expiring"]

    play(story)


def test_where_nobody_is_served_or_nobody_answers_no_alarm_rings() -> None:
    async def story(stage: Stage) -> None:
        await stage.clock.sleep(DAY)
        assert stage.wire.asked
        stage.edge = None
        stage.wire.asked.clear()
        await stage.clock.sleep(DAY)
        assert stage.wire.asked == []
        assert stage.types() == []

    play(story)


def test_a_wildcard_is_visited_by_one_of_its_hosts() -> None:
    async def story(stage: Stage) -> None:
        stage.held[ID] = Held(application="shop", fields={"hosts": ["*.example.com"]})
        await stage.clock.sleep(2 * HOUR)
        assert set(stage.wire.asked) >= {("127.0.0.1", 8443, "holdfast-look.example.com")}

    play(story)


def test_an_alarm_of_what_is_gone_is_forgotten() -> None:
    async def story(stage: Stage) -> None:
        stage.wire.shown[NAME] = stage.leaf(90)
        await stage.clock.sleep(61 * DAY)
        stage.held.clear()
        stage.wire.asked.clear()
        await stage.clock.sleep(DAY)
        assert stage.types() == ["certificate.expiring"]
        assert stage.wire.asked == []

    play(story)


def test_a_claim_is_proven_by_a_fresh_certificate_of_the_name() -> None:
    async def story(stage: Stage) -> None:
        said = claim(NAME, address="127.0.0.1", port=8443)
        assert (said.method, said.target) == ("tls", {"host": "127.0.0.1", "port": 8443, "server_name": NAME})
        stage.wire.shown[NAME] = stage.leaf(90)
        assert await stage.expiry.look(said, said.target) == (True, "serial a1, 90d of 90d left, by Test CA, TLSv1.3")
        stage.wire.shown[NAME] = stage.leaf(90, "www.example.com")
        assert await stage.expiry.look(said, said.target) == (
            False,
            "serial a1, 90d of 90d left, for www.example.com, by Test CA, TLSv1.3",
        )
        assert stage.types() == []

    play(story)


def test_a_claim_is_refuted_by_a_late_certificate_and_the_alarm_rings() -> None:
    async def story(stage: Stage) -> None:
        stage.edge = None
        said = claim(NAME, address="127.0.0.1", port=8443)
        stage.wire.shown[NAME] = stage.leaf(90)
        await stage.clock.sleep(61 * DAY)
        assert await stage.expiry.look(said, said.target) == (False, "serial a1, 29d of 90d left, by Test CA, TLSv1.3")
        await stage.clock.sleep(30 * DAY)
        is_proven, seen = await stage.expiry.look(said, said.target)
        assert (is_proven, seen) == (False, "serial a1, expired, by Test CA, TLSv1.3")
        assert stage.types() == ["certificate.expiring"]
        with pytest.raises(EngineError):
            await stage.expiry.look(said, {**said.target, "server_name": "evil.example.com"})

    play(story)
