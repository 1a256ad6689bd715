"""Object status: what is known of an Application → the `status` that Argo CD writes into its object (argoproj.io/v1alpha1, types.go).

Pure. Fields of the status that are not made here are left as they are. Laws: equal knowledge gives an equal status, so that nothing is
written while nothing changes (`reconciledAt` is no reason); a time stays while that which it dates does; history only grows at its end,
up to `revisionHistoryLimit`, and goes on where Argo CD's own ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeAlias

from holdfast.core.view import SYNCED, UNKNOWN, ApplicationView, ResourceView
from holdfast.kit.clock import Instant
from holdfast.model.ids import ResourceId
from holdfast.model.live import Condition, Status
from holdfast.model.operation import Applied, Operation, Outcome, Phase, Trigger

Object: TypeAlias = Mapping[str, Any]
HISTORY = 10
"""Argo CD's `revisionHistoryLimit`."""
RUNNING, SUCCEEDED, FAILED, ERROR = "Running", "Succeeded", "Failed", "Error"
_PHASES: Mapping[Phase, str] = MappingProxyType(
    {Phase.RUNNING: RUNNING, Phase.SUCCEEDED: SUCCEEDED, Phase.FAILED: FAILED, Phase.SUPERSEDED: ERROR}
)
_CONDITIONS: Mapping[str, str] = MappingProxyType(
    {
        "RenderError": "ComparisonError",
        "SourceError": "ComparisonError",
        "Refused": "SyncError",
        "RetryExhausted": "SyncError",
        "StoreError": "SyncError",
        "Contended": "SyncError",
        "Suspended": "SuspendedWarning",
        "Pinned": "PinnedWarning",
        "OrphanedResource": "OrphanedResourceWarning",
    }
)
"""Ours → Argo CD's; a `Warning` is called by its reason (`SharedResourceWarning`). Others say what other fields of the status say."""
_UNTOLD = frozenset({Trigger.DRIFT})
"""Operations that bring no revision, so that history does not have them."""
_KEYS = ("sync", "health", "resources", "operationState", "history", "conditions", "sourceType", "summary", "resourceHealthSource")
"""What is made here, beside `reconciledAt`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An operation that the object asked for, and what came of it."""

    operation: Object
    """As it was written."""
    started_at: Instant
    phase: str = RUNNING
    message: str = ""
    finished_at: Instant | None = None
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that the status is made of."""

    spec: Object
    """Of the object."""
    compared: Object | None = None
    """The spec that is in force: that of the object unless it does not read. None: none ever did."""
    view: ApplicationView | None = None
    """None: it is not served."""
    revision: str | None = None
    """What the view compares with: a commit that was fetched and not rendered yet is none. None: nothing was rendered since the start."""
    conditions: Sequence[Condition] = ()
    """Of the view, in words of the house."""
    problems: Sequence[tuple[str, str]] = ()
    """What stands beside them: a condition of Argo CD's, and the message."""
    operations: Sequence[Operation] = ()
    """The newest first."""
    manifests: Mapping[ResourceId, Object] = field(default_factory=dict)
    """What its resources are declared or stand as."""
    asked: Asked | None = None
    source_type: str | None = None
    """Of the source, or of the first of several."""

    @property
    def source(self) -> dict[str, Any]:
        """Where it comes from, as the spec says it: `source`, or `sources`."""
        spec = self.compared or self.spec
        return {"sources": spec["sources"]} if self.is_several else {"source": spec.get("source") or None}

    @property
    def is_several(self) -> bool:
        return self.view is not None and bool(self.view.sources)

    def at(self, revision: str | None) -> dict[str, Any]:
        """Return a revision as Argo CD has it: of several sources a list, with one for each."""
        if not self.is_several or self.view is None or not revision:
            return {"revision": revision}
        return {"revisions": [each or "" for each in self.view.commits_at(revision)]}


def object_status(known: Known, before: Object, now: Instant) -> dict[str, Any]:
    """Return the status as it should be; `before` is what it is. Without `reconciledAt`."""
    limit = known.spec.get("revisionHistoryLimit")
    return {
        "sync": _sync(known, _dict(before.get("sync"))),
        "health": _health(known, _dict(before.get("health")), now),
        "resources": list(_resources(known)) or None,
        "operationState": _operation_state(known, _dict(before.get("operationState")), now),
        "history": _history(known, _list(before.get("history")), limit if isinstance(limit, int) else HISTORY),
        "conditions": list(_conditions(known, _list(before.get("conditions")), now)) or None,
        "sourceType": known.source_type or before.get("sourceType"),
        "summary": {"images": images} if (images := sorted(set(_images(known.manifests.values())))) else {},
        "resourceHealthSource": None,  # the health of each stands here, which Argo CD says otherwise (`appTree`)
    }


