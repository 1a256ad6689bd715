"""Every event that Holdfast writes: one constructor each, with the shape of its `data`.

Callers pass `at`; the store gives `seq`. `data["application"]` names whose it is, `data["id"]` and `data["destination"]` the resource.
`fold` makes the view of them; it ignores types that it does not know, so that an older daemon can read a newer log. What rooms write
themselves is in `room_events`.

| type | when | data beside application, id, destination |
|---|---|---|
| application.declared | New or changed. | repository, path, target_revision (or sources[]), automated, self_heal, origin, warnings[] |
| application.removed | Its file was taken away. | cascaded |
| application.suspended | A person suspended it, or took it down. | by, reason |
| application.resumed | A person let it follow Git again. | by, reason |
| revision.fetched | A commit was seen. | repository, ref, commit, author, subject_line, committed_at |
| revision.rendered | A commit was read whole. | digest, release, warnings[], resources[] {id, digest, declared, origin, needs[], wave} |
| render.failed | A commit cannot be read; the last good one stays in force. | message, code, errors[] (error documents) |
| source.failed | The repository, or the Application file, cannot be read. | error |
| source.recovered | It can be read again. | |
| operation.started | A plan begins. | trigger, phase, started_at, message, desired_digest, plan_digest, changes {verb: count}, deletes[] |
| operation.succeeded | It is applied and healthy. | trigger, phase, started_at, message, desired_digest, outcomes{}, selective |
| operation.failed | Some of it failed. | as operation.succeeded |
| operation.superseded | Something newer took over, or the daemon ended in between. | as operation.succeeded |
| operation.held | An operation may not begin now. | kind, code, reason, until |
| plan.refused | Policy refuses changes; with an empty list: no more. | digest, blocked[] {id, destination, reason, code, origin} |
| plan.approved | A person approved a plan. | digest, by |
| change.applied | A change is done, and was seen to be. | verb, reason, before, after (digests), attempts, started_at, failure |
| change.failed | A change failed. | as change.applied |
| change.skipped | A change was left out, since something that it needs failed. | as change.applied |
| step.done | A step of a rollout is done: start, gate, switch, drain, stop, discard. | verb, private, seconds |
| hook.ended | A hook of an operation has ended, well where `failure` is empty. | phase, seconds, failure |
| step.undo_failed | What a failed change left behind could not be cleared. | verb, message |
| rollback.started | A failed rollout goes back. | from, to, reason |
| revision.pinned | It is held at a revision. | pin {failed_digest, failed_revision, revision, at, reason} |
| revision.unpinned | It follows Git again. | reason |
| revision.reached | It stands and is healthy, though no operation came to say so. | desired_digest |
| resource.observed | What was seen differs from what was last told. | sync, status, message, live |
| resource.drifted | It is no longer as it was applied; no fields where it is gone. | fields[] |
| resource.healed | It was put back. | seconds |
| resource.contended | It was changed and put back so often that it is put back only slowly. | heals, window_s |
| resource.forgiven | It has been quiet long enough. | |
| resource.pruned | It is gone, as asked. | reason |
| resource.moved | Another Application declares it now and has it, as it is. | to |
| resource.orphaned | Git no longer says it, and it stays. | reason |
| orphans.observed | What nobody has in its namespace; null: not looked for. | orphans {namespace, warn, count, found[], unknown[]} |
| claim.proven | A look from outside saw what is claimed. | claim, method, verdict, evidence, proven_at, valid_for_s, claims[] |
| claim.refuted | A look from outside did not. | as claim.proven |
| claim.unknown | A look from outside could not be made. | as claim.proven |
| process.started | An instance started; candidate: for a rollout. | pid, slot, spawn, candidate |
| process.ready | It counts as ready. | pid, slot, seconds |
| process.unready | It fails its probe. | pid, slot, message |
| process.exited | It ended; expected: Holdfast asked it to. | pid, slot, exit_code, signal, seconds, expected, candidate, log[] |
| process.crash_looping | It ends again and again, and is started ever more slowly. | restarts, next_at, log[] |
| process.oom | It passed its memory limit (bytes), or the kernel ended it for that. | pid, limit, used |
| container.exited | It ended; expected: Holdfast asked it to. | container, exit_code, expected, candidate, log[] |
| container.crash_looping | It ends again and again, and Docker starts it ever more slowly. | container, restarts, next_at, log[] |
| edge.reloaded | nginx reads a configuration; start: it was started. | applications[], generation, sites[], seconds, draining, start |
| edge.refused | A configuration could not be brought to serve. | applications[], generation, code, message, log[], serving |
| edge.edited | Somebody changed what nginx serves from. | applications[], path, diff |
| edge.drifted | nginx serves otherwise than it was told. | applications[], message |
| edge.exited | nginx ended without being asked; it is started again. | applications[], log[] |
| edge.switched | A Site is closed or opened by a person; how: maintenance, pause, open. | applications[], site, how, by, until, message |
| edge.target_failed | It fails its check; left_out: how many are not asked. | site, path, target, targets, failing, left_out, message |
| edge.target_returned | It passes again. | as edge.target_failed |
| edge.breaker_opened | Requests of a path fail, or are slow: for so long none is passed on. | site, path, message, seconds |
| edge.breaker_half_opened | Some are let through, to see. | site, path |
| edge.breaker_closed | All are passed on again. | site, path |
| daemon.started | A daemon began. | version, pid |
| daemon.stopped | A daemon ended as asked. | reason, pid |
| daemon.crashed | A part of the daemon has a defect and stopped; the rest goes on. | part, error |
| store.failed | The store cannot be written. No operation begins meanwhile. | error |
| store.recovered | It can be written again. | waited, dropped |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from holdfast.core.event_of import (
    HOLDFAST,
    counted,
    of_application,
    of_changed,
    of_finished,
    of_operation,
    of_resource,
    place_of,
    told_warnings,
)
from holdfast.core.policy import Decision
from holdfast.core.rollback import Pin
from holdfast.errors import HoldfastError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.event import Event, Severity
from holdfast.model.ids import ResourceId
from holdfast.model.live import Health
from holdfast.model.operation import Operation, Outcome, Step
from holdfast.model.plan import Change, Plan, Verb
from holdfast.model.proof import Proof, Verdict
from holdfast.model.resource import Desired, Origin, Warning
from holdfast.model.source import Revision


def application_declared(
    *,
    at: Instant,
    application: str,
    repository: str,
    path: str,
    target_revision: str,
    sources: Iterable[Mapping[str, str]] = (),
    automated: bool = False,
    self_heal: bool = False,
    origin: Origin | None = None,
    warnings: Iterable[Warning] = (),
) -> Event:
    several = [dict(source) for source in sources]
    told: dict[str, Any] = {"sources": several} if several else {}
    return of_application(
        "application.declared",
        at,
        application,
        repository=repository,
        path=path,
        target_revision=target_revision,
        **told,
        automated=automated,
        self_heal=self_heal,
        origin=place_of(origin),
        warnings=told_warnings(warnings),
    )


def application_removed(*, at: Instant, application: str, cascaded: bool) -> Event:
    """Its file was taken away: with the cascade all it had is gone too, without it stays as visible orphans."""
    return of_application("application.removed", at, application, cascaded=cascaded)


def application_suspended(*, at: Instant, application: str, by: str, reason: str = "") -> Event:
    return of_application("application.suspended", at, application, by=by, reason=reason)


def application_resumed(*, at: Instant, application: str, by: str, reason: str = "") -> Event:
    return of_application("application.resumed", at, application, by=by, reason=reason)


def revision_fetched(*, at: Instant, application: str, revision: Revision, whole: str = "") -> Event:
    """`whole`: the Application's revision, where it has several sources and `revision` is only the newest that moved."""
    return of_application(
        "revision.fetched",
        at,
        application,
        revision=whole or revision.commit,
        repository=revision.repository,
        ref=revision.ref,
        commit=revision.commit,
        author=revision.author,
        subject_line=revision.subject,
        committed_at=revision.committed_at,
    )


