"""A pebble with its name server, and an engine that asks it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import ssl
import time
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engines.acme_stage import DEADLINE_S, LOOK_AGAIN_S, SEARCH_PATH, House
from tests.ports import free_port

from holdfast.edge.issuer_spec import AcmeSpec, IssuerSpec
from holdfast.edge.route_spec import SecretRef
from holdfast.engines.acme.pair import make_key, make_root, signed_by

CA = "pebble-ca"
"""The secret that holds who signed pebble's own certificate."""


@dataclass
class Pebble:
    """A running pebble: where its directory is, and how it is trusted."""

    directory: str
    management: str
    root: str
    """Who signed its own certificate, in PEM."""
    challenges: int
    """Port on which it looks for http-01."""
    names: str = ""
    """Where records are given to its name server; "" without one."""

    def spec(self, **more: Any) -> AcmeSpec:
        return AcmeSpec(directory=self.directory, ca=SecretRef(secret=CA), **more)

    def issuer(self, name: str = "pebble", **more: Any) -> IssuerSpec:
        return IssuerSpec(name=name, acme=self.spec(**more))

    def ask(self, path: str) -> Any:
        """Return what the management interface says."""
        return self._read(f"{self.management}{path}")

    def offers(self) -> dict[str, Any]:
        """Return its directory."""
        return dict(self._read(self.directory))

    def _read(self, address: str) -> Any:
        context = ssl.create_default_context(cadata=self.root)
        with urllib.request.urlopen(address, context=context, timeout=DEADLINE_S) as answer:
            data = answer.read()
        return json.loads(data) if data.startswith(b"{") else data.decode()


@asynccontextmanager
async def pebble(
    folder: Path,
    *,
    reject: int = 0,
    reuse: int = 0,
    bindings: Mapping[str, str] | None = None,
    dns: bool = False,
    roots: int = 0,
    resolves: bool = True,
) -> AsyncIterator[Pebble]:
    """Lend a pebble that refuses `reject` per cent of all good nonces; with `dns` a name server of its own, without `resolves` no name
    leads anywhere."""
    os.makedirs(folder, exist_ok=True)
    root = make_root(await make_key("ecdsa-p256"), "Pebble's own", now=time.time(), lifetime_s=86_400.0)
    pair = signed_by(await make_key("ecdsa-p256"), ("localhost", "127.0.0.1"), root, now=time.time(), lifetime_s=80_000.0)
    (folder / "cert.pem").write_bytes(pair.chain)
    (folder / "key.pem").write_text(pair.key.reveal())
    port, management, challenges, names, records = (free_port() for _ in range(5))
    config = {
        "listenAddress": f"127.0.0.1:{port}",
        "managementListenAddress": f"127.0.0.1:{management}",
        "certificate": str(folder / "cert.pem"),
        "privateKey": str(folder / "key.pem"),
        "httpPort": challenges,
        "tlsPort": free_port(),
        "ocspResponderURL": "",
        "externalAccountBindingRequired": bindings is not None,
        "externalAccountMACKeys": dict(bindings or {}),
    }
    (folder / "config.json").write_text(json.dumps({"pebble": config}))
    environment = {
        **os.environ,
        "PEBBLE_VA_NOSLEEP": "1",
        "PEBBLE_WFE_NONCEREJECT": str(reject),
        "PEBBLE_AUTHZREUSE": str(reuse),
        "PEBBLE_ALTERNATE_ROOTS": str(roots),
    }
    program = os.environ.get("HOLDFAST_TEST_PEBBLE") or shutil.which("pebble", path=SEARCH_PATH) or "pebble"
    async with contextlib.AsyncExitStack() as stack:
        # Every name leads to this host, whatever resolver the machine has.
        quiet = ("-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", "", *(() if resolves else ("-defaultIPv4", "")))
        server = ("pebble-challtestsrv", "-dns01", f"127.0.0.1:{names}", "-management", f"127.0.0.1:{records}", *quiet)
        await stack.enter_async_context(_program(*server, log=folder / "names.log"))
        command = (program, "-config", str(folder / "config.json"), "-dnsserver", f"127.0.0.1:{names}")
        await stack.enter_async_context(_program(*command, log=folder / "pebble.log", environment=environment))
        for each in (port, management, records):
            await _listening(each)
        yield Pebble(
            directory=f"https://127.0.0.1:{port}/dir",
            management=f"https://127.0.0.1:{management}",
            root=root.chain.decode(),
            challenges=challenges,
            names=f"http://127.0.0.1:{records}" if dns else "",
        )


@asynccontextmanager
async def _program(*command: str, log: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[None]:
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=file, stderr=file, env=dict(environment or os.environ)
        )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(LOOK_AGAIN_S)


@asynccontextmanager
async def at_pebble(tmp_path: Path, *, hosts: Sequence[str] = (), **more: Any) -> AsyncIterator[tuple[Pebble, House]]:
    """Lend a pebble, and a house that asks it over HTTP."""
    async with pebble(tmp_path / "pebble", **more) as ca:
        house = House(folder=tmp_path / "state", issuers=[ca.issuer()], values={CA: ca.root})
        async with house.challenges.serving(ca.challenges), house.open():
            yield ca, house
