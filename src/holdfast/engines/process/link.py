"""The link to the keeper: one client at a time, waited for while a successor is being found."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from holdfast.errors import EngineError, Unavailable
from holdfast.host.keeper_client import KeeperClient
from holdfast.host.keeper_state import KeeperState

WAIT_S = 15.0
"""How long work waits for a keeper that is being restarted."""


class Link:
    """`usable` once the children were compared with what we know; a client that is not set yet is nobody's but the adoption's."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._client: KeeperClient | None = None
        self._is_up = asyncio.Event()

    async def connect(self) -> tuple[KeeperClient, KeeperState]:
        """Return a subscribed client of the keeper, started now if need be, and what it remembers. Raises Unavailable."""
        client = await KeeperClient.connect(self._run_dir, start=True)
        try:
            await client.subscribe()
            return client, await client.list()
        except BaseException:
            await client.aclose()
            raise

    def set(self, client: KeeperClient) -> None:
        self._client = client
        self._is_up.set()

    def lose(self) -> None:
        self._is_up.clear()
        self._client = None

    @property
    def client(self) -> KeeperClient | None:
        return self._client

    async def usable(self) -> KeeperClient:
        """Return the client, waiting for it without a limit: for work that goes on whenever a keeper is there."""
        while True:
            await self._is_up.wait()
            if self._client is not None and not self._client.is_closed:
                return self._client
            self.lose()

    async def ready(self) -> KeeperClient:
        """Return the client; raises Unavailable where none comes in time: for work that somebody waits for."""
        try:
            async with asyncio.timeout(WAIT_S):
                return await self.usable()
        except TimeoutError as error:
            raise Unavailable("HF3028", f"cannot reach the keeper: none could be started within {WAIT_S:.0f} s") from error

    async def forget(self, spawn_id: str) -> None:
        """Drop the keeper's record of a child whose exit was told; without a keeper there is none."""
        if self._client is not None:
            with contextlib.suppress(EngineError):
                await self._client.forget(spawn_id)

    async def aclose(self) -> None:
        client, self._client = self._client, None
        self._is_up.clear()
        if client is not None:
            await client.aclose()