def revision_rendered(*, at: Instant, desired: Desired) -> Event:
    """What Git asks for was rendered. Not for what a rollback renders: that is not what Git asks for."""
    return of_application(
        "revision.rendered",
        at,
        desired.application,
        revision=desired.revision,
        digest=desired.digest,
        release=desired.release,
        warnings=told_warnings(desired.warnings),
        resources=[
            {
                "id": str(resource.id),
                "destination": resource.id.destination,
                "digest": resource.state.digest,
                "declared": str(resource.declared_id),
                "origin": place_of(resource.origin),
                "needs": list[Json](sorted(map(str, resource.needs))) if resource.needs else [],
                "wave": resource.wave,
            }
            for resource in desired
        ],
    )


def render_failed(*, at: Instant, application: str, revision: str, error: HoldfastError) -> Event:
    """`error` carries its parts; the last good revision stays in force."""
    parts = error.errors or (error,)
    errors: list[Json] = [part.to_json() for part in parts]
    return of_application(
        "render.failed", at, application, severity=Severity.ERROR, revision=revision, message=error.message, code=error.code, errors=errors
    )


def source_failed(*, at: Instant, application: str, error: HoldfastError) -> Event:
    return of_application("source.failed", at, application, severity=Severity.WARNING, key=f"source:{application}", error=error.to_json())


