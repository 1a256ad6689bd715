"""What one event changes in the view, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from holdfast.core import events
from holdfast.core.fold import fold
from holdfast.core.orphan_events import orphans_observed
from holdfast.core.policy import Decision, Kind
from holdfast.core.rollback import Pin
from holdfast.core.view import ApplicationView, OperationView, ResourceView, View
from holdfast.errors import SourceError
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Phase, Trigger
from holdfast.model.plan import Blocked, Change, Plan, Reason, Verb
from holdfast.model.proof import Proof, Verdict
from holdfast.model.resource import Desired, Origin, Resource
from holdfast.model.source import Revision
from holdfast.model.state import State
from holdfast.model.terms import Orphans

WEB, DB = (ResourceId("host", "Process", "shop", name) for name in ("web", "db"))
ONE, TWO = State.of({"version": 1}), State.of({"version": 2})
PIN = Pin(failed_digest="d2", failed_revision="r2", revision="r1", at=1.0, reason="it died")
OF_WEB: dict[str, Any] = {"at": 1.0, "application": "shop", "id": WEB}
DECLARED = events.application_declared(
    at=1.0, application="shop", repository="/srv/shop", path="app", target_revision="main", automated=True, self_heal=True
)
OPERATION = Operation(
    id="op",
    application="shop",
    trigger=Trigger.COMMIT,
    revision="r1",
    desired_digest="d1",
    plan_digest="p",
    phase=Phase.RUNNING,
    started_at=2.0,
    message="begins",
)


def after(*told: Event, before: View | None = None) -> ApplicationView:
    return fold(before or View(), told).applications["shop"]


def web(*told: Event) -> ResourceView:
    return after(*told).resources[WEB]


def rendered(*resources: Resource, revision: str = "r1") -> Event:
    return events.revision_rendered(at=1.0, desired=Desired.of("shop", revision, resources))


def resource(id: ResourceId = WEB, state: State = ONE, **more: Any) -> Resource:
    return Resource(id=id, state=state, **more)


def seen(sync: str = "Synced", status: Status = Status.HEALTHY, id: ResourceId = WEB) -> Event:
    return events.resource_observed(at=1.0, application="shop", id=id, sync=sync, health=Health(status, "words"), live={"pid": 7})


def test_what_is_said_of_another_destination_is_another_resource() -> None:
    """Its name is the same: only the whole id tells one from the other."""
    there = WEB._replace(destination="elsewhere")
    it = after(DECLARED, rendered(resource()), seen(), rendered(resource(there), revision="r2"))
    assert {id: it.resources[id].is_declared for id in it.resources} == {WEB: False, there: True}


def changed(verb: Verb = Verb.UPDATE, state: State | None = TWO, failure: Failure | None = None) -> Event:
    change = Change(id=WEB, verb=verb, reason=Reason.DECLARED, before=ONE, after=state)
    status = Applied.FAILED if failure else Applied.APPLIED
    outcome = Outcome(id=WEB, status=status, attempts=1, started_at=1.0, finished_at=2.0, failure=failure)
    told = events.change_failed if failure else events.change_applied
    return told(at=2.0, operation=OPERATION, change=change, outcome=outcome)


def kinds(it: Iterable[ResourceId]) -> set[str]:
    return {id.name for id in it}


def test_a_file_says_where_and_how() -> None:
    gone = events.application_removed(at=2.0, application="shop", cascaded=False)
    it = after(DECLARED, rendered(resource()), seen(), gone)
    assert (it.is_declared, it.automated, it.self_heal) == (False, False, False)
    it = after(DECLARED, rendered(resource()), seen(), gone, DECLARED)
    assert (it.is_declared, it.automated, it.self_heal) == (True, True, True)
    assert (it.repository, it.path, it.target_revision) == ("/srv/shop", "app", "main")


def test_a_source_fails_and_recovers_in_words() -> None:
    failed = events.source_failed(at=1.0, application="shop", error=SourceError("HF4010", "no answer"))
    assert after(DECLARED, failed).source_error == "no answer"
    assert after(DECLARED, failed, events.source_recovered(at=2.0, application="shop")).source_error is None


def test_an_operation_begins_and_ends() -> None:
    started = events.operation_started(at=2.0, operation=OPERATION, plan=Plan())
    assert after(started).operation == OperationView(
        id="op", trigger="commit", phase="Running", revision="r1", started_at=2.0, finished_at=None, message="begins"
    )
    ended = events.operation_failed(at=5.0, operation=OPERATION)
    for told in ((started, ended), (ended,)):
        assert after(*told).operation == OperationView(
            id="op", trigger="commit", phase="Running", revision="r1", started_at=2.0, finished_at=5.0, message="begins"
        )
    held = events.operation_held(at=1.0, application="shop", revision="r1", decision=Decision(kind=Kind.WINDOW, reason="deny"))
    assert after(held).held is not None
    assert after(held, started).held is None


def test_a_failure_before_the_first_operation_was_told_is_not_lost() -> None:
    other = events.operation_started(at=2.0, operation=OPERATION, plan=Plan())
    newer = events.operation_superseded(at=5.0, operation=Operation(**{**fields(OPERATION), "id": "op-2", "started_at": 4.0}))
    found = after(other, newer).operation
    assert found is not None
    assert (found.id, found.started_at, found.finished_at) == ("op-2", 4.0, 5.0)


def fields(it: Operation) -> dict[str, Any]:
    return {name: getattr(it, name) for name in Operation.__slots__}


def test_a_new_render_of_what_stands_is_in_sync_at_once() -> None:
    """Back to what it last stood as: nothing has to be done, and nothing is out of sync for a moment."""
    story = (rendered(resource()), seen(), rendered(resource(state=TWO), revision="r2"))
    assert web(*story).sync == "OutOfSync"
    assert web(*story, rendered(resource(), revision="r3")).sync == "Synced"
    assert web(*story, events.resource_drifted(**OF_WEB, fields=()), rendered(resource(), revision="r3")).sync == "OutOfSync"


def test_a_render_says_all_of_a_resource() -> None:
    origin = Origin(path="web.yaml", line=4, revision="r1")
    it = web(rendered(resource(needs=frozenset({DB}), wave=2, origin=origin), resource(DB)))
    assert (it.digest, it.declared, it.origin, it.needs, it.wave) == (ONE.digest, str(WEB), "web.yaml:4", [str(DB)], 2)
    assert it.is_declared


def test_what_a_rollback_took_away_does_not_come_back_with_the_same_content() -> None:
    pinned = events.revision_pinned(at=2.0, application="shop", pin=PIN)
    pruned = events.resource_pruned(at=2.0, application="shop", id=DB, reason="rolled back")
    story = (rendered(resource(), resource(DB)), pinned, pruned)
    again = after(*story, rendered(resource(), resource(DB), revision="r3"))
    assert kinds(again.resources) == {"web"}
    assert kinds(after(*story, rendered(resource(state=TWO), resource(DB), revision="r3")).resources) == {"web", "db"}
    freed = events.revision_unpinned(at=3.0, application="shop", reason="resumed")
    assert kinds(after(*story, freed, rendered(resource(), resource(DB), revision="r3")).resources) == {"web", "db"}


def test_all_that_the_same_content_says_is_taken_in_beside_what_was_taken_away() -> None:
    pinned = events.revision_pinned(at=2.0, application="shop", pin=PIN)
    pruned = events.resource_pruned(at=2.0, application="shop", id=DB, reason="rolled back")
    origin = Origin(path="moved.yaml", line=1, revision="r3")
    it = after(rendered(resource(), resource(DB)), pinned, pruned, rendered(resource(DB), resource(origin=origin), revision="r3"))
    assert it.resources[WEB].origin == "moved.yaml:1"


@pytest.mark.parametrize(
    ("told", "stays"),
    [
        ((seen(),), True),
        ((seen("OutOfSync"), changed()), True),
        ((seen("OutOfSync"),), False),
        ((), False),
        ((seen(), seen("OutOfSync", Status.MISSING)), False),
    ],
)
def test_what_git_no_longer_says_stays_where_it_stood(told: tuple[Event, ...], stays: bool) -> None:
    it = after(rendered(resource(), resource(DB)), *told, rendered(resource(DB), revision="r2"))
    assert (WEB in it.resources) is stays
    if stays:
        assert (it.resources[WEB].is_declared, it.resources[WEB].sync) == (False, "OutOfSync")


def test_what_was_left_over_and_is_seen_to_be_gone_goes() -> None:
    story = (rendered(resource(), resource(DB)), seen(), rendered(resource(DB), revision="r2"))
    assert WEB in after(*story, seen("OutOfSync")).resources
    assert WEB not in after(*story, seen("OutOfSync", Status.MISSING)).resources


def test_a_change_stands_and_takes_the_failure_away() -> None:
    failed = changed(failure=Failure(code="HF3030", message="it died"))
    assert (web(failed).failure, web(failed).sync) == ("it died", "OutOfSync")
    it = web(rendered(resource(state=TWO)), failed, changed())
    assert (it.failure, it.sync, it.stands, it.has_stood) == (None, "Synced", TWO.digest, True)


def test_half_of_a_replace_takes_it_down_for_a_while() -> None:
    it = web(rendered(resource()), seen(), changed(Verb.REPLACE, None))
    assert (it.sync, it.status, it.live, it.stands) == ("OutOfSync", "Missing", None, "")


def test_a_deletion_takes_it_away_and_nothing_else() -> None:
    it = after(rendered(resource(), resource(DB)), seen(), changed(Verb.DELETE, None))
    assert kinds(it.resources) == {"db"}
    assert after(changed(Verb.DELETE, None)).resources == {}


def test_a_change_forgets_what_was_seen_of_what_stood_before() -> None:
    proof = Proof(claim="answers", subject=WEB, method="tcp", verdict=Verdict.PROVEN, evidence="ok", proven_at=1.0, valid_for_s=60.0)
    looked = events.claim_looked_at(at=1.5, application="shop", proof=proof)
    assert len(web(rendered(resource()), changed(Verb.CREATE, ONE), looked, changed(state=ONE)).proofs) == 1
    assert web(rendered(resource()), changed(Verb.CREATE, ONE), looked, changed(state=TWO)).proofs == {}
    assert len(web(rendered(resource()), looked, changed(Verb.CREATE, ONE)).proofs) == 1, "nothing is known of what stood before"


def test_an_operation_without_a_name_has_none() -> None:
    started = replace(events.operation_started(at=2.0, operation=OPERATION, plan=Plan()), operation=None)
    assert (after(started).operation or OperationView(id="", trigger="", phase="", revision=None, started_at=0.0)).id == ""


def test_a_failure_that_says_nothing_is_a_failure() -> None:
    change = Change(id=WEB, verb=Verb.UPDATE, reason=Reason.DECLARED, before=ONE, after=TWO)
    outcome = Outcome(id=WEB, status=Applied.FAILED, attempts=1, started_at=1.0, finished_at=2.0)
    assert web(events.change_failed(at=2.0, operation=OPERATION, change=change, outcome=outcome)).failure == "failed"


def test_what_is_seen_is_what_is_shown() -> None:
    it = web(rendered(resource()), seen())
    assert (it.sync, it.status, it.message, it.live, it.is_seen, it.stands, it.has_stood) == (
        "Synced",
        "Healthy",
        "words",
        {"pid": 7},
        True,
        ONE.digest,
        True,
    )
    it = web(rendered(resource()), changed(failure=Failure(code="c", message="m")), seen("OutOfSync", Status.DEGRADED))
    assert (it.stands, it.has_stood, it.failure) == ("", False, "m")


def test_drift_and_heal() -> None:
    drifted = web(rendered(resource()), events.resource_drifted(**OF_WEB, fields=()))
    assert (drifted.sync, drifted.stands, drifted.has_stood) == ("OutOfSync", "", True)
    healed = web(rendered(resource()), changed(failure=Failure(code="c", message="m")), events.resource_healed(**OF_WEB, seconds=1.0))
    assert (healed.sync, healed.failure) == ("Synced", None)


def test_a_fight_is_said_and_forgiven() -> None:
    fight = events.resource_contended(**OF_WEB, heals=5, window_s=600.0)
    assert web(fight).contended == "was changed from outside and healed 5 times in 600 s: healed only slowly from here on"
    assert web(fight, events.resource_forgiven(**OF_WEB)).contended is None


def test_an_orphan_says_why_it_stays_until_git_says_it_again() -> None:
    orphaned = events.resource_orphaned(**OF_WEB, reason="Prune=false")
    it = web(rendered(resource()), seen(), orphaned)
    assert (it.is_declared, it.sync, it.orphaned) == (False, "OutOfSync", "Prune=false")
    it = web(rendered(resource()), seen(), orphaned, rendered(resource(), revision="r2"))
    assert (it.is_declared, it.sync, it.orphaned) == (True, "Synced", None)


def test_what_was_refused_is_shown_until_it_is_approved_or_a_daemon_begins_anew() -> None:
    plan = Plan(blocked={WEB: Blocked(reason="is protected", code="HF2006", refused=True)}, digest="p")
    refused = events.plan_refused(at=1.0, application="shop", revision="r1", plan=plan)
    [one] = after(refused).refused
    assert (one["id"], one["approve"]) == (str(WEB), "p")
    assert after(refused, events.plan_approved(at=2.0, application="shop", digest="p", by="ada")).refused == []
    assert after(refused, events.plan_approved(at=2.0, application="shop", digest="q", by="ada")).refused == [one]
    assert after(refused, events.daemon_started(at=2.0, version="1", pid=7)).refused == []


def test_an_event_that_was_seen_changes_nothing_and_an_unknown_one_only_the_time() -> None:
    view = View(seq=7, at=5.0)
    old = Event(
        seq=7, at=9.0, type="application.suspended", subject="Application/shop", data={"application": "shop", "by": "a", "reason": ""}
    )
    assert fold(view, [old]) == view
    unknown = Event(seq=8, at=4.0, type="no.such", subject="Application/shop", data={"application": "shop"})
    assert fold(view, [unknown]) == View(seq=8, at=5.0)
    nameless = Event(seq=9, at=6.0, type="resource.forgiven", subject="x", data={})
    assert fold(view, [nameless]) == View(seq=9, at=6.0)


def test_what_is_suspended_without_a_reason_says_by_whom() -> None:
    assert after(events.application_suspended(at=1.0, application="shop", by="ann", reason="")).suspended == "suspended by ann"
    assert after(events.application_suspended(at=1.0, application="shop", by="ann", reason="move")).suspended == "suspended by ann: move"


def test_a_look_of_an_older_version_does_not_say_how_it_looked() -> None:
    proof = Proof(claim="answers", subject=WEB, method="tcp", verdict=Verdict.PROVEN, evidence="ok", proven_at=1.0, valid_for_s=60.0)
    looked = events.claim_looked_at(at=1.5, application="shop", proof=proof)
    older = replace(looked, data={name: value for name, value in looked.data.items() if name != "method"})
    assert web(rendered(resource()), older).proofs["answers"].method == ""
    assert web(rendered(resource()), looked).proofs["answers"].method == "tcp"


def test_a_resource_is_known_by_its_destination_too() -> None:
    elsewhere = WEB._replace(destination="docker")
    seen = events.resource_observed(at=5.0, application="shop", id=elsewhere, sync="Synced", health=Health(Status.HEALTHY))
    assert set(after(DECLARED, rendered(resource(elsewhere)), seen).resources) == {elsewhere}


def test_a_part_that_was_synced_and_a_drift_that_was_healed_say_nothing_of_the_revision() -> None:
    begun = after(DECLARED, events.operation_succeeded(at=3.0, operation=OPERATION))
    assert (begun.revision, begun.digest) == ("r1", "d1")
    newer = replace(OPERATION, id="op2", revision="r2", desired_digest="d2")
    for more in ({"is_selective": True}, {"trigger": Trigger.DRIFT}):
        part = events.operation_succeeded(at=4.0, operation=replace(newer, **more))
        found = after(DECLARED, events.operation_succeeded(at=3.0, operation=OPERATION), part)
        assert (found.revision, found.digest) == ("r1", "d1")
    whole = after(DECLARED, events.operation_succeeded(at=4.0, operation=newer))
    assert (whole.revision, whole.digest) == ("r2", "d2")


def test_what_nobody_has_is_known_until_it_is_not_looked_for() -> None:
    def told(warn: bool, orphans: Orphans | None) -> Event:
        return orphans_observed(at=5.0, application="shop", namespace="prod", warn=warn, orphans=orphans)

    some = Orphans(found=(WEB,), unknown={"Secret": "forbidden"})
    seen = after(DECLARED, told(True, some))
    assert seen.orphans is not None
    assert (seen.orphans["count"], seen.orphans["unknown"]) == (1, [{"kind": "Secret", "reason": "forbidden"}])
    assert after(DECLARED, told(True, some), told(True, None)).orphans is None
    words = [told(*it).severity.value for it in ((True, some), (False, some), (True, Orphans()), (True, None))]
    assert words == ["warning", "info", "info", "info"]


def test_several_sources_are_known_and_the_revision_names_the_commit_of_each() -> None:
    sources = [{"repository": name, "path": "", "target_revision": "main"} for name in ("/a", "/b")]
    declared = events.application_declared(
        at=1.0, application="shop", repository="/a", path="", target_revision="main", automated=True, self_heal=True, sources=sources
    )
    assert after(declared).sources == sources
    assert after(declared, DECLARED).sources == []
    moved = Revision(repository="/b", ref="main", commit="b" * 40, committed_at=9.0, author="ada", subject="work")
    whole = f"{'a' * 40}+{'b' * 40}"
    fetched = events.revision_fetched(at=2.0, application="shop", revision=moved, whole=whole)
    assert after(declared, fetched).desired_revision == whole
    assert after(DECLARED, events.revision_fetched(at=2.0, application="shop", revision=moved)).desired_revision == moved.commit
