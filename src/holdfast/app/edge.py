"""The edge of a house: one nginx, the certificates that it shows, and those who renew and watch them, made and wired.

Imported by `edge_door` when the first Site, Edge or Certificate comes: what it needs (cryptography above all) is a fifth of the daemon.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.api.service import EdgeService
from holdfast.app.edge_answers import EdgeAnswers
from holdfast.app.registry import means
from holdfast.controllers.expiry import ExpiryController
from holdfast.controllers.renew import RenewController
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.issuer_spec import IssuerSpec
from holdfast.edge.typed import read
from holdfast.edge.world import Places
from holdfast.engines.acme.authority import install_hint
from holdfast.engines.acme.engine import AcmeEngine
from holdfast.engines.nginx.challenges import FolderChallenges
from holdfast.engines.nginx.engine import NginxEngine
from holdfast.engines.nginx.installed import InstalledNginx, places
from holdfast.engines.nginx.port import Nginx
from holdfast.engines.nginx.system import SystemNginx
from holdfast.errors import Unavailable
from holdfast.host.config import Config
from holdfast.host.tls import served
from holdfast.host.wire import HostWire
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Inventory
from holdfast.model.ports import Engine, Journal, Records, Secrets
from holdfast.model.proof import Claim
from holdfast.model.resource import Resource

SPACES = ("nginx", "nginx.instance", "acme", "renew")
"""Of the records that it keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeNeeds:
    """What a house lends to its edge. `run_dir` is for a keeper of its own; `services` gives the addresses held for a service,
    `resting` those of all services that refuse, `resources` what is told of each resource."""

    root: Path
    run_dir: Path
    releases: Path
    data: Path
    state: Path
    config: Config
    records: Mapping[str, Records]
    secrets: Secrets
    journal: Journal
    inventory: Callable[[], Inventory]
    described: Callable[[ResourceId], Iterable[Resource]]
    services: Callable[[str], tuple[str, ...]]
    resting: Callable[[], frozenset[str]]
    resources: Callable[[], Mapping[str, Mapping[str, Any]]]
    clock: Clock
    random: Random
    crashed: Callable[[str, BaseException], None]


class Edge:
    """Made once, then `start`, then `run` until cancelled; nginx goes on afterwards."""

    def __init__(self, it: EdgeNeeds) -> None:
        self._it = it
        self._places = places(it.root, data=it.data)
        wire = HostWire()
        self.acme = AcmeEngine(
            folder=it.root / "certificates",
            state=it.state,
            records=it.records["acme"],
            secrets=it.secrets,
            declared=lambda: self.spec().tls.issuers,
            means=means(it.config),
            challenges=FolderChallenges(it.root),
            described=it.described,
            search_path=it.config.path,
            clock=it.clock,
            changed=lambda id: self.nginx.renewed(),
        )
        self.nginx = NginxEngine(
            nginx=_nginx(it, self._places),
            wire=wire,
            records=it.records["nginx"],
            secrets=it.secrets,
            certificates=self.acme,
            services=it.services,
            resting=it.resting,
            resolve=resolve,
            emit=it.journal.emit,
            clock=it.clock,
            random=it.random,
            crashed=it.crashed,
        )
        self.renew = RenewController(
            certificates=self.acme, journal=it.journal, records=it.records["renew"], clock=it.clock, random=it.random, crashed=it.crashed
        )
        self.expiry = ExpiryController(
            held=self.acme.held, edge=self.entrance, served=served, journal=it.journal, clock=it.clock, random=it.random
        )
        self.engines: tuple[Engine, ...] = (self.acme, self.nginx)
        self.answers: EdgeService = EdgeAnswers(self.nginx, it.resources, self._certificates, it.clock)
        self._issuers: Sequence[IssuerSpec] = self.spec().tls.issuers

    def _certificates(self) -> list[dict[str, Json]]:
        return [self.renew.shown(id) for id in sorted(self.acme.held())]

    def spec(self) -> EdgeSpec:
        """Return the Edge as it was applied last, its defaults where none was."""
        declared = (owned.resource for owned in self._it.inventory().values() if owned.resource.id.kind == "Edge")
        resource = next(declared, None)
        return EdgeSpec() if resource is None else read(EdgeSpec, resource.state.fields)

    def entrance(self) -> tuple[str, int] | None:
        """Return where visitors come in by TLS, None while there are no certificates to be shown."""
        spec = self.spec()
        address = next((address for address in spec.bind if address not in ("0.0.0.0", "::")), "127.0.0.1")
        return (address, spec.https or self._places.https) if self.acme.held() else None

    async def look(self, claim: Claim, target: Mapping[str, Json]) -> tuple[bool, str]:
        """Visit a host as the claim of a Site says, where the edge listens now. Raises `EngineError` where nobody answers."""
        entrance = self.entrance()
        if entrance is None:
            raise Unavailable("HF3190", f"cannot visit {target.get('server_name')}: the edge serves nobody")
        host, port = entrance
        return await self.expiry.look(claim, {**target, "host": host, "port": port})

    async def start(self) -> None:
        self.acme.start()
        await self.nginx.start()

    async def run(self) -> None:
        async with Tasks(on_crash=self._it.crashed) as tasks:
            for name, part in (("nginx", self.nginx.run()), ("renew", self.renew.run()), ("expiry", self.expiry.run())):
                tasks.start(name, part, guard=True)

    def authorities(self) -> tuple[dict[str, Json], ...]:
        """Return the local authorities, and for people how their roots are installed where they are to be believed."""
        return tuple(
            {"issuer": name, "root": str(root), "is_made": root.exists(), "install": list[Json](install_hint(root))}
            for name, root in self.acme.authorities().items()
        )

    def services_changed(self) -> None:
        """Say that an operation has ended: services may have moved, and other issuers be declared."""
        self.nginx.services_changed()
        if (declared := self.spec().tls.issuers) != self._issuers:
            self._issuers = declared
            self.renew.reconsider()

    async def services_served(self, service: str) -> None:
        await self.nginx.services_served(service)

    async def aclose(self) -> None:
        await self.nginx.aclose()
        await self.acme.aclose()


def _nginx(it: EdgeNeeds, where: Places) -> Nginx:
    """Return the nginx that serves: one of our own, or the system's where the local configuration names what it includes."""
    if include := it.config.get("edge.include"):
        conf = it.config.get("edge.conf")
        return SystemNginx(
            places=where,
            releases=it.releases,
            include=Path(include),
            search_path=it.config.path,
            conf=Path(conf) if conf else None,
        )
    return InstalledNginx(
        places=where,
        releases=it.releases,
        run_dir=it.run_dir,
        records=it.records["nginx.instance"],
        clock=it.clock,
        random=it.random,
        search_path=it.config.path,
    )


async def resolve(name: str) -> tuple[str, ...]:
    """Return the addresses of a host name now; none where nobody knows it."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return tuple(sorted({str(entry[4][0]) for entry in found}))
