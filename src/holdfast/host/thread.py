"""A thread for one piece of blocking work, which ends with it: the pool of the event loop would keep its threads for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `work` gives, run beside the event loop. A caller that is cancelled leaves it to its end."""
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="work")
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, partial(work, *args, **kwargs))
    finally:
        pool.shutdown(wait=False)
