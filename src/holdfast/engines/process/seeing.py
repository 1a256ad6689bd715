"""Seeing: what an engine's look says of a unit: its state as applied, what the kernel says otherwise, and the handle for people.

The state is that of what serves, also while it is between two starts: exits are the supervisor's work, no drift. Only what a supervisor
cannot mend is laid over it, so that heal sees a difference: `stopped` by a signal, `replace` asked for, a limit that somebody changed.
"""

from __future__ import annotations

import os
from typing import Any

from holdfast.engines.process import cgroup, sockets
from holdfast.engines.process.instance import Instance, Unit
from holdfast.host import network, proc
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.live import Observation
from holdfast.model.state import State
from holdfast.workload.run import NETWORK
from holdfast.workload.supervisor import Phase

PAGE = os.sysconf("SC_PAGE_SIZE")


def observation(unit: Unit | None, now: Instant, mark: str) -> Observation:
    """Return what there is of a unit. What is still on its way out is there, and no longer as it was. `mark`: of this installation."""
    if unit is None:
        return Observation(state=None, observed_at=now)
    if unit.serving is not None:
        return Observation(state=_state(unit.serving, mark), owned=True, handle=_handle(unit, unit.serving), observed_at=now)
    if unit.suspended is not None:
        return Observation(state=unit.suspended, owned=True, handle=_handle(unit, None), observed_at=now)
    if unit.leaving:
        last = unit.leaving[-1]
        return Observation(state=_over(last.state, {"stopped": True}), owned=True, handle=_handle(unit, last), observed_at=now)
    return Observation(state=None, handle=_handle(unit, None), observed_at=now)


def _state(instance: Instance, mark: str) -> State:
    differing: dict[str, Json] = {}
    if instance.replace is not None:
        differing["replace"] = instance.replace
    if instance.pid is not None and instance.machine.is_running:
        found = proc.stat(instance.pid)
        if found is not None and found.state == proc.STOPPED:
            differing["stopped"] = True
        if limits := _limits(instance, instance.pid):
            differing["limits"] = limits
        if instance.run.network is not None and _is_elsewhere(instance.run.network, mark, instance.pid):
            differing[NETWORK] = None
    return _over(instance.state, differing)


def _over(state: State, differing: dict[str, Json]) -> State:
    return State.of({**state.fields, **differing}) if differing else state


def _limits(instance: Instance, pid: int) -> Json:
    """Return the limits as the kernel has them where a declared one is another there, None where none is."""
    spec = instance.run.spec.limits
    found: dict[str, Any] = {}
    if spec.open_files is not None and (files := proc.open_files_limit(pid)) not in (None, spec.open_files):
        found["openFiles"] = files
    if spec.memory is not None and instance.last is not None and instance.last.cgroup is not None:
        limit = cgroup.limit_of(instance.last.cgroup)
        if limit is None or not spec.memory - PAGE <= limit <= spec.memory + PAGE:
            found["memory"] = limit
    declared = instance.state.fields.get("limits")
    return {**declared, **found} if found and isinstance(declared, dict) else None


def _is_elsewhere(wanted: str, mark: str, pid: int) -> bool:
    """Say whether a process is not in the namespace that its Network has now; where that has none, the Network is what drifted."""
    mounted, found = network.inode(network.FOLDER / network.name_of(mark, wanted)), network.of_process(pid)
    return mounted is not None and found is not None and mounted != found


def _handle(unit: Unit, instance: Instance | None) -> dict[str, Json]:
    candidate = unit.candidate
    who: Json = None if candidate is None else {"pid": candidate.pid, "slot": candidate.slot, "phase": candidate.machine.phase.value}
    return {**(_of(instance) if instance is not None else _nobody()), "candidate": who}


def _nobody() -> dict[str, Json]:
    return {"pid": None, "slot": None, "phase": Phase.STOPPED.value, "message": "", "restarts": 0, "ready": False}


def _of(instance: Instance) -> dict[str, Json]:
    machine, last = instance.machine, instance.last
    port = next((held.port for held in instance.sockets.values() if held.port is not None), instance.run.spec.port)
    return {
        "pid": instance.pid,
        "slot": instance.slot,
        "phase": machine.phase.value,
        "message": _message(instance),
        "restarts": machine.restarts,
        "ready": machine.phase is Phase.READY,
        "started_at": last.started_at if last is not None and instance.pid is not None else None,
        "crash_looping": machine.is_crash_looping,
        "next_at": instance.next_at,
        "log": list(instance.log) if machine.is_crash_looping else [],
        "port": port,
        **_confined(instance),
        "sockets": {name: sockets.shown(held) for name, held in sorted(instance.sockets.items())},
    }


def _confined(instance: Instance) -> dict[str, Json]:
    """Return what the kernel holds it to, where that is less than everything."""
    run = instance.run
    rules: dict[str, Json] = {"bind_ports": _listed(run.bind_ports), "connect_ports": _listed(run.connect_ports), "network": run.network}
    return {name: value for name, value in rules.items() if value is not None}


def _listed(ports: tuple[int, ...] | None) -> Json:
    return None if ports is None else list(ports)


def _message(instance: Instance) -> str:
    if instance.lost:
        return f"the keeper could not take back socket {', '.join(instance.lost)}: it goes when this instance ends"
    return instance.machine.message
