"""Work in a container that runs, and what it uses: asked of its Docker host by the command line itself, whose user must be allowed to."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.app.streams import pass_input, write_all
from holdfast.engines.docker.address import read_address
from holdfast.engines.docker.client import Client, segment
from holdfast.engines.docker.raw import STDERR, Hijacked
from holdfast.engines.docker.way import way_to
from holdfast.errors import EngineError, Rejected
from holdfast.host.config import Config
from holdfast.host.proc import used_by_sessions
from holdfast.kit.canonical import Json
from holdfast.kit.tasks import Tasks, all_of

BETWEEN_S = 0.5
"""Between two samples of processes, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A container that runs: where, and its id."""

    destination: str
    container: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done in a container. `has_input` passes standard input on; `captures` keeps what is written, which is shown else."""

    command: Sequence[str]
    has_input: bool = False
    has_terminal: bool = False
    user: str | None = None
    folder: str | None = None
    env: Sequence[str] = ()
    captures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """How it ended; both texts are empty unless they were captured."""

    code: int
    out: str = ""
    err: str = ""


def client_of(destination: str, config: Config) -> Client:
    """Return a client of a Docker host, as this host is configured."""
    folder = config.get("docker.certificates")
    address = read_address(destination)
    return Client(address, way_to(address, certificates=Path(folder) if folder else None))


def work_in(where: Running, work: Work, config: Config) -> Worked:
    """Run a command in a container and return how it ended. Raises EngineError."""
    return asyncio.run(_work_in(where, work, config))


async def _work_in(where: Running, work: Work, config: Config) -> Worked:
    client = client_of(where.destination, config)
    try:
        asked: dict[str, Json] = {
            "AttachStdin": work.has_input,
            "AttachStdout": True,
            "AttachStderr": True,
            "Tty": work.has_terminal,
            "Cmd": list[Json](work.command),
            **({"User": work.user} if work.user else {}),
            **({"WorkingDir": work.folder} if work.folder else {}),
            **({"Env": list[Json](work.env)} if work.env else {}),
        }
        made = await client.post(f"run {work.command[0]} in {where.name}", f"/containers/{where.container}/exec", None, asked)
        id = segment(str(made["Id"]))
        start: dict[str, Json] = {"Detach": False, "Tty": work.has_terminal}
        pipe = await client.hijack(
            f"run {work.command[0]} in {where.name}", f"/exec/{id}/start", None, start, is_terminal=work.has_terminal
        )
        try:
            kept = await _carried(client, id, pipe, work)
        finally:
            await pipe.aclose()
        ended = await client.get(f"see how {work.command[0]} ended", f"/exec/{id}/json")
        code = ended.get("ExitCode")
        if not isinstance(code, int):
            raise Rejected("HF8057", f"cannot see how {work.command[0]} ended in {where.name}: the connection was lost while it ran")
        return Worked(code=code, out=kept[0].decode(errors="replace"), err=kept[1].decode(errors="replace"))
    finally:
        await client.aclose()


async def _carried(client: Client, id: str, pipe: Hijacked, work: Work) -> tuple[bytes, bytes]:
    """Carry input and output until the command ends; return what was captured."""
    out, err = bytearray(), bytearray()
    loop = asyncio.get_running_loop()
    async with Tasks() as tasks:
        if work.has_input:
            tasks.start("input", _input(pipe), guard=False)
        else:
            pipe.end_input()
        if work.has_terminal:
            await _resized(client, id)
            loop.add_signal_handler(signal.SIGWINCH, lambda: tasks.start(f"resize {loop.time()}", _resized(client, id)))
        try:
            async for piece in pipe.read():
                if work.captures:
                    (err if piece.stream == STDERR else out).extend(piece.data)
                else:
                    write_all(2 if piece.stream == STDERR else 1, piece.data)
        finally:
            if work.has_terminal:
                loop.remove_signal_handler(signal.SIGWINCH)
            await tasks.stop()
    return bytes(out), bytes(err)


async def _resized(client: Client, id: str) -> None:
    with suppress(OSError, EngineError):  # a window of no size is no reason to stop
        size = os.get_terminal_size(0)
        await client.post("resize the terminal", f"/exec/{id}/resize", {"h": size.lines, "w": size.columns})


async def _input(pipe: Hijacked) -> None:
    async def end() -> None:
        pipe.end_input()

    await pass_input(pipe.write, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What containers use (ContainerStats with the sample before), and processes; None for one that cannot be asked."""

    containers: list[Mapping[str, Any] | None]
    processes: list[dict[str, Json] | None]


def usage(found: Sequence[Running], sessions: Sequence[int], config: Config) -> Measured:
    """Return what each container uses now, and each session of this host: between two samples, and since its start."""
    return asyncio.run(_measured(found, sessions, config))


async def _measured(found: Sequence[Running], sessions: Sequence[int], config: Config) -> Measured:
    before, began = (used_by_sessions(sessions) if sessions else {}), time.monotonic()
    containers = await _usage(found, config)
    if sessions:
        await asyncio.sleep(max(0.0, BETWEEN_S - (time.monotonic() - began)))
    passed_s, after = time.monotonic() - began, used_by_sessions(sessions) if sessions else {}
    processes: list[dict[str, Json] | None] = []
    for session in sessions:
        now = after.get(session)
        if now is None:
            processes.append(None)
            continue
        cpus = (now.cpu_s - before.get(session, now).cpu_s) / passed_s
        processes.append(
            {"cpus": round(max(cpus, 0.0), 4), "memory": now.memory, "pids": now.pids, "read": now.read, "written": now.written}
        )
    return Measured(containers=containers, processes=processes)


async def _usage(found: Sequence[Running], config: Config) -> list[Mapping[str, Any] | None]:
    clients = {each.destination: client_of(each.destination, config) for each in found}

    async def ask(each: Running) -> Mapping[str, Any] | None:
        try:
            said = await clients[each.destination].get(f"measure {each.name}", f"/containers/{each.container}/stats", {"stream": False})
        except EngineError:
            return None
        return said if isinstance(said, dict) else None

    try:
        return await all_of(*map(ask, found)) if found else []
    finally:
        for client in clients.values():
            await client.aclose()
