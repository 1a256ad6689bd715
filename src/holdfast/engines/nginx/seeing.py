"""Seeing: what stands of an Edge or of a Site's part: its state as applied, with what is wrong with it, and more for people.

Nothing in a handle changes by itself, since what changes is told as news: no counters, and of a Site nothing that others change.
"""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.edge.part import KIND, Part
from holdfast.edge.render_guard import PAUSED
from holdfast.engines.nginx.drift import flag_of
from holdfast.engines.nginx.folding import Wanted
from holdfast.engines.nginx.port import Nginx
from holdfast.errors import EngineError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.live import Observation
from holdfast.model.resource import Resource
from holdfast.model.state import State

DRIFT = "drift"
"""Field of a state that is live: what somebody else did."""


def observation(
    resource: Resource | None,
    *,
    wanted: Wanted | None,
    nginx: Nginx,
    drift: str | None,
    failure: EngineError | None,
    told: Mapping[str, Json],
    now: Instant,
) -> Observation:
    """Return what is seen of a resource that was applied; absent where none was. `wanted` is what serves, None where nothing does.

    `told`: what is known of the applications behind a Site.
    """
    if resource is None:
        return Observation(state=None, observed_at=now)
    state = resource.state if drift is None else State.of({**resource.state.fields, DRIFT: drift})
    waiting = failure.message if failure is not None else "nginx does not serve yet"
    if resource.id.kind != KIND:
        handle = _edge(wanted, nginx, waiting, is_failed=failure is not None)
    else:
        handle = _part(resource, wanted, nginx, waiting, told)
    return Observation(state=state, owned=True, handle=handle, observed_at=now)


def _edge(wanted: Wanted | None, nginx: Nginx, waiting: str, *, is_failed: bool) -> dict[str, Json]:
    master = nginx.master()
    if wanted is None or master is None:
        return {"phase": "failed" if is_failed else "waiting", "message": waiting}
    world = wanted.world
    return {
        "phase": "serving",
        "pid": master.pid,
        "version": str(world.capability),
        "http": world.http_port,
        "https": world.https_port,
        "sites": len(wanted.folded.served),
        "folder": world.places.root,
    }


def _part(resource: Resource, wanted: Wanted | None, nginx: Nginx, waiting: str, told: Mapping[str, Json]) -> dict[str, Json]:
    if wanted is None or nginx.master() is None:
        return {"phase": "waiting", "message": waiting}
    refusal, served = wanted.folded.failed.get(resource.id), wanted.folded.served.get(resource.id)
    if refusal is not None:
        return {"phase": "kept" if refusal.is_kept else "refused", "message": refusal.errors[0].message}
    if served is None:
        return {"phase": "waiting", "message": waiting}
    return {"phase": "serving", **_told(served, wanted, nginx), **told}


def _told(part: Part, wanted: Wanted, nginx: Nginx) -> dict[str, Json]:
    flags = nginx.flags()
    is_paused = flag_of(part, PAUSED) in flags
    told: dict[str, Json] = {"hosts": [*part.spec.hosts], "maintenance": flag_of(part) in flags and not is_paused}
    if is_paused:
        told["paused"] = True
    if notes := wanted.folded.notes.get(part.id):
        told["notes"] = [*notes]
    return told
