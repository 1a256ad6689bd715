"""The view: all that a person sees, as `fold` made it of events, and the documents read from it.

What the daemon shows is this fold, not a second truth; `status --at TIME` is the same fold of fewer events. A view is plain state with a
JSON form (a snapshot). Nothing here changes it: `fold.Folding` does. Proofs go stale by `now`, which only reading knows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.kit.once import one_word
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Condition, Health, Status, worst
from holdfast.model.operation import Operation, Phase, Trigger
from holdfast.model.proof import Verdict
from holdfast.model.source import commits_of

SYNCED = "Synced"
OUT_OF_SYNC = "OutOfSync"
UNKNOWN = "Unknown"
OWNED_BY_ANOTHER = "HF2003"


@dataclass(slots=True, kw_only=True)
class ProofView:
    claim: str
    verdict: str
    proven_at: Instant
    valid_for_s: float
    evidence: str = ""
    method: str = ""

    @property
    def is_exposed(self) -> bool:
        """Whether somebody was seen to get in who must not."""
        return self.method == "closed" and self.verdict == Verdict.REFUTED

    def at(self, now: Instant) -> str:
        return self.verdict if now < self.proven_at + self.valid_for_s else Verdict.STALE.value


@dataclass(slots=True, kw_only=True)
class ResourceView:
    """One resource: `digest` is the desired state's, `declared` the id that a person wrote, both "" where Git says nothing of it."""

    sync: str = UNKNOWN
    status: str = UNKNOWN
    message: str = ""
    live: dict[str, Json] | None = None
    digest: str = ""
    stands: str = ""
    """The desired state's digest that it was last seen to stand as; "" where it has left it since."""
    declared: str = ""
    origin: str | None = None
    needs: list[str] = field(default_factory=list)
    wave: int = 0
    is_declared: bool = False
    is_seen: bool = False
    """Whether it was ever looked at."""
    has_stood: bool = False
    """Whether it ever stood as ours."""
    orphaned: str | None = None
    """Why it stays although Git no longer says it."""
    contended: str | None = None
    failure: str | None = None
    """Why its last change failed."""
    proofs: dict[str, ProofView] = field(default_factory=dict)

    @property
    def health(self) -> Health:
        own = Health(Status(self.status), self.message)
        if not self.contended and not self.proofs:
            return own  # of thousands, nearly all
        return worst([own, *(Health(Status.DEGRADED, words) for words in (self.contended, self.exposed) if words)])

    @property
    def exposed(self) -> str | None:
        """Say who was seen to get in who must not, by the last look; None where nobody was."""
        if not self.proofs:
            return None
        return next((f"exposed: {proof.evidence}" for _, proof in sorted(self.proofs.items()) if proof.is_exposed), None)

    @property
    def words(self) -> str:
        """Return the most important thing to say about it."""
        return self.failure or self.exposed or self.contended or self.message or self.orphaned or ""


@dataclass(slots=True, kw_only=True)
class OperationView:
    id: str
    trigger: str
    phase: str
    revision: str | None
    started_at: Instant
    finished_at: Instant | None = None
    message: str = ""


