"""What runs on a Docker host, for its import: asked once, without a daemon of ours, and changed by nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from holdfast.engines.docker.address import read_address
from holdfast.engines.docker.client import Client, segment
from holdfast.engines.docker.way import way_to
from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean
from holdfast.kit.tasks import all_of
from holdfast.workload.compose.import_docker import Host, is_managed
from holdfast.workload.compose.import_seen import PROJECT, labels_of, name_of


def containers(address: str, *, names: Collection[str], projects: Collection[str], with_stopped: bool) -> tuple[Host, tuple[str, ...]]:
    """Return what a host says of its containers, and the names of those that are passed over since somebody else makes them.

    `names` and `projects` choose; without either all are meant. Raises EngineError, and UsageError (HF8053) for what is not there.
    """
    return asyncio.run(_containers(address, names, projects, with_stopped))


async def _containers(address: str, names: Collection[str], projects: Collection[str], with_stopped: bool) -> tuple[Host, tuple[str, ...]]:
    where = read_address(address)
    client = Client(where, way_to(where))
    try:
        listed = await client.get("list containers", "/containers/json", {"all": with_stopped or bool(names)})
        ids = [str(each["Id"]) for each in listed if _is_meant(each, names, projects)]
        found = list(await all_of(*(client.get("look at a container", f"/containers/{id}/json") for id in ids))) if ids else []
        _check(found, listed, names, projects)
        passed_over = tuple(sorted(name_of(each) for each in found if is_managed(each)))
        kept = [each for each in found if not is_managed(each)]
        return await _surroundings(client, kept), passed_over
    finally:
        await client.aclose()


async def _surroundings(client: Client, found: list[Mapping[str, Any]]) -> Host:
    images = sorted({str(each["Image"]) for each in found})
    networks = sorted({str(name) for each in found for name in (each.get("NetworkSettings") or {}).get("Networks") or {}})
    volumes = sorted({str(mount["Name"]) for each in found for mount in each.get("Mounts") or () if mount.get("Type") == "volume"})
    return Host(
        containers=found,
        images=await _each(client, "look at an image", "/images/{}/json", images),
        networks=await _each(client, "look at a network", "/networks/{}", networks),
        volumes=await _each(client, "look at a volume", "/volumes/{}", volumes),
        info=await client.get("ask for the engine's settings", "/info"),
    )


async def _each(client: Client, doing: str, path: str, names: list[str]) -> dict[str, Mapping[str, Any]]:
    if not names:
        return {}
    answers = await all_of(*(client.get(f"{doing}: {name}", path.format(segment(name))) for name in names))
    return dict(zip(names, answers, strict=True))


def _is_meant(listed: Mapping[str, Any], names: Collection[str], projects: Collection[str]) -> bool:
    if not names and not projects:
        return True
    own = {str(name).lstrip("/") for name in listed.get("Names") or ()}
    id = str(listed.get("Id", ""))
    is_named = any(name in own or (len(name) >= 4 and id.startswith(name)) for name in names)
    return is_named or (listed.get("Labels") or {}).get(PROJECT) in projects


def _check(found: list[Mapping[str, Any]], listed: list[Mapping[str, Any]], names: Collection[str], projects: Collection[str]) -> None:
    """Raise where a name means nothing that is there."""
    there = {name_of(each) for each in found}
    for name in names:
        if name not in there and not any(str(each.get("Id", "")).startswith(name) for each in found):
            all_names = [str(each).lstrip("/") for it in listed for each in it.get("Names") or ()]
            raise _missing("container", name, all_names)
    for project in projects:
        if not any(labels_of(each).get(PROJECT) == project for each in found):
            raise _missing("project", project, [str((it.get("Labels") or {}).get(PROJECT, "")) for it in listed])


def _missing(what: str, name: str, known: Collection[str]) -> UsageError:
    guess = did_you_mean(name, [each for each in known if each])
    hint = f"did you mean {guess}?" if guess else "`docker ps` shows what runs; --all takes what is stopped too"
    return UsageError("HF8053", f"cannot import {what} {name}: the Docker host has none of that name", hint=hint)
