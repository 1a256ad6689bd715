"""Commands in a container of a pod, over a WebSocket (v5.channel.k8s.io, KEP-4006).

Each message begins with its channel: 0 standard input, 1 and 2 output and errors, 3 how it ended (a Status), 4 the size of the terminal;
255 with a channel says that no more comes on it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson

from holdfast.engines.kubernetes.answer import Question
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.errors import Rejected, Unavailable

PROTOCOL = "v5.channel.k8s.io"
CHUNK = 32 << 10
STDIN, STDOUT, STDERR, ENDED, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A container of a pod."""

    namespace: str
    pod: str
    container: str

    def __str__(self) -> str:
        return f"Pod/{self.namespace}/{self.pod}:{self.container}"


class Command:
    """One that runs. `code` is there when `read` has ended."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, place: Place, name: str) -> None:
        self._socket = socket
        self._what = f"cannot run {name} in {place}"
        self.code: int | None = None

    async def write(self, data: bytes) -> None:
        """Pass standard input on. Raises OSError where the command takes no more."""
        for at in range(0, len(data), CHUNK):
            await self._send(STDIN, data[at : at + CHUNK])

    async def end_input(self) -> None:
        with suppress(OSError):
            await self._send(CLOSE, bytes([STDIN]))

    async def resize(self, columns: int, lines: int) -> None:
        with suppress(OSError):
            await self._send(RESIZE, orjson.dumps({"Width": columns, "Height": lines}))

    async def _send(self, channel: int, data: bytes) -> None:
        if self.code is not None:
            raise BrokenPipeError("the command has ended")
        try:
            await self._socket.send_bytes(bytes([channel]) + data)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise BrokenPipeError(str(error)) from error

    async def read(self) -> AsyncIterator[tuple[int, bytes]]:
        """Yield channel (STDOUT or STDERR) and data until the command ends.

        Raises `Rejected` (HF3344) where it could not be run, `Unavailable` (HF3300) where the connection was lost while it ran.
        """
        async for message in self._socket:
            if message.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                continue
            data = message.data.encode() if isinstance(message.data, str) else message.data
            if not data:
                continue
            channel, rest = data[0], data[1:]
            if channel in (STDOUT, STDERR) and rest:
                yield channel, rest
            elif channel == ENDED:
                self.code = self._ended(rest)
        if self.code is None:
            raise Unavailable("HF3300", f"{self._what}: the connection was lost while it ran")

    def _ended(self, data: bytes) -> int:
        """Return the exit code of a Status."""
        try:
            status: Any = orjson.loads(data)
        except ValueError:
            status = {"message": data.decode(errors="replace")}
        if status.get("status") == "Success":
            return 0
        if status.get("reason") == "NonZeroExitCode":
            causes = (status.get("details") or {}).get("causes") or ()
            codes = [str(each.get("message")) for each in causes if each.get("reason") == "ExitCode"]
            if codes and codes[0].isdigit():
                return int(codes[0])
        raise Rejected("HF3344", f"{self._what}: {status.get('message') or 'the node did not say why'}")


@asynccontextmanager
async def run_in(wire: HttpWire, place: Place, command: tuple[str, ...], *, has_input: bool, has_terminal: bool) -> AsyncIterator[Command]:
    """Run a command in a container; the block ends the connection, and with it a command that reads from it."""
    query = [("container", place.container), *(("command", word) for word in command), ("stdout", "true")]
    query += [("stdin", "true")] if has_input else []
    query += [("tty", "true")] if has_terminal else [("stderr", "true")]
    path = "/".join(("/api/v1/namespaces", quote(place.namespace, safe=""), "pods", quote(place.pod, safe=""), "exec"))
    question = Question(method="GET", path=path, query=tuple(query), verb=f"run {command[0]} in", subject=str(place))
    async with wire.socket(question, protocol=PROTOCOL) as socket:
        yield Command(socket, place, command[0])
