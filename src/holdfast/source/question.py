"""One question that many ask at once.

A caller that waited for another's question, which was put after its own call, shares the answer, or the failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from holdfast.errors import HoldfastError

T = TypeVar("T")


class Question(Generic[T]):
    """`ask` puts it; it raises `HoldfastError`."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._turn = asyncio.Lock()
        self._answer: T | HoldfastError | None = None
        self._asked = 0
        self._answered = 0

    async def answer(self) -> T:
        self._asked += 1
        mine = self._asked
        async with self._turn:
            if self._answered < mine:
                asked = self._asked
                try:
                    self._answer = await self._ask()
                except HoldfastError as error:
                    self._answer = error
                self._answered = asked
            if isinstance(self._answer, HoldfastError):
                raise self._answer
            return self._answer  # type: ignore[return-value]  # it was answered
