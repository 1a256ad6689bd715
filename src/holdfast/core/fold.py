"""The fold: one event after another into the view. Deterministic, total (it takes any event, known or not), cheap per event.

Law: folding a snapshot and what came later gives what folding everything gives. `Folding` changes its view in place, since copying
ten thousand resources for each event would cost more than all the rest; `fold` is the same for callers who keep the old view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from holdfast.core.view import OUT_OF_SYNC, SYNCED, ApplicationView, OperationView, ProofView, ResourceView, View, from_json, to_json
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.live import Status
from holdfast.model.operation import Trigger


class Folding:
    """Folds events into `view`, in place."""

    def __init__(self, view: View | None = None) -> None:
        self.view = view or View()

    def apply(self, event: Event) -> None:
        """Take one event in. An event that the view has seen (by `seq`) changes nothing."""
        if event.seq and event.seq <= self.view.seq:
            return
        if event.seq:
            self.view.seq = event.seq
        self.view.at = max(self.view.at, event.at)
        if (on_view := ON_VIEW.get(event.type)) is not None:
            on_view(self.view, event)
        name = event.data.get("application")
        if not isinstance(name, str):
            return
        if (on_application := ON_APPLICATION.get(event.type)) is not None:
            on_application(self.view.applications.setdefault(name, ApplicationView()), event, event.data)
        elif (on_resource := ON_RESOURCE.get(event.type)) is not None:
            application = self.view.applications.setdefault(name, ApplicationView())
            on_resource(application, _id(event.data), event, event.data)


def fold(view: View, events: Iterable[Event]) -> View:
    """Return a new view with `events` taken in; the given one is as before."""
    folding = Folding(from_json(to_json(view)))
    for event in events:
        folding.apply(event)
    return folding.view


def _id(data: Mapping[str, Any]) -> ResourceId:
    return ResourceId.parse(data["id"], data["destination"])


def _removed(view: View, event: Event) -> None:
    name = str(event.data["application"])
    it = view.applications.get(name)
    if it is None or event.data["cascaded"] or all(resource.status == Status.MISSING for resource in it.resources.values()):
        view.applications.pop(name, None)
    else:
        it.is_declared, it.automated, it.self_heal = False, False, False


def _daemon_started(view: View, event: Event) -> None:
    """What is still refused is told anew by the first look of this daemon."""
    for it in view.applications.values():
        it.refused = []


def _store_failed(view: View, event: Event) -> None:
    error: Any = event.data["error"]
    view.store_error = error["message"]


def _store_recovered(view: View, event: Event) -> None:
    view.store_error = None


def _declared(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.is_declared = True
    it.repository, it.path, it.target_revision = data["repository"], data["path"], data["target_revision"]
    it.sources = data.get("sources") or []
    it.automated, it.self_heal, it.origin = data["automated"], data["self_heal"], data["origin"]
    it.warnings = data["warnings"]


def _suspended(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.suspended = f"suspended by {data['by']}" + (f": {data['reason']}" if data["reason"] else "")


def _resumed(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.suspended = it.held = None


def _fetched(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.desired_revision, it.source_error = event.revision, None


def _rendered(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    """Git says what should be: new ids appear, changed ones are out of sync until seen again, those it no longer says are left over."""
    it.desired_revision, it.render_errors, it.render_warnings = event.revision, [], data["warnings"]
    is_news = it.desired_digest != data["digest"]
    if is_news:
        it.desired_digest, it.refused, it.held = data["digest"], [], None
    _stand(it)
    known = {str(id): id for id in it.resources}  # most are: an id that is known need not be read again
    said: dict[ResourceId, Any] = {}
    for one in data["resources"]:
        id = known.get(one["id"])
        said[id if id is not None and id.destination == one["destination"] else _id(one)] = one
    for id, one in said.items():
        if not is_news and it.pin is not None and id not in it.resources:
            continue  # a rollback took it away; the same content said again does not bring it back
        resource = it.resources.setdefault(id, ResourceView())
        if (resource.digest and resource.digest != one["digest"]) or resource.orphaned is not None:
            resource.sync = SYNCED if resource.stands == one["digest"] else OUT_OF_SYNC
        resource.digest, resource.declared, resource.origin = one["digest"], one["declared"], one["origin"]
        resource.needs, resource.wave, resource.is_declared, resource.orphaned = one["needs"], one["wave"], True, None
    for id in it.resources.keys() - said.keys():
        _leave_over(it, id)


def _stand(it: ApplicationView) -> None:
    """Take over the revision that Git asks for where it asks for what was brought already, so that no operation will say so."""
    if it.pin is None and it.digest is not None and it.desired_digest == it.digest:
        it.revision = it.desired_revision


def _leave_over(it: ApplicationView, id: ResourceId) -> None:
    """Mark what Git no longer says; what never stood as ours, or is gone already, leaves nothing over."""
    resource = it.resources[id]
    if resource.status == Status.MISSING or not resource.has_stood:
        del it.resources[id]
    else:
        resource.is_declared, resource.sync = False, OUT_OF_SYNC


def _render_failed(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.desired_revision, it.render_errors = event.revision or it.desired_revision, data["errors"]


def _source_failed(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.source_error = data["error"]["message"]


def _source_recovered(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.source_error = None


def _started(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.held = None
    it.operation = OperationView(
        id=event.operation or "",
        trigger=data["trigger"],
        phase=data["phase"],
        revision=event.revision,
        started_at=data["started_at"],
        message=data["message"],
    )


def _finished(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    if it.operation is None or it.operation.id != event.operation:
        _started(it, event, data)
    if it.operation is not None:
        it.operation.phase, it.operation.finished_at, it.operation.message = data["phase"], event.at, data["message"]


def _succeeded(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    _finished(it, event, data)
    if data["trigger"] != Trigger.DRIFT and not data.get("selective"):
        it.revision, it.digest = event.revision, data["desired_digest"]


def _reached(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.revision, it.digest = event.revision, data["desired_digest"]


def _held(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.held = {name: data[name] for name in ("kind", "code", "reason", "until")}


def _refused(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.refused = [{**one, "approve": data["digest"]} for one in data["blocked"]]


def _approved(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.refused = [one for one in it.refused if one["approve"] != data["digest"]]


def _orphans(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.orphans = data["orphans"]


def _pinned(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.pin = data["pin"]


def _unpinned(it: ApplicationView, event: Event, data: Mapping[str, Any]) -> None:
    it.pin = it.held = None
    _stand(it)


def _applied(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    """It was observed as wanted after the change; half of a replace takes it down only for a while."""
    if data["verb"] == "delete":
        it.resources.pop(id, None)
        return
    resource = it.resources.setdefault(id, ResourceView())
    resource.failure = None
    if data["after"] is None:
        resource.sync, resource.status, resource.live, resource.stands = OUT_OF_SYNC, Status.MISSING.value, None, ""
    else:
        if resource.stands not in ("", data["after"]):
            resource.proofs = {}  # what was seen of what stood before says nothing of what stands now
        resource.sync, resource.stands, resource.has_stood = SYNCED, data["after"], True


def _failed(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    resource = it.resources.setdefault(id, ResourceView())
    resource.sync = OUT_OF_SYNC
    resource.failure = data["failure"]["message"] if data["failure"] else "failed"


def _observed(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    resource = it.resources.setdefault(id, ResourceView())
    resource.sync, resource.status, resource.message, resource.live = data["sync"], data["status"], data["message"], data["live"]
    resource.is_seen = True
    resource.stands = resource.digest if resource.sync == SYNCED else ""
    if resource.sync == SYNCED:
        resource.failure, resource.has_stood = None, True
    if not resource.is_declared and it.desired_digest is not None and resource.status == Status.MISSING:
        del it.resources[id]


def _drifted(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    resource = it.resources.setdefault(id, ResourceView())
    resource.sync, resource.stands, resource.has_stood = OUT_OF_SYNC, "", True


def _healed(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    resource = it.resources.setdefault(id, ResourceView())
    resource.sync, resource.failure = SYNCED, None


def _contended(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    words = f"was changed from outside and healed {data['heals']} times in {data['window_s']:g} s: healed only slowly from here on"
    it.resources.setdefault(id, ResourceView()).contended = words


def _forgiven(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    it.resources.setdefault(id, ResourceView()).contended = None


def _pruned(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    it.resources.pop(id, None)


def _orphaned(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    resource = it.resources.setdefault(id, ResourceView())
    resource.is_declared, resource.sync, resource.orphaned = False, OUT_OF_SYNC, data["reason"]


def _looked_at(it: ApplicationView, id: ResourceId, event: Event, data: Mapping[str, Any]) -> None:
    if (resource := it.resources.get(id)) is not None:
        resource.proofs[data["claim"]] = ProofView(
            claim=data["claim"],
            verdict=data["verdict"],
            proven_at=data["proven_at"],
            valid_for_s=data["valid_for_s"],
            evidence=data["evidence"],
            method=data.get("method", ""),
        )
        if claims := data.get("claims"):
            resource.proofs = {claim: proof for claim, proof in resource.proofs.items() if claim in claims}


_OnApplication = Callable[[ApplicationView, Event, Mapping[str, Any]], None]
_OnResource = Callable[[ApplicationView, ResourceId, Event, Mapping[str, Any]], None]

ON_VIEW: Mapping[str, Callable[[View, Event], None]] = MappingProxyType(
    {
        "application.removed": _removed,
        "daemon.started": _daemon_started,
        "store.failed": _store_failed,
        "store.recovered": _store_recovered,
    }
)
ON_APPLICATION: Mapping[str, _OnApplication] = MappingProxyType(
    {
        "application.declared": _declared,
        "application.suspended": _suspended,
        "application.resumed": _resumed,
        "revision.fetched": _fetched,
        "revision.rendered": _rendered,
        "render.failed": _render_failed,
        "source.failed": _source_failed,
        "source.recovered": _source_recovered,
        "operation.started": _started,
        "operation.succeeded": _succeeded,
        "operation.failed": _finished,
        "operation.superseded": _finished,
        "operation.held": _held,
        "plan.refused": _refused,
        "plan.approved": _approved,
        "orphans.observed": _orphans,
        "revision.pinned": _pinned,
        "revision.unpinned": _unpinned,
        "revision.reached": _reached,
    }
)
ON_RESOURCE: Mapping[str, _OnResource] = MappingProxyType(
    {
        "change.applied": _applied,
        "change.failed": _failed,
        "resource.observed": _observed,
        "resource.drifted": _drifted,
        "resource.healed": _healed,
        "resource.contended": _contended,
        "resource.forgiven": _forgiven,
        "resource.pruned": _pruned,
        "resource.moved": _pruned,
        "resource.orphaned": _orphaned,
        "claim.proven": _looked_at,
        "claim.refuted": _looked_at,
        "claim.unknown": _looked_at,
    }
)
