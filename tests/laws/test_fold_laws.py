"""The fold's laws: any story of events, cut anywhere, tells the same; what is saved is what is read back."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.core import events
from holdfast.core.fold import Folding, fold
from holdfast.core.policy import Decision, Kind
from holdfast.core.rollback import Pin
from holdfast.core.view import View, from_json, history, status, to_json
from holdfast.errors import DeclarationError, SourceError, StoreError, Where
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Phase, Trigger
from holdfast.model.plan import Blocked, Change, Plan, Reason, Verb
from holdfast.model.proof import Proof, Verdict
from holdfast.model.resource import Desired, Origin, Resource, Warning
from holdfast.model.source import Revision
from holdfast.model.state import State

IDS = [ResourceId("host", "Process", "shop", name) for name in "abc"]
APPLICATIONS = ["shop", "blog"]
PIN = Pin(failed_digest="d", failed_revision="r2", revision="r1", at=1.0, reason="died")


class Story:
    """Tells events by a seed: every kind there is, in any order."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.at = 0.0

    def events(self, count: int) -> list[Event]:
        tellers = [getattr(self, name) for name in sorted(dir(self)) if name.startswith("tell_")]
        told = []
        for seq in range(1, count + 1):
            self.at += self.dice.choice([0.0, 1.0, 30.0])
            told.append(replace(self.dice.choice(tellers)(), seq=seq))
        return told

    @property
    def application(self) -> str:
        return self.dice.choice(APPLICATIONS)

    @property
    def id(self) -> ResourceId:
        return self.dice.choice(IDS)

    def operation(self) -> Operation:
        return Operation(
            id=self.dice.choice(["1", "2"]),
            application=self.application,
            trigger=self.dice.choice(list(Trigger)),
            revision=self.dice.choice(["r1", "r2"]),
            desired_digest="d",
            plan_digest="p",
            phase=self.dice.choice(list(Phase)),
            started_at=self.at,
        )

    def tell_application(self) -> Event:
        return self.dice.choice(
            [
                events.application_declared(at=self.at, application=self.application, repository="x", path="", target_revision="main"),
                events.application_removed(at=self.at, application=self.application, cascaded=self.dice.random() < 0.3),
                events.application_suspended(at=self.at, application=self.application, by="ann"),
                events.application_resumed(at=self.at, application=self.application, by="ann"),
            ]
        )

    def tell_source(self) -> Event:
        commit = Revision(repository="x", ref="main", commit="r2", committed_at=1.0, author="ann", subject="s")
        return self.dice.choice(
            [
                events.revision_fetched(at=self.at, application=self.application, revision=commit),
                events.source_failed(at=self.at, application=self.application, error=SourceError("HF4001", "cannot fetch")),
                events.source_recovered(at=self.at, application=self.application),
            ]
        )

    def tell_render(self) -> Event:
        if self.dice.random() < 0.2:
            error = DeclarationError("HF1001", "cannot read", where=[Where(path="a.yaml", line=1)])
            return events.render_failed(at=self.at, application=self.application, revision="r3", error=error)
        chosen = self.dice.sample(IDS, self.dice.randint(0, 3))
        resources = tuple(Resource(id=id, state=State.of({"v": self.dice.randint(1, 2)})) for id in chosen)
        warning = Warning(reason="NotHonoured", message="helm", origin=Origin(path="a.yaml", line=3, revision="r"))
        return events.revision_rendered(at=self.at, desired=Desired.of(self.application, "r2", resources, (warning,)))

    def tell_operation(self) -> Event:
        it = self.operation()
        match self.dice.randint(0, 3):
            case 0:
                return events.operation_started(at=self.at, operation=it, plan=Plan())
            case 1:
                return events.operation_succeeded(at=self.at, operation=it)
            case 2:
                return events.operation_failed(at=self.at, operation=it)
        return events.operation_superseded(at=self.at, operation=it)

    def tell_policy(self) -> Event:
        held = Decision(kind=self.dice.choice([Kind.WINDOW, Kind.EXHAUSTED]), reason="why", until=None)
        refused = Plan(blocked={self.id: Blocked(reason="protected", refused=True, code="HF2006")}, digest="x")
        return self.dice.choice(
            [
                events.operation_held(at=self.at, application=self.application, revision="r2", decision=held),
                events.plan_refused(at=self.at, application=self.application, revision="r2", plan=refused),
                events.plan_approved(at=self.at, application=self.application, digest="x", by="ann"),
                events.rollback_started(at=self.at, application=self.application, pin=PIN),
                events.revision_pinned(at=self.at, application=self.application, pin=PIN),
                events.revision_unpinned(at=self.at, application=self.application, reason="new content"),
                events.revision_reached(at=self.at, desired=Desired.of(self.application, "r2", ())),
            ]
        )

    def tell_change(self) -> Event:
        verb = self.dice.choice(list(Verb))
        after = None if verb is Verb.DELETE else State.of({"v": 1})
        change = Change(id=self.id, verb=verb, reason=Reason.DECLARED, before=None, after=after)
        failure = self.dice.choice([None, Failure(code="HF3001", message="exec failed", log=("boom",))])
        outcome = Outcome(id=change.id, status=Applied.APPLIED, attempts=1, started_at=self.at, finished_at=self.at, failure=failure)
        tell = self.dice.choice([events.change_applied, events.change_failed, events.change_skipped])
        return tell(at=self.at, operation=self.operation(), change=change, outcome=outcome)

    def tell_observation(self) -> Event:
        health = Health(self.dice.choice(list(Status)), self.dice.choice(["", "words"]))
        sync = self.dice.choice(["Synced", "OutOfSync", "Unknown"])
        live = self.dice.choice([None, {"pid": 1}])
        return events.resource_observed(at=self.at, application=self.application, id=self.id, sync=sync, health=health, live=live)

    def tell_resource(self) -> Event:
        of: Any = {"at": self.at, "application": self.application, "id": self.id}
        return self.dice.choice(
            [
                events.resource_drifted(**of, fields=["env.A"]),
                events.resource_healed(**of, seconds=0.1),
                events.resource_contended(**of, heals=5, window_s=600.0),
                events.resource_forgiven(**of),
                events.resource_pruned(**of, reason="pruned"),
                events.resource_orphaned(**of, reason="pruning is off"),
            ]
        )

    def tell_proof(self) -> Event:
        proof = Proof(
            claim="answers on port 3000",
            subject=self.id,
            method="tcp",
            verdict=self.dice.choice([Verdict.PROVEN, Verdict.REFUTED]),
            evidence="connected",
            proven_at=self.at,
            valid_for_s=60.0,
        )
        return events.claim_looked_at(at=self.at, application=self.application, proof=proof)

    def tell_process(self) -> Event:
        of: Any = {"at": self.at, "application": self.application, "id": self.id}
        return self.dice.choice(
            [
                events.process_started(**of, pid=1, slot=0, spawn="s"),
                events.process_ready(**of, pid=1, slot=0, seconds=0.2),
                events.process_unready(**of, pid=1, slot=0, message="503"),
                events.process_oom(**of, pid=1, limit=1024),
                events.process_crash_looping(**of, restarts=5, next_at=None, log=["boom"]),
                events.process_exited(**of, pid=1, slot=0, exit_code=1, signal=None, seconds=2.0, expected=False),
            ]
        )

    def tell_daemon(self) -> Event:
        return self.dice.choice(
            [
                events.daemon_started(at=self.at, version="0", pid=1),
                events.daemon_stopped(at=self.at, reason="SIGTERM", pid=1),
                events.store_failed(at=self.at, error=StoreError("HF5001", "cannot write: disk full")),
                events.store_recovered(at=self.at, waited=3),
                Event(type="something.newer", subject="x", at=self.at, data={"application": "shop"}),
            ]
        )


