"""A remote repository: asked for its references now and then, and for nothing more.

Somewhat earlier by chance, so that many do not ask together, and later and later while it fails. The caller asks Git what really changed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import TypeAlias

from holdfast.errors import HoldfastError
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random

POLL_S = 30.0
LONGEST_S = 600.0
EARLIER = 0.2
"""The part of an interval that chance may take off it."""

Ask: TypeAlias = Callable[[], Awaitable[Mapping[str, str]]]
"""Ask a repository for its references (`git ls-remote`); raises `HoldfastError`."""


async def remote_hints(ask: Ask, *, clock: Clock, random: Random, every_s: float) -> AsyncGenerator[None, None]:
    """Yield at once, then where the answer is another one, and where a failure begins or ends.

    The first answer always is another one: what was resolved after the first hint may be older.
    """
    yield
    backoff = Backoff(first_s=2 * every_s, cap_s=max(LONGEST_S, every_s))
    seen: Mapping[str, str] | None = None
    failures = 0
    while True:
        pause = backoff.equal_jitter(failures, random.random()) if failures else every_s * (1 - EARLIER * random.random())
        await clock.sleep(pause)
        before = (seen, failures > 0)
        try:
            seen, failures = await ask(), 0
        except HoldfastError:
            failures += 1
        if before != (seen, failures > 0):
            yield
