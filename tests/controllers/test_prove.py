"""Prove: claims are looked at from outside, changes told at once, proofs renewed in time, and nothing is said of what is gone."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from holdfast.controllers.prove import LOOKS, ProveController
from holdfast.errors import EngineError, TimedOut, Unavailable
from holdfast.kit.canonical import Json
from holdfast.kit.secret import Redactor
from holdfast.kit.tasks import Tasks
from holdfast.model.event import Event
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.plan import Owned
from holdfast.model.ports import HttpAnswer
from holdfast.model.proof import Claim
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.store.journal import StoreJournal
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run
from holdfast.testing.simulated_store import SimulatedStore
from holdfast.walk.ledger import Ledger

VALID_S = 300.0


def where(target: Mapping[str, Json]) -> str:
    return str(target.get("path") or target.get("port"))


@dataclass
class World:
    """A Net of what answers where: an answer, True for an open port, or an error."""

    clock: SimulatedClock
    answers: dict[str, HttpAnswer | bool | Exception] = field(default_factory=dict)
    look_s: float = 0.01
    looks: list[tuple[str, str]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def connect(self, target: Mapping[str, Json], *, timeout_s: float) -> None:
        await self._look("connect", where(target))

    async def http(
        self,
        target: Mapping[str, Json],
        *,
        method: str = "GET",
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
    ) -> HttpAnswer:
        answer = await self._look(f"{method} {path}", where(target))
        assert isinstance(answer, HttpAnswer)
        return answer

    async def _look(self, verb: str, place: str) -> HttpAnswer | bool:
        self.looks.append((verb, place))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.clock.sleep(self.look_s)
        finally:
            self.at_once -= 1
        answer = self.answers.get(place, False)
        if isinstance(answer, Exception):
            raise answer
        if answer is False:
            raise Unavailable("HF3090", f"cannot connect to {place}: connection refused")
        return answer


class Stage:
    """A prove controller with all its neighbours."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = SimulatedClock()
        self.world = World(self.clock)
        self.store = SimulatedStore(clock=self.clock, random=SimulatedRandom(seed), commit_s=0.0)
        self.journal = StoreJournal(self.store, self.clock, Redactor())
        self.ledger = Ledger(self.journal, {})
        self.crashes: list[tuple[str, BaseException]] = []
        self.prove = ProveController(
            ledger=self.ledger,
            net=self.world,
            journal=self.journal,
            clock=self.clock,
            random=SimulatedRandom(seed),
            data_dir=lambda application: Path("/state/data") / application,
            crashed=lambda name, error: self.crashes.append((name, error)),
            looks={"certificate": self.look},
        )

    async def look(self, claim: Claim, target: Mapping[str, Json]) -> tuple[bool, str]:
        return target["host"] == "shop.example.com", f"looked at {target['host']} by {claim.method}"

    async def owns(self, *claims: Claim, name: str = "web", is_applied: bool = True) -> ResourceId:
        id = ResourceId(HOST, "Process", "shop", name)
        resource = Resource(id=id, state=State.of({}), claims=claims)
        await self.ledger.put(Owned(application="shop", resource=resource, revision="r", operation="o", is_applied=is_applied))
        return id

    async def told(self) -> list[Event]:
        return [event for event in await self.store.events() if event.type.startswith("claim.")]

    async def types(self) -> list[str]:
        return [event.type for event in await self.told()]


def play(story: Callable[[Stage], Awaitable[None]], seed: int = 1) -> Stage:
    """Run the controller under a story; it is ended when the story is."""

    async def main() -> Stage:
        stage = Stage(seed)
        async with Tasks() as tasks:
            tasks.start("prove", stage.prove.run())
            await story(stage)
            await tasks.stop()
        return stage

    return run(seed, main())


def port(number: int, *, ask: str | None = None, valid_for_s: float = VALID_S) -> Claim:
    target: dict[str, Json] = {"host": "127.0.0.1", "port": number}
    if ask is not None:
        target["ask"] = ask
    return Claim(text=f"answers on port {number}", method="tcp" if ask is None else "http", target=target, valid_for_s=valid_for_s)


