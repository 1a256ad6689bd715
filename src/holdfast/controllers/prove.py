"""Prove: looks from outside at what resources claim, and tells what was seen. The third axis beside sync and health.

Each resource that claims something has a lane: it is looked at when an operation has settled, again before its proofs expire, and sooner
while a claim is refuted. A verdict that changed is told at once; one that did not is told again only so often that it never reads stale.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from holdfast.core import events
from holdfast.core.inbox import Inbox
from holdfast.errors import Bug, EngineError
from holdfast.kit.backoff import Backoff
from holdfast.kit.canonical import Json, digest_bytes, short
from holdfast.kit.clock import Clock, Random
from holdfast.kit.tasks import Tasks, Wakeup
from holdfast.model.event import Event
from holdfast.model.ids import ResourceId
from holdfast.model.plan import Owned
from holdfast.model.ports import HttpAnswer, Journal, Net
from holdfast.model.proof import Claim, Proof, Verdict
from holdfast.walk.ledger import Ledger

LOOKS = 16
"""Resources looked at at once; further ones wait."""
TIMEOUT_S = 5.0
RENEW_SHARE = 0.5
"""A proof is renewed when this share of its validity has passed, or up to RENEW_JITTER later."""
RENEW_JITTER = 0.25
AGAIN = Backoff(first_s=1.0, factor=2.0, cap_s=30.0)
"""How soon a refuted claim is looked at again."""
LOOK_AROUND_S = 60.0
"""How often resources are looked for that nobody told of."""
PASSING = range(200, 400)
"""HTTP answers that prove, as for probes (Kubernetes)."""
EXCERPT = 80
VERDICTS: Mapping[bool | None, Verdict] = {True: Verdict.PROVEN, False: Verdict.REFUTED, None: Verdict.UNKNOWN}


Look = Callable[[Claim, Mapping[str, Json]], Awaitable[tuple[bool | None, str]]]
"""From a claim and its target to whether it holds (None: that could not be looked at), and what was seen.

