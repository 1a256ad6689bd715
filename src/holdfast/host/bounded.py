"""Bounded: a program of our own (`bounded_program`) that does work of users which may never end, and can itself be ended at any moment.

It runs as nobody where we are root, within limits of the kernel; one piece of work after another, and ends when nobody asks for a while.
Work that is out of time or memory takes it along, and the next gets a new one. Callers: `lua`, `jq`.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.host.command import end_group
from holdfast.kit.canonical import Json

PROGRAM = Path(__file__).with_name("bounded_program.py")
CPU_S = 1.0
"""As in the program, for messages."""
WALL_S = 15.0
"""Work that uses no processor cannot wait either; this is for a machine that gives the program none."""
IDLE_S = 30.0
LARGEST = 16 << 20
"""Of one answer, in bytes."""


@dataclass(frozen=True, slots=True)
class Answer:
    value: Json = None
    error: str = ""
    """Why there is no value."""
    is_ended: bool = False
    """The program was ended over it: it used too much of something, not merely failed."""


class BoundedProgram:
    """`room` names the module that does the work: `{room}_program.py` beside this one. Close it when done."""

    def __init__(self, room: str, *, idle_s: float = IDLE_S) -> None:
        self._room = room
        self._idle_s = idle_s
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._end: asyncio.TimerHandle | None = None

    async def ask(self, asked: Mapping[str, Json]) -> Answer:
        line = json.dumps(dict(asked)).encode() + b"\n"
        async with self._turn:
            if self._end is not None:
                self._end.cancel()
            try:
                answer = await self._asked(line)
            except BaseException:
                await self._kill()
                raise
            if answer.is_ended:
                await self._kill()
            else:
                self._end = asyncio.get_running_loop().call_later(self._idle_s, self._rest)
        return answer

    async def _asked(self, asked: bytes) -> Answer:
        try:
            process = await self._started()
        except OSError as error:
            return Answer(error=error.strerror or str(error), is_ended=True)
        assert process.stdin is not None, "it was started with one"
        assert process.stdout is not None, "it was started with one"
        try:
            async with asyncio.timeout(WALL_S):
                with suppress(ConnectionError):
                    process.stdin.write(asked)
                    await process.stdin.drain()
                line = await process.stdout.readline()
                if not line.endswith(b"\n"):
                    return Answer(error=_reason(await process.wait()), is_ended=True)
        except TimeoutError:
            return Answer(error=f"it did not end within {WALL_S:g} s", is_ended=True)
        except ValueError:  # a line longer than the reader takes
            return Answer(error=f"its answer is larger than {LARGEST >> 20} MiB", is_ended=True)
        found: dict[str, Json] = json.loads(line)
        return Answer(error=str(found["error"])) if "error" in found else Answer(value=found.get("value"))

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(PROGRAM),
                self._room,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=LARGEST,
                cwd="/",
                env={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
                start_new_session=True,
            )
        return self._process

    def _rest(self) -> None:
        """End the program, since nobody asks: it does so when it can read no more."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:  # of one that ended long ago the number may be another's
            await end_group(process, 0)

    async def aclose(self) -> None:
        if self._end is not None:
            self._end.cancel()
        await self._kill()


def _reason(code: int) -> str:
    if code == -signal.SIGPROF:
        return f"it used more than {CPU_S:g} s of processor time"
    if code == -signal.SIGABRT:
        return "it used more memory than it may"
    return f"the program that ran it ended with {code}"