def test_a_settled_resource_is_looked_at_at_once() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"] = True
        id = await stage.owns(port(3000))
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(0.1)
        (event,) = await stage.told()
        assert (event.type, event.subject) == ("claim.proven", "Process/shop/web")
        assert event.data["evidence"] == "connected to 127.0.0.1:3000"
        assert event.data["verdict"] == "proven"

    play(story)


def test_nothing_is_said_of_what_was_never_seen_standing() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"] = True
        id = await stage.owns(port(3000), is_applied=False)
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(200.0)
        assert await stage.told() == []
        assert stage.world.looks == []

    play(story)


def test_an_http_claim_is_proven_by_a_good_answer_alone() -> None:
    async def story(stage: Stage) -> None:
        id = await stage.owns(port(3000, ask="/health"))
        for status in (200, 302, 404, 500):
            stage.world.answers["3000"] = HttpAnswer(status=status, body=b"all is well\nmore")
            stage.prove.settled("shop", (id,))
            await stage.clock.sleep(0.1)
        assert await stage.types() == ["claim.proven", "claim.proven", "claim.refuted", "claim.refuted"]
        assert set(stage.world.looks) == {("GET /health", "3000")}
        first, *_, last = await stage.told()
        digest = hashlib.sha256(b"all is well\nmore").hexdigest()[:12]
        assert first.data["evidence"] == f"GET /health at 127.0.0.1:3000: 200, 16 bytes, sha256 {digest}, all is well"
        assert str(last.data["evidence"]).startswith("GET /health at 127.0.0.1:3000: 500")

    play(story)


def test_a_claim_is_looked_at_in_the_way_that_somebody_else_knows() -> None:
    async def story(stage: Stage) -> None:
        hosts = ("shop.example.com", "evil.example.com")
        claims = [Claim(text=f"serves {host}", method="certificate", target={"host": host}) for host in hosts]
        stage.prove.settled("shop", (await stage.owns(*claims),))
        await stage.clock.sleep(0.1)
        assert [(event.type, event.data["evidence"]) for event in await stage.told()] == [
            ("claim.proven", "looked at shop.example.com by certificate"),
            ("claim.refuted", "looked at evil.example.com by certificate"),
        ]

    play(story)


def test_a_relative_socket_lies_in_the_applications_data_folder() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers |= {"/state/data/shop/run/web.sock": True, "/run/other.sock": HttpAnswer(status=204)}
        id = await stage.owns(
            Claim(text="answers on run/web.sock", method="unix", target={"path": "run/web.sock"}),
            Claim(text="answers on /run/other.sock", method="http", target={"path": "/run/other.sock", "ask": "/"}),
        )
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(0.1)
        assert await stage.types() == ["claim.proven", "claim.proven"]

    play(story)


def test_a_proof_is_renewed_before_it_expires_and_no_more_often() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"] = True
        await stage.owns(port(3000))
        await stage.clock.sleep(3_600.0)
        told = await stage.told()
        gaps = [after.at - before.at for before, after in itertools.pairwise(told)]
        assert len(told) >= 12
        assert all(VALID_S * 0.5 <= gap < VALID_S * 0.8 for gap in gaps)
        assert len(set(gaps)) > 1
        assert len(stage.world.looks) == len(told)

    play(story)


def test_a_change_of_verdict_is_told_at_once_and_its_repetition_is_not() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"] = TimedOut("HF3091", "cannot connect to 3000: no answer within 5 s")
        id = await stage.owns(port(3000))
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(100.0)
        assert await stage.types() == ["claim.refuted"]
        assert len(stage.world.looks) > 4
        stage.world.answers["3000"] = True
        await stage.clock.sleep(31.0)
        assert await stage.types() == ["claim.refuted", "claim.proven"]

    play(story)


def test_a_refuted_claim_is_told_again_before_it_would_read_stale() -> None:
    async def story(stage: Stage) -> None:
        await stage.owns(port(3000))
        await stage.clock.sleep(1_000.0)
        told = await stage.told()
        assert {event.type for event in told} == {"claim.refuted"}
        assert 4 <= len(told) <= 7
        assert told[0].data["evidence"] == "cannot connect to 3000: connection refused"

    play(story)


