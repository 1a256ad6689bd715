"""Private networks of a house: what this host can do for them, and their engines and looks, made and wired."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.controllers.private import PrivateController, Running
from holdfast.engines.network import NetworkEngine
from holdfast.engines.port_guard import PortGuardEngine
from holdfast.errors import Unavailable
from holdfast.host.addresses import addresses
from holdfast.host.network import FOLDER, mark_of, name_of, no_port_rules, others
from holdfast.host.nft import Nft
from holdfast.host.users import HostUsers
from holdfast.host.vantage import look_from
from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live
from holdfast.model.plan import Inventory, Owned
from holdfast.model.ports import Engine, Records
from holdfast.model.resource import Resource
from holdfast.workload.ground import Ground

SPACE = "network"
"""Of the records that the network engine keeps."""
ASK_S = 5.0
SYS_ADMIN = 21
"""The bit of the capability that network namespaces need (capabilities(7))."""


def ground(search_path: str) -> Ground:
    """Return what this host can do, and we may: asked of it, since a root within a container often may not."""
    return Ground(port_rules=no_port_rules(), user_rules=_no_user_rules(search_path), namespaces=_no_namespaces(search_path))


def _no_user_rules(search_path: str) -> str | None:
    if os.geteuid() != 0:
        return "only root can close a port to users"
    if shutil.which("nft", path=search_path) is None:
        return "nft is not installed (package nftables)"
    try:
        asked = subprocess.run(
            ("nft", "list", "tables"), env={"PATH": search_path}, stdin=subprocess.DEVNULL, capture_output=True, timeout=ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nft does not answer ({error})"
    lines = asked.stderr.decode(errors="replace").strip().splitlines()
    return None if asked.returncode == 0 else f"nft may not be used here ({lines[0] if lines else asked.returncode})"


def _no_namespaces(search_path: str) -> str | None:
    if os.geteuid() != 0 or not _has(SYS_ADMIN):
        return "only root can make network namespaces"
    return None if shutil.which("ip", path=search_path) is not None else "ip is not installed (package iproute2)"


def _has(capability: int) -> bool:
    lines = Path("/proc/self/status").read_text().splitlines()
    effective = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(effective, 16) >> capability & 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateNeeds:
    """What a house lends."""

    run_dir: Path
    search_path: str
    records: Records
    users: HostUsers
    described: Callable[[ResourceId], Iterable[Resource]]
    inventory: Callable[[], Inventory]
    observe: Callable[[Collection[ResourceId]], Awaitable[Live]]
    """Looks at containers."""
    clock: Clock


class Private:
    """The engines of private networks, and the looks whether they are."""

    def __init__(self, it: PrivateNeeds) -> None:
        self._it = it
        mark = mark_of(it.run_dir)
        self.network = NetworkEngine(mark=mark, records=it.records, search_path=it.search_path, clock=it.clock)
        self.port_guard = PortGuardEngine(
            mark=mark, nft=Nft(search_path=it.search_path), uid_of=it.users.uid_of, described=it.described, clock=it.clock
        )
        self.looks = PrivateController(
            look_from=look_from,
            is_root=os.geteuid() == 0,
            user_of=it.users.user_of,
            uid_of=it.users.known_uid,
            network_of=lambda network: str(FOLDER / name_of(mark, network)),
            networks=others,
            addresses=addresses,
            container=self._container,
            kin=self._kin,
        )
        self.engines: tuple[Engine, ...] = (self.network, self.port_guard)

    async def _container(self, id: ResourceId) -> Running | None:
        """Return what runs as a Container now, None where nothing does. Raises Unavailable where its host does not answer."""
        live = await self._it.observe([id])
        if (why := live.unknown(id)) is not None:
            raise Unavailable("HF3092", f"cannot look from {id}: {why}")
        handle: Any = live.observed[id].handle or {}
        if not isinstance(handle.get("pid"), int) or handle.get("status") not in {"running", "paused"}:
            return None
        return Running(
            pid=handle["pid"],
            addresses=tuple(handle.get("addresses", {}).values()),
            published=tuple((each["host"], each["port"], each["target"]) for each in handle.get("published", ())),
        )

    def _kin(self, id: ResourceId) -> tuple[ResourceId, ...]:
        """Return the Containers that share a network with one, as they were last applied: whoever is in it may come."""
        inventory = self._it.inventory()
        own = _networks_of(inventory.get(id))
        return tuple(
            other for other, owned in inventory.items() if other != id and other[:3] == id[:3] and not own.isdisjoint(_networks_of(owned))
        )


def _networks_of(owned: Owned | None) -> frozenset[str]:
    """Return the names of the Networks that a Container is in."""
    listed: Any = owned.resource.state.fields.get("networks") if owned is not None else None
    return frozenset(str(each["network"]) for each in listed or ())
