"""The daemon's side of the keeper: one connection, typed answers, events, and the start of a keeper where none runs.

Callbacks of one asyncio protocol, no task. The keeper's errors become `holdfast.errors`. Callers: the process engine; `peek` serves the
command line without a daemon.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from holdfast.errors import Bug, Conflict, EngineError, Rejected, TimedOut, Unavailable
from holdfast.host import keeper
from holdfast.host.keeper.protocol import CONFINES, SOCKET_NAME, VERSION, decode, encode
from holdfast.host.keeper_state import (
    Adopt,
    Adopted,
    Child,
    HeldSocket,
    KeeperEvent,
    KeeperInfo,
    KeeperState,
    Spawn,
    child_of,
    event_of,
    given,
    held_of,
    only,
    request_fields,
    state_of,
)

START_LIMIT_S = 10.0
ANSWER_LIMIT_S = 15.0
"""Longer than a spawn may take (5 s to exec), so a slow start is told as what it is."""
MAIN = Path(keeper.__file__).with_name("__main__.py")


class KeeperClient:
    """One connection to the keeper of a folder. Every method raises `Unavailable` once the connection is lost."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire
        self._abilities: frozenset[str] = frozenset()

    @classmethod
    async def connect(cls, run_dir: str | os.PathLike[str], *, start: bool, python: str = sys.executable) -> KeeperClient:
        """Return a client of the keeper in `run_dir`, starting one when none answers and `start` is set; raises Unavailable."""
        folder = _absolute(run_dir)
        try:
            async with asyncio.timeout(START_LIMIT_S):
                while (client := await cls._open(folder)) is None:
                    if not start:
                        raise Unavailable("HF3001", f"cannot reach the keeper: nobody answers at {folder}/{SOCKET_NAME}")
                    await _start_keeper(folder, python)
        except TimeoutError as error:
            raise Unavailable("HF3002", f"cannot start the keeper: no answer within {START_LIMIT_S:.0f} s at {folder}") from error
        return client

    @classmethod
    async def _open(cls, folder: str) -> KeeperClient | None:
        """Return a client, None when no keeper answers; one that is just ending closes the connection, which is no answer either."""
        loop = asyncio.get_running_loop()
        try:
            _, wire = await loop.create_unix_connection(_Wire, f"{folder}/{SOCKET_NAME}")
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise Unavailable("HF3001", f"cannot reach the keeper: {error.strerror or error} at {folder}/{SOCKET_NAME}") from error
        client = cls(wire)
        try:
            info = await client.hello()
        except Unavailable as error:
            await client.aclose()
            if error.code == "HF3003":
                return None
            raise
        if info.version != VERSION:
            await client.aclose()
            raise Unavailable("HF3013", f"cannot use the keeper (pid {info.pid}): it speaks version {info.version}, not {VERSION}")
        client._abilities = frozenset(info.abilities)
        return client

    async def hello(self) -> KeeperInfo:
        answer = await self._wire.ask("hello")
        return KeeperInfo(**only(KeeperInfo, answer))

    async def list(self) -> KeeperState:
        return state_of(await self._wire.ask("list"))

    async def hold_tcp(self, key: str, host: str, port: int, *, backlog: int | None = None, replace: bool = False) -> HeldSocket:
        """Return the held socket of a key, made now if need be; `port` 0 is content with any. Raises Conflict naming who has the port."""
        return held_of(await self._wire.ask("hold", key=key, kind="tcp", host=host, port=port, replace=replace, **given(backlog=backlog)))

    async def reserve_tcp(self, key: str, host: str, port: int = 0) -> HeldSocket:
        """Return the socket of a key; one that is made now has its port and refuses until it is held."""
        return held_of(await self._wire.ask("hold", key=key, kind="tcp", host=host, port=port, rest=True))

    async def shut(self, key: str) -> int:
        """Let nobody new through a TCP socket; return how many still wait to be accepted. `hold_tcp` opens it again."""
        return int((await self._wire.ask("shut", key=key))["queued"])

    async def rest(self, key: str) -> None:
        """Have a TCP socket refuse until it is held again; who still waits to be accepted is reset."""
        await self._wire.ask("rest", key=key)

    async def hold_unix(self, key: str, path: str, *, mode: int = 0o600, backlog: int | None = None, replace: bool = False) -> HeldSocket:
        """Return the held unix socket of a key, made now if need be."""
        return held_of(await self._wire.ask("hold", key=key, kind="unix", path=path, mode=mode, replace=replace, **given(backlog=backlog)))

    async def release(self, key: str) -> None:
        await self._wire.ask("release", key=key)

    async def spawn(self, spawn: Spawn) -> Child:
        """Return the child of a spawn id, started now unless it was before.

        Raises Rejected when it cannot execute; the keeper remembers that too, until `forget`.
        """
        is_confined = spawn.network is not None or spawn.bind_ports is not None or spawn.connect_ports is not None
        if is_confined and CONFINES not in self._abilities:
            raise Rejected(
                "HF3029",
                f"cannot confine {spawn.argv[0]}: the keeper is older than this Holdfast, and knows no networks and port rules",
                hint="end the processes of this state folder once, so that a new keeper is started",
            )
        uses = [{"key": use.key, "name": use.name} for use in spawn.sockets]
        answer = await self._wire.ask("spawn", **request_fields(spawn, sockets=uses))
        return child_of(answer["child"])

    async def adopt(self, adopt: Adopt) -> Adopted:
        """Take over a process that a dead keeper had started; idempotent by spawn id."""
        uses = [{**request_fields(use.held), "name": use.name, "fd": use.fd} for use in adopt.sockets]
        answer = await self._wire.ask("adopt", **request_fields(adopt, sockets=uses))
        taken, lost = tuple(answer["sockets_taken"]), tuple(answer["sockets_lost"])
        return Adopted(child=child_of(answer["child"]), sockets_taken=taken, sockets_lost=lost)

    async def signal(self, spawn_id: str, signal: int | str, *, group: bool = False) -> bool:
        """Signal a child, or its whole group; return whether it was there."""
        return bool((await self._wire.ask("signal", spawn_id=spawn_id, signal=signal, group=group))["delivered"])

    async def kill(self, spawn_id: str) -> bool:
        """SIGKILL the whole group and cgroup of a child; return whether it was there."""
        return bool((await self._wire.ask("kill", spawn_id=spawn_id))["delivered"])

    async def forget(self, spawn_id: str) -> None:
        """Drop the record of a child that has ended, once its exit is journalled. Raises Conflict while it lives."""
        await self._wire.ask("forget", spawn_id=spawn_id)

    async def subscribe(self) -> None:
        """Ask for events from now on. Subscribe first and `list` then, and nothing is missed. A subscriber keeps the keeper alive."""
        await self._wire.ask("subscribe")

    async def events(self) -> AsyncIterator[KeeperEvent]:
        """Yield the events in order, from the subscription on; ends when the connection does. For one reader."""
        while (event := await self._wire.events.get()) is not None:
            yield event

    @property
    def is_closed(self) -> bool:
        return self._wire.closed.done()

    async def wait_closed(self) -> None:
        """Return when the connection is lost: the keeper died, or `aclose` was called."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake(closed: asyncio.Future[None]) -> None:
            if not waiter.done():
                waiter.set_result(None)

        self._wire.closed.add_done_callback(wake)
        await waiter

    async def aclose(self) -> None:
        """End the connection; the keeper and all it keeps go on."""
        self._wire.close()
        await self.wait_closed()


class _Wire(asyncio.Protocol):
    """Frames, request numbers and their waiting futures."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.events: asyncio.Queue[KeeperEvent | None] = asyncio.Queue()
        self.closed: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._transport: asyncio.WriteTransport | None = None
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._rest = b""

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send a request and return its answer; raises the error that the keeper's refusal means."""
        if self._transport is None or self._transport.is_closing():
            raise _lost()
        self._number += 1
        number = self._number
        future: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._waiting[number] = future
        self._transport.write(encode({"n": number, "op": op, **fields}))
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                answer = await future
        except TimeoutError as error:
            raise TimedOut("HF3004", f"cannot {op}: the keeper did not answer within {ANSWER_LIMIT_S:.0f} s") from error
        finally:
            self._waiting.pop(number, None)
        if "error" in answer:
            raise _error(op, answer["error"])
        return answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(decode(line))

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            self.events.put_nowait(event_of(message))
            return
        number = message.get("n")
        waiting = [future for n, future in self._waiting.items() if number in (n, None)]
        for future in waiting:
            if not future.done():
                future.set_result(message)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_lost())
        self.events.put_nowait(None)
        if not self.closed.done():
            self.closed.set_result(None)


