"""A Docker Engine with moods: it answers as the one behind it, but where it was told to lose an answer, refuse, hang up, be slow or full.

Wraps the simulated engine and a real client alike, so that one suite of laws asks both for the same trouble.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any

from holdfast.engines.docker.client import Body, Query, Version
from holdfast.engines.docker.failure import said_no
from holdfast.engines.docker.port import Api
from holdfast.errors import Conflict, TimedOut, Unavailable
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.kit.tasks import Wakeup


class MoodyDocker:
    """Implements `engines.docker.port.Api`."""

    def __init__(self, behind: Api, clock: Clock) -> None:
        self._behind = behind
        self._clock = clock
        self._lost: list[str] = []
        self._refused: list[str] = []
        self._gap = False
        self._open = Wakeup()
        self._fetched: dict[str, tuple[str, float]] = {}
        self.is_full = False

    def lose(self, path: str) -> None:
        """Lose the next answer to a request whose path ends so: it is carried out, and nobody hears."""
        self._lost.append(path)

    def refuse(self, path: str) -> None:
        """Say of the next request whose path ends so that something changed meanwhile."""
        self._refused.append(path)

    def hang_up(self) -> None:
        """Tell no events from now on; those of the meantime are lost."""
        self._gap = True

    def listen_again(self) -> None:
        self._gap = False
        self._open.wake()

    def fetch_slowly(self, reference: str, source: str, seconds: float) -> None:
        """Have an image in a registry, which takes its time: it is `source`, which the host has, by another name."""
        self._fetched[reference] = (source, seconds)

    async def version(self) -> Version:
        return await self._behind.version()

    async def knock(self) -> None:
        await self._behind.knock()

    def forget_version(self) -> None:
        self._behind.forget_version()

    async def get(self, doing: str, path: str, query: Query | None = None, *, headers: Mapping[str, str] | None = None) -> Any:
        return await self._behind.get(doing, path, query, headers=headers)

    async def post(
        self,
        doing: str,
        path: str,
        query: Query | None = None,
        body: Json = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Any:
        if self.is_full and path == "/containers/create":
            raise said_no(doing, "write /var/lib/docker/tmp/x: no space left on device")
        if found := _take(self._refused, path):
            raise Conflict("HF3204", f"cannot {doing}: {found} changed meanwhile")
        answer = await self._behind.post(doing, path, query, body, headers=headers, timeout_s=timeout_s)
        if _take(self._lost, path):
            raise TimedOut("HF3212", f"cannot {doing}: no answer")
        return answer

    async def put(self, doing: str, path: str, query: Query | None, data: bytes, *, content_type: str = "application/x-tar") -> Any:
        return await self._behind.put(doing, path, query, data, content_type=content_type)

    async def delete(self, doing: str, path: str, query: Query | None = None) -> Any:
        return await self._behind.delete(doing, path, query)

    async def messages(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None = None,
        data: Body | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[dict[str, Any], None]:
        asked = query or {}
        if path == "/images/create" and (known := self._fetched.get(f"{asked['fromImage']}:{asked['tag']}")) is not None:
            async for said in self._fetch(str(asked["fromImage"]), str(asked["tag"]), *known):
                yield said
            return
        if path == "/events" and self._gap:
            await self._open.wait()
            raise Unavailable("HF3201", f"cannot {doing}: hung up")
        async with aclosing(self._behind.messages(method, doing, path, query, data, headers=headers)) as messages:
            async for said in messages:
                if path == "/events" and self._gap:
                    await self._open.wait()
                    raise Unavailable("HF3201", f"cannot {doing}: hung up")
                yield said

    async def _fetch(self, name: str, tag: str, source: str, seconds: float) -> AsyncGenerator[dict[str, Any], None]:
        for step in range(1, 5):
            await self._clock.sleep(seconds / 4)
            yield {"id": "layer", "status": "Downloading", "progressDetail": {"current": step * 25, "total": 100}}
        await self._behind.post("tag image", f"/images/{source}/tag", {"repo": name, "tag": tag})

    def stream(
        self,
        method: str,
        doing: str,
        path: str,
        query: Query | None = None,
        data: Body | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._behind.stream(method, doing, path, query, data, headers=headers)

    async def aclose(self) -> None:
        await self._behind.aclose()


def _take(moods: list[str], path: str) -> str | None:
    """Return the mood that a path meets, once."""
    found = next((mood for mood in moods if path.endswith(mood)), None)
    if found is not None:
        moods.remove(found)
    return found