@dataclass(slots=True, kw_only=True)
class ApplicationView:
    repository: str = ""
    path: str = ""
    target_revision: str = ""
    sources: list[dict[str, str]] = field(default_factory=list)
    """repository, path and target_revision of each source, where it has several."""
    origin: str | None = None
    automated: bool = False
    self_heal: bool = False
    is_declared: bool = True
    """False: its file was taken away, and what it had stays."""
    revision: str | None = None
    """The newest revision that asks for what the last operation that succeeded brought."""
    digest: str | None = None
    """Digest of what `revision` asks for."""
    desired_revision: str | None = None
    """The revision that Git asks for, whether it could be rendered or not."""
    desired_digest: str | None = None
    suspended: str | None = None
    pin: dict[str, Any] | None = None
    operation: OperationView | None = None
    held: dict[str, Any] | None = None
    """Why no operation starts by itself: kind, code, reason, until."""
    refused: list[dict[str, Any]] = field(default_factory=list)
    """What policy said no to, with `approve`, the digest that a person may approve."""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    """What the Application's own file says and is not honoured; those of the render are in `render_warnings`."""
    render_warnings: list[dict[str, Any]] = field(default_factory=list)
    render_errors: list[dict[str, Any]] = field(default_factory=list)
    source_error: str | None = None
    orphans: dict[str, Any] | None = None
    """What was told of orphans in its namespace; None where they are not looked for."""
    resources: dict[ResourceId, ResourceView] = field(default_factory=dict)

    @property
    def sync(self) -> str:
        syncs = {resource.sync for resource in self.resources.values()}
        if self.pin or OUT_OF_SYNC in syncs:
            return OUT_OF_SYNC
        if self.desired_digest is None or UNKNOWN in syncs:
            return UNKNOWN
        return OUT_OF_SYNC if self.render_errors else SYNCED

    @property
    def health(self) -> Health:
        """Return the worst health of its resources (Argo CD `setApplicationHealth`).

        Missing ones, and those never looked at, are left out unless all are; but not one that could not be made.
        """
        if not self.resources and self.desired_digest is None:
            return Health(Status.UNKNOWN, "nothing was rendered yet")
        ordered = [resource for _, resource in sorted(self.resources.items())]
        there = [health for it in ordered if it.is_seen and ((health := it.health).status is not Status.MISSING or it.failure)]
        return worst(there or (resource.health for resource in ordered))

    def commits_at(self, revision: str | None) -> list[str | None]:
        """Return the commit of each of several sources at a revision of the Application; None where that is of other sources."""
        followed = dict.fromkeys((source["repository"], source["target_revision"]) for source in self.sources)
        commits = commits_of(revision) if revision is not None else ()
        at = dict(zip(followed, commits, strict=True)) if len(commits) == len(followed) else {}
        return [at.get((source["repository"], source["target_revision"])) for source in self.sources]

    @property
    def is_busy(self) -> bool:
        return self.operation is not None and self.operation.phase == Phase.RUNNING


@dataclass(slots=True, kw_only=True)
class View:
    """All Applications, up to the event `seq`."""

    seq: int = 0
    at: Instant = 0.0
    applications: dict[str, ApplicationView] = field(default_factory=dict)
    store_error: str | None = None


def status(view: View, now: Instant, application: str | None = None) -> dict[str, Any]:
    """Return the data of a `Status` document (product.md §5): of all Applications, or of one; none where it is not known."""
    names = sorted(view.applications) if application is None else [application] if application in view.applications else []
    also = shared(view)
    return {"applications": [_application(name, view.applications[name], now, view.store_error, also.get(name, ())) for name in names]}


def shared(view: View) -> dict[str, list[Condition]]:
    """Return by Application who else declares what it has: the refusal stands at the other one, and both are to know (Argo CD
    `SharedResourceWarning`)."""
    found: dict[str, list[Condition]] = {}
    for name, it in sorted(view.applications.items()):
        for one in it.refused:
            for owner, other in sorted(view.applications.items()) if one["code"] == OWNED_BY_ANOTHER else ():
                if owner != name and any(str(id) == one["id"] and id.destination == one["destination"] for id in other.resources):
                    message = f"{one['id']} is declared by Application {name} too"
                    told = Condition(type="Warning", status=True, reason="SharedResource", message=message, origin=one["origin"])
                    found.setdefault(owner, []).append(told)
    return found