async def _start_keeper(folder: str, python: str) -> None:
    """Start a keeper and return when it listens, or when another one turns out to; raises Unavailable.

    It gets none of our environment (secrets may be in it) and leaves us by a second fork, so it is not our child.
    """
    report, answer = os.pipe()
    try:
        arguments = [python, "-I", "-S", str(MAIN), folder, str(answer)]
        environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
        try:
            process = _spawn_detached(arguments, environment, answer)
        finally:
            os.close(answer)
        try:
            words = await _read_to_end(report)
        finally:
            status = process.wait()  # it forks at once and ends; who is cancelled here must not leave it unreaped
    except OSError as error:
        raise Unavailable("HF3002", f"cannot start the keeper: {error.strerror or error}: {python}") from error
    finally:
        os.close(report)
    if words not in (b"ready", b"busy"):
        reason = words.decode(errors="replace").removeprefix("failed ") or f"{python} ended with {status}"
        raise Unavailable("HF3002", f"cannot start the keeper in {folder}: {reason}")


def _spawn_detached(arguments: list[str], environment: dict[str, str], keep: int) -> subprocess.Popen[bytes]:
    """Start a process with nothing of ours but one descriptor. Blocks for the milliseconds of fork and exec."""
    null = subprocess.DEVNULL
    return subprocess.Popen(
        arguments, stdin=null, stdout=null, stderr=null, pass_fds=[keep], cwd="/", env=environment, start_new_session=True
    )


