"""Seeing: what a look says of a Container: its state as applied, what the host says otherwise, and the handle for people.

What Docker changes in place stands in its own field (`limits`, `restart`), so that heal changes it in place too; everything else stands
in a field that is called as its class: stopped, paused, renamed, health, network, mount, image, attribute. A container that is on its way
through a restart by its own policy has not drifted: that is Docker's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from holdfast.engines.docker.view import View, class_of, said
from holdfast.kit.canonical import Json
from holdfast.model.state import State

AGAIN_CAP_S = 60.0
"""Docker's backoff doubles from 0.1 s up to this (moby `restartmanager`)."""
RETRYING = frozenset({"always", "unless-stopped"})


def state_of(fields: Mapping[str, Json], wanted: View, live: View, differing: Iterable[str], acts: Mapping[str, Json]) -> State:
    """Return a state with what differs laid over it: `differing` keys of views, and `acts` such as {"paused": True}."""
    over: dict[str, Any] = dict(acts)
    limits: dict[str, Json] = dict(fields.get("limits") or {})  # type: ignore[arg-type] # a mapping where it is there
    for key in differing:
        head, _, rest = key.partition(".")
        if head == "limits":
            if key in live:
                limits[rest] = live[key]
            else:
                limits.pop(rest, None)
            over["limits"] = limits
        elif head in {"restart", "image"}:
            over[head] = live.get(head)
        else:
            over.setdefault(class_of(key), {})[rest] = said(key, wanted.get(key), live.get(key))
    if not over:
        return State.of(fields)
    return State.of({key: value for key, value in {**fields, **over}.items() if key not in over or value not in ({}, None)})


def acts_of(inspected: Mapping[str, Any], fields: Mapping[str, Json], name: str, *, is_stopped_by_hand: bool) -> dict[str, Json]:
    """Return what somebody did to a container that is there: stopped, paused, renamed it; or that it is unhealthy."""
    state = inspected.get("State") or {}
    status = state.get("Status")
    found: dict[str, Json] = {}
    if status == "paused":
        found["paused"] = True
    elif status in {"created", "dead", "removing"} or (status == "exited" and _is_missed(state, fields, is_stopped_by_hand)):
        found["stopped"] = True
    elif status == "running" and (state.get("Health") or {}).get("Status") == "unhealthy":
        found["health"] = "unhealthy"
    live = str(inspected.get("Name") or "").lstrip("/")
    if live != name:
        found["renamed"] = live
    return found


def _is_missed(state: Mapping[str, Any], fields: Mapping[str, Json], is_stopped_by_hand: bool) -> bool:
    """Say whether a container that ended should run: it was stopped by hand, or its policy is to run for ever."""
    restart = fields.get("restart")
    policy = restart.get("policy", "no") if isinstance(restart, dict) else "no"
    return is_stopped_by_hand or policy in RETRYING


def handle_of(
    inspected: Mapping[str, Any], *, candidate: Mapping[str, Any] | None, drift: Iterable[str], more: Mapping[str, Json]
) -> dict[str, Json]:
    """Return what people see of a container: `status` and `health` in Docker's words, addresses, ports, restarts and what comes next."""
    state = inspected.get("State") or {}
    restarts, status = int(inspected.get("RestartCount") or 0), state.get("Status")
    networks = (inspected.get("NetworkSettings") or {}).get("Networks") or {}
    ended_at = instant(state.get("FinishedAt"))
    is_looping = status == "restarting"
    return {
        "container": str(inspected.get("Id") or "")[:12],
        "name": str(inspected.get("Name") or "").lstrip("/"),
        "pid": state.get("Pid") or None,
        "status": status,
        "health": (state.get("Health") or {}).get("Status"),
        "exit_code": state.get("ExitCode") if status in {"exited", "dead", "restarting"} else None,
        "is_out_of_memory": bool(state.get("OOMKilled")),
        "restarts": restarts,
        "started_at": instant(state.get("StartedAt")),
        "next_at": ended_at + again_s(restarts) if is_looping and ended_at is not None else None,
        "addresses": {name: each.get("IPAddress") for name, each in sorted(networks.items()) if (each or {}).get("IPAddress")},
        "published": _published(inspected),
        "image": inspected.get("Image"),
        "message": _message(state, restarts),
        "candidate": _candidate(candidate),
        "drift": [*sorted(drift)],
        **more,
    }


def _published(inspected: Mapping[str, Any]) -> Json:
    """Return the TCP ports that the host publishes of it: `host` and `port` there, `target` within."""
    ports = (inspected.get("NetworkSettings") or {}).get("Ports") or {}
    return [
        {"host": str(each.get("HostIp") or ""), "port": int(each.get("HostPort") or 0), "target": int(inner.partition("/")[0])}
        for inner, bindings in sorted(ports.items())
        if inner.endswith("/tcp")
        for each in bindings or ()
    ]


def _message(state: Mapping[str, Any], restarts: int) -> str:
    status = state.get("Status")
    if status == "running" and (state.get("Health") or {}).get("Status") == "unhealthy":
        return f"its health check fails{_last_look(state)}"
    if status == "restarting":
        why = "it ran out of memory" if state.get("OOMKilled") else f"exit code {state.get('ExitCode')}"
        return f"it ends again and again ({why}), restarted {restarts} times, next after {again_s(restarts):g} s"
    if status == "exited" and state.get("OOMKilled"):
        return "it ran out of memory"
    return str(state.get("Error") or "")[:200]


def _last_look(state: Mapping[str, Any]) -> str:
    log = (state.get("Health") or {}).get("Log") or ()
    text = " ".join(str(log[-1].get("Output") or "").split())[:160] if log else ""
    return f": {text}" if text else ""


def _candidate(inspected: Mapping[str, Any] | None) -> Json:
    if inspected is None:
        return None
    state = inspected.get("State") or {}
    return {"container": str(inspected.get("Id"))[:12], "status": state.get("Status"), "health": (state.get("Health") or {}).get("Status")}


def again_s(restarts: int) -> float:
    """Return how long Docker waits before the next restart."""
    return float(min(0.1 * 2 ** min(max(restarts, 0), 20), AGAIN_CAP_S))


def instant(text: object) -> float | None:
    """Return the time that Docker writes with nanoseconds; None for its zero, the first year."""
    found = str(text or "")
    if not found or found.startswith("0001-"):
        return None
    head, _, rest = found.partition(".")
    try:
        whole = datetime.fromisoformat(f"{head.rstrip('Z')}Z").timestamp()
        digits = "".join(letter for letter in rest.partition("Z")[0].partition("+")[0] if letter.isdigit())
        return whole + (float(f"0.{digits}") if digits else 0.0)
    except ValueError:
        return None
