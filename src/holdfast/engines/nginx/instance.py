"""The instance: one nginx master as a child of a keeper of its own, so that it outlives the daemon and its end is never missed.

A new daemon asks the keeper what runs; a keeper that knows nothing (its predecessor died) is told whom to adopt, by pid, start time and
boot. Signals go through the keeper, to the process that it knows, never to a bare pid.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.engines.nginx.port import Master
from holdfast.engines.nginx.workers import master_of
from holdfast.errors import EngineError, Rejected, StoreError, Unavailable
from holdfast.host.keeper_client import KeeperClient
from holdfast.host.keeper_state import Adopt, Child, Exited, LogLimits, Spawn
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Wakeup
from holdfast.model.ports import Records

RECORD = "master"
AGAIN = Backoff(first_s=0.1, factor=2.0, cap_s=5.0)
STOP_LIMIT_S = 35.0
"""How long requests may take to finish; a little more than the workers' own limit."""
KILL_LIMIT_S = 5.0
LOG = LogLimits(max_bytes=1 << 20, max_files=1)
"""Of what it says before its error log is open, and after it is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One spawn. `pid` is None until it was seen to run."""

    spawn_id: str
    pid: int | None = None
    start_time: int | None = None
    boot_id: str = ""


class Instance:
    """`command` starts it in the foreground; `stdout` takes what it says outside its log."""

    def __init__(self, *, run_dir: Path, records: Records, clock: Clock, random: Random, search_path: str, stdout: Path) -> None:
        self._run_dir = run_dir
        self._records = records
        self._clock = clock
        self._random = random
        self._search_path = search_path
        self._stdout = stdout
        self._client: KeeperClient | None = None
        self._life: Life | None = None
        self._bell = Wakeup()
        self._ended = asyncio.Event()
        self._connecting = asyncio.Lock()

    async def begin(self) -> None:
        """Find what an earlier daemon started. Raises Unavailable where what runs cannot be had."""
        life = _life_of(self._records.get(RECORD))
        try:
            client = await self._connected(start=life is not None)
        except Unavailable:
            if life is None:
                return  # no keeper, so nothing is kept
            raise
        for child in (await client.list()).children:
            if child.alive and child.pid is not None:
                life = Life(spawn_id=child.spawn_id, pid=child.pid, start_time=child.start_time, boot_id=child.boot_id)
            else:
                await client.forget(child.spawn_id)
        found = await self._found(client, life) if life is not None else None
        self._life = life if found is not None and found.alive else None
        if life is not None and self._life is None:
            await self._forget(client, life)
        await self._remember()

    async def _connected(self, *, start: bool = True) -> KeeperClient:
        async with self._connecting:
            if self._client is None or self._client.is_closed:
                client = await KeeperClient.connect(self._run_dir, start=start)
                try:
                    await client.subscribe()
                except BaseException:
                    await client.aclose()
                    raise
                self._client = client
                self._bell.wake()
            return self._client

    async def _found(self, client: KeeperClient, life: Life) -> Child | None:
        """Return the child of a spawn, told to a keeper that does not know it; None where it was never seen to run."""
        known = next((child for child in (await client.list()).children if child.spawn_id == life.spawn_id), None)
        if known is not None or life.pid is None or life.start_time is None:
            return known
        adopted = await client.adopt(
            Adopt(
                spawn_id=life.spawn_id,
                pid=life.pid,
                start_time=life.start_time,
                boot_id=life.boot_id,
                stdout=str(self._stdout),
                logs=LOG,
            )
        )
        return adopted.child

    def master(self) -> Master | None:
        life = self._life
        if life is None or life.pid is None or life.start_time is None:
            return None
        return master_of(life.pid, life.start_time)

    async def start(self, command: Sequence[str]) -> None:
        """Start it. Raises Rejected where it cannot be executed, Unavailable without a keeper."""
        client = await self._connected()
        await self._end_left_over(client)
        self._ended.clear()
        self._life = Life(spawn_id=f"nginx/{self._random.token(5)}")
        await self._remember()
        environment = {"PATH": self._search_path, "LC_ALL": "C"}
        try:
            child = await client.spawn(
                Spawn(
                    spawn_id=self._life.spawn_id,
                    argv=tuple(command),
                    path_env=self._search_path,
                    env=environment,
                    stdout=str(self._stdout),
                    logs=LOG,
                )
            )
        except Rejected:
            await self._forget(client, self._life)
            raise
        if child.pid is not None:
            self._life = Life(spawn_id=child.spawn_id, pid=child.pid, start_time=child.start_time, boot_id=child.boot_id)
        await self._remember()

    async def _end_left_over(self, client: KeeperClient) -> None:
        """End what a start that was cut short may have left."""
        if self._life is not None:
            await client.kill(self._life.spawn_id)
            await self._wait_gone(client, self._life, KILL_LIMIT_S)
            await self._forget(client, self._life)

    async def signal(self, number: signal.Signals) -> None:
        """Signal the master that is known. Raises Unavailable where it has ended."""
        client = await self._connected()
        if self._life is None or not await client.signal(self._life.spawn_id, int(number)):
            raise Unavailable("HF3185", "cannot tell nginx anything: it has ended", hint="it is started again; look at its error log")

    async def stop(self) -> None:
        """End it: gracefully, then by force. None is no error."""
        life = self._life
        if life is None:
            return
        client = await self._connected()
        await client.signal(life.spawn_id, int(signal.SIGQUIT))
        if not await self._wait_gone(client, life, STOP_LIMIT_S):
            await client.kill(life.spawn_id)
            await self._wait_gone(client, life, KILL_LIMIT_S)
        await self._forget(client, life)

    async def _wait_gone(self, client: KeeperClient, life: Life, limit_s: float) -> bool:
        deadline = self._clock.monotonic() + limit_s
        while self._clock.monotonic() < deadline:
            child = next((child for child in (await client.list()).children if child.spawn_id == life.spawn_id), None)
            if child is None or not child.alive:
                return True
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):  # the exit is told to `news`; where nobody listens to that, look again
                    await self._ended.wait()
        return False

    async def _forget(self, client: KeeperClient, life: Life) -> None:
        with suppress(EngineError):
            await client.forget(life.spawn_id)
        if self._life is not None and self._life.spawn_id == life.spawn_id:
            self._life = None
        with suppress(StoreError):
            await self._records.drop(RECORD)

    async def _remember(self) -> None:
        """Write down what runs, for the day on which the keeper is gone; while the store is down the keeper alone knows."""
        life = self._life
        if life is not None:
            with suppress(StoreError):
                await self._records.put(
                    RECORD, {"spawn_id": life.spawn_id, "pid": life.pid, "start_time": life.start_time, "boot_id": life.boot_id}
                )

    async def news(self) -> AsyncIterator[None]:
        """Yield when the master has ended, and when the keeper was lost and found again; for one reader, while it goes on."""
        attempt = 0
        while True:
            client = self._client
            if client is None or client.is_closed:
                if self._life is None:
                    await self._bell.wait()
                    continue
                try:
                    client = await self._again()
                except EngineError:
                    attempt += 1
                    await self._clock.sleep(AGAIN.full_jitter(attempt, self._random.random()))
                    continue
            attempt = 0
            async for event in client.events():
                if isinstance(event, Exited) and self._life is not None and event.spawn_id == self._life.spawn_id:
                    self._ended.set()
                    yield None
            yield None

    async def _again(self) -> KeeperClient:
        """Connect to the keeper's successor, and tell it whom to keep."""
        client = await self._connected()
        if self._life is not None:
            await self._found(client, self._life)
        return client

    async def aclose(self) -> None:
        """Let go of the keeper; nginx goes on."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _life_of(stored: object) -> Life | None:
    if not isinstance(stored, dict) or not isinstance(spawn_id := stored.get("spawn_id"), str):
        return None
    pid, start_time = stored.get("pid"), stored.get("start_time")
    return Life(
        spawn_id=spawn_id,
        pid=pid if isinstance(pid, int) else None,
        start_time=start_time if isinstance(start_time, int) else None,
        boot_id=str(stored.get("boot_id") or ""),
    )
