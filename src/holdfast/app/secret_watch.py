"""Secret watch: a secret that was written is news to every Application, since its fingerprint is part of what is asked for.

One that was taken away is no news: what runs keeps the value that it was given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from pathlib import Path

from holdfast.errors import EngineError
from holdfast.host.inotify import CLOSE_WRITE, MOVED_TO, Inotify
from holdfast.kit.clock import Clock

WRITTEN = CLOSE_WRITE | MOVED_TO
"""Whole files only, not one that is being written."""
LOOK_AGAIN_S = 30.0
"""Where the kernel does not tell of changes."""


async def watch_secrets(
    folder: Path, *, names: Callable[[], Collection[str]], refresh: Callable[[str], Awaitable[None]], clock: Clock
) -> None:
    """Refresh all of `names` whenever a secret was written, until cancelled."""
    try:
        with Inotify() as inotify:
            while inotify.add(folder, WRITTEN) is not None:
                await inotify.read()
                await _refresh_all(names(), refresh)
    except EngineError:
        pass  # no more watches on this host: look now and then
    while True:
        await clock.sleep(LOOK_AGAIN_S)
        await _refresh_all(names(), refresh)


async def _refresh_all(names: Collection[str], refresh: Callable[[str], Awaitable[None]]) -> None:
    for name in sorted(names):
        await refresh(name)
