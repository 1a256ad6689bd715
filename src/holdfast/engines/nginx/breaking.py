"""Breaking: reads how applications answered, and keeps requests from those that fail: by two files a path, which needs no reload.

nginx writes a short line for each answer of a path with a breaker; they are read a few times a second, only while there is such a path. An
open breaker outlives a daemon that crashes, and its successor takes it over; one that ends in order leaves none open, since nobody would
close it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from holdfast.edge.breaker import SUFFIX, Answer, Breaker, Guarded, Phase, flags_of, phase_of, read, reason, take, turn
from holdfast.edge.fold import Folded
from holdfast.edge.part import Part
from holdfast.engines.nginx import telling
from holdfast.engines.nginx.port import Nginx
from holdfast.errors import EngineError
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Wakeup
from holdfast.model.ids import ResourceId
from holdfast.model.ports import Emit

EVERY_S, JITTER = 0.25, 0.1
"""Between two readings; nginx holds lines back for 0.2 s at most."""


@dataclass(slots=True, kw_only=True)
class _Path:
    guarded: Guarded
    breaker: Breaker
    why: str = ""
    """Why it is open, or was until it lets some through again."""


class Breaking:
    """`changed` is told of Sites whose breakers opened or closed."""

    def __init__(self, *, nginx: Nginx, emit: Emit, clock: Clock, random: Random, changed: Callable[[Iterable[ResourceId]], None]) -> None:
        self._nginx = nginx
        self._emit = emit
        self._clock = clock
        self._random = random
        self._changed = changed
        self._paths: dict[str, _Path] | None = None
        self._parts: Mapping[ResourceId, Part] = {}
        self._bell = Wakeup()

    def told(self, site: ResourceId) -> dict[str, Json]:
        """Return what a handle says of the breakers of a Site; nothing while all are closed."""
        found: list[Json] = [
            f"{path.guarded.path}: {path.why}"
            for path in (self._paths or {}).values()
            if path.guarded.site == site and path.breaker.phase is not Phase.CLOSED
        ]
        return {"broken": found} if found else {}

    def follow(self, folded: Folded | None) -> None:
        """Judge the paths of this configuration from now on; those that are known stay in their phase."""
        now, old, flags = self._clock.monotonic(), self._paths or {}, self._nginx.flags()
        found: dict[str, _Path] = {}
        for guarded in folded.guarded if folded is not None else ():
            known = old.get(guarded.key)
            if known is None:
                phase = phase_of(guarded.key, flags)
                why = "" if phase is Phase.CLOSED else "it was open before the daemon was started anew"
                known = _Path(guarded=guarded, breaker=Breaker(phase=phase, since=now), why=why)
            known.guarded = guarded
            found[guarded.key] = known
        self._paths, self._parts = found, folded.served if folded is not None else {}
        self._bell.wake()

    async def run(self) -> None:
        """Judge until cancelled; then none is left open."""
        try:
            while True:
                await self._mark()
                if not self._paths:
                    await self._bell.wait()
                    continue
                await self._clock.sleep(EVERY_S * (1.0 + JITTER * (2.0 * self._random.random() - 1.0)))
                await self._judge()
        finally:
            with suppress(EngineError):
                await self._nginx.mark(SUFFIX, frozenset())

    async def _mark(self) -> None:
        """Have the flags say what is open; also those that somebody took away or put there."""
        if self._paths is not None:
            wanted = (flags_of(key, path.breaker.phase) for key, path in self._paths.items())
            with suppress(EngineError):  # a folder that takes nothing now is tried again at the next turn
                await self._nginx.mark(SUFFIX, frozenset().union(*wanted))

    async def _judge(self) -> None:
        now = self._clock.monotonic()
        answers = self._answers(ahead_s=self._clock.now() - now)
        turned: list[tuple[_Path, Phase]] = []
        for key, path in (self._paths or {}).items():
            spec, before = path.guarded.spec, take(path.breaker, answers.get(key, ()), path.guarded.spec)
            path.breaker = turn(before, now, spec)
            if path.breaker.phase is not before.phase:
                if path.breaker.phase is Phase.OPEN:
                    path.why = reason(before.total(now), spec) or ""
                turned.append((path, path.breaker.phase))
        if turned:
            await self._mark()
        for path, phase in turned:
            await self._tell(path, phase)

    def _answers(self, *, ahead_s: float) -> Mapping[str, list[Answer]]:
        found: defaultdict[str, list[Answer]] = defaultdict(list)
        for line in self._nginx.answered():
            if (told := read(line, ahead_s=ahead_s)) is not None:
                found[told[0]].append(told[1])
        return found

    async def _tell(self, path: _Path, phase: Phase) -> None:
        part = self._parts.get(path.guarded.site)
        await self._emit(
            telling.breaker(at=self._clock.now(), guarded=path.guarded, phase=phase, why=path.why, parts=() if part is None else (part,))
        )
        self._changed([path.guarded.site])
