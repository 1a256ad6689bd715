"""Answers to challenges: over HTTP by whoever serves the hosts (http-01), or by DNS through a hook of the local configuration (dns-01)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from holdfast.edge.issuer import Hook
from holdfast.engines.acme import wire
from holdfast.engines.acme.hook import Hooks
from holdfast.errors import EngineError, Rejected
from holdfast.kit.clock import Clock

HTTP, DNS = "http-01", "dns-01"
PATH = "/.well-known/acme-challenge/"
"""Beneath which a token is asked for, over plain HTTP on port 80 (RFC 8555 §8.3)."""


class Challenges(Protocol):
    """Whoever serves port 80 of the hosts: answers `GET PATH + token` of `host` with the key authorization, as text."""

    async def put(self, token: str, key_authorization: str, host: str) -> None:
        """Answer from now on; returns once it does. Raises `EngineError` where it cannot."""
        ...

    async def drop(self, token: str) -> None:
        """Answer no longer; a token that is not there is no error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One challenge, and what answers it."""

    kind: str
    host: str
    url: str
    token: str
    key_authorization: str


class Answers:
    """By DNS where there is a hook for it, else over HTTP. `propagation_s`: how long a record takes to be seen."""

    def __init__(self, *, challenges: Challenges | None, hooks: Hooks, dns: Hook | None, propagation_s: float, clock: Clock) -> None:
        self._challenges = challenges
        self._hooks = hooks
        self._dns = dns
        self._propagation_s = propagation_s
        self._clock = clock

    @property
    def kind(self) -> str:
        return HTTP if self._dns is None else DNS

    async def put(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            await self._put(answer)
        if self._dns is not None and answers:
            await self._clock.sleep(self._propagation_s)

    async def _put(self, answer: Answer) -> None:
        if self._dns is not None:
            await self._hooks.run(self._dns, "present", wire.txt_name(answer.host), wire.txt_value(answer.key_authorization))
        elif self._challenges is not None:
            await self._challenges.put(answer.token, answer.key_authorization, answer.host)
        else:
            hint = "let the edge serve port 80, or give the issuer a dns hook"
            raise Rejected("HF3150", f"cannot prove that {answer.host} is ours: nothing answers over HTTP here", hint=hint)

    async def drop(self, answers: Sequence[Answer]) -> None:
        """Take the answers away; what fails here fails nobody's certificate."""
        for answer in answers:
            with suppress(EngineError):
                if self._dns is not None:
                    await self._hooks.run(self._dns, "cleanup", wire.txt_name(answer.host), wire.txt_value(answer.key_authorization))
                elif self._challenges is not None:
                    await self._challenges.drop(answer.token)
