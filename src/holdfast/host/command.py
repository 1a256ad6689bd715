"""Running a command to its end, once: what `prepare` and other small programs of the operator or of Git need.

An argument tuple, an environment of our own, a time limit, the last lines of what it wrote, and the death of its whole group. Nothing is
inherited. Callers: the release port of `app`, `engines.nginx`. Who reads what a program says while it runs starts it itself, and ends it by
`end_group`. What is supervised goes through the keeper instead.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from holdfast.errors import Rejected

LINES = 50
LONGEST_LINE = 4096
CHUNK = 1 << 16
GRACE_S = 2.0
"""Between SIGTERM and SIGKILL of a command that is out of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: exit code, negative for a signal, None at its time limit; the last lines it wrote, both streams in one."""

    code: int | None
    lines: tuple[str, ...] = ()


async def run(
    command: Sequence[str],
    *,
    folder: str,
    environment: Mapping[str, str],
    timeout_s: float,
    uid: int = -1,
    gid: int = -1,
    groups: Sequence[int] = (),
) -> Ended:
    """Run `command` in `folder` with exactly `environment`, whose PATH finds it; as another user where one is given.

    Raises `Rejected` (HF3020) where it cannot be started.
    """
    who = {"user": uid, "group": gid, "extra_groups": list(groups)} if uid != -1 else {}
    with _Tail() as tail:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=tail.inlet,
                stderr=tail.inlet,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
                umask=0o022,
                **who,  # type: ignore[arg-type] # mypy sees one type for three keyword arguments
            )
        except OSError as error:
            hint = "is it installed, and on the configured PATH?"
            raise Rejected("HF3020", f"cannot run {command[0]}: {error.strerror or error}", hint=hint) from error
        code: int | None = None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    code = await process.wait()
        finally:
            await end_group(process, GRACE_S)
        return Ended(code=code, lines=tail.lines())


class _Tail:
    """The last lines of what is written to `inlet`, in bounded memory.

    A pipe of our own: asyncio's would keep `wait` until whatever the command left behind has closed its end too.
    """

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=LINES)
        self._rest = b""
        self._outlet, self.inlet = os.pipe()
        os.set_blocking(self._outlet, False)

    def __enter__(self) -> Self:
        asyncio.get_running_loop().add_reader(self._outlet, self._drain)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._outlet)
        os.close(self._outlet)
        os.close(self.inlet)

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while piece := os.read(self._outlet, CHUNK):
                *whole, rest = (self._rest + piece).split(b"\n")
                self._lines.extend(_shown(line) for line in whole[-LINES:])
                self._rest = rest[-LONGEST_LINE:]

    def lines(self) -> tuple[str, ...]:
        self._drain()
        return (*self._lines, _shown(self._rest)) if self._rest else tuple(self._lines)


def _shown(line: bytes) -> str:
    return line[-LONGEST_LINE:].decode(errors="replace").rstrip("\r")


async def end_group(process: asyncio.subprocess.Process, grace_s: float) -> None:
    """End a command and whatever it started: SIGTERM, a moment (none for 0), SIGKILL. Returns when the command is reaped.

    What it says is no longer heard: nothing more can be read of it. Call it while the command runs or just after its end: later its
    number may be that of others.
    """
    _close_pipes(process)
    if process.returncode is None:
        _signal(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await process.wait()
    _signal(process.pid, signal.SIGKILL)  # what outlived its leader keeps the group's number taken
    await process.wait()


def _close_pipes(process: asyncio.subprocess.Process) -> None:
    """Close our ends of its pipes, or `wait` may wait for ever: for what is in a pipe that is read no more because a reader stopped in
    the middle, and for whoever else holds its other end. asyncio has no public way to a transport of a Process."""
    transport: asyncio.SubprocessTransport = process._transport  # type: ignore[attr-defined]
    for number in range(3):
        pipe = transport.get_pipe_transport(number)
        if pipe is None or pipe.is_closing():
            continue
        if isinstance(pipe, asyncio.WriteTransport):
            pipe.abort()  # what was not written has no reader
        else:
            pipe.close()


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