def test_a_new_settlement_is_proven_anew_even_with_the_same_verdict() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"] = True
        id = await stage.owns(port(3000))
        for _ in range(3):
            stage.prove.settled("shop", (id,))
            await stage.clock.sleep(1.0)
        assert await stage.types() == ["claim.proven"] * 3

    play(story)


def test_a_settlement_while_looking_is_owed_a_look_of_its_own() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"], stage.world.look_s = True, 2.0
        id = await stage.owns(port(3000))
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(1.0)
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(4.0)
        assert len(stage.world.looks) == 2

    play(story)


def test_what_is_gone_is_forgotten() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"] = True
        id = await stage.owns(port(3000))
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(1.0)
        await stage.ledger.drop(id)
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(2_000.0)
        assert len(stage.world.looks) == 1
        assert await stage.types() == ["claim.proven"]

    play(story)


def test_what_goes_while_it_is_looked_at_is_not_told_of() -> None:
    async def story(stage: Stage) -> None:
        stage.world.look_s = 2.0
        id = await stage.owns(port(3000))
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(1.0)
        await stage.ledger.drop(id)
        await stage.clock.sleep(2_000.0)
        assert await stage.types() == []
        assert len(stage.world.looks) == 1

    play(story)


def test_a_claim_that_changed_is_looked_at_in_its_new_form() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers |= {"3000": True, "4000": True}
        await stage.owns(port(3000))
        await stage.clock.sleep(1.0)
        await stage.owns(port(4000))
        await stage.clock.sleep(VALID_S)
        assert [event.data["claim"] for event in await stage.told()][:2] == ["answers on port 3000", "answers on port 4000"]
        assert stage.world.looks[1] == ("connect", "4000")

    play(story)


def test_resources_that_nobody_told_of_are_found() -> None:
    async def story(stage: Stage) -> None:
        await stage.clock.sleep(10.0)
        stage.world.answers["3000"] = True
        await stage.owns(port(3000))
        await stage.owns(name="silent")
        await stage.clock.sleep(60.0)
        assert await stage.types() == ["claim.proven"]

    play(story)


def test_many_are_looked_at_but_never_all_at_once() -> None:
    async def story(stage: Stage) -> None:
        count = 3 * LOOKS
        for n in range(count):
            await stage.owns(port(3_000 + n), name=f"web.{n}")
        stage.world.look_s = 1.0
        stage.prove.settled("shop", tuple(stage.ledger.inventory))
        await stage.clock.sleep(10.0)
        assert stage.world.most_at_once == LOOKS
        assert {event.subject for event in await stage.told()} == {f"Process/shop/web.{n}" for n in range(count)}

    play(story)


def test_a_look_that_crashes_is_told_and_stops_no_other() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers |= {"3000": RuntimeError("a defect"), "4000": True}
        await stage.owns(port(3000), name="a")
        await stage.owns(port(4000), name="b")
        odd = await stage.owns(replace(port(5000), method="smell"), name="c")
        stage.prove.settled("shop", (odd, *stage.ledger.inventory))
        await stage.clock.sleep(1.0)
        assert {str(error) for _, error in stage.crashes} == {
            "a defect",
            "cannot look at the claim 'answers on port 5000': nobody knows how to look by smell",
        }
        stage.world.answers["3000"] = True
        await stage.clock.sleep(60.0)
        assert {event.subject for event in await stage.told() if event.type == "claim.proven"} == {"Process/shop/a", "Process/shop/b"}

    play(story)


def test_looking_goes_on_while_the_store_is_down() -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"] = True
        id = await stage.owns(port(3000))
        stage.store.is_full = True
        stage.prove.settled("shop", (id,))
        await stage.clock.sleep(1.0)
        stage.store.is_full = False
        await stage.journal.commit()
        assert await stage.types() == ["claim.proven"]

    play(story)


@pytest.mark.parametrize("error", [Unavailable("HF3090", "refused"), TimedOut("HF3091", "late")])
def test_no_answer_refutes(error: EngineError) -> None:
    async def story(stage: Stage) -> None:
        stage.world.answers["3000"] = error
        await stage.owns(port(3000, ask="/"))
        await stage.clock.sleep(0.5)
        (event,) = (await stage.told())[:1]
        assert (event.type, event.data["evidence"]) == ("claim.refuted", error.message)

    play(story)