def _absolute(path: str | os.PathLike[str]) -> str:
    return os.path.abspath(path)


async def _read_to_end(fd: int) -> bytes:
    """Return all that comes through a pipe until its other end is closed."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[bytes] = loop.create_future()
    parts: list[bytes] = []

    def read() -> None:
        part = os.read(fd, 4096)
        parts.append(part)
        if not part:
            loop.remove_reader(fd)
            if not ended.done():
                ended.set_result(b"".join(parts))

    loop.add_reader(fd, read)
    try:
        return await ended
    finally:
        loop.remove_reader(fd)


def peek(run_dir: str | os.PathLike[str], timeout_s: float = 5.0) -> tuple[KeeperInfo, KeeperState] | None:
    """Return who the keeper is and what it remembers, without asyncio; None when no keeper runs. Raises Unavailable."""
    path = f"{os.path.abspath(run_dir)}/{SOCKET_NAME}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(path)
            connection.sendall(encode({"n": 1, "op": "hello"}) + encode({"n": 2, "op": "list"}))
            with connection.makefile("rb") as lines:
                hello, listing = (_answer(lines.readline()) for _ in range(2))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise Unavailable("HF3001", f"cannot reach the keeper: {error.strerror or error} at {path}") from error
    return KeeperInfo(**only(KeeperInfo, hello)), state_of(listing)


def _answer(line: bytes) -> dict[str, Any]:
    if not line:
        raise _lost()
    answer = decode(line)
    if "error" in answer:
        raise _error("list", answer["error"])
    return answer


def _lost() -> Unavailable:
    return Unavailable("HF3003", "cannot ask the keeper: the connection is lost")


def _error(op: str, error: Mapping[str, Any]) -> EngineError | Bug:
    """Return the error of the house that a refusal means."""
    kind, message = error["kind"], error["message"]
    make = _ERRORS.get(kind)
    if make is None:
        return Bug("HF3014", f"cannot {op}: the keeper says {kind}: {message}")
    if kind == "exec" and error.get("stage") != "exec":
        return Rejected("HF3006", message, hint="what the process asks of this host is not there or not allowed")
    return make(message)


_ERRORS: Mapping[str, Callable[[str], EngineError]] = {
    "exec": lambda message: Rejected("HF3005", message, hint="is the program installed, executable and on the configured PATH?"),
    "in-use": lambda message: Conflict("HF3007", message, hint="stop what listens there, or declare another port"),
    "key-taken": lambda message: Conflict("HF3008", message),
    "listen": lambda message: Rejected("HF3009", message),
    "unknown-socket": lambda message: Conflict("HF3010", message),
    "unknown-child": lambda message: Conflict("HF3010", message),
    "alive": lambda message: Conflict("HF3011", message),
    "signal": lambda message: Rejected("HF3012", message),
    "closing": lambda message: Unavailable("HF3015", f"cannot take new work: {message}"),
    "peer": lambda message: Unavailable("HF3016", f"cannot reach the keeper: {message}", hint="run this as the user that runs Holdfast"),
}
