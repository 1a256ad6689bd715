"""The way to one API server: a pace that the server sets, and what is tried again without anybody noticing.

Tried again: what the server asked us to (429 with Retry-After), a connection that broke where asking twice is asking once, and once a
refusal of credentials that can be renewed. Everything else is an error of the house (answer). Watches go past the pace: they stay open.
What lies beneath is a wire: one question, one answer (wire.HttpWire, and the simulated API server).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from holdfast.engines.kubernetes.answer import Answer, Gone, NotFound, Question, error_of
from holdfast.engines.kubernetes.pace import Pace
from holdfast.errors import Unavailable
from holdfast.kit.backoff import Backoff
from holdfast.kit.clock import Clock, Random

TRIES = 6
AGAIN = Backoff(first_s=0.05, factor=2.0, cap_s=5.0)


class Wire(Protocol):
    """Carries questions to one server. `is_refused` asks for new credentials, because the server refused those that it knew."""

    @property
    def server(self) -> str:
        """Return its address, as people know it."""
        ...

    @property
    def can_renew(self) -> bool:
        """Say whether asking with `is_refused` may help."""
        ...

    async def send(self, question: Question, *, is_refused: bool = False) -> Answer:
        """Return what the server says, whatever its status. Raises `Unavailable` or `TimedOut` where no whole answer came."""
        ...

    def stream(self, question: Question, *, is_refused: bool = False) -> AbstractAsyncContextManager[tuple[Answer, AsyncIterator[bytes]]]:
        """Open a watch: the answer's head, whole where it is an error, and the lines as they come. Leaving the block ends it."""
        ...

    async def aclose(self) -> None: ...


class Transport:
    """Close it when done."""

    def __init__(self, wire: Wire, *, clock: Clock, random: Random) -> None:
        self.server = wire.server
        self.pace = Pace()
        self.requests = 0
        """Sent so far, watches included."""
        self._wire = wire
        self._clock = clock
        self._random = random

    async def ask(self, question: Question) -> Answer:
        """Ask and return a success. Raises NotFound, Gone, and the EngineErrors of `answer`."""
        attempt, is_refused = 0, False
        while True:
            attempt += 1
            try:
                answer = await self._once(question, is_refused=is_refused)
            except Unavailable:
                if attempt >= TRIES or not (question.method == "GET" or question.is_safe):
                    raise
                await self._clock.sleep(AGAIN.equal_jitter(attempt, self._random.random()))
                continue
            if answer.status < 300:
                return answer
            if answer.status == 401 and self._wire.can_renew and not is_refused:
                is_refused = True
                continue
            if answer.status == 429 or (answer.status == 503 and answer.retry_after_s is not None):
                self.pace.was_too_much(answer.retry_after_s)
                if attempt < TRIES:
                    wait_s = answer.retry_after_s or 0.0
                    await self._clock.sleep(wait_s + AGAIN.full_jitter(attempt, self._random.random()))
                    continue
            raise self._raised(question, answer)

    def _raised(self, question: Question, answer: Answer) -> Exception:
        if answer.status == 404 and answer.said.get("details", {}).get("name"):
            return NotFound(error_of(question, answer, self.server))
        if answer.status == 410:
            return Gone(question.subject)
        return error_of(question, answer, self.server)

    async def _once(self, question: Question, *, is_refused: bool) -> Answer:
        async with self.pace.turn():
            began = self._clock.monotonic()
            self.requests += 1
            answer = await self._wire.send(question, is_refused=is_refused)
            if answer.status < 400:
                self.pace.went_well(self._clock.monotonic() - began)
            return answer

    @asynccontextmanager
    async def stream(self, question: Question) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a watch and yield its lines as they come; the block ends it. Raises as `ask` does, before the first line."""
        is_refused = False
        while True:
            self.requests += 1
            async with self._wire.stream(question, is_refused=is_refused) as (answer, lines):
                if answer.status == 401 and self._wire.can_renew and not is_refused:
                    is_refused = True
                    continue
                if answer.status >= 300:
                    if answer.status == 429:
                        self.pace.was_too_much(answer.retry_after_s)
                    raise self._raised(question, answer)
                yield lines
                return

    async def aclose(self) -> None:
        await self._wire.aclose()