def source_recovered(*, at: Instant, application: str) -> Event:
    return of_application("source.recovered", at, application)


def operation_started(*, at: Instant, operation: Operation, plan: Plan) -> Event:
    deletes = sorted({str(change.id) for change in plan if change.verb is Verb.DELETE})
    return of_operation(
        "operation.started",
        at,
        operation,
        plan_digest=operation.plan_digest,
        changes=counted(change.verb.value for change in plan),
        deletes=deletes,
    )


def operation_succeeded(*, at: Instant, operation: Operation) -> Event:
    return of_finished("operation.succeeded", at, operation, Severity.INFO)


def operation_failed(*, at: Instant, operation: Operation) -> Event:
    return of_finished("operation.failed", at, operation, Severity.ERROR)


def operation_superseded(*, at: Instant, operation: Operation) -> Event:
    return of_finished("operation.superseded", at, operation, Severity.WARNING)


def operation_held(*, at: Instant, application: str, revision: str, decision: Decision) -> Event:
    return of_application(
        "operation.held",
        at,
        application,
        revision=revision,
        key=f"held:{application}:{decision.kind}",
        kind=decision.kind.value,
        code=decision.code,
        reason=decision.reason,
        until=decision.until,
    )


def plan_refused(*, at: Instant, application: str, revision: str, plan: Plan) -> Event:
    """Policy said no to changes of a plan; `digest` is what an approval names.

    Told when what is refused changes; with an empty `blocked` when nothing is any more.
    """
    blocked: list[Json] = [
        {"id": str(id), "destination": id.destination, "reason": it.reason, "code": it.code, "origin": place_of(it.origin)}
        for id, it in plan.blocked.items()
        if it.refused
    ]
    return of_application(
        "plan.refused",
        at,
        application,
        severity=Severity.WARNING,
        revision=revision,
        key=f"refused:{plan.digest}",
        digest=plan.digest,
        blocked=blocked,
    )


def plan_approved(*, at: Instant, application: str, digest: str, by: str) -> Event:
    return of_application("plan.approved", at, application, digest=digest, by=by)


def step_done(*, at: Instant, application: str, revision: str, step: Step, seconds: float) -> Event:
    return of_resource(
        "step.done",
        at,
        application,
        step.id,
        operation=step.operation,
        revision=revision,
        verb=step.verb.value,
        private=step.private,
        seconds=seconds,
    )


def step_undo_failed(*, at: Instant, application: str, revision: str, step: Step, message: str) -> Event:
    """What a failed change left behind could not be cleared; the next look sees it."""
    return of_resource(
        "step.undo_failed",
        at,
        application,
        step.id,
        severity=Severity.WARNING,
        operation=step.operation,
        revision=revision,
        verb=step.verb.value,
        message=message,
    )


