"""The shape of every event, word by word: other programs read them, and the fold of an older daemon does.

`events_shapes.jsonl` holds one line for each. An event that is new, or changed on purpose, gets the line that the failing test shows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.core import events, hook_events, orphan_events
from holdfast.core.policy import Decision, Kind
from holdfast.core.rollback import Pin
from holdfast.errors import DeclarationError, SourceError, StoreError, Where
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health, Status
from holdfast.model.operation import Applied, Failure, Operation, Outcome, Phase, Step, StepVerb, Trigger
from holdfast.model.plan import Blocked, Change, Plan, Reason, Verb
from holdfast.model.proof import Proof, Verdict
from holdfast.model.resource import Desired, Origin, Resource, Warning
from holdfast.model.source import Revision
from holdfast.model.state import State
from holdfast.model.terms import Orphans

SHAPES = Path(__file__).with_name("events_shapes.jsonl")
WEB, DB = ResourceId("docker", "Container", "shop", "web"), ResourceId("host", "Process", "shop", "db")
ORIGIN = Origin(path="web.yaml", line=4, revision="r2")
ONE, TWO = State.of({"version": 1}), State.of({"version": 2})
WARNING = Warning(reason="NotHonoured", message="replicas is not honoured", origin=ORIGIN)
PIN = Pin(failed_digest="d2", failed_revision="r2", revision="r1", at=7.0, reason="it died")
FAILURE = Failure(code="HF3030", message="it died", hint="look at its log", log=("a", "b"), dead=True)
UPDATE = Change(id=WEB, verb=Verb.UPDATE, reason=Reason.DECLARED, before=ONE, after=TWO)
DELETE = Change(id=DB, verb=Verb.DELETE, reason=Reason.PRUNED, before=ONE, after=None)
CREATE = Change(id=WEB, verb=Verb.CREATE, reason=Reason.DRIFTED, before=None, after=TWO)
STEP = Step(operation="op", verb=StepVerb.START, change=UPDATE, resource=None, private=True)
OF_SHOP: Mapping[str, Any] = {"at": 1.5, "application": "shop"}
OF_WEB: Mapping[str, Any] = {**OF_SHOP, "id": WEB}


def outcome(change: Change, status: Applied, failure: Failure | None = None) -> Outcome:
    return Outcome(id=change.id, status=status, attempts=3, started_at=2.5, finished_at=3.5, failure=failure)


OPERATION = Operation(
    id="op",
    application="shop",
    trigger=Trigger.COMMIT,
    revision="r2",
    desired_digest="d2",
    plan_digest="p2",
    phase=Phase.FAILED,
    started_at=2.0,
    message="one failed",
    outcomes=(outcome(UPDATE, Applied.APPLIED), outcome(DELETE, Applied.SKIPPED), outcome(UPDATE, Applied.APPLIED)),
)
PLAN = Plan(
    waves=((UPDATE,), (DELETE, UPDATE)),
    blocked={DB: Blocked(reason="it is protected", code="HF2001", origin=ORIGIN, refused=True), WEB: Blocked(reason="it waits", code="")},
    digest="p2",
)
DESIRED = Desired.of(
    "shop",
    "r2",
    (Resource(id=WEB, state=TWO, origin=ORIGIN, needs=frozenset({DB}), wave=2), Resource(id=DB, state=ONE)),
    (WARNING,),
    release="e2",
)
SOURCE = SourceError("HF4010", "cannot read it", hint="wait", where=[Where(path="a")])
RENDER = DeclarationError("HF1000", "cannot read 2", errors=[DeclarationError("HF1001", "no"), DeclarationError("HF1002", "never")])
REVISION = Revision(repository="/srv/shop", ref="main", commit="r2", committed_at=9.0, author="ada", subject="work")


def proof(verdict: Verdict) -> Proof:
    return Proof(
        claim="answers on port 80", subject=WEB, method="http", verdict=verdict, evidence="status 200", proven_at=4.0, valid_for_s=60.0
    )


def told() -> Iterator[Event]:
    """Yield every event: with all that it can say, and where that is another thing with as little as it can."""
    e = events
    declared = {**OF_SHOP, "repository": "/srv/shop", "path": "app", "target_revision": "main"}
    yield e.application_declared(**declared)
    yield e.application_declared(**declared, automated=True, self_heal=True, origin=ORIGIN, warnings=(WARNING,))
    yield e.application_removed(**OF_SHOP, cascaded=True)
    yield e.application_suspended(**OF_SHOP, by="ada")
    yield e.application_suspended(**OF_SHOP, by="ada", reason="a holiday")
    yield e.application_resumed(**OF_SHOP, by="ada")
    yield e.application_resumed(**OF_SHOP, by="ada", reason="work")
    yield e.revision_fetched(**OF_SHOP, revision=REVISION)
    yield e.revision_rendered(at=1.5, desired=DESIRED)
    yield e.render_failed(**OF_SHOP, revision="r2", error=RENDER)
    yield e.render_failed(**OF_SHOP, revision="r2", error=SOURCE)
    yield e.source_failed(**OF_SHOP, error=SOURCE)
    yield e.source_recovered(**OF_SHOP)
    yield e.operation_started(at=1.5, operation=OPERATION, plan=PLAN)
    yield e.operation_succeeded(at=1.5, operation=OPERATION)
    yield e.operation_failed(at=1.5, operation=OPERATION)
    yield e.operation_superseded(at=1.5, operation=OPERATION)
    yield e.operation_held(**OF_SHOP, revision="r2", decision=Decision(kind=Kind.WINDOW, reason="a deny window", until=60.0))
    yield e.plan_refused(**OF_SHOP, revision="r2", plan=PLAN)
    yield e.plan_approved(**OF_SHOP, digest="p2", by="ada")
    yield e.step_done(**OF_SHOP, revision="r2", step=STEP, seconds=0.5)
    yield hook_events.hook_ended(at=1.5, operation=OPERATION, id=UPDATE.id, phase="PreSync", seconds=0.5, failure="")
    yield hook_events.hook_ended(at=1.5, operation=OPERATION, id=UPDATE.id, phase="PreSync", seconds=0.5, failure="it is Degraded")
    yield e.step_undo_failed(**OF_SHOP, revision="r2", step=STEP, message="it does not go")
    yield e.change_applied(at=1.5, operation=OPERATION, change=UPDATE, outcome=outcome(UPDATE, Applied.APPLIED))
    yield e.change_applied(at=1.5, operation=OPERATION, change=CREATE, outcome=outcome(CREATE, Applied.APPLIED))
    yield e.change_failed(at=1.5, operation=OPERATION, change=UPDATE, outcome=outcome(UPDATE, Applied.FAILED, FAILURE))
    yield e.change_skipped(at=1.5, operation=OPERATION, change=DELETE, outcome=outcome(DELETE, Applied.SKIPPED))
    yield e.resource_observed(**OF_WEB, sync="Unknown", health=Health(Status.UNKNOWN))
    yield e.resource_observed(**OF_WEB, sync="Synced", health=Health(Status.HEALTHY, "well"), live={"pid": 7}, revision="r2")
    yield e.resource_drifted(**OF_WEB, fields=["env.A", "command"])
    yield e.resource_drifted(**OF_WEB, fields=(), revision="r2")
    yield e.resource_healed(**OF_WEB, seconds=0.5)
    yield e.resource_healed(**OF_WEB, seconds=0.5, operation="op", revision="r2")
    yield e.resource_contended(**OF_WEB, heals=5, window_s=600.0)
    yield e.resource_forgiven(**OF_WEB)
    yield e.resource_pruned(**OF_WEB, reason="pruned")
    yield e.resource_pruned(**OF_WEB, reason="pruned", operation="op")
    yield e.resource_moved(**OF_WEB, to="blog")
    yield e.resource_orphaned(**OF_WEB, reason="Prune=false")
    orphans = Orphans(found=(UPDATE.id,), unknown={"Secret": "forbidden"})
    yield orphan_events.orphans_observed(**OF_SHOP, namespace="shop", warn=True, orphans=orphans)
    yield orphan_events.orphans_observed(**OF_SHOP, namespace="shop", warn=False, orphans=None)
    yield e.rollback_started(**OF_SHOP, pin=PIN)
    yield e.rollback_started(**OF_SHOP, pin=PIN, operation="op")
    yield e.revision_pinned(**OF_SHOP, pin=PIN)
    yield e.revision_unpinned(**OF_SHOP, reason="resumed")
    yield e.revision_reached(at=1.5, desired=DESIRED)
    yield from (e.claim_looked_at(**OF_SHOP, proof=proof(verdict)) for verdict in (Verdict.PROVEN, Verdict.REFUTED, Verdict.UNKNOWN))
    yield e.process_started(**OF_WEB, pid=7, slot=1, spawn="s/1")
    yield e.process_started(**OF_WEB, pid=7, slot=1, spawn="s/1", candidate=True, operation="op")
    ended = {**OF_WEB, "pid": 7, "slot": 1, "seconds": 0.5}
    yield e.process_exited(**ended, exit_code=3, signal=None, expected=False)
    yield e.process_exited(**ended, exit_code=None, signal="SIGTERM", expected=True, candidate=True, log=("a", "b"))
    yield e.process_crash_looping(**OF_WEB, restarts=5, next_at=None)
    yield e.process_crash_looping(**OF_WEB, restarts=5, next_at=9.0, log=("a",))
    yield e.process_ready(**OF_WEB, pid=7, slot=1, seconds=0.5)
    yield e.process_unready(**OF_WEB, pid=7, slot=1, message="status 503")
    yield e.process_oom(**OF_WEB, pid=7, limit=1024)
    yield e.process_oom(**OF_WEB, pid=7, limit=1024, used=2048)
    yield e.daemon_started(at=1.5, version="1.0", pid=7)
    yield e.daemon_stopped(at=1.5, reason="asked to stop", pid=7)
    yield e.daemon_crashed(at=1.5, part="heal", error=ValueError("a canary"))
    yield e.store_failed(at=1.5, error=StoreError("HF5001", "cannot write: disk full"))
    yield e.store_recovered(at=1.5, waited=2)
    yield e.store_recovered(at=1.5, waited=2, dropped=1)


def lines() -> list[str]:
    """Return what is written down; made anew for each test, so that a mutant of an event cannot hide behind what was made before."""
    return [json.dumps(event.to_json()) for event in told()]


WRITTEN = SHAPES.read_text().splitlines()


def test_every_event_of_the_table_is_written_down() -> None:
    """But for those of the edge, of certificates and of containers, which their own room or engine makes."""
    table = set(re.findall(r"^\| ([a-z]+\.[a-z_]+) \|", events.__doc__ or "", re.MULTILINE))
    written = {json.loads(line)["type"] for line in WRITTEN}
    assert {type for type in table - written if not type.startswith(("edge.", "certificate.", "container."))} == set()
    assert written <= table


def test_nothing_is_written_down_twice() -> None:
    assert len(set(WRITTEN)) == len(lines())


@pytest.mark.parametrize("number", range(len(WRITTEN)), ids=lambda number: f"{number}-{json.loads(WRITTEN[number])['type']}")
def test_an_event_says_what_is_written_down(number: int) -> None:
    assert lines()[number] == WRITTEN[number]
