"""Keeping: which images each declared resource ran, and which of those that we brought may go: all but the last few revisions'.

An image that was at the host before is never ours to remove, nor one that a container has, nor one that another resource still keeps; the
names that somebody else gave it stay. What cannot go now is tried again after the next rollout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from holdfast.engines.docker.failure import Missing
from holdfast.engines.docker.host import DockerHost
from holdfast.errors import EngineError
from holdfast.kit.canonical import Json
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Records


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An image that a resource ran: its id, the names that we gave it or fetched it by, and whether it came to the host by us."""

    id: str
    names: tuple[str, ...]
    is_brought: bool

    def to_json(self) -> dict[str, Json]:
        return {"id": self.id, "names": [*self.names], "is_brought": self.is_brought}


class Keeping:
    """`records` is a space of its own; `most` says how many images of each resource stay, 0 for all."""

    def __init__(self, records: Records, most: Callable[[], int]) -> None:
        self._records = records
        self._most = most

    def of(self, declared: ResourceId) -> tuple[Kept, ...]:
        """Return the images of a resource, the newest first."""
        return _read(self._records.get("\n".join(declared)))

    async def ran(self, declared: ResourceId, id: str, names: Iterable[str], *, is_brought: bool) -> None:
        """Remember that a resource runs an image from now on. What we brought once stays ours to remove."""
        before = self.of(declared)
        known = next((each for each in before if each.id == id), None)
        was = is_brought or any(each.id == id and each.is_brought for _, kept in self._all() for each in kept)
        listed = (*names, *(known.names if known is not None else ()))
        newest = Kept(id=id, names=tuple(dict.fromkeys(listed)), is_brought=was)
        await self._write("\n".join(declared), (newest, *(each for each in before if each.id != id)))

    async def tidy(self, host: DockerHost, declared: ResourceId) -> tuple[str, ...]:
        """Remove what a resource ran before its last few images; return their ids. What an engine refuses stays for the next time."""
        most, kept = self._most(), self.of(declared)
        if not most or len(kept) <= most:
            return ()
        used = {str(each.get("ImageID")) for each in (await host.containers()).values()}
        destination = declared.destination
        elsewhere = {
            each.id
            for key, those in self._all()
            if key != "\n".join(declared) and key.partition("\n")[0] == destination
            for each in those[:most]
        }
        stays: list[Kept] = [*kept[:most]]
        gone: list[str] = []
        spared = {name for each in stays for name in each.names}
        for each in kept[most:]:
            if not each.is_brought or each.id in elsewhere:
                continue  # not ours to remove, or somebody else's by now
            if each.id in used or not await self._remove(host, replace(each, names=tuple(set(each.names) - spared))):
                stays.append(each)
            else:
                gone.append(each.id)
        await self._write("\n".join(declared), tuple(stays))
        return tuple(gone)

    async def _remove(self, host: DockerHost, image: Kept) -> bool:
        """Take our names from an image, and it with the last name; say whether that came about."""
        host.forget_image(image.id)
        seen = await host.image(image.id)
        if seen is None:
            return True
        tags = {str(each) for each in seen.get("RepoTags") or ()}
        ours = tags & {_tagged(each) for each in image.names}
        try:
            for name in sorted(ours):
                await self._drop(host, name)
            if not tags - ours:
                await self._drop(host, image.id)
        except EngineError:
            return False
        finally:
            host.forget_image(image.id)
        return True

    async def _drop(self, host: DockerHost, name: str) -> None:
        with suppress(Missing):
            await host.api.delete(f"remove image {name}", f"/images/{name}")

    def _all(self) -> list[tuple[str, tuple[Kept, ...]]]:
        return [(key, _read(value)) for key, value in self._records.all().items()]

    async def _write(self, key: str, kept: tuple[Kept, ...]) -> None:
        value: Json = [each.to_json() for each in kept]
        if value != self._records.get(key):
            await self._records.put(key, value)


def _read(value: Any) -> tuple[Kept, ...]:
    return tuple(Kept(id=each["id"], names=tuple(each["names"]), is_brought=each["is_brought"]) for each in value or ())


def _tagged(name: str) -> str:
    return name if ":" in name.rpartition("/")[2] or "@" in name else f"{name}:latest"
