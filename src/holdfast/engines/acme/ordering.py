"""One order, from the first word to the certificate, and on from wherever a crash has left it.

What must survive a crash is written before it is needed: the key before the order, the order's address before its challenges are answered.
An order that was found again goes on by its own status, so a certificate that was signed and never fetched is fetched, not ordered again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from holdfast.edge.certificate_life import Order
from holdfast.engines.acme import wire
from holdfast.engines.acme.answering import Answer, Answers
from holdfast.engines.acme.client import Account, AcmeClient
from holdfast.engines.acme.pair import Pair, belongs, preferred, signing_request
from holdfast.engines.acme.problem import Refusal, nonsense, plain
from holdfast.errors import Rejected
from holdfast.kit.secret import Secret
from holdfast.kit.tasks import all_of

PENDING = frozenset({"pending"})
PROCESSING = frozenset({"processing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an issuer is asked for."""

    name: str
    """Of the certificate, as people write it."""
    hosts: tuple[str, ...]
    key: Secret
    """The key that the certificate is for, in PEM."""
    lifetime_s: float
    """How long it should be valid, where the issuer lets us choose."""
    replaces: str | None = None
    """Certificate id of what it renews, where the same issuer gave it."""
    order: Order | None = None
    """What was ordered before and not delivered."""
    remember: Callable[[Order | None], Awaitable[None]]
    """Called before the order matters; it returns once that survives a crash."""


class Ordering:
    """Walks through orders of one account."""

    def __init__(self, *, issuer: str, client: AcmeClient, account: Account, answers: Answers) -> None:
        self._issuer = issuer
        self._client = client
        self._account = account
        self._answers = answers

    async def certificate(self, request: Request, *, profile: str | None, root: str | None) -> Pair:
        """Return the pair; the chain of `root` (a common name) where the issuer offers several."""
        found = await self._found(request)
        if found is not None:
            pair = await self._walked(request, *found, root=root)
            if belongs(pair.chain, pair.key):
                return pair
        url, order = await self._client.order(self._account, request.hosts, profile=profile, replaces=request.replaces)
        await request.remember(Order(issuer=self._issuer, url=url))
        return await self._walked(request, url, order, root=root)

    async def rehearse(self, hosts: Sequence[str], *, profile: str | None) -> None:
        """Order and prove every host, and leave it at that: nothing is signed, no limit on certificates is touched."""
        url, order = await self._client.order(self._account, hosts, profile=profile, replaces=None)
        await self._proven(url, order, hosts)

    async def _found(self, request: Request) -> tuple[str, dict[str, Any]] | None:
        """Return the order that was taken before, where it can still be delivered."""
        if request.order is None or request.order.issuer != self._issuer:
            return None
        try:
            order, _ = await self._client.look(self._account, request.order.url)
        except Refusal:
            return None  # forgotten, or another account's
        return None if order.get("status") == "invalid" or not _is_for(order, request.hosts) else (request.order.url, order)

    async def _walked(self, request: Request, url: str, order: dict[str, Any], *, root: str | None) -> Pair:
        order = await self._proven(url, order, request.hosts)
        if order.get("status") == "ready":
            order = await self._client.finalize(self._account, self._text(order, "finalize"), signing_request(request.key, request.hosts))
        order = await self._client.settled(self._account, url, PROCESSING, order)
        if order.get("status") != "valid":
            await request.remember(None)
            self._client.refuse("get a certificate from", order.get("error"))
        chains = await self._client.download(self._account, self._text(order, "certificate"))
        return Pair(preferred(chains, root), request.key)

    async def _proven(self, url: str, order: dict[str, Any], hosts: Sequence[str]) -> dict[str, Any]:
        """Return the order once every host of it is proven."""
        if order.get("status") != "pending":
            return order
        urls = order.get("authorizations")
        if not isinstance(urls, list):
            raise nonsense(self._issuer, "order from", "an order without authorizations")
        found = await all_of(*(self._client.look(self._account, str(each)) for each in urls))
        open_ones = {str(each): state for each, (state, _) in zip(urls, found, strict=True) if state.get("status") != "valid"}
        answers = {each: self._answer(state, hosts) for each, state in open_ones.items()}
        try:
            await self._answers.put(tuple(answers.values()))
            await all_of(*(self._client.answer(self._account, answer.url) for answer in answers.values()))
            await all_of(*(self._passed(each, answer) for each, answer in answers.items()))
        finally:
            await self._answers.drop(tuple(answers.values()))
        return await self._client.settled(self._account, url, PENDING)

    def _answer(self, state: Mapping[str, Any], hosts: Sequence[str]) -> Answer:
        """Return how one authorization is answered."""
        about = state.get("identifier")
        host = plain(about.get("value")) if isinstance(about, dict) else ""
        if host not in hosts and f"*.{host}" not in hosts:
            raise nonsense(self._issuer, "order from", f"it asks for a proof of {host!r}, which nobody ordered")
        challenges = state.get("challenges")
        offered = [each for each in challenges if isinstance(each, dict)] if isinstance(challenges, list) else []
        if state.get("status") != "pending":
            raise Rejected("HF3145", f"cannot prove to issuer {self._issuer} that {host} is ours: {_failure(state)}")
        for each in offered:
            token, url = each.get("token"), each.get("url")
            if each.get("type") == self._answers.kind and isinstance(token, str) and isinstance(url, str):
                if wire.TOKEN.fullmatch(token) is None:
                    raise nonsense(self._issuer, "order from", f"a token of {token[:40]!r}")
                authorization = wire.key_authorization(token, self._account.key.thumbprint())
                return Answer(kind=self._answers.kind, host=host, url=url, token=token, key_authorization=authorization)
        ways = ", ".join(sorted(plain(each.get("type")) for each in offered)) or "nothing"
        raise Rejected(
            "HF3150",
            f"cannot prove to issuer {self._issuer} that {host} is ours: it takes {ways}, and we can answer by {self._answers.kind}",
            hint="give the issuer a dns hook" if self._answers.kind == "http-01" else None,
        )

    async def _passed(self, url: str, answer: Answer) -> None:
        state = await self._client.settled(self._account, url, PENDING | PROCESSING)
        if state.get("status") != "valid":
            raise Rejected(
                "HF3145",
                f"cannot prove to issuer {self._issuer} that {answer.host} is ours: {_failure(state)}",
                hint=f"does {answer.host} lead here, and is port 80 open to the outside?"
                if answer.kind == "http-01"
                else f"does the hook write TXT records of {wire.txt_name(answer.host)}?",
            )

    def _text(self, order: Mapping[str, Any], name: str) -> str:
        if not isinstance(found := order.get(name), str):
            raise nonsense(self._issuer, "order from", f"an order without {name}")
        return found


def _is_for(order: Mapping[str, Any], hosts: Sequence[str]) -> bool:
    found = order.get("identifiers")
    return isinstance(found, list) and {each.get("value") for each in found if isinstance(each, dict)} == set(hosts)


def _failure(state: Mapping[str, Any]) -> str:
    """Return what the issuer says of the challenge that failed."""
    challenges = state.get("challenges")
    for each in challenges if isinstance(challenges, list) else ():
        if isinstance(each, dict) and isinstance(error := each.get("error"), dict):
            return plain(error.get("detail") or error.get("type"))
    return f"the authorization is {plain(state.get('status'))}"
