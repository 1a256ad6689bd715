"""An nginx of our own: the program of this host, in a folder of ours, as a child of a keeper. Implements the port `Nginx`.

Never systemd's, and never the system's configuration: what that does is its own affair. Without root it serves ports above 1023.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

from holdfast.edge.capability import Capability
from holdfast.edge.render_http import ANSWERS
from holdfast.edge.world import Places
from holdfast.engines.nginx import ground as grounds
from holdfast.engines.nginx.error_log import AnswersLog, ErrorLog
from holdfast.engines.nginx.gate import Gate, keep
from holdfast.engines.nginx.generations import CONF, FOLDER, LINK, MANIFEST, PAGES, Generations, Mark, mark_of
from holdfast.engines.nginx.instance import Instance
from holdfast.engines.nginx.port import Edit, Generation, Ground, Master, Traffic
from holdfast.engines.nginx.program import BESIDE, Program
from holdfast.engines.nginx.workers import executable
from holdfast.errors import Unavailable
from holdfast.host.file_watch import FileWatch
from holdfast.host.keeper import listeners
from holdfast.kit.canonical import digest_bytes
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks
from holdfast.model.ports import Records

ANSWER_LIMIT_S = 2.0
LOG_LIMIT = 64 << 20
"""Bytes of a log before it is put aside; one older is kept."""
LOGS = ("access.log", "error.log")
LARGEST_CERTIFICATE = 1 << 20
WITH_ERROR_LOG = (1, 19, 5)
"""The first version that takes `-e`: before, what it says until it has read its configuration goes where it was built to."""


def places(root: Path, *, data: Path, releases: str | None = None, http: int | None = None, https: int | None = None) -> Places:
    """Return the folders of an edge beneath `root`; ports where the Edge names none are those of the web as root, else 8080 and 8443."""
    is_root = os.geteuid() == 0
    return Places(
        root=str(root),
        releases=releases or str(root / "releases"),
        data=str(data),
        user=grounds.worker_user(),
        http=http or (80 if is_root else 8080),
        https=https or (443 if is_root else 8443),
    )


class InstalledNginx:
    """`releases` is where releases lie by Application and id, `run_dir` the keeper's folder, `beside` where nginx is looked for besides."""

    def __init__(
        self,
        *,
        places: Places,
        releases: Path,
        run_dir: Path,
        records: Records,
        clock: Clock,
        random: Random,
        search_path: str,
        beside: tuple[str, ...] = BESIDE,
        watch: FileWatch | None = None,
    ) -> None:
        self.places = places
        self._root = Path(places.root)
        self._releases = releases
        self._search_path = search_path
        self._beside = beside
        self._generations = Generations(self._root)
        self._gate = Gate()
        self._instance = Instance(
            run_dir=run_dir,
            records=records,
            clock=clock,
            random=random,
            search_path=search_path,
            stdout=self._root / "logs" / "stdout.log",
        )
        self._watch = watch or FileWatch()
        self._watched: set[str] = set()
        self._flags: frozenset[str] = frozenset()
        self._switched: str | None = None
        self._program: Program | None = None
        self._log: ErrorLog | None = None
        self._answers: AnswersLog | None = None
        self._known: tuple[str, Capability] | None = None
        self._digests: dict[str, tuple[Mark, str | None]] = {}

    async def begin(self) -> None:
        grounds.make_folders(self._root)
        self._switched = self._generations.linked()
        self._log = ErrorLog(self._root / "logs" / "error.log")
        self._answers = AnswersLog(self._root / "logs" / ANSWERS)
        await self._instance.begin()
        self._look_after(self._switched)

    # The program

    def _nginx(self) -> Program:
        """Return the program; looked for each time until it is found, since it may be installed meanwhile."""
        if self._program is None:
            self._program = Program.find(self._search_path, self._beside)
        return self._program

    def _executable(self) -> str:
        """Return what reads the next configuration: the file of the master that runs, which an upgrade may have replaced on disk."""
        master, path = self.master(), self._nginx().path
        return path if master is None else executable(master.pid, path)

    async def capability(self) -> Capability:
        file = self._executable()
        found = os.stat(file)
        mark = f"{found.st_dev} {found.st_ino} {found.st_mtime_ns}"
        if self._known is None or self._known[0] != mark:
            self._known = (mark, await self._nginx().capability(file))
        return self._known[1]

    # Files

    async def prepare(self, ground: Ground) -> None:
        self._gate.hold(grounds.paused(ground))
        grounds.prepare(self._root, ground, user=self.places.user, releases=self._releases)
        self._gate.hold_only(grounds.paused(ground))
        self._flags = ground.flags
        self._look_after(self._switched)

    async def mark(self, suffix: str, wanted: frozenset[str]) -> None:
        grounds.mark(self._root, suffix, wanted)

    async def lay(self, generation: Generation) -> None:
        self._generations.lay(generation)

    async def test(self, digest: str, text: str | None = None) -> tuple[str, ...]:
        if text is None:
            return await self._nginx().test(self._generations.conf(digest), self._root, executable=self._executable())
        with self._generations.beside(digest, text) as conf:
            return await self._nginx().test(conf, self._root, executable=self._executable())

    async def switch(self, digest: str | None) -> None:
        self._generations.switch(digest)
        self._switched = digest
        self._look_after(digest)

    def current(self) -> str | None:
        return self._generations.current()

    def linked(self) -> str | None:
        return self._generations.linked()

    async def keep(self, most: int) -> None:
        self._generations.keep(most)

    def edits(self) -> tuple[Edit, ...]:
        return self._generations.edits(self._switched)

    def remember(self, generation: Generation) -> None:
        self._generations.remember(generation)

    def flags(self) -> frozenset[str]:
        return grounds.flags(self._root)

    def waiting(self, key: str) -> int:
        return self._gate.waiting(key)

    def certificate(self, namespace: str, name: str) -> str | None:
        path = self.places.certificate(namespace, name)[0]
        known, mark = self._digests.get(path), mark_of(Path(path))
        if known is None or known[0] != mark:
            self._digests[path] = known = (mark, pem_digest(path))
        return known[1]

    def _look_after(self, digest: str | None) -> None:
        """Watch what is served from, and nothing else."""
        wanted = {str(path) for path in self._served_from(digest)}
        for path in self._watched - wanted:
            self._watch.drop(path)
        for path in wanted - self._watched:
            self._watch.add(str(self._root), path)
        self._watched = wanted

    def _served_from(self, digest: str | None) -> Iterator[Path]:
        yield self._root / LINK
        yield from (self._root / "flags" / name for name in self._flags)
        if digest is not None:
            yield self._root / FOLDER / digest / CONF
            yield self._root / FOLDER / digest / MANIFEST
            with suppress(OSError):
                yield from (self._root / PAGES / name for name in os.listdir(self._root / PAGES))

    # The process

    async def start(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self.places.socket)  # a master that was killed leaves it, and nothing can listen where it is
        await self._instance.start(await self._command())

    async def _command(self) -> tuple[str, ...]:
        log = ("-e", str(self._root / "logs" / "error.log")) if (await self.capability()).version >= WITH_ERROR_LOG else ()
        return (self._nginx().path, "-p", str(self._root), "-c", str(self._generations.read_by_nginx), *log, "-g", "daemon off;")

    async def reload(self) -> None:
        await self._instance.signal(signal.SIGHUP)

    async def stop(self) -> None:
        await self._instance.stop()

    def master(self) -> Master | None:
        return self._instance.master()

    async def answer(self) -> str | None:
        return await asked(self.places.socket)

    async def traffic(self) -> Traffic | None:
        return traffic_of(await asked(self.places.socket, "/status"))

    def listener(self, address: str, port: int) -> str | None:
        return holder(address, port, self.master())

    def descriptors(self) -> int | None:
        if os.geteuid() == 0:
            return None  # root raises it
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        return None if hard == resource.RLIM_INFINITY else hard

    def said(self) -> tuple[str, ...]:
        return self._log.more() if self._log is not None else ()

    def answered(self) -> tuple[str, ...]:
        return self._answers.more() if self._answers is not None else ()

    async def follow(self, ring: Callable[[], None]) -> None:
        async with Tasks() as tasks:
            tasks.start("files", _each(self._watch.changes(), ring))
            tasks.start("keeper", _each(self._instance.news(), ring))
            tasks.start("gate", keep(self._gate, Path(self.places.gate), self.places.user))

    async def rotate(self) -> None:
        """Put logs aside that have grown large, and have nginx open new ones."""
        large = [path for name in LOGS if _size(path := self._root / "logs" / name) > LOG_LIMIT]
        for path in large:
            os.replace(path, path.with_name(f"{path.name}.1"))
        if large and self.master() is not None:
            with suppress(Unavailable):
                await self._instance.signal(signal.SIGUSR1)

    async def aclose(self) -> None:
        await self._instance.aclose()