Raises `EngineError` where nobody answers, which refutes, but for claims of UNKNOWING: there it is no proof of anything.
"""
UNKNOWING = frozenset({"closed", "open"})
"""Methods whose claims a look that came to nothing says nothing of: who does not answer us may answer others."""


class ProveController:
    """`data_dir` says where the relative unix paths of an Application lie; `looks` are further ways to look, by the method of claims."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        net: Net,
        journal: Journal,
        clock: Clock,
        random: Random,
        data_dir: Callable[[str], Path],
        crashed: Callable[[str, BaseException], None],
        looks: Mapping[str, Look] = MappingProxyType({}),
    ) -> None:
        self._ledger = ledger
        self._looks = looks
        self._net = net
        self._journal = journal
        self._clock = clock
        self._random = random
        self._data_dir = data_dir
        self._crashed = crashed
        self._inbox = Inbox(slots=LOOKS, retry=AGAIN)
        self._bell = Wakeup()
        self._told: dict[ResourceId, dict[str, Proof]] = {}
        """By resource in a lane: what was told last, by claim."""

    def settled(self, application: str, ids: Iterable[ResourceId]) -> None:
        """Say that an operation has ended with these ids: they are looked at now, and what is seen is told whatever it is.

        What they need, and what they were derived from, is looked at too, since it may claim something of them.
        """
        settled = frozenset(ids)
        for id in settled:
            self._begin(id)
        for id in self._beside(settled) - settled:
            if id in self._told:
                self._inbox.forget_failures(id, self._clock.monotonic())
        self._bell.wake()

    def _beside(self, ids: Iterable[ResourceId]) -> frozenset[ResourceId]:
        found: set[ResourceId] = set()
        for id in ids:
            if (owned := self._ledger.inventory.get(id)) is not None:
                found |= owned.resource.needs
                found.add(owned.resource.declared_id)
        return frozenset(found)

    def _begin(self, id: ResourceId) -> None:
        """Look at `id` from now on, and now."""
        owned = self._ledger.inventory.get(id)
        if not _claims(owned):
            self._told.pop(id, None)
            self._inbox.drop(id)
            return
        self._told[id] = {}
        self._inbox.forget_failures(id, self._clock.monotonic())

    async def run(self) -> None:
        async with Tasks(on_crash=self._crashed) as tasks:
            turn, around_at = 0, self._clock.monotonic()
            while True:
                now = self._clock.monotonic()
                if now >= around_at:
                    around_at = now + LOOK_AROUND_S
                    self._look_around()
                while (id := self._inbox.take(self._clock.monotonic())) is not None:
                    turn += 1
                    tasks.start(f"prove {turn} {id}", self._turn(id), guard=True)
                wake_at = min(at for at in (around_at, self._inbox.wake_at()) if at is not None)
                left = max(0.0, wake_at - self._clock.monotonic())
                await self._bell.wait_until(asyncio.get_running_loop().time() + left)

    def _look_around(self) -> None:
        for id, owned in self._ledger.inventory.items():
            if id not in self._told and _claims(owned):
                self._begin(id)

    async def _turn(self, id: ResourceId) -> None:
        ok, again_in = False, None
        try:
            proofs = await self.look(id)
            ok = all(proof.verdict is Verdict.PROVEN for proof in proofs)
            again_in = self._renewed_in(proofs)
        finally:
            self._inbox.finished(id, self._clock.monotonic(), ok=ok, unit=self._random.random(), again_in=again_in)
            self._bell.wake()

    def _renewed_in(self, proofs: Iterable[Proof]) -> float | None:
        """Return in how many seconds to look again; None where there is nothing to look at."""
        valid_for_s = min((proof.valid_for_s for proof in proofs), default=None)
        return None if valid_for_s is None else valid_for_s * (RENEW_SHARE + RENEW_JITTER * self._random.random())

    async def look(self, id: ResourceId) -> tuple[Proof, ...]:
        """Look at every claim of `id`, tell what is news, and return all proofs; none where it is gone."""
        owned = self._ledger.inventory.get(id)
        if owned is None or not _claims(owned):
            self._told.pop(id, None)
            return ()
        proofs = [await self._prove(owned, claim) for claim in owned.resource.claims]
        if self._ledger.inventory.get(id) is None:
            self._told.pop(id, None)
            return ()  # it was taken away meanwhile, and so is what was seen
        await self._tell(owned, proofs)
        return tuple(proofs)

    async def _tell(self, owned: Owned, proofs: Iterable[Proof]) -> None:
        before = self._told.get(owned.resource.id, {})
        claims = [claim.text for claim in owned.resource.claims]
        news: list[Event] = []
        now: dict[str, Proof] = {}
        for proof in proofs:
            told = before.get(proof.claim)
            is_news = (
                told is None or told.verdict is not proof.verdict or proof.proven_at >= told.proven_at + told.valid_for_s * RENEW_SHARE
            )
            now[proof.claim] = proof if is_news or told is None else told
            if is_news:
                news.append(events.claim_looked_at(at=proof.proven_at, application=owned.application, proof=proof, claims=claims))
        self._told[owned.resource.id] = now
        if news:
            await self._journal.emit(*news)

    async def _prove(self, owned: Owned, claim: Claim) -> Proof:
        try:
            is_proven, evidence = await self._seen(claim, self._target(owned.application, claim))
        except EngineError as error:
            is_proven, evidence = None if claim.method in UNKNOWING else False, error.message
        return Proof(
            claim=claim.text,
            subject=owned.resource.id,
            method=claim.method,
            verdict=VERDICTS[is_proven],
            evidence=evidence,
            proven_at=self._clock.now(),
            valid_for_s=claim.valid_for_s,
        )

    async def _seen(self, claim: Claim, target: Mapping[str, Json]) -> tuple[bool | None, str]:
        """Look once; return whether the claim holds, and what was seen."""
        match claim.method:
            case "tcp" | "unix":
                await self._net.connect(target, timeout_s=TIMEOUT_S)
                return True, f"connected to {_place(target)}"
            case "http":
                ask = str(target.get("ask") or "/")
                answer = await self._net.http(target, path=ask, timeout_s=TIMEOUT_S)
                return answer.status in PASSING, f"GET {ask} at {_place(target)}: {_excerpt(answer)}"
        if (look := self._looks.get(claim.method)) is not None:
            return await look(claim, target)
        raise Bug("HF9001", f"cannot look at the claim {claim.text!r}: nobody knows how to look by {claim.method}")

    def _target(self, application: str, claim: Claim) -> Mapping[str, Json]:
        path = claim.target.get("path")
        return claim.target if path is None else {**claim.target, "path": str(self._data_dir(application) / str(path))}


def _claims(owned: Owned | None) -> tuple[Claim, ...]:
    """Return what a resource claims; nothing before it was seen to stand, since what answers there may be somebody else's."""
    return owned.resource.claims if owned is not None and owned.is_applied else ()


def _place(target: Mapping[str, Json]) -> str:
    return str(target["path"]) if "path" in target else f"{target.get('host')}:{target.get('port')}"


def _excerpt(answer: HttpAnswer) -> str:
    """Return an answer in short: its status, a digest of its body, and how that begins."""
    text = answer.body.decode(errors="replace").strip()
    line = "".join(letter for letter in text.partition("\n")[0][:EXCERPT] if letter.isprintable())
    return f"{answer.status}, {len(answer.body)} bytes, sha256 {short(digest_bytes(answer.body))}" + (f", {line}" if line else "")
