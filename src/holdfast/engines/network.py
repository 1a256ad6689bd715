"""The network engine: network namespaces of this host, as ip-netns(8) keeps them: a name beneath /run/netns, and a loopback that is up.

A namespace lives while a process is in it or its name is mounted. Where somebody takes the name away, it is given back to the namespace
that the processes are still in, so that nobody is cut off and nobody is restarted; where none is left, a new one is made.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Collection, Mapping
from pathlib import Path

from holdfast.errors import Bug, EngineError, Rejected
from holdfast.host import network
from holdfast.host.command import run
from holdfast.host.file_watch import FileWatch
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.ports import Records
from holdfast.model.state import State
from holdfast.workload.network_namespace import KIND, state_of

LIMIT_S = 10.0


class NetworkEngine:
    """Implements ports.Engine. `mark` tells the namespaces of this installation from others'; `records` remember which one each is."""

    name = "network"
    kinds = frozenset({KIND})

    def __init__(self, *, mark: str, records: Records, search_path: str, clock: Clock, watch: FileWatch | None = None) -> None:
        self._mark = mark
        self._records = records
        self._environment: Mapping[str, str] = {"PATH": search_path, "LANG": "C.UTF-8"}
        self._clock = clock
        self._watch = watch or FileWatch()
        self._watched: dict[str, ResourceId] = {}

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        observed, unreachable = {}, {}
        for id in ids:
            try:
                path = self._path(id)
                self._remember(id, path)
                state, now = await self._state(id), self._clock.now()
                observed[id] = Observation(state=state, handle={"path": str(path)}, observed_at=now)
            except EngineError as error:
                unreachable[id] = error.message
        return Live(observed=observed, unreachable=unreachable)

    async def apply(self, step: Step) -> None:
        if step.verb is StepVerb.DELETE:
            await self._delete(step.id)
        elif step.verb is StepVerb.APPLY:
            await self._make(step.id)
        else:
            raise Bug("HF9001", f"cannot {step.verb} {step.id}: a NetworkNamespace is only applied and deleted")

    async def watch(self) -> AsyncIterator[ResourceId]:
        async for path in self._watch.changes():
            if (id := self._watched.get(path)) is not None:
                yield id

    def _name(self, id: ResourceId) -> str:
        return network.name_of(self._mark, _network(id))

    def _path(self, id: ResourceId) -> Path:
        return network.FOLDER / self._name(id)

    def _remember(self, id: ResourceId, path: Path) -> None:
        if str(path) not in self._watched:
            self._watched[str(path)] = id
            self._watch.add(str(network.FOLDER.parent), str(path))

    async def _state(self, id: ResourceId) -> State | None:
        if not network.is_there(self._path(id)):
            return None
        lines = await self._ip("-n", self._name(id), "-o", "link", "show", "dev", "lo")
        return state_of(_network(id), is_up=any(",UP" in line for line in lines))

    async def _make(self, id: ResourceId) -> None:
        name, path = self._name(id), self._path(id)
        if not network.is_there(path):
            if path.exists():
                path.unlink()  # what was left of one that is not mounted any more
            pid = self._member(id)
            await self._ip("netns", "add", name) if pid is None else await self._ip("netns", "attach", name, str(pid))
        await self._ip("-n", name, "link", "set", "lo", "up")
        found = network.inode(path)
        if found is not None and self._records.get(str(id)) != list(found):
            await self._records.put(str(id), list(found))
        self._remember(id, path)

    def _member(self, id: ResourceId) -> int | None:
        """Return a process that still is in the namespace as it was made; None where nobody is."""
        made = self._records.get(str(id))
        if not isinstance(made, list):
            return None
        wanted: list[Json] = made
        pids = (int(name) for name in os.listdir("/proc") if name.isdigit())
        return next((pid for pid in pids if (found := network.of_process(pid)) is not None and list(found) == wanted), None)

    async def _delete(self, id: ResourceId) -> None:
        path = self._path(id)
        if network.is_there(path):
            await self._ip("netns", "delete", self._name(id))
        elif path.exists():
            path.unlink()
        await self._records.drop(str(id))
        if self._watched.pop(str(path), None) is not None:
            self._watch.drop(str(path))

    async def _ip(self, *arguments: str) -> tuple[str, ...]:
        """Run ip(8) and return what it wrote; raises Rejected (HF3134) with its last words."""
        ended = await run(("ip", *arguments), folder="/", environment=self._environment, timeout_s=LIMIT_S)
        if ended.code != 0:
            words = ended.lines[-1] if ended.lines else f"exit code {ended.code}"
            raise Rejected("HF3134", f"cannot change the networks of this host: ip {' '.join(arguments)}: {words}")
        return ended.lines


def _network(id: ResourceId) -> str:
    return f"{id.namespace}/{id.name}"
