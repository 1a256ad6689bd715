"""A store to try things on: the real one in a folder of the test's own, or the simulated one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest

from holdfast.host.clock import RealClock, RealRandom
from holdfast.store.sqlite import SqliteStore
from holdfast.testing.simulated_store import SimulatedStore

AnyStore: TypeAlias = SqliteStore | SimulatedStore
Opened: TypeAlias = Callable[[], AbstractAsyncContextManager[AnyStore]]


@pytest.fixture(params=["sqlite", "simulated"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Opened:
    """Return what opens an empty store, of each sort in turn, and closes it."""

    @asynccontextmanager
    async def real() -> AsyncIterator[AnyStore]:
        store = await SqliteStore.open(tmp_path / "store.sqlite", clock=RealClock())
        try:
            yield store
        finally:
            await store.close()

    @asynccontextmanager
    async def simulated() -> AsyncIterator[AnyStore]:
        yield SimulatedStore(clock=RealClock(), random=RealRandom())

    return real if request.param == "sqlite" else simulated