def change_applied(*, at: Instant, operation: Operation, change: Change, outcome: Outcome) -> Event:
    return of_changed("change.applied", at, operation, change, outcome, Severity.INFO)


def change_failed(*, at: Instant, operation: Operation, change: Change, outcome: Outcome) -> Event:
    return of_changed("change.failed", at, operation, change, outcome, Severity.ERROR)


def change_skipped(*, at: Instant, operation: Operation, change: Change, outcome: Outcome) -> Event:
    """Something that it waits for failed."""
    return of_changed("change.skipped", at, operation, change, outcome, Severity.WARNING)


def resource_observed(
    *,
    at: Instant,
    application: str,
    id: ResourceId,
    sync: str,
    health: Health,
    live: Mapping[str, Json] | None = None,
    revision: str | None = None,
) -> Event:
    """What was seen differs from what was last told. `sync` is Synced, OutOfSync or Unknown; `live` None means absent or not known."""
    return of_resource(
        "resource.observed",
        at,
        application,
        id,
        revision=revision,
        sync=sync,
        status=health.status.value,
        message=health.message,
        live=dict(live) if live is not None else None,
    )


def resource_drifted(*, at: Instant, application: str, id: ResourceId, fields: Sequence[str], revision: str | None = None) -> Event:
    """The live state left what was last applied; `fields` are the paths that differ, none where it is gone."""
    return of_resource(
        "resource.drifted", at, application, id, severity=Severity.WARNING, key=f"drifted:{id}", revision=revision, fields=list(fields)
    )


def resource_healed(
    *, at: Instant, application: str, id: ResourceId, seconds: float, operation: str | None = None, revision: str | None = None
) -> Event:
    return of_resource("resource.healed", at, application, id, operation=operation, revision=revision, seconds=seconds)


def resource_contended(*, at: Instant, application: str, id: ResourceId, heals: int, window_s: float) -> Event:
    """Somebody else keeps changing it; it is healed only slowly until it has been quiet."""
    return of_resource(
        "resource.contended", at, application, id, severity=Severity.ERROR, key=f"contended:{id}", heals=heals, window_s=window_s
    )


def resource_forgiven(*, at: Instant, application: str, id: ResourceId) -> Event:
    """A contended resource has been quiet long enough."""
    return of_resource("resource.forgiven", at, application, id)


def resource_pruned(*, at: Instant, application: str, id: ResourceId, reason: str, operation: str | None = None) -> Event:
    return of_resource("resource.pruned", at, application, id, operation=operation, reason=reason)


def resource_moved(*, at: Instant, application: str, id: ResourceId, to: str) -> Event:
    return of_resource("resource.moved", at, application, id, to=to)


def resource_orphaned(*, at: Instant, application: str, id: ResourceId, reason: str) -> Event:
    return of_resource("resource.orphaned", at, application, id, severity=Severity.WARNING, reason=reason)


def rollback_started(*, at: Instant, application: str, pin: Pin, operation: str | None = None) -> Event:
    return of_application(
        "rollback.started",
        at,
        application,
        severity=Severity.WARNING,
        operation=operation,
        revision=pin.revision,
        reason=pin.reason,
        **{"from": pin.failed_revision, "to": pin.revision},
    )


def revision_pinned(*, at: Instant, application: str, pin: Pin) -> Event:
    return of_application("revision.pinned", at, application, severity=Severity.WARNING, revision=pin.revision, pin=pin.to_json())


def revision_unpinned(*, at: Instant, application: str, reason: str) -> Event:
    return of_application("revision.unpinned", at, application, reason=reason)


def revision_reached(*, at: Instant, desired: Desired) -> Event:
    """What Git asks for was seen to stand and be healthy without an operation that says so: it was cut off, or nothing was to do."""
    return of_application("revision.reached", at, desired.application, revision=desired.revision, desired_digest=desired.digest)