def pem_digest(path: str) -> str | None:
    """Return the SHA-256 over the DER of the first certificate of a chain; None where there is none that can be read."""
    try:
        with open(path, encoding="ascii") as file:
            return digest_bytes(ssl.PEM_cert_to_DER_cert(first_certificate(file.read(LARGEST_CERTIFICATE))))
    except (OSError, ValueError):
        return None


def first_certificate(text: str) -> str:
    """Return the first certificate of a chain in PEM; ValueError where there is none."""
    begin, end = text.find("-----BEGIN CERTIFICATE-----"), text.find("-----END CERTIFICATE-----")
    if begin < 0 or end < begin:
        raise ValueError("no certificate")
    return text[begin:end] + "-----END CERTIFICATE-----\n"


def holder(address: str, port: int, master: Master | None) -> str | None:
    """Return who listens at an address besides a master and its workers."""
    found = listeners.find_tcp(address, port)
    ours = {pid for pid, _ in ((master.pid, 0), *master.accepting, *master.draining)} if master is not None else set()
    return None if found is None or found[0] in ours else f"pid {found[0]} ({found[1]})"


_TRAFFIC = re.compile(r"Reading: (\d+) Writing: (\d+) Waiting: (\d+)")


def traffic_of(text: str | None) -> Traffic | None:
    """Return what `stub_status` says, without the request that asked."""
    said = _TRAFFIC.search(text or "")
    return None if said is None else Traffic(idle=int(said[3]), busy=max(0, int(said[1]) + int(said[2]) - 1))


async def asked(path: str, what: str = "/generation") -> str | None:
    """Ask the private socket for the generation, or for something else; None where nobody answers with it."""
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(f"GET {what} HTTP/1.0\r\nHost: status.holdfast\r\n\r\n".encode())
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        return None
    return body.decode(errors="replace") if head.startswith(b"HTTP/1.1 200 ") else None


async def _each(source: AsyncIterator[object], ring: Callable[[], None]) -> None:
    async for _ in source:
        ring()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