def _application(name: str, it: ApplicationView, now: Instant, store_error: str | None, shared: Iterable[Condition] = ()) -> dict[str, Any]:
    health = it.health
    operation = it.operation
    told = (*conditions(it, store_error), *shared)
    return {
        "name": name,
        "revision": it.revision,
        "desired_revision": it.desired_revision,
        **({"sources": _sources(it)} if it.sources else {}),
        "pinned": it.pin is not None,
        "suspended": it.suspended is not None,
        "sync": it.sync,
        "health": health.status.value,
        "message": _words(it, told, health),
        "operation": None
        if operation is None
        else {
            "id": operation.id,
            "trigger": operation.trigger,
            "phase": operation.phase,
            "revision": operation.revision,
            "started_at": operation.started_at,
            "finished_at": operation.finished_at,
            "message": operation.message,
        },
        "conditions": [
            {"type": one.type, "status": one.status, "reason": one.reason, "message": one.message, "origin": one.origin} for one in told
        ],
        "orphans": it.orphans,
        "resources": [_resource(id, resource, now) for id, resource in sorted(it.resources.items())],
    }


def _sources(it: ApplicationView) -> list[dict[str, Any]]:
    """Return the sources with the commit of each that the Application stands at, null where that is not known."""
    return [{**source, "revision": commit} for source, commit in zip(it.sources, it.commits_at(it.revision), strict=True)]


def _resource(id: ResourceId, it: ResourceView, now: Instant) -> dict[str, Any]:
    return {
        "id": str(id),
        "destination": id.destination,
        "sync": it.sync,
        "health": it.health.status.value,
        "proofs": [
            {"claim": proof.claim, "verdict": proof.at(now), "proven_at": proof.proven_at, "evidence": proof.evidence}
            for _, proof in sorted(it.proofs.items())
        ],
        "message": it.words,
        "live": it.live,
        "origin": it.origin,
        "declared": it.declared or None,
        "needs": it.needs,
        "wave": it.wave,
        "orphaned": it.orphaned is not None,
    }


def conditions(it: ApplicationView, store_error: str | None = None) -> tuple[Condition, ...]:
    """Return Ready, Reconciling and Stalled, then everything that a person should know, each naming its place in Git."""
    stalled = _stalled(it, store_error)
    is_ready = it.sync == SYNCED and it.health.status is Status.HEALTHY and not it.is_busy
    return (
        Condition(type="Ready", status=is_ready, reason="AsDeclared" if is_ready else "NotAsDeclared"),
        Condition(type="Reconciling", status=it.is_busy, reason="OperationRunning" if it.is_busy else "Idle"),
        Condition(type="Stalled", status=bool(stalled), reason=stalled[0].reason if stalled else "Moving"),
        *stalled,
        *_exposures(it),
        *_notes(it),
    )


def _stalled(it: ApplicationView, store_error: str | None) -> tuple[Condition, ...]:
    """Return what keeps the Application from moving until Git, a person or the world changes."""
    found = [
        Condition(type="RenderError", status=True, reason=error["code"], message=error["message"], origin=_place(error))
        for error in it.render_errors
    ]
    found += [
        Condition(type="Refused", status=True, reason=one["code"], message=f"{one['id']} {one['reason']}", origin=one["origin"])
        for one in it.refused
    ]
    if it.held is not None and it.held["kind"] == "exhausted":
        found.append(Condition(type="RetryExhausted", status=True, reason=it.held["code"], message=it.held["reason"]))
    if store_error is not None:
        found.append(Condition(type="StoreError", status=True, reason="StoreFailed", message=store_error))
    found += [
        Condition(type="Contended", status=True, reason="Contended", message=f"{id} {resource.contended}", origin=resource.origin)
        for id, resource in sorted(it.resources.items())
        if resource.contended
    ]
    return tuple(found)


def _exposures(it: ApplicationView) -> Iterable[Condition]:
    """Yield what a look from outside found open that must be closed, and what it could not tell."""
    for id, resource in sorted(it.resources.items()):
        for _, proof in sorted(resource.proofs.items()):
            if proof.is_exposed:
                words = f"{id} must not be: {proof.claim} is refuted, {proof.evidence}"
                yield Condition(type="Exposed", status=True, reason="ClaimRefuted", message=words, origin=resource.origin)
            elif proof.verdict == Verdict.UNKNOWN:
                words = f"{id} {proof.claim}: nobody knows, {proof.evidence}"
                yield Condition(type="Unproven", status=True, reason="NoLook", message=words, origin=resource.origin)


