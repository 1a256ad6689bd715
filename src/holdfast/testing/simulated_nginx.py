"""A simulated nginx: what lies on its disk, what its memory holds, and how the two come apart, on the simulated clock.

Behaves as a real one where that matters to the engine: a reload forks new workers and lets old ones finish, a test does not see everything
that a reload does, a master that is killed leaves a socket and no workers. Also visits: a host is answered while its server is in memory.
What may be done to it: fields and methods below `What the world does`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import count

from holdfast.edge.capability import Capability
from holdfast.edge.render_guard import MAINTENANCE, PAUSED
from holdfast.edge.world import Places
from holdfast.engines.nginx.generations import changed_lines, unified
from holdfast.engines.nginx.port import Edit, Generation, Ground, Master, Traffic
from holdfast.errors import Unavailable
from holdfast.host.wire import Seen, Visit
from holdfast.kit.canonical import digest
from holdfast.kit.clock import Clock, Random
from holdfast.testing.sites import BOOKWORM

APPLICATIONS = "10."
"""How the addresses of applications begin that are asked past nginx."""
FORK_S, DRAIN_S, ANSWER_S = 0.02, 0.1, 0.001
_LISTEN = re.compile(r"listen \S+?:(\d+)[ ;]")
_NAMES = re.compile(r"server_name ([^;]+);")
_PAIR = re.compile(r"ssl_certificate /edge/certificates/(\S+)/fullchain\.pem;")
_GENERATION = re.compile(r"return 200 ([0-9a-f]{64});")


@dataclass(slots=True)
class Memory:
    """What one configuration became when it was read."""

    text: str
    certificates: Mapping[str, str]

    @property
    def generation(self) -> str | None:
        found = _GENERATION.search(self.text)
        return found[1] if found else None

    def shown(self, host: str) -> str:
        """Return the certificate of the server that answers for a host."""
        server = self.text.partition(f"server_name {host}")[2]
        found = _PAIR.search(server)
        return self.certificates.get(found[1], "") if found else ""

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset(name for names in _NAMES.findall(self.text) for name in names.split())


@dataclass(slots=True, kw_only=True)
class SimulatedNginx:
    """Implements the ports `Nginx` and `Wire` of the nginx engine. Outlives every daemon."""

    clock: Clock
    random: Random
    places: Places = field(default_factory=lambda: Places(root="/edge", user="www-data", http=80, https=443))
    can: Capability = BOOKWORM
    generations: dict[str, Generation] = field(default_factory=dict)
    """As they were laid, the last switched to at the end."""
    files: dict[str, str] = field(default_factory=dict)
    """What lies there now, by generation."""
    link: str | None = None
    ground: Ground = field(default_factory=Ground)
    there: set[str] = field(default_factory=set)
    """Flags that are there."""
    pairs: dict[str, str] = field(default_factory=dict)
    """`namespace/name` → what the certificate that lies there digests to."""
    memory: Memory | None = None
    pid: int | None = None
    accepting: set[tuple[int, int]] = field(default_factory=set)
    draining: set[tuple[int, int]] = field(default_factory=set)
    log: list[str] = field(default_factory=list)
    reloads: int = 0
    taken: set[int] = field(default_factory=set)
    """Ports that other programs hold: a test does not see them."""
    answer_lines: list[str] = field(default_factory=list)
    """Lines of the log that breakers are judged by, until they are read."""
    tested: list[bool] = field(default_factory=list)
    """Of each test: whether it was of the whole."""
    refusals: list[str] = field(default_factory=list)
    """What the next reloads are refused with, though their test passes."""
    slow_s: float = 0.0
    """How much longer new workers take."""
    dies: bool = False
    """Whether the master ends as soon as it is started."""
    unmade: set[str] = field(default_factory=set)
    """`namespace/name` of certificates that nobody can make."""
    busy: int = 0
    """How many visits go unanswered."""
    answers: Callable[[str], int] = lambda text: 200
    """What the applications behind a configuration answer."""
    targets: dict[str, int] = field(default_factory=dict)
    """What applications answer that are asked by their address; one that is not here does not answer."""
    visited_at: list[float] = field(default_factory=list)
    """When such applications were asked."""
    marked: int = 0
    """How often flags were written."""
    _read: int = 0
    _numbers: count[int] = field(default_factory=lambda: count(100))
    _bells: list[Callable[[], None]] = field(default_factory=list)

    # The port

    async def begin(self) -> None:
        self._read = len(self.log)

    async def capability(self) -> Capability:
        return self.can

    async def prepare(self, ground: Ground) -> None:
        self.ground = ground
        closed = frozenset(flag for flag in ground.flags if flag.endswith(MAINTENANCE))
        await self.mark(MAINTENANCE, closed)
        await self.mark(PAUSED, ground.flags - closed)

    async def mark(self, suffix: str, wanted: frozenset[str]) -> None:
        before = set(self.there)
        self.there = {flag for flag in self.there if not flag.endswith(suffix)} | wanted
        self.marked += self.there != before

    async def lay(self, generation: Generation) -> None:
        self.generations.setdefault(generation.digest, generation)
        self.files[generation.digest] = generation.text

    async def test(self, digest: str, text: str | None = None) -> tuple[str, ...]:
        await self.clock.sleep(FORK_S)
        self.tested.append(text is None)
        return tuple(self._wrong(digest, text))

    def _wrong(self, digest: str, text: str | None = None) -> list[str]:
        text = self.files.get(digest, "}") if text is None else text
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() == "limit_rate abc;":
                return [f'nginx: [emerg] "limit_rate" directive invalid value in /edge/generations/{digest}/nginx.conf:{number}']
        if text.count("{") != text.count("}"):
            return [f'nginx: [emerg] unexpected "}}" in /edge/generations/{digest}/nginx.conf:{text.count(chr(10)) + 1}']
        return []

    async def switch(self, digest: str | None) -> None:
        self.link = digest
        if digest is not None:
            self.generations[digest] = self.generations.pop(digest)

    def linked(self) -> str | None:
        return self.link

    def current(self) -> str | None:
        return self.link if self.link is not None and not self.edits() else None

    async def keep(self, most: int) -> None:
        for old in list(self.generations)[:-most]:
            del self.generations[old]

    async def start(self) -> None:
        assert self.pid is None, "it runs already"
        await self.clock.sleep(FORK_S)
        self.pid = next(self._numbers)
        if self.dies or self.link is None or (refusal := self._refusal(self.link)):
            self.log.append(f"[emerg] {'out of luck' if self.dies else refusal}")
            self.pid = None
            self._ring()
            return
        self._take(self.link)

    async def reload(self) -> None:
        if self.pid is None:
            raise Unavailable("HF3185", "cannot tell nginx anything: it has ended")
        asyncio.get_running_loop().call_later(FORK_S + self.slow_s, self._come, self.pid, self.link)

    def _come(self, pid: int, digest: str | None) -> None:
        """Take a configuration, or say why not; whatever lies there by then."""
        if self.pid != pid or digest is None:
            return
        refusal = self._refusal(digest)
        if refusal is not None:
            self.log.append(f"[emerg] {refusal}")
            return
        self._take(digest)

    def _refusal(self, digest: str) -> str | None:
        if wrong := self._wrong(digest):
            return wrong[0].removeprefix("nginx: [emerg] ")
        if self.taken & {int(port) for port in _LISTEN.findall(self.files[digest])}:
            return "still could not bind()"
        return self.refusals.pop(0) if self.refusals else None

    def _take(self, digest: str) -> None:
        self.reloads += 1
        old, self.accepting = self.accepting, {(next(self._numbers), 1), (next(self._numbers), 1)}
        self.draining |= old
        asyncio.get_running_loop().call_later(DRAIN_S, self.draining.difference_update, old)
        self.memory = Memory(self.files[digest], dict(self.pairs))

    async def stop(self) -> None:
        if self.pid is not None:
            await self.clock.sleep(DRAIN_S)
            self._end()

    def master(self) -> Master | None:
        if self.pid is None:
            return None
        return Master(pid=self.pid, start_time=1, accepting=frozenset(self.accepting), draining=frozenset(self.draining))

    async def answer(self) -> str | None:
        await self.clock.sleep(ANSWER_S)
        return self.memory.generation if self.memory is not None else None

    async def traffic(self) -> Traffic | None:
        return Traffic(idle=3, busy=1) if self.pid is not None else None

    def listener(self, address: str, port: int) -> str | None:
        return "pid 1 (another)" if port in self.taken else None

    def descriptors(self) -> int | None:
        return 65_536

    def said(self) -> tuple[str, ...]:
        lines, self._read = tuple(self.log[self._read :]), len(self.log)
        return lines

    def answered(self) -> tuple[str, ...]:
        lines, self.answer_lines = tuple(self.answer_lines), []
        return lines

    def edits(self) -> tuple[Edit, ...]:
        if self.link is None or self.link not in self.generations:
            return ()
        ours, now = self.generations[self.link].text, self.files[self.link]
        if ours == now:
            return ()
        return (Edit(path="/edge/nginx.conf", diff=unified(ours, now), lines=changed_lines(ours, now)),)

    def flags(self) -> frozenset[str]:
        return frozenset(self.there)

    def waiting(self, key: str) -> int:
        return 0

    def certificate(self, namespace: str, name: str) -> str | None:
        return self.pairs.get(f"{namespace}/{name}")

    async def follow(self, ring: Callable[[], None]) -> None:
        self._bells.append(ring)
        try:
            await asyncio.Event().wait()
        finally:
            self._bells.remove(ring)

    async def rotate(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    # Visitors, and who makes certificates

    async def visit(self, visit: Visit, *, timeout_s: float) -> Seen:
        await self.clock.sleep(ANSWER_S)
        if visit.address.startswith(APPLICATIONS):
            return self._target(visit)
        if self.busy:
            self.busy -= 1
            raise Unavailable("HF3190", f"cannot visit {visit.url}: busy")
        if self.memory is None or visit.host not in self.memory.hosts:
            raise Unavailable("HF3190", f"cannot visit {visit.url}: nobody answers")
        if not visit.is_tls:
            return Seen(status=308, headers={"location": f"https://{visit.host}/"})
        shown = self.memory.shown(visit.host)
        return Seen(status=self.answers(self.memory.text), certificate=shown, protocol="TLSv1.3")

    def _target(self, visit: Visit) -> Seen:
        self.visited_at.append(self.clock.monotonic())
        status = self.targets.get(f"{visit.address}:{visit.port}")
        if status is None:
            raise Unavailable("HF3190", f"cannot visit {visit.url}: connection refused")
        return Seen(status=status)

    async def ensure(self, wanted: Collection[tuple[str, str]]) -> None:
        for pair in {"/".join(one) for one in wanted} - self.unmade:
            self.pairs.setdefault(pair, digest("the one certificate"))

    def hosts(self) -> Mapping[str, tuple[str, ...]]:
        return {}

    # What the world does

    def edit(self, old: str, new: str) -> None:
        """Change the file that is linked, as a person with an editor would."""
        assert self.link is not None
        assert old in self.files[self.link]
        self.files[self.link] = self.files[self.link].replace(old, new)
        self._ring()

    def reload_by_hand(self) -> None:
        assert self.pid is not None
        asyncio.get_running_loop().call_later(FORK_S, self._come, self.pid, self.link)

    def kill_master(self) -> None:
        assert self.pid is not None
        self._end()

    def _end(self) -> None:
        self.pid, self.memory = None, None
        self.accepting.clear()
        self.draining.clear()
        self._ring()

    def _ring(self) -> None:
        for ring in tuple(self._bells):
            ring()