def status_patch(before: Object, status: Object, now: Instant, *, is_refreshed: bool = False) -> dict[str, Any]:
    """Return the merge patch (RFC 7386) that makes `before` say `status`; empty where it does, but for an answer to a refresh."""
    patch = {key: merged for key in _KEYS if (merged := _merge(before.get(key), status.get(key))) is not _SAME}
    return {**patch, "reconciledAt": rfc3339(now)} if patch or is_refreshed else {}


class _Same:
    """Nothing to change."""


_SAME = _Same()


def _merge(before: Any, wanted: Any) -> Any:
    """Return what a merge patch says of one value; `_SAME` where nothing."""
    if wanted is None:
        return _SAME if before is None else None
    if isinstance(wanted, dict) and isinstance(before, dict):
        found = {key: merged for key in {**before, **wanted} if (merged := _merge(before.get(key), wanted.get(key))) is not _SAME}
        return found or _SAME
    return _SAME if before == wanted else _bare(wanted)


def _bare(value: Any) -> Any:
    """Return a value without its fields that are None, which a merge patch of a new object would not need."""
    if isinstance(value, dict):
        return {key: _bare(each) for key, each in value.items() if each is not None}
    return [_bare(each) for each in value] if isinstance(value, list) else value


# Fields


def _sync(known: Known, before: Object) -> dict[str, Any]:
    view, spec = known.view, known.compared or known.spec
    revision = known.revision or before.get("revision")
    if view is None:
        revision = None
    elif view.render_errors:
        revision = view.desired_revision
    compared = {key: spec.get(key) or None for key in ("source", "sources", "destination", "ignoreDifferences")}
    return {
        "status": UNKNOWN if view is None else view.sync,
        **(known.at(revision) if revision or not before.get("revisions") or view is None else {"revisions": before["revisions"]}),
        "comparedTo": _bare(compared) if compared["destination"] else None,
    }


def _health(known: Known, before: Object, now: Instant) -> dict[str, Any]:
    health = known.view.health if known.view is not None else None
    status = health.status.value if health is not None else UNKNOWN
    message = (health.message if health is not None else "") or None
    is_same = before.get("status") == status and before.get("lastTransitionTime") is not None
    return {"status": status, "message": message, "lastTransitionTime": before["lastTransitionTime"] if is_same else rfc3339(now)}


def _resources(known: Known) -> Iterator[dict[str, Any]]:
    for id, it in sorted(known.view.resources.items()) if known.view is not None else ():
        health = it.health
        is_told = health.status not in (Status.UNKNOWN, Status.MISSING) or it.is_seen
        yield _bare(
            {
                **_named(id, known.manifests),
                "status": it.sync,
                "health": {"status": health.status.value, "message": health.message or None} if is_told else None,
                "requiresPruning": True if _is_left_over(it) else None,
                "syncWave": it.wave or None,
            }
        )


def _is_left_over(it: ResourceView) -> bool:
    return not it.is_declared and it.sync != SYNCED


def _named(id: ResourceId, manifests: Mapping[ResourceId, Object]) -> dict[str, Any]:
    group, _, kind = id.kind.rpartition("/")
    version = str(manifests.get(id, {}).get("apiVersion") or "").rpartition("/")[2]
    namespace = id.namespace if id.namespace != "-" else ""
    return {"group": group or None, "version": version or None, "kind": kind, "namespace": namespace or None, "name": id.name}


def _operation_state(known: Known, before: Object, now: Instant) -> dict[str, Any] | None:
    """Return what is known of the newest operation: one of ours, one that was asked for, or the one that stands there.

    What stands there of one that has ended is final: its result is told once, by what was there then.
    """
    started_at, newest = _newest(known)
    said = str(before.get("startedAt") or "")
    if newest is None or rfc3339(started_at) < said:
        return _ended(before, now) if before else None
    # Times have seconds here, and two operations may begin and end within one: what each was asked for tells them apart.
    is_told = all(newest[key] == before.get(key) for key in ("operation", "startedAt", "finishedAt", "phase"))
    return dict(before) if is_told and newest["finishedAt"] is not None else newest


def _newest(known: Known) -> tuple[Instant, dict[str, Any] | None]:
    asked, (started_at, ours) = known.asked, _of_ours(known)
    if asked is None:
        return started_at, ours
    own = _state(asked.operation, asked.phase, asked.message, asked.started_at, asked.finished_at, known.at(asked.revision))
    if ours is None or started_at < asked.started_at:
        return asked.started_at, own
    if asked.finished_at is not None and started_at > asked.finished_at:
        return started_at, ours
    message = own["message"] or ours["message"]
    return asked.started_at, {**own, "message": message, "syncResult": ours["syncResult"]}  # the one that it became


def _ended(before: Object, now: Instant) -> dict[str, Any]:
    """Return the state that stands there, ended where nobody is at it any more."""
    if before.get("phase") not in (RUNNING, "Terminating"):
        return dict(before)
    return {**before, "phase": ERROR, "message": "who ran it has ended; what is left of it is planned again", "finishedAt": rfc3339(now)}