def _notes(it: ApplicationView) -> Iterable[Condition]:
    if it.source_error is not None:
        yield Condition(type="SourceError", status=True, reason="SourceFailed", message=it.source_error)
    if it.suspended is not None:
        yield Condition(type="Suspended", status=True, reason="Suspended", message=it.suspended)
    if it.pin is not None:
        yield Condition(type="Pinned", status=True, reason="RolledBack", message=it.pin["reason"])
    if it.held is not None and it.held["kind"] not in ("exhausted", "suspended", "pinned"):
        yield Condition(type="Held", status=True, reason=it.held["code"], message=it.held["reason"])
    if not it.is_declared:
        yield Condition(type="Orphaned", status=True, reason="ApplicationRemoved", message="its file was taken away; what it had stays")
    for id, resource in sorted(it.resources.items()):
        if resource.orphaned is not None:
            yield Condition(type="OrphanedResource", status=True, reason="NoLongerDeclared", message=f"{id} {resource.orphaned}")
    if it.orphans is not None and it.orphans["warn"]:
        yield from _orphans(it.orphans)
    for warning in (*it.warnings, *it.render_warnings):
        yield Condition(type="Warning", status=True, reason=warning["reason"], message=warning["message"], origin=warning["origin"])


NAMED = 5
"""Orphans, and kinds, that a condition names."""


def _orphans(it: Mapping[str, Any]) -> Iterable[Condition]:
    """Yield what Argo CD has as OrphanedResourceWarning, and where it is not known."""
    if it["count"]:
        names = [each["id"] for each in it["found"][:NAMED]]
        more = f" and {it['count'] - len(names)} more" if it["count"] > len(names) else ""
        words = f"no Application has {', '.join(names)}{more}"
        yield Condition(type="OrphanedResourceWarning", status=True, reason="OrphanedResources", message=words)
    if it["unknown"]:
        kinds = [each["kind"] for each in it["unknown"][:NAMED]]
        which = "its kinds" if "*" in kinds else ", ".join(kinds)
        more = f" and {len(it['unknown']) - len(kinds)} more kinds" if len(it["unknown"]) > len(kinds) else ""
        words = f"it is not known what nobody has of {which}{more} in namespace {it['namespace']}: {it['unknown'][0]['reason']}"
        yield Condition(type="OrphanedResourceWarning", status=True, reason="NotListed", message=words)


def _place(error: Mapping[str, Any]) -> str | None:
    where = next(iter(error.get("where", ())), None)
    return None if where is None else ":".join(str(where[part]) for part in ("path", "line", "column") if where.get(part) is not None)


def _words(it: ApplicationView, told: Iterable[Condition], health: Health) -> str:
    """Return the one thing to say about an Application: what stops it, what it does, how it is."""
    for type in ("RenderError", "Refused", "Exposed", "Pinned", "RetryExhausted", "StoreError", "Contended", "Suspended", "Held"):
        if (found := next((one for one in told if one.type == type), None)) is not None:
            return found.message
    if it.desired_digest is None and it.source_error is not None:
        return it.source_error
    if it.operation is not None and it.operation.message and not _is_over(it, health):
        return it.operation.message
    return health.message or (it.source_error or "")


def _is_over(it: ApplicationView, health: Health) -> bool:
    """Say whether the last operation failed, and all has come right since: Git took back what failed, say."""
    return it.operation is not None and it.operation.phase == Phase.FAILED and it.sync == SYNCED and health.status is Status.HEALTHY


