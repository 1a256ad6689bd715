"""Showing: what people are told of the edge: what serves, who is behind each Site, what is not as it was applied, and who closed it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping

from holdfast.edge.part import Part, backends, service_id
from holdfast.edge.render_server import certificate_of
from holdfast.edge.route_spec import TargetSpec
from holdfast.engines.nginx.closing import Closed
from holdfast.engines.nginx.folding import Wanted
from holdfast.engines.nginx.port import Nginx
from holdfast.errors import EngineError
from holdfast.kit.canonical import Json

APPLICATION = "application"


def nginx(wanted: Wanted | None, it: Nginx, *, reloads: int, failure: EngineError | None, memory: str | None) -> dict[str, Json]:
    """Return what is told of the nginx: {phase serving|waiting, message, version, pid, workers, draining, generation, linked, reloads,
    http, https, folder, drift}. `reloads`: since this daemon began; `linked`: the generation that a reload would read.
    """
    master = it.master()
    return {
        "phase": "serving" if master is not None and wanted is not None else "waiting",
        "message": failure.message if failure is not None else "",
        "version": str(wanted.world.capability) if wanted is not None else None,
        "pid": master.pid if master is not None else None,
        "workers": len(master.accepting) if master is not None else 0,
        "draining": len(master.draining) if master is not None else 0,
        "generation": wanted.folded.generation if wanted is not None else None,
        "linked": it.linked(),
        "reloads": reloads,
        "http": wanted.world.http_port if wanted is not None else None,
        "https": wanted.world.https_port if wanted is not None else None,
        "folder": it.places.root,
        "drift": memory,
    }


def site(
    part: Part,
    wanted: Wanted | None,
    *,
    closed: Closed | None,
    drift: Mapping[str, str | None],
    resting: frozenset[str],
    told: Mapping[str, Json],
    waiting: int,
) -> dict[str, Json]:
    """Return what is told of a Site: {id, application, hosts[], phase, message, serves, revision, certificate, peers[] {of, address,
    state}, drift {files, memory, wire}, closed, waiting, notes[], failing[], broken[]}.

    `serves`: who answers: application, maintenance or pause. A peer's `state`: serves, free (a port kept for a replica) or failing.
    """
    refusal = wanted.folded.failed.get(part.id) if wanted is not None else None
    failing = told.get("failing")
    names = tuple(map(str, failing)) if isinstance(failing, list) else ()
    notes = wanted.folded.notes.get(part.id, ()) if wanted is not None else ()
    phase = "waiting" if wanted is None else "serving" if refusal is None else "kept" if refusal.is_kept else "refused"
    return {
        "id": str(part.declared),
        "application": part.application,
        "hosts": list[Json](part.spec.hosts),
        "phase": phase,
        "message": refusal.errors[0].message if refusal is not None else "",
        "serves": closed.how.value if closed is not None else APPLICATION,
        "revision": part.digest[:12],
        "certificate": None if part.spec.certificate == "none" else "/".join(certificate_of(part)),
        "peers": [*peers(part, wanted.world.slots if wanted is not None else part.slots, resting, names)],
        "drift": dict(drift),
        "closed": closed.to_json() if closed is not None else None,
        "waiting": waiting,
        "notes": list[Json](notes),
        "failing": list[Json](names),
        "broken": told.get("broken") or [],
    }


def peers(
    part: Part, slots: Mapping[str, Collection[str]], resting: frozenset[str], failing: Collection[str] = ()
) -> Iterator[dict[str, Json]]:
    """Yield who is behind a Site, each once."""
    seen: set[tuple[str, str]] = set()
    for backend in backends(part.spec):
        service = service_id(backend, part.id)
        named = [target.address if isinstance(target, TargetSpec) else target for target in backend.targets]
        for address in slots.get(service, ()) if service is not None else named:
            of = service or "targets"
            if (of, address) not in seen:
                seen.add((of, address))
                is_failing = any(address in each for each in failing)
                yield {"of": of, "address": address, "state": "free" if address in resting else "failing" if is_failing else "serves"}


def difference(before: str, after: str) -> str:
    """Return a unified diff of two configurations; "" where they say the same."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "served", "as Git says", lineterm="")
    return "\n".join(lines)
