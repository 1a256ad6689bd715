"""The edge as it can be told without a daemon: what lies on disk, whether nginx runs, and what was recorded last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.app.edge_answers import with_resource
from holdfast.app.state import StateFolder
from holdfast.core.view import status
from holdfast.edge.part import KIND, part_of
from holdfast.edge.render_guard import MAINTENANCE, PAUSED
from holdfast.engines.acme.pair import read_leaf
from holdfast.engines.nginx import ground, showing
from holdfast.engines.nginx.closing import GIT, SPACE, Closed, How, read_closed
from holdfast.engines.nginx.drift import flag_of
from holdfast.engines.nginx.generations import Generations
from holdfast.host.keeper_client import peek
from holdfast.store.reader import StoreReader

RECORDS = "nginx"
UNKNOWN: Mapping[str, str | None] = {"files": None, "memory": None, "wire": None}


def edge_status(state_dir: str) -> dict[str, Any]:
    """Return the data of `EdgeStatus`. Raises StoreError."""
    state = StateFolder(state_dir)
    if not state.store.exists():
        return {"nginx": None, "sites": []}
    with StoreReader.open(state.store) as store:
        inventory, view, records = store.inventory(), store.view(), store.records(RECORDS)
    parts = [part_of(owned.resource) for id, owned in sorted(inventory.items()) if id.kind == KIND]
    if not parts:
        return {"nginx": None, "sites": []}
    told = status(view, time.time(), None)
    resources = {each["id"]: each for it in told["applications"] for each in it["resources"]}
    flags = ground.flags(state.edge)
    sites = []
    for part in parts:
        said = records.get(f"{SPACE}{part.id.destination}/{part.id}")
        closed = read_closed(said) if isinstance(said, dict) else None
        if closed is None and flag_of(part, MAINTENANCE) in flags:
            closed = Closed(how=How.PAUSE if flag_of(part, PAUSED) in flags else How.MAINTENANCE, by=GIT)
        live = (resources.get(str(part.id)) or {}).get("live") or {}
        shown: dict[str, Any] = showing.site(part, None, closed=closed, drift=UNKNOWN, resting=frozenset(), told={}, waiting=0)
        shown |= {"phase": live.get("phase", "waiting"), "message": live.get("message", ""), "notes": live.get("notes", [])}
        sites.append(with_resource(shown, resources, _certificate(state.edge, shown["certificate"])))
    return {"nginx": _nginx(state), "sites": sites}


def _nginx(state: StateFolder) -> dict[str, Any]:
    found = peek(state.run / "edge")
    child = next((child for child in found[1].children if child.alive), None) if found is not None else None
    return {
        "phase": "serving" if child is not None else "waiting",
        "message": "" if child is not None else "its keeper has none",
        "pid": child.pid if child is not None else None,
        "linked": Generations(state.edge).linked(),
        "folder": str(state.edge),
        **dict.fromkeys(("version", "workers", "draining", "generation", "reloads", "http", "https", "drift")),
    }


def _certificate(edge: Path, name: Any) -> dict[str, Any]:
    try:
        leaf = read_leaf((edge / "certificates" / str(name) / "fullchain.pem").read_bytes()) if name is not None else None
    except (OSError, ValueError):
        leaf = None
    if leaf is None:
        return {}
    return {"issuer": leaf.issuer, "source": None, "serial": leaf.serial, "not_after": leaf.not_after, "names": list(leaf.names)}
