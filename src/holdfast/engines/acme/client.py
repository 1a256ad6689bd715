"""An ACME client (RFC 8555, 9773): directory, account, orders, authorizations, certificates, revocation, renewal information.

One client for each issuer. It keeps nothing on disk and decides nothing: `account` keeps keys, `ordering` walks through an order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from holdfast.edge.certificate_life import RenewalInfo, Window
from holdfast.edge.issuer import is_address
from holdfast.engines.acme import wire
from holdfast.engines.acme.problem import Refusal, detail, nonsense, plain
from holdfast.engines.acme.transport import Reply, Sign, Transport
from holdfast.engines.acme.wire import AccountKey
from holdfast.errors import Rejected, TimedOut
from holdfast.kit.clock import Clock
from holdfast.kit.secret import Secret

POLLS_S = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
"""Pauses between two looks at what the issuer still works on; the last one again and again. Its own word goes first."""
POLL_MOST_S = 30.0
MOST_CHAINS = 8
SETTLE_S = 120.0
"""How long an issuer may work on one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Our account at an issuer: the key that signs, and the address that names it ("" before it is registered)."""

    key: AccountKey
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """External account binding: the issuer's identifier, and its key in base64url."""

    key_id: str
    key: Secret


class AcmeClient:
    """Raises `Unavailable` and `TimedOut` where the issuer does not answer, `Limited` where it wants to be left alone, else `Rejected`."""

    def __init__(self, *, issuer: str, directory: str, transport: Transport, clock: Clock) -> None:
        self._issuer = issuer
        self._address = directory
        self._transport = transport
        self._clock = clock
        self._directory: Mapping[str, Any] | None = None

    # The directory

    async def directory(self) -> Mapping[str, Any]:
        """Return the issuer's directory, asked once."""
        if self._directory is None:
            found = self._object("ask", await self._transport.get("ask", self._address))
            if not all(isinstance(found.get(name), str) for name in ("newNonce", "newAccount", "newOrder")):
                raise nonsense(self._issuer, "ask", f"{self._address} is no ACME directory")
            self._transport.new_nonce_url = found["newNonce"]
            self._directory = found
        return self._directory

    async def _place(self, name: str, verb: str) -> str:
        url = (await self.directory()).get(name)
        if not isinstance(url, str):
            raise Refusal("HF3144", f"cannot {verb} issuer {self._issuer}: it offers no {name}", type="unsupported")
        return url

    async def profiles(self) -> Mapping[str, str]:
        """Return the profiles that the issuer offers, with what it says of them."""
        meta = (await self.directory()).get("meta")
        found = meta.get("profiles") if isinstance(meta, dict) else None
        return {str(name): plain(text) for name, text in found.items()} if isinstance(found, dict) else {}

    async def _post(self, verb: str, url: str, sign: Sign) -> Reply:
        await self.directory()  # where nonces come from
        return await self._transport.post(verb, url, sign)

    # The account

    async def register(self, key: AccountKey, *, contact: str | None, binding: Binding | None) -> Account:
        """Return the account of `key`: the one that is there already, else a new one."""
        url = await self._place("newAccount", "register at")
        payload: dict[str, Any] = {"termsOfServiceAgreed": True}
        if contact:
            payload["contact"] = [f"mailto:{contact}"]
        if binding is not None:
            payload["externalAccountBinding"] = wire.binding(binding.key_id, self._mac(binding), url, key.jwk())
        reply = await self._post("register at", url, _by_key(key, payload))
        return Account(key=key, url=self._location("register at", reply))

    def _mac(self, binding: Binding) -> bytes:
        try:
            return wire.unb64(binding.key.reveal().strip().rstrip("="))
        except ValueError:
            hint = "store it as the issuer gave it"
            raise Rejected(
                "HF3146", f"cannot register at issuer {self._issuer}: the key of the binding is not base64url", hint=hint
            ) from None

    async def known(self, key: AccountKey) -> Account | None:
        """Return the account of `key`, None where the issuer knows none."""
        url = await self._place("newAccount", "register at")
        try:
            reply = await self._post("register at", url, _by_key(key, {"onlyReturnExisting": True}))
        except Refusal as error:
            if error.type == "accountDoesNotExist":
                return None
            raise
        return Account(key=key, url=self._location("register at", reply))

    async def write_to(self, account: Account, contact: str | None) -> None:
        """Change where the issuer may write to."""
        payload = {"contact": [f"mailto:{contact}"] if contact else []}
        await self._post("change the account at", account.url, _by_account(account, payload))

    async def roll_key(self, account: Account, key: AccountKey) -> Account:
        """Change the account's key; the old one counts no longer."""
        url = await self._place("keyChange", "change the key at")
        inner = wire.key_change(account.key, key, account.url, url)
        await self._post("change the key at", url, _by_account(account, inner))
        return Account(key=key, url=account.url)

    # Orders

    async def order(
        self, account: Account, hosts: Sequence[str], *, profile: str | None, replaces: str | None
    ) -> tuple[str, dict[str, Any]]:
        """Order a certificate; return the order's address and the order.

        `replaces` is the certificate id that it renews (RFC 9773 §5); an issuer that takes it for something else gets the order without.
        """
        url = await self._place("newOrder", "order from")
        if profile is not None and profile not in (offered := await self.profiles()):
            hint = f"it offers {', '.join(sorted(offered))}" if offered else "it offers none: leave `profile` out"
            raise Refusal(
                "HF3154", f"cannot order from issuer {self._issuer}: it has no profile {profile}", type="invalidProfile", hint=hint
            )
        payload: dict[str, Any] = {"identifiers": [{"type": "ip" if is_address(host) else "dns", "value": host} for host in hosts]}
        if profile is not None:
            payload["profile"] = profile
        if replaces is not None and "renewalInfo" in await self.directory():
            try:
                return await self._ordered(account, url, {**payload, "replaces": replaces})
            except Refusal as error:
                if error.type not in ("alreadyReplaced", "malformed", "unauthorized", "conflict"):
                    raise
        return await self._ordered(account, url, payload)

    async def _ordered(self, account: Account, url: str, payload: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        reply = await self._post("order from", url, _by_account(account, payload))
        return self._location("order from", reply), self._object("order from", reply)

    async def look(self, account: Account, url: str) -> tuple[dict[str, Any], float | None]:
        """Return an order or authorization as it stands, and in how many seconds the issuer wants to be asked again."""
        reply = await self._post("ask", url, _by_account(account, None))
        return self._object("ask", reply), reply.retry_after_s

    async def answer(self, account: Account, challenge_url: str) -> None:
        """Say that a challenge may be looked at."""
        await self._post("answer", challenge_url, _by_account(account, {}))

    async def finalize(self, account: Account, url: str, csr: bytes) -> dict[str, Any]:
        """Send the signing request, in DER; return the order as it stands."""
        return self._object("order from", await self._post("order from", url, _by_account(account, {"csr": wire.b64(csr)})))

    async def settled(self, account: Account, url: str, pending: frozenset[str], found: dict[str, Any] | None = None) -> dict[str, Any]:
        """Look at an order or authorization until its status is none of `pending`; TimedOut (HF3141) after SETTLE_S."""
        deadline, turn, wait_s = self._clock.monotonic() + SETTLE_S, 0, None
        while True:
            if found is None:
                found, wait_s = await self.look(account, url)
            if found.get("status") not in pending:
                return found
            pause_s = POLLS_S[min(turn, len(POLLS_S) - 1)] if wait_s is None else min(wait_s, POLL_MOST_S)
            turn, found = turn + 1, None
            if self._clock.monotonic() + pause_s > deadline:
                raise TimedOut("HF3141", f"cannot ask issuer {self._issuer}: it was not done within {SETTLE_S:g} s")
            await self._clock.sleep(pause_s)

    async def download(self, account: Account, url: str) -> tuple[bytes, ...]:
        """Return the chains of a certificate in PEM, the issuer's own choice first."""
        first = await self._post("fetch from", url, _by_account(account, None))
        others = wire.links(first.links, "alternate")[:MOST_CHAINS]
        return (first.body, *[(await self._post("fetch from", url, _by_account(account, None))).body for url in others])

    # Later

    async def revoke(self, account: Account, certificate: bytes, reason: int, *, key: AccountKey | None = None) -> None:
        """Revoke a certificate, in DER; signed by the account, or by the certificate's own key where that is on P-256."""
        url = await self._place("revokeCert", "revoke at")
        payload = {"certificate": wire.b64(certificate), "reason": reason}
        try:
            await self._post("revoke at", url, _by_account(account, payload) if key is None else _by_key(key, payload))
        except Refusal as error:
            if error.type != "alreadyRevoked":
                raise

    async def renewal_info(self, certificate_id: str) -> RenewalInfo | None:
        """Return when the issuer wants a certificate to be renewed; None where it offers no such information."""
        base = (await self.directory()).get("renewalInfo")
        if not isinstance(base, str):
            return None
        reply = await self._transport.get("ask", f"{base.rstrip('/')}/{certificate_id}")
        found = self._object("ask", reply)
        window = found.get("suggestedWindow")
        start, end = (wire.instant(window.get(name)) for name in ("start", "end")) if isinstance(window, dict) else (None, None)
        return RenewalInfo(
            window=None if start is None or end is None else Window(start=start, end=end),
            retry_after_s=reply.retry_after_s,
            explanation=plain(found["explanationURL"]) if "explanationURL" in found else None,
        )

    async def aclose(self) -> None:
        await self._transport.aclose()

    # Reading

    def _object(self, verb: str, reply: Reply) -> dict[str, Any]:
        try:
            found = json.loads(reply.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise nonsense(self._issuer, verb, f"{reply.url} gave no JSON object")
        return found

    def _location(self, verb: str, reply: Reply) -> str:
        if not (place := reply.headers.get("location")):
            raise nonsense(self._issuer, verb, f"{reply.url} named no place")
        return place

    def refuse(self, verb: str, document: Mapping[str, Any] | None) -> NoReturn:
        """Raise what a status of `invalid` means."""
        said = detail(document) if isinstance(document, dict) else "it said no more"
        raise Refusal("HF3144", f"cannot {verb} issuer {self._issuer}: {said}", type="invalid")


def _by_key(key: AccountKey, payload: Mapping[str, Any]) -> Sign:
    """Sign with a key that the issuer need not know yet."""
    return lambda url, nonce: wire.signed(key, {"nonce": nonce, "url": url, "jwk": key.jwk()}, payload)


def _by_account(account: Account, payload: Mapping[str, Any] | None) -> Sign:
    return lambda url, nonce: wire.signed(account.key, {"nonce": nonce, "url": url, "kid": account.url}, payload)
