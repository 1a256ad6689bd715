"""The certificate that is served: what a visitor of a host and port gets, whoever signed it.

Nothing is verified: this looks at what is there, and others judge. Callers: proofs and the renewal of certificates.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from holdfast.edge.certificate_life import Leaf
from holdfast.errors import TimedOut, Unavailable
from holdfast.kit.canonical import digest_bytes

_CURVES: Mapping[str, str] = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What one visitor got: the end certificate in DER and what it says, and the protocol (`TLSv1.3`)."""

    der: bytes
    leaf: Leaf
    protocol: str


async def served(host: str, port: int, *, server_name: str, timeout_s: float) -> Handshake:
    """Shake hands with `host`:`port` as a visitor of `server_name`. Raises `Unavailable` (HF3160) and `TimedOut` (HF3161)."""
    place = f"{server_name} at {host}:{port}"
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port, ssl=_anybody(), server_hostname=server_name)
    except TimeoutError as error:
        raise TimedOut("HF3161", f"cannot shake hands with {place}: no answer within {timeout_s:g} s") from error
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Unavailable("HF3160", f"cannot shake hands with {place}: {_reason(error)}") from error
    try:
        wrapped: ssl.SSLObject = writer.get_extra_info("ssl_object")
        der = wrapped.getpeercert(binary_form=True) or b""
        return Handshake(der=der, leaf=leaf_of([der]), protocol=wrapped.version() or "")
    except ValueError as error:
        raise Unavailable("HF3160", f"cannot shake hands with {place}: its certificate cannot be read") from error
    finally:
        writer.transport.abort()


def _anybody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, ConnectionResetError):
        return "the connection was closed"
    text = (error.reason if isinstance(error, ssl.SSLError) else None) or (error.strerror if isinstance(error, OSError) else None)
    said = (text or str(error) or type(error).__name__).replace("_", " ").lower()
    return "it refused the name" if said == "tlsv1 unrecognized name" else said


def leaf_of(chain: Sequence[bytes]) -> Leaf:
    """Return what the first certificate of a chain in DER says; ValueError where it cannot be read."""
    first = x509.load_der_x509_certificate(chain[0])
    return Leaf(
        serial=f"{first.serial_number:x}",
        names=_names(first),
        not_before=first.not_valid_before_utc.timestamp(),
        not_after=first.not_valid_after_utc.timestamp(),
        issuer=_common_name(first.issuer),
        key=_key(first),
        digest=digest_bytes(b"".join(chain)),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = [name.lower() for name in found.get_values_for_type(x509.DNSName)]
    return (*hosts, *map(str, found.get_values_for_type(x509.IPAddress)))


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _key(certificate: x509.Certificate) -> str:
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name, key.curve.name)
    return f"rsa-{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else type(key).__name__
