"""Standard input and output of this process, for whoever carries them to a command that runs elsewhere."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Awaitable, Callable

CHUNK = 1 << 16


async def pass_input(write: Callable[[bytes], Awaitable[None]], end: Callable[[], Awaitable[None]]) -> None:
    """Pass standard input on until it ends; a file is read as it is, anything else when there is something to read."""
    is_file = stat.S_ISREG(os.fstat(0).st_mode)
    loop = asyncio.get_running_loop()
    while True:
        if not is_file:
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(0, _answer, ready)
            try:
                await ready
            finally:
                loop.remove_reader(0)
        data = os.read(0, CHUNK)
        if not data:
            await end()
            return
        try:
            await write(data)
        except OSError:
            return  # the command ended, and wants no more


def _answer(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