HISTORY_EVENTS, HISTORY_OPERATIONS = 2_000, 500
"""How many of the newest a history is made of: an Application that is busy for months must not fill the daemon's memory."""


def history(events: Iterable[Event], before: Sequence[Operation] = ()) -> dict[str, Any]:
    """Return the data of a `History` document: operations, newest first, and the events as they happened.

    `before` are operations, newest first, that `events` need not reach back to. Heals are no operations here: their events tell of them.
    """
    operations = {each.id: _operation_before(each) for each in reversed(before) if each.trigger is not Trigger.DRIFT}
    told: list[dict[str, Any]] = []
    for event in events:
        told.append(event.to_json())
        if event.operation is None or not event.type.startswith("operation."):
            continue
        fresh: dict[str, Any] = {"id": event.operation, "finished_at": None}
        operation = operations.setdefault(event.operation, fresh)
        operation |= {name: event.data.get(name) for name in ("application", "trigger", "phase", "message", "started_at", "desired_digest")}
        operation["revision"] = event.revision
        if event.type != "operation.started":
            operation |= {"finished_at": event.at, "outcomes": event.data.get("outcomes")}
    return {"operations": list(reversed(operations.values())), "events": told}


def _operation_before(it: Operation) -> dict[str, Any]:
    """Return what the events of an operation say of it."""
    ended = {"outcomes": dict(Counter(outcome.status.value for outcome in it.outcomes))} if it.finished_at is not None else {}
    return {
        "id": it.id,
        "finished_at": it.finished_at,
        "application": it.application,
        "trigger": it.trigger.value,
        "phase": it.phase.value,
        "message": it.message,
        "started_at": it.started_at,
        "desired_digest": it.desired_digest,
        "revision": it.revision,
        **ended,
    }


def to_json(view: View) -> dict[str, Any]:
    """Return a snapshot: plain JSON, the same for equal views."""
    return {
        "seq": view.seq,
        "at": view.at,
        "store_error": view.store_error,
        "applications": {name: _application_json(it) for name, it in sorted(view.applications.items())},
    }


def _application_json(it: ApplicationView) -> dict[str, Any]:
    plain = {name: getattr(it, name) for name in ApplicationView.__slots__ if name not in ("resources", "operation")}
    resources = [_resource_json(id, resource) for id, resource in sorted(it.resources.items())]
    return {**plain, "operation": asdict(it.operation) if it.operation else None, "resources": resources}


def _resource_json(id: ResourceId, it: ResourceView) -> dict[str, Any]:
    """Field by field: `asdict` copies every value in depth, which takes half a second for ten thousand resources."""
    plain = {name: getattr(it, name) for name in ResourceView.__slots__}
    proofs = {claim: {name: getattr(proof, name) for name in ProofView.__slots__} for claim, proof in it.proofs.items()}
    return {"id": list(id), **plain, "proofs": proofs}


def from_json(data: Mapping[str, Any]) -> View:
    """Return the view that `to_json` gave."""
    applications = {name: _application_from(it) for name, it in data["applications"].items()}
    return View(seq=data["seq"], at=data["at"], store_error=data["store_error"], applications=applications)


def _application_from(data: Mapping[str, Any]) -> ApplicationView:
    operation = OperationView(**data["operation"]) if data["operation"] else None
    resources = {ResourceId.of(it["id"]): _resource_from(it) for it in data["resources"]}
    return ApplicationView(**{**data, "operation": operation, "resources": resources})


def _resource_from(data: Mapping[str, Any]) -> ResourceView:
    """The words that thousands have in common are kept once."""
    plain = {name: value for name, value in data.items() if name != "id"}
    plain |= {name: one_word(plain[name]) for name in ("sync", "status")}
    if plain["stands"] == plain["digest"]:
        plain["stands"] = plain["digest"]
    proofs = {claim: ProofView(**proof) for claim, proof in data["proofs"].items()}
    return ResourceView(**{**plain, "proofs": proofs})
