"""What a person sees at each turn of a story, read from its events alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from holdfast.core import events
from holdfast.core.fold import fold
from holdfast.core.policy import Decision, Kind
from holdfast.core.rollback import Pin
from holdfast.core.view import View, history, status
from holdfast.errors import DeclarationError, SourceError, StoreError, Where
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Phase, Trigger
from holdfast.model.plan import Blocked, Change, Plan, Reason, Verb
from holdfast.model.proof import Proof, Verdict
from holdfast.model.resource import Desired, Origin, Resource, Warning
from holdfast.model.state import State

WEB, DB = (ResourceId("host", "Process", "shop", name) for name in ("web", "db"))
OP = Operation(
    id="op-1",
    application="shop",
    trigger=Trigger.COMMIT,
    revision="r1",
    desired_digest="d1",
    plan_digest="p",
    phase=Phase.RUNNING,
    started_at=2.0,
)
STATUS_KEYS = {"name", "revision", "desired_revision", "pinned", "sync", "health", "message", "operation", "conditions", "resources"}
RESOURCE_KEYS = {"id", "sync", "health", "proofs", "message", "live"}


def desired(*ids: ResourceId, version: int = 1, revision: str = "r1", warnings: tuple[Warning, ...] = ()) -> Desired:
    origin = Origin(path="web.yaml", line=4, revision=revision)
    resources = tuple(Resource(id=id, state=State.of({"version": version}), origin=origin) for id in ids)
    return Desired.of("shop", revision, resources, warnings)


def rendered(*ids: ResourceId, at: float = 1.0, version: int = 1, revision: str = "r1") -> Event:
    return events.revision_rendered(at=at, desired=desired(*ids, version=version, revision=revision))


def seen(id: ResourceId, status: Status = Status.HEALTHY, sync: str = "Synced", message: str = "") -> Event:
    live = None if status is Status.MISSING else {"pid": 7}
    return events.resource_observed(at=3.0, application="shop", id=id, sync=sync, health=Health(status, message), live=live)


def shown(story: Iterable[Event], now: float = 10.0) -> dict[str, Any]:
    [application] = status(fold(View(), story), now)["applications"]
    found: dict[str, Any] = application
    return found


def condition(application: dict[str, Any], type: str) -> dict[str, Any] | None:
    return next((one for one in application["conditions"] if one["type"] == type), None)


def is_true(application: dict[str, Any], type: str) -> bool:
    found = condition(application, type)
    return found is not None and found["status"]


def finished(phase: Phase, **fields: Any) -> Operation:
    return replace(OP, phase=phase, finished_at=4.0, **fields)


SYNCED = [
    rendered(WEB, DB),
    events.operation_started(at=2.0, operation=OP, plan=Plan()),
    seen(WEB),
    seen(DB),
    events.operation_succeeded(at=4.0, operation=finished(Phase.SUCCEEDED)),
]


def test_synced_and_healthy() -> None:
    it = shown(SYNCED)
    assert it.keys() >= STATUS_KEYS
    assert all(resource.keys() >= RESOURCE_KEYS for resource in it["resources"])
    assert (it["sync"], it["health"], it["revision"], it["desired_revision"], it["message"]) == ("Synced", "Healthy", "r1", "r1", "")
    assert it["operation"].items() >= {"id": "op-1", "trigger": "commit", "phase": "Succeeded"}.items()
    assert it["resources"][0].items() >= {"id": "Process/shop/db", "sync": "Synced", "health": "Healthy", "live": {"pid": 7}}.items()
    assert is_true(it, "Ready")
    assert not is_true(it, "Reconciling")
    assert not is_true(it, "Stalled")


def test_while_an_operation_runs() -> None:
    it = shown(SYNCED[:3])
    assert is_true(it, "Reconciling")
    assert not is_true(it, "Ready")
    assert (it["sync"], it["health"], it["revision"]) == ("Unknown", "Healthy", None)


def test_nothing_is_known_before_a_look() -> None:
    it = shown([rendered(WEB)])
    assert (it["sync"], it["health"]) == ("Unknown", "Unknown")
    it = shown([events.application_declared(at=0.0, application="shop", repository="x", path="", target_revision="main")])
    assert (it["sync"], it["health"]) == ("Unknown", "Unknown")


def test_what_git_changes_is_out_of_sync_until_seen_again() -> None:
    story = [*SYNCED, rendered(WEB, DB, at=5.0, version=2, revision="r2")]
    it = shown(story)
    assert (it["sync"], it["revision"], it["desired_revision"]) == ("OutOfSync", "r1", "r2")
    assert shown([*story, seen(WEB), seen(DB)])["sync"] == "Synced"


def test_the_same_content_at_another_revision_stands_without_an_operation() -> None:
    brought = events.operation_succeeded(at=4.0, operation=finished(Phase.SUCCEEDED, desired_digest=desired(WEB, DB).digest))
    story = [*SYNCED[:-1], brought]
    it = shown([*story, rendered(WEB, DB, at=5.0, revision="r2")])
    assert (it["sync"], it["revision"], it["desired_revision"]) == ("Synced", "r2", "r2")
    it = shown([*story, rendered(WEB, at=5.0, revision="r2")])
    assert (it["sync"], it["revision"], it["desired_revision"]) == ("OutOfSync", "r1", "r2")


def test_what_was_cut_off_and_stands_is_at_its_revision() -> None:
    cut = events.operation_superseded(at=6.0, operation=finished(Phase.SUPERSEDED, id="op-2", revision="r2", desired_digest="d2"))
    story = [*SYNCED, rendered(WEB, DB, at=5.0, version=2, revision="r2"), cut, seen(WEB), seen(DB)]
    assert shown(story)["revision"] == "r1"
    reached = events.revision_reached(at=7.0, desired=desired(WEB, DB, version=2, revision="r2"))
    assert shown([*story, reached])["revision"] == "r2"
    it = shown([*story, reached, rendered(WEB, DB, at=8.0, version=2, revision="r3")])
    assert (it["sync"], it["revision"]) == ("Synced", "r3")


def test_what_failed_and_was_taken_back_in_git_is_over() -> None:
    brought = events.operation_succeeded(at=4.0, operation=finished(Phase.SUCCEEDED, desired_digest=desired(WEB, DB).digest))
    failed = finished(Phase.FAILED, id="op-2", revision="r2", desired_digest="d2", message="web died")
    pin = Pin(failed_digest="d2", failed_revision="r2", revision="r1", at=6.0, reason="web died")
    story = [*SYNCED[:-1], brought, rendered(WEB, DB, at=5.0, version=2, revision="r2"), events.operation_failed(at=6.0, operation=failed)]
    story += [events.revision_pinned(at=6.0, application="shop", pin=pin), rendered(WEB, DB, at=7.0, revision="r3")]
    it = shown(story)
    assert (it["revision"], it["desired_revision"], it["message"]) == ("r1", "r3", "web died")
    it = shown([*story, events.revision_unpinned(at=8.0, application="shop", reason="Git asks for something else"), seen(WEB), seen(DB)])
    assert (it["sync"], it["revision"], it["message"]) == ("Synced", "r3", "")


def test_missing_ones_are_left_out_of_the_health_unless_all_are() -> None:
    assert shown([*SYNCED, seen(WEB, Status.MISSING, "OutOfSync")])["health"] == "Healthy"
    assert shown([*SYNCED, seen(WEB, Status.MISSING, "OutOfSync"), seen(DB, Status.MISSING, "OutOfSync")])["health"] == "Missing"


def test_a_missing_one_that_could_not_be_made_is_not_left_out() -> None:
    change = Change(id=WEB, verb=Verb.CREATE, reason=Reason.DECLARED, before=None, after=State.of({"version": 1}))
    outcome = Outcome(
        id=WEB, status=Applied.FAILED, attempts=1, started_at=5.0, finished_at=6.0, failure=Failure(code="HF2001", message="no")
    )
    story = [*SYNCED, seen(WEB, Status.MISSING, "OutOfSync"), events.change_failed(at=6.0, operation=OP, change=change, outcome=outcome)]
    assert shown(story)["health"] == "Missing"
    assert shown([*story, seen(WEB)])["health"] == "Healthy"


def test_the_worst_resource_is_the_health_and_its_words() -> None:
    it = shown([*SYNCED, seen(WEB, Status.DEGRADED, message="crash-looping")])
    assert (it["health"], it["message"]) == ("Degraded", "crash-looping")


def test_what_git_no_longer_says_is_left_over_then_pruned_or_orphaned() -> None:
    story = [*SYNCED, rendered(WEB, at=5.0, revision="r2")]
    assert shown(story)["sync"] == "OutOfSync"
    pruned = shown([*story, events.resource_pruned(at=6.0, application="shop", id=DB, reason="pruned")])
    assert [one["id"] for one in pruned["resources"]] == ["Process/shop/web"]
    orphaned = shown([*story, events.resource_orphaned(at=6.0, application="shop", id=DB, reason="pruning is off")])
    assert orphaned["resources"][0]["orphaned"] is True
    assert condition(orphaned, "OrphanedResource")
    again = shown([*story, events.resource_orphaned(at=6.0, application="shop", id=DB, reason="off"), rendered(WEB, DB, at=7.0)])
    assert again["resources"][0]["orphaned"] is False


def test_a_failed_change_says_why() -> None:
    change = Change(id=WEB, verb=Verb.UPDATE, reason=Reason.DECLARED, before=State.of({}), after=State.of({"version": 2}))
    outcome = Outcome(
        id=WEB, status=Applied.FAILED, attempts=1, started_at=5.0, finished_at=6.0, failure=Failure(code="HF3001", message="no such file")
    )
    it = shown([*SYNCED, events.change_failed(at=6.0, operation=OP, change=change, outcome=outcome)])
    assert it["resources"][1].items() >= {"sync": "OutOfSync", "message": "no such file"}.items()
    assert shown([*SYNCED, events.change_failed(at=6.0, operation=OP, change=change, outcome=outcome), seen(WEB)])["sync"] == "Synced"


def test_a_pin_is_out_of_sync_until_it_goes() -> None:
    pin = Pin(failed_digest="d2", failed_revision="r2", revision="r1", at=5.0, reason="web did not become ready")
    story = [*SYNCED, events.revision_pinned(at=5.0, application="shop", pin=pin)]
    it = shown(story)
    assert (it["pinned"], it["sync"], it["message"]) == (True, "OutOfSync", "web did not become ready")
    it = shown([*story, events.revision_unpinned(at=6.0, application="shop", reason="new content")])
    assert (it["pinned"], it["sync"]) == (False, "Synced")


def test_what_a_rollback_took_away_does_not_come_back_by_the_same_content() -> None:
    pin = Pin(failed_digest="d2", failed_revision="r2", revision="r1", at=5.0, reason="died")
    bad = rendered(WEB, DB, ResourceId("host", "Process", "shop", "new"), at=5.0, version=2, revision="r2")
    story = [*SYNCED, bad, events.revision_pinned(at=6.0, application="shop", pin=pin)]
    story += [
        events.resource_pruned(at=7.0, application="shop", id=ResourceId("host", "Process", "shop", "new"), reason="rolled back"),
        seen(WEB, sync="OutOfSync"),
        seen(DB, sync="OutOfSync"),
    ]
    it = shown([*story, replace(bad, at=8.0)])
    assert [one["id"] for one in it["resources"]] == ["Process/shop/db", "Process/shop/web"]
    assert it["health"] == "Healthy"


def test_render_errors_name_their_place_and_what_runs_goes_on() -> None:
    error = DeclarationError("HF1020", "cannot read comand: unknown field", where=[Where(path="web.yaml", line=3, column=5)])
    it = shown([*SYNCED, events.render_failed(at=5.0, application="shop", revision="r2", error=error)])
    found = condition(it, "RenderError")
    assert found
    assert (found["reason"], found["origin"]) == ("HF1020", "web.yaml:3:5")
    assert (it["desired_revision"], it["sync"], it["health"], is_true(it, "Stalled")) == ("r2", "OutOfSync", "Healthy", True)
    assert "cannot read" in it["message"]
    nowhere = shown([*SYNCED, events.render_failed(at=5.0, application="shop", revision="r2", error=DeclarationError("HF1020", "why"))])
    assert (condition(nowhere, "RenderError") or {})["origin"] is None
    assert not condition(shown([*SYNCED, rendered(WEB, DB, at=6.0)]), "RenderError")


def test_warnings_are_conditions_that_name_their_place() -> None:
    warning = Warning(reason="NotHonoured", message="helm is not read", origin=Origin(path="app.yaml", line=9, revision="r1"))
    it = shown([events.revision_rendered(at=1.0, desired=desired(WEB, warnings=(warning,)))])
    found = condition(it, "Warning")
    assert found
    assert (found["reason"], found["origin"]) == ("NotHonoured", "app.yaml:9")


def test_refusals_stall_until_approved_or_gone() -> None:
    plan = Plan(blocked={WEB: Blocked(reason="is protected", refused=True, code="HF2006")}, digest="abc")
    story = [*SYNCED, events.plan_refused(at=5.0, application="shop", revision="r2", plan=plan)]
    it = shown(story)
    assert is_true(it, "Stalled")
    assert it["message"] == "Process/shop/web is protected"
    assert not is_true(shown([*story, events.plan_approved(at=6.0, application="shop", digest="abc", by="ann")]), "Stalled")
    assert not is_true(shown([*story, events.plan_refused(at=6.0, application="shop", revision="r2", plan=Plan())]), "Stalled")
    assert not is_true(shown([*story, events.daemon_started(at=6.0, version="1", pid=7)]), "Stalled")


def test_contended_is_degraded_and_stalled_until_forgiven() -> None:
    story = [*SYNCED, events.resource_contended(at=5.0, application="shop", id=WEB, heals=5, window_s=600.0)]
    it = shown(story)
    assert (it["health"], is_true(it, "Stalled"), is_true(it, "Ready")) == ("Degraded", True, False)
    assert shown([*story, events.resource_forgiven(at=6.0, application="shop", id=WEB)])["health"] == "Healthy"


def test_holds_are_told() -> None:
    closed = Decision(kind=Kind.WINDOW, reason="deny window", until=60.0)
    spent = Decision(kind=Kind.EXHAUSTED, reason="failed 6 times")
    held = shown([*SYNCED, events.operation_held(at=5.0, application="shop", revision="r2", decision=closed)])
    assert (is_true(held, "Held"), is_true(held, "Stalled"), held["message"]) == (True, False, "deny window")
    stalled = shown([*SYNCED, events.operation_held(at=5.0, application="shop", revision="r2", decision=spent)])
    assert is_true(stalled, "Stalled")
    suspended = shown([*SYNCED, events.application_suspended(at=5.0, application="shop", by="ann", reason="move")])
    assert (suspended["suspended"], suspended["message"]) == (True, "suspended by ann: move")


def test_proofs_go_stale() -> None:
    proof = Proof(
        claim="answers on port 3000", subject=WEB, method="tcp", verdict=Verdict.PROVEN, evidence="ok", proven_at=5.0, valid_for_s=60.0
    )
    story = [*SYNCED, events.claim_looked_at(at=5.0, application="shop", proof=proof)]
    assert shown(story, now=64.0)["resources"][1]["proofs"][0]["verdict"] == "proven"
    assert shown(story, now=65.0)["resources"][1]["proofs"][0]["verdict"] == "stale"


def test_an_application_file_taken_away_leaves_orphans_or_nothing() -> None:
    kept = shown([*SYNCED, events.application_removed(at=5.0, application="shop", cascaded=False)])
    assert is_true(kept, "Orphaned")
    nothing_left = [seen(WEB, Status.MISSING, "OutOfSync"), seen(DB, Status.MISSING, "OutOfSync")]
    for story, is_cascaded in ((SYNCED, True), ([*SYNCED, *nothing_left], False), (SYNCED[:1], True)):
        gone = fold(View(), [*story, events.application_removed(at=5.0, application="shop", cascaded=is_cascaded)])
        assert status(gone, 9.0) == {"applications": []}


def test_one_application_or_none() -> None:
    view = fold(View(), SYNCED)
    assert len(status(view, 9.0, "shop")["applications"]) == 1
    assert status(view, 9.0, "shap") == {"applications": []}


def test_a_store_that_fails_is_told_everywhere() -> None:
    failed = events.store_failed(at=5.0, error=StoreError("HF5001", "cannot write: disk full"))
    assert is_true(shown([*SYNCED, failed]), "StoreError")
    assert not is_true(shown([*SYNCED, failed, events.store_recovered(at=6.0, waited=2)]), "StoreError")


def test_history_tells_operations_and_events() -> None:
    found = history(SYNCED)
    [operation] = found["operations"]
    assert operation.items() >= {"id": "op-1", "trigger": "commit", "phase": "Succeeded", "started_at": 2.0, "finished_at": 4.0}.items()
    assert len(found["events"]) == len(SYNCED)


def test_history_tells_the_operations_that_its_events_do_not_reach_back_to() -> None:
    ended = replace(OP, phase=Phase.FAILED, finished_at=9.0, message="no", outcomes=(outcome(Applied.APPLIED), outcome(Applied.FAILED)))
    told = [events.operation_failed(at=9.0, operation=ended)]
    heal = replace(OP, id="op-0", trigger=Trigger.DRIFT)
    older = replace(OP, id="op-00", started_at=1.0)
    [last, first] = history(told, [ended, heal, older])["operations"]
    assert last == history(told)["operations"][0]
    assert first == history([events.operation_started(at=1.0, operation=older, plan=Plan())])["operations"][0]
    [alone] = history((), [ended])["operations"]
    assert alone == last


def outcome(status: Applied) -> Outcome:
    return Outcome(id=WEB, status=status, attempts=1, started_at=2.0, finished_at=3.0)


def looked_at(verdict: Verdict, method: str = "closed", at: float = 5.0) -> Event:
    proof = Proof(
        claim="port 5432 is closed", subject=WEB, method=method, verdict=verdict, evidence="open to uid 1", proven_at=at, valid_for_s=60.0
    )
    return events.claim_looked_at(at=at, application="shop", proof=proof)


def test_what_must_be_closed_and_is_open_is_degraded_until_it_is_seen_closed() -> None:
    story = [*SYNCED, looked_at(Verdict.REFUTED)]
    it = shown(story, now=10.0)
    assert it["health"] == "Degraded"
    words = f"{WEB} must not be: port 5432 is closed is refuted, open to uid 1"
    assert [one for one in it["conditions"] if one["type"] == "Exposed"] == [
        {"type": "Exposed", "status": True, "reason": "ClaimRefuted", "message": words, "origin": "web.yaml:4"}
    ]
    assert shown(story, now=1000.0)["health"] == "Degraded", "that nobody looked since closes nothing"
    closed = shown([*story, looked_at(Verdict.PROVEN, at=6.0)], now=10.0)
    assert (closed["health"], [one for one in closed["conditions"] if one["type"] == "Exposed"]) == ("Healthy", [])


def test_what_is_claimed_no_longer_is_forgotten() -> None:
    proof = Proof(claim="another", subject=WEB, method="tcp", verdict=Verdict.PROVEN, evidence="ok", proven_at=6.0, valid_for_s=60.0)
    moved = events.claim_looked_at(at=6.0, application="shop", proof=proof, claims=("another",))
    it = shown([*SYNCED, looked_at(Verdict.REFUTED), moved], now=10.0)
    assert [one["claim"] for one in it["resources"][1]["proofs"]] == ["another"]
    assert it["health"] == "Healthy"


def test_other_claims_that_are_refuted_say_nothing_of_health() -> None:
    assert shown([*SYNCED, looked_at(Verdict.REFUTED, method="tcp")], now=10.0)["health"] == "Healthy"


def test_what_nobody_could_look_at_is_a_condition_and_no_exposure() -> None:
    it = shown([*SYNCED, looked_at(Verdict.UNKNOWN)], now=10.0)
    assert it["health"] == "Healthy"
    assert [one for one in it["conditions"] if one["type"] in ("Exposed", "Unproven")] == [
        {
            "type": "Unproven",
            "status": True,
            "reason": "NoLook",
            "message": f"{WEB} port 5432 is closed: nobody knows, open to uid 1",
            "origin": "web.yaml:4",
        }
    ]


def test_what_is_open_to_others_is_the_first_thing_to_say() -> None:
    open_to_all = Proof(
        claim="is closed", subject=DB, method="closed", verdict=Verdict.REFUTED, evidence="it answers", proven_at=5.0, valid_for_s=60.0
    )
    story = [*SYNCED, events.application_suspended(at=4.0, application="shop", by="ann", reason="move")]
    it = shown([*story, events.claim_looked_at(at=5.0, application="shop", proof=open_to_all)])
    assert it["message"] == "Process/shop/db must not be: is closed is refuted, it answers"


def test_a_source_that_fails_is_no_news_while_something_stands() -> None:
    error = SourceError("HF1100", "cannot reach it")
    failed = events.source_failed(at=5.0, application="shop", error=error)
    assert shown([failed])["message"] == "cannot reach it"
    assert shown([*SYNCED, seen(WEB, Status.DEGRADED, message="it is sick"), failed])["message"] == "it is sick"


def test_what_another_application_declares_too_is_told_to_whoever_has_it() -> None:
    origin = Origin(path="blog.yaml", line=4, revision="r1")
    refused = Plan(blocked={WEB: Blocked(reason="is owned by Application shop", refused=True, code="HF2003", origin=origin)}, digest="abc")
    other = Plan(blocked={DB: Blocked(reason="is protected", refused=True, code="HF2006", origin=origin)}, digest="abc")

    def warnings(*told: Event) -> list[tuple[str, str, str, str | None]]:
        applications = status(fold(View(), [*SYNCED, *told]), 10.0)["applications"]
        found = [(it["name"], one) for it in applications for one in it["conditions"] if one["reason"] == "SharedResource"]
        assert all(one["type"] == "Warning" and one["status"] for _, one in found)
        return [(name, one["reason"], one["message"], one["origin"]) for name, one in found]

    said = ("shop", "SharedResource", "Process/shop/web is declared by Application blog too", "blog.yaml:4")
    assert warnings(events.plan_refused(at=5.0, application="blog", revision="r2", plan=refused)) == [said]
    assert warnings(events.plan_refused(at=5.0, application="blog", revision="r2", plan=other)) == []
    assert warnings(events.plan_refused(at=5.0, application="shop", revision="r2", plan=refused)) == []
    unknown = Plan(blocked={WEB._replace(name="api"): refused.blocked[WEB]}, digest="abc")
    assert warnings(events.plan_refused(at=5.0, application="blog", revision="r2", plan=unknown)) == []
    elsewhere = Plan(blocked={replace_destination(WEB): refused.blocked[WEB]}, digest="abc")
    assert warnings(events.plan_refused(at=5.0, application="blog", revision="r2", plan=elsewhere)) == []


def replace_destination(id: ResourceId) -> ResourceId:
    return id._replace(destination="unix:///elsewhere.sock")
