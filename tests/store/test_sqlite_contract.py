"""The store's contract, kept by the real store and by the simulated one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from holdfast.model.ports import Store
from holdfast.testing.contracts.store import CONTRACT, Check


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__)
def test_a_store_keeps_the_contract(check: Check, opened: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
    async def main() -> None:
        async with opened() as store:
            port: Store = store
            await check(port)

    asyncio.run(main())