def _of_ours(known: Known) -> tuple[Instant, dict[str, Any] | None]:
    """Return when the newest operation of the house began, and its state: running by the view until the store has it as it ended."""
    running = known.view.operation if known.view is not None else None
    ended = next((each for each in known.operations if each.phase is not Phase.RUNNING), None)
    if running is not None and (ended is None or (running.id != ended.id and running.started_at >= ended.started_at)):
        told = {"initiatedBy": _initiator(Trigger(running.trigger)), "sync": known.at(running.revision or "")}
        return running.started_at, _state(told, RUNNING, running.message, running.started_at, None, known.at(running.revision or ""))
    if ended is None:
        return 0.0, None
    told = {"initiatedBy": _initiator(ended.trigger), "sync": known.at(ended.revision)}
    state = _state(told, _PHASES[ended.phase], ended.message, ended.started_at, ended.finished_at, known.at(ended.revision))
    results = [_result(each, known) for each in sorted(ended.outcomes, key=lambda each: each.id)]
    state["syncResult"] |= {**known.source, "resources": results or None}
    return ended.started_at, state


def _state(operation: Object, phase: str, message: str, started_at: Instant, finished_at: Instant | None, at: Object) -> dict[str, Any]:
    return {
        "operation": dict(operation),
        "phase": phase,
        "message": message or None,
        "startedAt": rfc3339(started_at),
        "finishedAt": rfc3339(finished_at) if finished_at is not None else None,
        "syncResult": dict(at),
    }


def _result(it: Outcome, known: Known) -> dict[str, Any]:
    """Return one of `syncResult.resources`, which names group, version and namespace even where they are empty."""
    is_there = known.view is not None and it.id in known.view.resources
    words = {Applied.APPLIED: "Synced" if is_there else "Pruned", Applied.FAILED: "SyncFailed", Applied.SKIPPED: "SyncFailed"}
    message = it.failure.message if it.failure is not None else "what it needs failed" if it.status is Applied.SKIPPED else None
    named = {key: value or "" for key, value in _named(it.id, known.manifests).items()}
    return _bare({**named, "status": words[it.status], "message": message, "syncPhase": "Sync"})  # type: ignore[no-any-return]


def _initiator(trigger: Trigger) -> dict[str, Any]:
    return {} if trigger in (Trigger.MANUAL, Trigger.ROLLBACK) else {"automated": True}


def _history(known: Known, before: Sequence[Any], limit: int) -> list[Any] | None:
    kept = [each for each in before if isinstance(each, Mapping)]
    last = kept[-1] if kept else {}
    told, number = str(last.get("deployedAt") or ""), last.get("id")
    now = [each for each in kept if each.get("deployedAt") == told]
    at_once = [{key: each[key] for key in ("revision", "revisions") if each.get(key)} for each in now]
    next_id = number + 1 if isinstance(number, int) else len(kept)
    found: list[Any] = []
    for each in sorted(known.operations, key=lambda each: each.started_at):
        if each.phase is not Phase.SUCCEEDED or each.trigger in _UNTOLD or each.is_selective:
            continue
        at = rfc3339(each.finished_at if each.finished_at is not None else each.started_at)
        if at < told or (at == told and known.at(each.revision) in at_once):
            continue
        entry = {
            "id": next_id + len(found),
            **known.at(each.revision),
            "deployStartedAt": rfc3339(each.started_at),
            "deployedAt": at,
            "initiatedBy": _initiator(each.trigger),
            **known.source,
        }
        found.append(_bare(entry))
    return [*kept, *found][-limit:] or None if limit > 0 else None


def _conditions(known: Known, before: Sequence[Any], now: Instant) -> Iterator[dict[str, Any]]:
    since = {(each.get("type"), each.get("message")): each.get("lastTransitionTime") for each in before if isinstance(each, Mapping)}
    told: dict[tuple[str, str], None] = dict.fromkeys(known.problems)
    for each in known.conditions:
        type = f"{each.reason}Warning" if each.type == "Warning" else _CONDITIONS.get(each.type)
        is_said = bool(each.message) and any(message.startswith(each.message) for _, message in known.problems)
        if type is not None and each.status and not is_said:
            told.setdefault((type, f"{each.message} ({each.origin})" if each.origin else each.message))
    for type, message in told:
        yield {"type": type, "message": message, "lastTransitionTime": since.get((type, message)) or rfc3339(now)}


def _images(manifests: Iterable[Object]) -> Iterator[str]:
    """Yield the images of pods and of what makes pods."""
    for manifest in manifests:
        spec = _dict(manifest.get("spec"))
        template = _dict(_dict(_dict(spec.get("jobTemplate")).get("spec")).get("template")) or _dict(spec.get("template"))
        pod = _dict(template.get("spec")) or (spec if manifest.get("kind") == "Pod" else {})
        for each in (*_list(pod.get("initContainers")), *_list(pod.get("containers"))):
            if isinstance(each, Mapping) and isinstance(image := each.get("image"), str):
                yield image


def rfc3339(at: Instant) -> str:
    """Return an instant to the second, as Kubernetes writes times."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _dict(value: Any) -> Object:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