def claim_looked_at(*, at: Instant, application: str, proof: Proof, claims: Sequence[str] = ()) -> Event:
    """`claim.proven`, `claim.refuted` or `claim.unknown`, by the proof's verdict. `claims`: all that the resource claims now."""
    is_proven = proof.verdict is Verdict.PROVEN
    is_unknown = proof.verdict is Verdict.UNKNOWN
    return of_resource(
        "claim.proven" if is_proven else "claim.unknown" if is_unknown else "claim.refuted",
        at,
        application,
        proof.subject,
        severity=Severity.INFO if is_proven else Severity.WARNING,
        key=f"claim:{proof.subject}:{proof.claim}:{proof.verdict}",
        claim=proof.claim,
        method=proof.method,
        verdict=proof.verdict.value,
        evidence=proof.evidence,
        proven_at=proof.proven_at,
        valid_for_s=proof.valid_for_s,
        claims=list(claims),
    )


def process_started(
    *, at: Instant, application: str, id: ResourceId, pid: int, slot: int, spawn: str, candidate: bool = False, operation: str | None = None
) -> Event:
    return of_resource("process.started", at, application, id, operation=operation, pid=pid, slot=slot, spawn=spawn, candidate=candidate)


def process_exited(
    *,
    at: Instant,
    application: str,
    id: ResourceId,
    pid: int,
    slot: int,
    exit_code: int | None,
    signal: str | None,
    seconds: float,
    expected: bool,
    candidate: bool = False,
    log: Sequence[str] = (),
) -> Event:
    """`expected`: Holdfast asked it to stop. Neither code nor signal: how it ended is not known."""
    return of_resource(
        "process.exited",
        at,
        application,
        id,
        severity=Severity.INFO if expected else Severity.WARNING,
        pid=pid,
        slot=slot,
        exit_code=exit_code,
        signal=signal,
        seconds=seconds,
        expected=expected,
        candidate=candidate,
        log=list(log),
    )


def process_crash_looping(
    *, at: Instant, application: str, id: ResourceId, restarts: int, next_at: Instant | None, log: Sequence[str] = ()
) -> Event:
    return of_resource(
        "process.crash_looping",
        at,
        application,
        id,
        severity=Severity.ERROR,
        key=f"crash_looping:{id}",
        restarts=restarts,
        next_at=next_at,
        log=list(log),
    )


def process_ready(*, at: Instant, application: str, id: ResourceId, pid: int, slot: int, seconds: float) -> Event:
    return of_resource("process.ready", at, application, id, pid=pid, slot=slot, seconds=seconds)


def process_unready(*, at: Instant, application: str, id: ResourceId, pid: int, slot: int, message: str) -> Event:
    return of_resource("process.unready", at, application, id, severity=Severity.WARNING, pid=pid, slot=slot, message=message)


def process_oom(*, at: Instant, application: str, id: ResourceId, pid: int, limit: int, used: int | None = None) -> Event:
    return of_resource("process.oom", at, application, id, severity=Severity.ERROR, pid=pid, limit=limit, used=used)


def daemon_started(*, at: Instant, version: str, pid: int) -> Event:
    return Event(type="daemon.started", subject=HOLDFAST, at=at, data={"version": version, "pid": pid})


def daemon_stopped(*, at: Instant, reason: str, pid: int) -> Event:
    return Event(type="daemon.stopped", subject=HOLDFAST, at=at, data={"reason": reason, "pid": pid})


def daemon_crashed(*, at: Instant, part: str, error: BaseException) -> Event:
    """A part of the daemon has a defect and stopped; the house goes on. Only the kind of error is told: its text may hold anything."""
    return Event(
        type="daemon.crashed",
        subject=HOLDFAST,
        at=at,
        severity=Severity.ERROR,
        key=f"crashed:{part}",
        data={"part": part, "error": type(error).__name__},
    )


def store_failed(*, at: Instant, error: HoldfastError) -> Event:
    return Event(type="store.failed", subject=HOLDFAST, at=at, severity=Severity.ERROR, key="store", data={"error": error.to_json()})


def store_recovered(*, at: Instant, waited: int, dropped: int = 0) -> Event:
    """`waited`: how many events stood in the ring meanwhile; `dropped`: how many more did not fit and are lost."""
    return Event(type="store.recovered", subject=HOLDFAST, at=at, key="store", data={"waited": waited, "dropped": dropped})
