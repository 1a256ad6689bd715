"""Lua: users' scripts, run by a program of our own that can be ended at any moment (`lua_program`), as nobody where we are root.

One program runs one script after another and ends when nobody asks for a while; a script that is out of time takes it along, and the next
one gets a new one. The extra `lua` has to be installed. Callers: checks of health and actions of objects of a cluster.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from holdfast.errors import Rejected
from holdfast.kit.canonical import Json

PROGRAM = Path(__file__).with_name("lua_program.py")
CPU_S = 1.0
"""As in the program, for messages."""
WALL_S = 15.0
"""A script that uses no processor cannot wait either; this is for a machine that gives the program none."""
IDLE_S = 30.0
LARGEST = 16 << 20
"""Of one answer, in bytes."""


class Lua:
    """Close it when done."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._end: asyncio.TimerHandle | None = None

    async def run(self, script: str, name: str, names: Mapping[str, Json]) -> Json:
        """Return what a script returns, as JSON. `name` is its name in messages.

        Raises `Rejected`: HF3340 where the extra is not installed, HF3341 where the script fails, or uses too much time or memory.
        """
        if importlib.util.find_spec("lupa") is None:
            hint = "install the extra: pip install 'holdfast[lua]'"
            raise Rejected("HF3340", f"cannot run {name}: Lua is not installed", hint=hint)
        asked = json.dumps({"script": script, "name": name, "globals": dict(names)}).encode() + b"\n"
        async with self._turn:
            if self._end is not None:
                self._end.cancel()
            try:
                answer = await self._asked(name, asked)
            except BaseException:
                await self._kill()
                raise
            self._end = asyncio.get_running_loop().call_later(self._idle_s, self._rest)
        if "error" in answer:
            raise Rejected("HF3341", f"cannot run {name}: {answer['error']}")
        return answer.get("value")

    async def _asked(self, name: str, asked: bytes) -> dict[str, Json]:
        process = await self._started(name)
        assert process.stdin is not None, "it was started with one"
        assert process.stdout is not None, "it was started with one"
        try:
            async with asyncio.timeout(WALL_S):
                with suppress(ConnectionError):
                    process.stdin.write(asked)
                    await process.stdin.drain()
                line = await process.stdout.readline()
                if not line.endswith(b"\n"):
                    code = await process.wait()
                    raise Rejected("HF3341", f"cannot run {name}: {_reason(code)}")
        except TimeoutError as error:
            raise Rejected("HF3341", f"cannot run {name}: it did not end within {WALL_S:g} s") from error
        except ValueError as error:  # a line longer than the reader takes
            raise Rejected("HF3341", f"cannot run {name}: its answer is larger than {LARGEST >> 20} MiB") from error
        found: dict[str, Json] = json.loads(line)
        return found

    async def _started(self, name: str) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                str(PROGRAM),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=LARGEST,
                cwd="/",
                env={"LC_ALL": "C.UTF-8", "TZ": "UTC"},
                start_new_session=True,
            )
        except OSError as error:
            raise Rejected("HF3341", f"cannot run {name}: {error.strerror or error}") from error
        return self._process

    def _rest(self) -> None:
        """End the program, since nobody asks: it does so when it can read no more."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def aclose(self) -> None:
        if self._end is not None:
            self._end.cancel()
        await self._kill()


def _reason(code: int) -> str:
    if code == -signal.SIGPROF:
        return f"it used more than {CPU_S:g} s of processor time"
    return f"the program that ran it ended with {code}"