stories = st.builds(lambda seed, count: Story(seed).events(count), st.integers(0, 2**24), st.integers(0, 60))


@given(stories, st.integers(0, 60))
def test_a_snapshot_and_what_came_later_is_the_whole(story: list[Event], cut: int) -> None:
    whole = fold(View(), story)
    snapshot = json.loads(json.dumps(to_json(fold(View(), story[:cut]))))
    assert to_json(fold(from_json(snapshot), story[cut:])) == to_json(whole)


@given(stories)
def test_a_view_survives_json(story: list[Event]) -> None:
    view = fold(View(), story)
    assert from_json(json.loads(json.dumps(to_json(view)))) == view


@given(stories)
def test_events_survive_json_and_fold_the_same(story: list[Event]) -> None:
    again = [Event.from_json(json.loads(json.dumps(event.to_json()))) for event in story]
    assert again == story
    assert fold(View(), again) == fold(View(), story)


@given(stories)
def test_in_place_is_the_same_as_a_new_view_and_the_old_one_stays(story: list[Event]) -> None:
    folding, view = Folding(), View()
    for event in story:
        before = to_json(view)
        view, old = fold(view, [event]), view
        assert to_json(old) == before
        folding.apply(event)
    assert folding.view == view


@given(stories)
def test_an_event_told_again_changes_nothing(story: list[Event]) -> None:
    view = fold(View(), story)
    assert fold(view, story) == view


@given(stories, st.floats(0, 1e6))
def test_status_is_plain_json_and_consistent(story: list[Event], now: float) -> None:
    found = json.loads(json.dumps(status(fold(View(), story), now)))
    for application in found["applications"]:
        syncs = {resource["sync"] for resource in application["resources"]}
        if application["pinned"] or "OutOfSync" in syncs:
            assert application["sync"] == "OutOfSync"
        if application["sync"] == "Synced":
            assert syncs <= {"Synced"}
        if application["health"] == "Healthy":
            assert {resource["health"] for resource in application["resources"]} <= {"Healthy", "Missing", "Unknown"}
        for resource in application["resources"]:
            for proof in resource["proofs"]:
                assert (proof["verdict"] == "stale") == (now >= proof["proven_at"] + 60.0)


@given(stories)
def test_history_is_plain_json_with_every_event(story: list[Event]) -> None:
    found = json.loads(json.dumps(history(story)))
    assert [event["seq"] for event in found["events"]] == [event.seq for event in story]
    told = {event.operation for event in story if event.type.startswith("operation.") and event.operation}
    assert {operation["id"] for operation in found["operations"]} == told
