"""A simulated Net: servers that answer what a test says, on the clock it is given. Nobody listens where none was put."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from holdfast.errors import TimedOut, Unavailable
from holdfast.host.net import BODY_LIMIT, place
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.model.ports import HttpAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a server was asked, over a connection of its own."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class SimulatedServer:
    """Answers every request alike; with None it takes connections and says nothing."""

    answer: HttpAnswer | None
    asked: list[Asked] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class SimulatedNet:
    """Implements ports.Net. `servers`: by the place that they listen at, as people write it."""

    clock: Clock
    servers: dict[str, SimulatedServer] = field(default_factory=dict)

    async def connect(self, target: Mapping[str, Json], *, timeout_s: float) -> None:
        await self.clock.sleep(0.0)
        self._server("connect to", target)

    async def http(
        self,
        target: Mapping[str, Json],
        *,
        method: str = "GET",
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        timeout_s: float,
    ) -> HttpAnswer:
        await self.clock.sleep(0.0)
        server = self._server("ask", target)
        server.asked.append(Asked(method=method, path=path, headers=headers or {}))
        if server.answer is None:
            await self.clock.sleep(timeout_s)
            raise TimedOut("HF3091", f"cannot ask {place(target)}: no answer within {timeout_s:g} s")
        body = b"" if method == "HEAD" else server.answer.body[:BODY_LIMIT]
        return HttpAnswer(status=server.answer.status, body=body, headers=server.answer.headers)

    def _server(self, verb: str, target: Mapping[str, Json]) -> SimulatedServer:
        server = self.servers.get(place(target))
        if server is None:
            raise Unavailable("HF3090", f"cannot {verb} {place(target)}: connection refused")
        return server
