"""The gate: where requests wait that a pause holds back.

nginx asks here, for each request that comes meanwhile, whether it may go on (`edge.render_guard`): the answer is 204 once it may, 403 once
it has waited as long as it should. Only nginx's workers reach it. While no daemon runs nobody answers, and requests get the page.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import re
from contextlib import suppress
from pathlib import Path
from typing import cast

from holdfast.host.files import told

MOST = 10_000
"""Who may wait at a time; nginx holds two connections for each."""
LONGEST_QUESTION = 4096
_ASKED = re.compile(rb"GET /([0-9]+)(ms|s)/([a-z0-9_]+) HTTP/1\.[01]\r\n")
GO_ON = b"HTTP/1.1 204 No Content\r\n\r\n"
NO_MORE = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"


class Gate:
    """Holds back requests of the Sites that are paused."""

    def __init__(self) -> None:
        self._paused: frozenset[str] = frozenset()
        self._waiting: dict[_Visitor, str] = {}

    def hold(self, keys: frozenset[str]) -> None:
        """Hold back requests of these Sites too, by their keys. Their flags may be there from now on: nginx comes again at once where it is
        let through and the flag is there."""
        self._paused |= keys

    def hold_only(self, keys: frozenset[str]) -> None:
        """Hold back requests of these Sites, and let those of all others go on, whose flags are gone."""
        self._paused = paused = keys
        for visitor, key in tuple(self._waiting.items()):
            if key not in paused:
                visitor.answer(GO_ON)

    def waiting(self, key: str) -> int:
        """Return how many requests of a Site wait."""
        return sum(each == key for each in self._waiting.values())

    def ask(self, visitor: _Visitor, key: str) -> bool:
        """Let a visitor wait, who is answered by `answer`; False where it need not, or too many do."""
        if key not in self._paused:
            visitor.answer(GO_ON)
            return False
        if len(self._waiting) >= MOST:
            visitor.answer(NO_MORE)
            return False
        self._waiting[visitor] = key
        return True

    def leave(self, visitor: _Visitor) -> None:
        self._waiting.pop(visitor, None)


class _Visitor(asyncio.Protocol):
    """One connection of nginx, that asks one question after another."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._said = b""
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._said += data
        head, end, self._said = self._said.partition(b"\r\n\r\n")
        if not end:
            self._said = head
        asked = _ASKED.match(head + end)
        if (end and asked is None) or len(head) > LONGEST_QUESTION:
            self._close()
        elif end and asked is not None:
            seconds = int(asked[1]) / (1000 if asked[2] == b"ms" else 1)
            if self._gate.ask(self, asked[3].decode()):
                self._limit = asyncio.get_running_loop().call_later(seconds, self.answer, NO_MORE)

    def answer(self, words: bytes) -> None:
        self._rest()
        if self._transport is not None:
            self._transport.write(words)

    def connection_lost(self, exc: Exception | None) -> None:
        self._rest()

    def _rest(self) -> None:
        self._gate.leave(self)
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def keep(gate: Gate, path: Path, user: str | None) -> None:
    """Have nginx ask at a unix socket, until cancelled. `user`: who its workers run as; None: who runs this."""
    with told("listen at", str(path)):
        with suppress(FileNotFoundError):
            os.unlink(path)
        server = await asyncio.get_running_loop().create_unix_server(lambda: _Visitor(gate), str(path), backlog=MOST)
        os.chmod(path, 0o600 if user is None else 0o660)
        if user is not None:
            os.chown(path, -1, pwd.getpwnam(user).pw_gid)
    async with server:
        await server.serve_forever()
