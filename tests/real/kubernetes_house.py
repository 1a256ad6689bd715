"""What tests of the Kubernetes engine stand on: an engine that runs against a real control plane."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.real.cluster import Cluster
from tests.real.process_house import MemoryRecords

import holdfast.kubernetes
from holdfast.engines.kubernetes.client import Client
from holdfast.engines.kubernetes.credential import Credentials
from holdfast.engines.kubernetes.custom import CustomHealth
from holdfast.engines.kubernetes.engine import KubernetesEngine
from holdfast.engines.kubernetes.transport import Transport
from holdfast.engines.kubernetes.wire import HttpWire
from holdfast.host.clock import RealClock, RealRandom
from holdfast.kit.tasks import Tasks
from holdfast.kubernetes.health import HealthRules
from holdfast.kubernetes.kubeconfig import Access, read_kubeconfig

DESTINATION = "https://kubernetes.default.svc"
FOLDER = Path(holdfast.kubernetes.__file__).parent / "health"


def access_of(kubeconfig: Path, context: str = "") -> Access:
    return read_kubeconfig(str(kubeconfig), kubeconfig.read_bytes(), context)


def wire_of(kubeconfig: Path, context: str = "", timeout_s: float = 30.0) -> HttpWire:
    environment = {"PATH": "/usr/bin:/bin"}
    credentials = Credentials(access_of(kubeconfig, context), base=kubeconfig.parent, clock=RealClock(), environment=environment)
    return HttpWire(credentials, timeout_s=timeout_s)


def client_of(kubeconfig: Path, context: str = "", timeout_s: float = 30.0) -> Client:
    return Client(Transport(wire_of(kubeconfig, context, timeout_s), clock=RealClock(), random=RealRandom()))


def rules() -> HealthRules:
    def read(name: str) -> bytes | None:
        path = FOLDER / f"{name}.yaml"
        return path.read_bytes() if path.exists() else None

    return HealthRules(read=read, wide=tuple(sorted(path.stem[2:] for path in FOLDER.glob("_.*.yaml"))))


class Running:
    """An engine that runs in this task group, and the records that outlive it."""

    def __init__(self, cluster: Cluster, custom: CustomHealth | None = None) -> None:
        self.cluster = cluster
        self._custom = custom
        self.records = MemoryRecords()
        self.engine: KubernetesEngine
        self._ending = AsyncExitStack()

    async def start(self) -> None:
        crashed: list[tuple[str, BaseException]] = []
        self.engine = KubernetesEngine(
            {DESTINATION: client_of(self.cluster.kubeconfig, timeout_s=5.0)},
            known=frozenset({"Process", "File"}),
            rules=rules(),
            records=self.records,
            clock=RealClock(),
            random=RealRandom(),
            crashed=lambda name, error: crashed.append((name, error)),
            custom=self._custom,
        )
        tasks = await self._ending.enter_async_context(Tasks())
        tasks.start("engine", self.engine.run())
        await asyncio.sleep(0)
        self._tasks, self._crashed = tasks, crashed

    async def end(self) -> None:
        await self.engine.aclose()
        await self._tasks.stop()
        await self._ending.aclose()
        assert self._crashed == []


@asynccontextmanager
async def running_engine(cluster: Cluster, *, custom: CustomHealth | None = None) -> AsyncIterator[Running]:
    house = Running(cluster, custom)
    await house.start()
    try:
        yield house
    finally:
        await house.end()
