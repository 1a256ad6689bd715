"""A wire with moods: it carries what the one behind it does, but where it was told to lose an answer, throttle, hang up, lag or repeat.

Wraps the simulated API server and a real one alike, so that one suite of laws asks both for the same trouble.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from holdfast.engines.kubernetes.answer import Answer, Question
from holdfast.engines.kubernetes.transport import Wire
from holdfast.errors import Unavailable
from holdfast.kit.clock import Clock


class MoodyWire:
    """Implements engines.kubernetes.transport.Wire."""

    def __init__(self, behind: Wire, clock: Clock) -> None:
        self.sent: list[tuple[float, Question]] = []
        """When which question was sent, watches included."""
        self.is_repeating = False
        """Whether a watch tells everything twice, and what it told before that once more."""
        self.lag_s = 0.0
        """How much later than they come a watch tells its news."""
        self._behind = behind
        self._clock = clock
        self._lost: list[tuple[str, str]] = []
        self._answers: list[tuple[str, str, str, Answer]] = []
        self._lists: dict[str, Any] = {}
        self._stale: set[str] = set()
        self._expired: set[str] = set()
        self._gap = False
        self._swallowed: list[str] = []

    @property
    def server(self) -> str:
        return self._behind.server

    @property
    def can_renew(self) -> bool:
        return self._behind.can_renew

    def lose(self, method: str, path: str) -> None:
        """Lose the next answer to a question whose path ends so: it is carried out, and nobody hears."""
        self._lost.append((method, path))

    def answer(self, method: str, path: str, status: int, reason: str, message: str, *, kind: str = "", **headers: str) -> None:
        """Answer the next question whose path ends so, and whose body is of `kind`, with a refusal; it is not carried out."""
        self._answers.append((method, path, kind, refusal(status, reason, message, **headers)))

    async def remember(self, path: str) -> None:
        """Keep what a list says now, for `be_stale`."""
        self._lists[path] = (await self._behind.send(Question(method="GET", path=path))).json()

    def be_stale(self, path: str) -> None:
        """Answer the next list of `path` with what was remembered, as a server does that lags behind."""
        self._stale.add(path)

    def expire(self, path: str) -> None:
        """Break the watch of `path` at its next news, and say of the place where it would go on that it is too old (410)."""
        self._expired.add(path)

    def swallow(self, name: str) -> None:
        """Never tell the next news of an object: it is lost, and nobody notices."""
        self._swallowed.append(f'"name":"{name}"')

    def hang_up(self) -> None:
        """Break each watch at its next news, which is lost, and let none begin."""
        self._gap = True

    def listen_again(self) -> None:
        self._gap = False

    async def send(self, question: Question, *, is_refused: bool = False) -> Answer:
        self.sent.append((self._clock.monotonic(), question))
        for mood in self._answers:
            if mood[0] == question.method and question.path.endswith(mood[1]) and mood[2] in ("", question.kind):
                self._answers.remove(mood)
                return mood[3]
        if question.method == "GET" and question.path in self._stale and "PartialObjectMetadata" not in question.accept:
            self._stale.discard(question.path)
            return Answer(status=200, body=json.dumps(self._lists[question.path]).encode())
        answer = await self._behind.send(question, is_refused=is_refused)
        if (
            mine := next((lost for lost in self._lost if lost[0] == question.method and question.path.endswith(lost[1])), None)
        ) is not None:
            self._lost.remove(mine)
            raise Unavailable("HF3300", f"cannot {question.verb} {question.subject}: connection reset by peer")
        return answer

    @asynccontextmanager
    async def stream(self, question: Question, *, is_refused: bool = False) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        self.sent.append((self._clock.monotonic(), question))
        if self._gap:
            raise Unavailable("HF3300", f"cannot {question.verb} {question.subject}: connection refused")
        if question.path in self._stale and ("sendInitialEvents", "true") in question.query:
            self._stale.discard(question.path)
            yield Answer(status=200), _streamed(self._lists[question.path])
            return
        if question.path in self._expired and ("sendInitialEvents", "true") not in question.query:
            self._expired.discard(question.path)
            yield refusal(410, "Expired", "too old resource version"), self._told(question, _nothing())
            return
        async with self._behind.stream(question, is_refused=is_refused) as (answer, lines):
            yield answer, self._told(question, lines)

    async def _told(self, question: Question, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        before: bytes | None = None
        async for line in lines:
            if self.lag_s:
                await self._clock.sleep(self.lag_s)
            if self._gap or question.path in self._expired:
                raise Unavailable("HF3300", f"cannot {question.verb} {question.subject}: connection reset by peer")
            text = line.decode().replace(": ", ":")
            if lost := next((each for each in self._swallowed if each in text), None):
                self._swallowed.remove(lost)
                continue
            yield line
            if self.is_repeating and b'"BOOKMARK"' not in line:
                yield line
                if before is not None:
                    yield before
                before = line

    async def aclose(self) -> None:
        await self._behind.aclose()


def refusal(status: int, reason: str, message: str, **headers: str) -> Answer:
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": status}
    return Answer(status=status, body=json.dumps(body).encode(), headers=headers)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


async def _streamed(found: Any) -> AsyncIterator[bytes]:
    """Tell a list as a watch with initial events does."""
    for item in found["items"]:
        whole = {"apiVersion": found["apiVersion"], "kind": found["kind"].removesuffix("List"), **item}
        yield json.dumps({"type": "ADDED", "object": whole}).encode()
    metadata = {"resourceVersion": found["metadata"]["resourceVersion"], "annotations": {"k8s.io/initial-events-end": "true"}}
    yield json.dumps({"type": "BOOKMARK", "object": {"metadata": metadata}}).encode()
