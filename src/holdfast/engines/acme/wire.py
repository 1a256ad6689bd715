"""What ACME puts on the wire, as pure functions: signed requests, key authorizations, links, dates and identifiers of certificates.

RFC 7515 (JWS), RFC 7638 (thumbprint), RFC 8555 (ACME), RFC 9773 (renewal information).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from holdfast.kit.canonical import Json

WIDTH = 32
"""Bytes of a coordinate of P-256, and of each half of a signature."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
"""What a challenge's token may be (RFC 8555 §8.1): it becomes part of a path."""
_THUMBED: Mapping[str, tuple[str, ...]] = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "oct": ("k", "kty")}
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:\"[^\"]*\"|[^\s;,]+))*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,]+))")


def b64(data: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """Return what `b64` was given, also where it stands in the other alphabet; ValueError for anything else."""
    try:
        return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"cannot read base64url: {error}") from error


def compact(value: Json | Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


class AccountKey:
    """A P-256 key that signs requests (ES256). It cannot be printed; `pem` is for the disk alone."""

    __slots__ = ("_key", "_public")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public = key.public_key().public_numbers()

    @classmethod
    def make(cls) -> AccountKey:
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def load(cls, pem: bytes) -> AccountKey:
        """Return the key; ValueError where it is none, or not on P-256."""
        key = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ValueError("it is no key on P-256")
        return cls(key)

    def pem(self) -> bytes:
        return self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def jwk(self) -> dict[str, str]:
        x, y = (b64(number.to_bytes(WIDTH, "big")) for number in (self._public.x, self._public.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    def thumbprint(self) -> str:
        return thumbprint(self.jwk())

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes r ‖ s (RFC 7518 §3.4), where the library gives DER."""
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(WIDTH, "big") + s.to_bytes(WIDTH, "big")


def verifies(jwk: Mapping[str, str], data: bytes, signature: bytes) -> bool:
    """Say whether `signature` (r ‖ s) over `data` was made with the key of `jwk`."""
    x, y = (int.from_bytes(unb64(jwk[name]), "big") for name in ("x", "y"))
    r, s = (int.from_bytes(half, "big") for half in (signature[:WIDTH], signature[WIDTH:]))
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def thumbprint(jwk: Mapping[str, str]) -> str:
    """Return the SHA-256 over the required members in their order (RFC 7638 §3)."""
    return b64(hashlib.sha256(compact({name: jwk[name] for name in _THUMBED[jwk["kty"]]})).digest())


def signed(key: AccountKey, protected: Mapping[str, Json | Mapping[str, str]], payload: Json | Mapping[str, Any] | None) -> bytes:
    """Return a request body: flattened JWS with ES256. `payload` None signs the empty payload of a POST-as-GET (RFC 8555 §6.3)."""
    return compact(_jws(key, protected, payload))


def _jws(key: AccountKey, protected: Mapping[str, Json | Mapping[str, str]], payload: Json | Mapping[str, Any] | None) -> dict[str, str]:
    head = b64(compact({"alg": "ES256", **protected}))
    body = "" if payload is None else b64(compact(payload))
    return {"protected": head, "payload": body, "signature": b64(key.sign(f"{head}.{body}".encode()))}


def binding(key_id: str, mac_key: bytes, url: str, jwk: Mapping[str, str]) -> dict[str, str]:
    """Return the `externalAccountBinding`: our public key, signed with the key that the issuer gave (RFC 8555 §7.3.4)."""
    head, body = b64(compact({"alg": "HS256", "kid": key_id, "url": url})), b64(compact(dict(jwk)))
    return {"protected": head, "payload": body, "signature": b64(hs256(mac_key, f"{head}.{body}".encode()))}


def hs256(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def key_change(old: AccountKey, new: AccountKey, account: str, url: str) -> dict[str, str]:
    """Return the inner JWS of a key rollover, which the new key signs (RFC 8555 §7.3.5)."""
    return _jws(new, {"jwk": new.jwk(), "url": url}, {"account": account, "oldKey": old.jwk()})


def key_authorization(token: str, thumb: str) -> str:
    return f"{token}.{thumb}"


def txt_value(key_authorization: str) -> str:
    """Return what the TXT record of dns-01 holds (RFC 8555 §8.4)."""
    return b64(hashlib.sha256(key_authorization.encode()).digest())


def txt_name(host: str) -> str:
    """Return the name of that record, with its last dot; of `*.shop.example` that of `shop.example`."""
    return f"_acme-challenge.{host.removeprefix('*.')}."


def certificate_id(key_identifier: bytes, serial: int) -> str:
    """Return how renewal information calls a certificate (RFC 9773 §4.1): both as in DER, a leading zero byte included."""
    return f"{b64(key_identifier)}.{b64(serial.to_bytes(serial.bit_length() // 8 + 1, 'big'))}"


def links(headers: Iterable[str], relation: str) -> tuple[str, ...]:
    """Return the targets of `Link` headers with that relation (RFC 8288)."""
    return tuple(target for header in headers for target, rels in _links(header) if relation in rels)


def _links(header: str) -> Iterator[tuple[str, frozenset[str]]]:
    for found in _LINK.finditer(header):
        rel = _REL.search(found[2])
        yield found[1], frozenset((rel[1] or rel[2] or "").lower().split() if rel else ())


def retry_after(header: str | None, now: float) -> float | None:
    """Return the seconds that a `Retry-After` asks for, never negative; None where there is none, or nonsense (RFC 9110 §10.2.3)."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now)


def instant(text: object) -> float | None:
    """Return an RFC 3339 date as seconds since the epoch; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else at.timestamp()
