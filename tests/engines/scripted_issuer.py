"""An ACME issuer on loopback that does what a test tells it: all of the protocol, and every trouble that pebble has not.

It signs with a root of its own, believes every authorization once its challenge was answered, and checks each request's signature, nonce
and address. `say` plants answers: the next request to a place gets the planted one instead of the true one.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web
from cryptography import x509

from holdfast.edge.issuer_spec import AcmeSpec, IssuerSpec
from holdfast.engines.acme import wire
from holdfast.engines.acme.pair import Pair, chain_pem, load_chain, load_key, make_key, make_root
from holdfast.kit.secret import Secret

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """An answer instead of the true one."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(type: str, detail: str, status: int = 403, headers: Mapping[str, str] | None = None, **more: Any) -> Planted:
    document = {"type": f"urn:ietf:params:acme:error:{type}", "detail": detail, **more}
    return Planted(
        status=status, body=json.dumps(document).encode(), headers={"Content-Type": "application/problem+json", **(headers or {})}
    )


class ScriptedIssuer:
    """What it was asked is in `asked`: place and payload, in order."""

    def __init__(self, *, days: float = 90.0, profiles: Mapping[str, str] | None = None, has_renewal_info: bool = True) -> None:
        self.days = days
        self.profiles = profiles
        self.has_renewal_info = has_renewal_info
        self.window: tuple[float, float] | None = None
        self.retry_after: str | None = None
        self.begins: float | None = None
        """When what it signs is valid from; now without."""
        self.extra_names: tuple[str, ...] | None = None
        """Names that it signs for instead of those that were asked for."""
        self.asked: list[tuple[str, Any]] = []
        self.revoked: list[int] = []
        self.address = ""
        self._planted: defaultdict[str, deque[Planted]] = defaultdict(deque)
        self._nonces: set[str] = set()
        self._accounts: dict[str, dict[str, str]] = {}
        self._orders: dict[str, dict[str, Any]] = {}
        self._authorizations: dict[str, dict[str, Any]] = {}
        self._chains: dict[str, bytes] = {}
        self._count = 0
        self._root: Pair | None = None

    def say(self, place: str, *answers: Planted) -> None:
        self._planted[place].extend(answers)

    def spec(self, **more: Any) -> AcmeSpec:
        return AcmeSpec(directory=f"{self.address}/directory", **more)

    def issuer(self, name: str = "scripted", **more: Any) -> IssuerSpec:
        return IssuerSpec(name=name, acme=self.spec(**more))

    def places(self, place: str) -> list[Any]:
        """Return the payloads that one place was sent."""
        return [payload for where, payload in self.asked if where == place]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedIssuer]:
        key = await make_key("ecdsa-p256")
        self._root = make_root(key, "Scripted root", now=time.time(), lifetime_s=4000 * DAY)
        app = web.Application()
        app.router.add_route("*", "/{place}", self._answer)
        app.router.add_route("*", "/{place}/{id}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        place, id = request.match_info["place"], request.match_info.get("id", "")
        headers = {"Replay-Nonce": self._fresh_nonce()}
        payload, account = None, ""
        if request.method == "POST":
            opened = self._opened(await request.text(), str(request.url))
            if isinstance(opened, Planted):
                return self._response(opened, headers)
            payload, account = opened
        self.asked.append((place, payload))
        if self._planted[place]:
            return self._response(self._planted[place].popleft(), headers)
        handler: Callable[[str, Any, str], Planted] = getattr(self, f"_{place.replace('-', '_')}")
        return self._response(handler(id, payload, account), headers)

    def _response(self, planted: Planted, headers: dict[str, str]) -> web.Response:
        return web.Response(
            status=planted.status, body=planted.body, headers={"Content-Type": "application/json", **headers, **planted.headers}
        )

    def _fresh_nonce(self) -> str:
        nonce = f"nonce{self._next()}"
        self._nonces.add(nonce)
        return nonce

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _opened(self, text: str, url: str) -> Planted | tuple[Any, str]:
        """Return what a request says and whose it is, or what is wrong with it."""
        parts = json.loads(text)
        head = json.loads(wire.unb64(parts["protected"]))
        if head["nonce"] not in self._nonces:
            return problem("badNonce", "unknown nonce", 400)
        self._nonces.remove(head["nonce"])
        jwk = head.get("jwk") or self._accounts.get(head["kid"])
        if jwk is None:
            return problem("accountDoesNotExist", "no such account", 400)
        if (
            not wire.verifies(jwk, f"{parts['protected']}.{parts['payload']}".encode(), wire.unb64(parts["signature"]))
            or head["url"] != url
        ):
            return problem("unauthorized", "bad signature", 401)
        payload: Any = json.loads(wire.unb64(parts["payload"])) if parts["payload"] else None
        if "jwk" in head:
            payload = {**payload, "jwk": jwk}
        return payload, head.get("kid", "")

    # The places

    def _directory(self, id: str, payload: Any, account: str) -> Planted:
        names = {"newNonce": "nonce", "newAccount": "account", "newOrder": "new-order", "revokeCert": "revoke", "keyChange": "key-change"}
        found: dict[str, Any] = {name: f"{self.address}/{place}" for name, place in names.items()}
        if self.has_renewal_info:
            found["renewalInfo"] = f"{self.address}/renewal-info"
        if self.profiles is not None:
            found["meta"] = {"profiles": dict(self.profiles)}
        return Planted(body=json.dumps(found).encode())

    def _nonce(self, id: str, payload: Any, account: str) -> Planted:
        return Planted(status=204, body=b"")

    def _account(self, id: str, payload: Any, account: str) -> Planted:
        jwk = payload["jwk"]
        known = next((url for url, key in self._accounts.items() if key == jwk), None)
        url = known or f"{self.address}/acct/{self._next()}"
        self._accounts[url] = jwk
        return Planted(status=200 if known else 201, body=b'{"status": "valid"}', headers={"Location": url})

    def _new_order(self, id: str, payload: Any, account: str) -> Planted:
        number = str(self._next())
        urls = []
        for identifier in payload["identifiers"]:
            each = str(self._next())
            challenge = {"type": "http-01", "url": f"{self.address}/challenge/{each}", "token": f"token{each}", "status": "pending"}
            self._authorizations[each] = {"status": "pending", "identifier": identifier, "challenges": [challenge]}
            urls.append(f"{self.address}/authz/{each}")
        self._orders[number] = {
            "status": "pending",
            "identifiers": payload["identifiers"],
            "authorizations": urls,
            "finalize": f"{self.address}/finalize/{number}",
        }
        return Planted(status=201, body=json.dumps(self._orders[number]).encode(), headers={"Location": f"{self.address}/order/{number}"})

    def _authz(self, id: str, payload: Any, account: str) -> Planted:
        return Planted(body=json.dumps(self._authorizations[id]).encode())

    def _challenge(self, id: str, payload: Any, account: str) -> Planted:
        self._authorizations[id]["status"] = "valid"
        return Planted(body=b'{"status": "processing"}')

    def _order(self, id: str, payload: Any, account: str) -> Planted:
        order = self._orders[id]
        if order["status"] == "pending" and all(
            self._authorizations[url.rpartition("/")[2]]["status"] == "valid" for url in order["authorizations"]
        ):
            order["status"] = "ready"
        return Planted(body=json.dumps(order).encode())

    def _finalize(self, id: str, payload: Any, account: str) -> Planted:
        request = x509.load_der_x509_csr(wire.unb64(payload["csr"]))
        self._chains[id] = self._signed(request)
        self._orders[id] |= {"status": "valid", "certificate": f"{self.address}/cert/{id}"}
        return Planted(body=json.dumps(self._orders[id]).encode())

    def _signed(self, request: x509.CertificateSigningRequest) -> bytes:
        assert self._root is not None
        authority = load_chain(self._root.chain)[0]
        begins = time.time() if self.begins is None else self.begins
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        if self.extra_names is not None:
            names = x509.SubjectAlternativeName([x509.DNSName(name) for name in self.extra_names])
        identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(authority.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(int(begins), UTC))
            .not_valid_after(datetime.fromtimestamp(int(begins + self.days * DAY), UTC))
            .add_extension(names, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        )
        key = load_key(Secret(self._root.key.reveal()))
        algorithm = x509.load_pem_x509_certificate(self._root.chain).signature_hash_algorithm
        assert algorithm is not None
        return chain_pem([builder.sign(key, algorithm)])  # type: ignore[arg-type]

    def _cert(self, id: str, payload: Any, account: str) -> Planted:
        return Planted(body=self._chains[id], headers={"Content-Type": "application/pem-certificate-chain"})

    def _renewal_info(self, id: str, payload: Any, account: str) -> Planted:
        self.asked.append(("certificate id", id))
        if self.window is None:
            return problem("malformed", "unknown certificate", 404)
        start, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in self.window)
        document = {"suggestedWindow": {"start": start, "end": end}}
        return Planted(body=json.dumps(document).encode(), headers={} if self.retry_after is None else {"Retry-After": self.retry_after})

    def _revoke(self, id: str, payload: Any, account: str) -> Planted:
        self.revoked.append(x509.load_der_x509_certificate(wire.unb64(payload["certificate"])).serial_number)
        return Planted(body=b"")
