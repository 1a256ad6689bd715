"""Pairs of certificate and key: made, read, and checked against each other and against what was asked for.

The only module that knows X.509, beside `host.tls`, which reads what is served.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from holdfast.edge.certificate_life import Leaf
from holdfast.edge.issuer import is_address
from holdfast.engines.acme import wire
from holdfast.errors import Rejected
from holdfast.host.tls import leaf_of
from holdfast.kit.clock import Instant
from holdfast.kit.secret import Secret

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
SKEW_S = 300.0
"""What is made here is valid from so long ago: clocks differ."""
LONGEST_NAME = 64
"""Of a common name (RFC 5280 appendix A)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The chain in PEM, the end certificate first, and its key in PEM."""

    chain: bytes
    key: Secret


async def make_key(kind: str) -> Secret:
    """Return a new key in PEM; `kind` as in CertificateSpec. RSA takes a while, so a thread of its own."""
    key = await asyncio.to_thread(_rsa, int(kind[4:])) if kind.startswith("rsa-") else _ecdsa(kind)
    return Secret(pem_of(key).decode())


def _rsa(bits: int) -> PrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _ecdsa(kind: str) -> PrivateKey:
    return ec.generate_private_key(ec.SECP384R1() if kind == "ecdsa-p384" else ec.SECP256R1())


def pem_of(key: PrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def load_key(key: Secret) -> PrivateKey:
    """Return the key; ValueError where the text is none that TLS can use."""
    try:
        found = serialization.load_pem_private_key(key.reveal().encode(), password=None)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError("it is encrypted, or of a kind that cannot be used") from error
    if not isinstance(found, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("it is neither ECDSA nor RSA")
    return found


def load_chain(chain: bytes) -> list[x509.Certificate]:
    """Return the certificates, the end certificate first; ValueError where there is none."""
    return x509.load_pem_x509_certificates(chain)


def chain_pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def read_leaf(chain: bytes) -> Leaf | None:
    """Return what a chain's end certificate says, None where none can be read."""
    try:
        return leaf_of([each.public_bytes(serialization.Encoding.DER) for each in load_chain(chain)])
    except ValueError:
        return None


def key_kind(key: Secret) -> str:
    """Return the kind of a key, as in CertificateSpec; "" where it cannot be read."""
    try:
        found = load_key(key)
    except ValueError:
        return ""
    return f"ecdsa-p{found.key_size}" if isinstance(found, ec.EllipticCurvePrivateKey) else f"rsa-{found.key_size}"


def belongs(chain: bytes, key: Secret) -> bool:
    """Say whether a key is that of a chain's end certificate; False where either cannot be read."""
    try:
        return load_chain(chain)[0].public_key() == load_key(key).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False


def signing_request(key: Secret, hosts: Sequence[str]) -> bytes:
    """Return a signing request for `hosts` in DER. It has no common name: browsers ignore it, and a long host does not fit."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName(_names(hosts)), critical=True)
    return builder.sign(load_key(key), hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    return [x509.IPAddress(ip_address(host)) if is_address(host) else x509.DNSName(host) for host in hosts]


def self_signed(key: Secret, hosts: Sequence[str], *, now: Instant, lifetime_s: float, common_name: str) -> Pair:
    """Return a certificate that signed itself; `common_name` says why it is there."""
    own = load_key(key)
    certificate = _leaf(own, hosts, common_name, now, lifetime_s).issuer_name(_name(common_name)).sign(own, hashes.SHA256())
    return Pair(chain_pem([certificate]), key)


def signed_by(key: Secret, hosts: Sequence[str], root: Pair, *, now: Instant, lifetime_s: float) -> Pair:
    """Return a certificate that `root` signed, never valid for longer than that."""
    authority = load_chain(root.chain)[0]
    left_s = authority.not_valid_after_utc.timestamp() - now
    builder = _leaf(load_key(key), hosts, hosts[0], now, min(lifetime_s, left_s)).issuer_name(authority.subject)
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    return Pair(chain_pem([builder.sign(load_key(root.key), hashes.SHA256())]), key)


def _leaf(key: PrivateKey, hosts: Sequence[str], common_name: str, now: Instant, lifetime_s: float) -> x509.CertificateBuilder:
    public = key.public_key()
    builder = _dated(x509.CertificateBuilder(), now, lifetime_s).subject_name(_name(common_name)).public_key(public)
    for extension, is_critical in (
        (x509.SubjectAlternativeName(_names(hosts)), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
    ):
        builder = builder.add_extension(extension, critical=is_critical)
    return builder


def make_root(key: Secret, common_name: str, *, now: Instant, lifetime_s: float) -> Pair:
    """Return the root of an authority that may sign end certificates and nothing else."""
    own = load_key(key)
    public = own.public_key()
    builder = _dated(x509.CertificateBuilder(), now, lifetime_s).subject_name(_name(common_name)).issuer_name(_name(common_name))
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = builder.public_key(public).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    return Pair(chain_pem([builder.sign(own, hashes.SHA256())]), key)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:LONGEST_NAME])])


def _dated(builder: x509.CertificateBuilder, now: Instant, lifetime_s: float) -> x509.CertificateBuilder:
    start = datetime.fromtimestamp(int(now - min(SKEW_S, lifetime_s / 10)), UTC)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(start)
    return builder.not_valid_after(datetime.fromtimestamp(int(now), UTC) + timedelta(seconds=int(lifetime_s)))


def checked(pair: Pair, hosts: Sequence[str], *, now: Instant, code: str, verb: str) -> Leaf:
    """Return what the end certificate says; `Rejected` (`code`) where the pair cannot serve `hosts` now. `verb`: `use the pair of …`."""

    def no(reason: str, hint: str | None = None) -> Rejected:
        return Rejected(code, f"cannot {verb}: {reason}", hint=hint)

    try:
        chain = load_chain(pair.chain)
    except ValueError:
        raise no("there is no certificate in PEM in it") from None
    try:
        key = load_key(pair.key)
    except ValueError:
        raise no("its key is no ECDSA or RSA key in PEM without a password") from None
    if chain[0].public_key() != key.public_key():
        raise no("the key is not that of the certificate", "the end certificate comes first, then those between it and its root")
    leaf = leaf_of([each.public_bytes(serialization.Encoding.DER) for each in chain])
    if lacking := [host for host in hosts if not leaf.is_for((host,))]:
        raise no(f"it is not for {', '.join(lacking)}, only for {', '.join(leaf.names) or 'nobody'}")
    for at, (lower, upper) in enumerate(itertools.pairwise(chain)):
        if not _is_signed_by(lower, upper):
            raise no(f"certificate {at + 1} of its chain is not signed by the one after it", "each is followed by the one that signed it")
    for at, each in enumerate(chain):
        if each.not_valid_after_utc.timestamp() <= now:
            raise no(f"certificate {at + 1} of its chain has expired on {each.not_valid_after_utc:%Y-%m-%d}")
    if leaf.not_before > now + SKEW_S:
        raise no(f"it is not valid before {chain[0].not_valid_before_utc:%Y-%m-%d}", "is the clock of this host right?")
    return leaf


def _is_signed_by(lower: x509.Certificate, upper: x509.Certificate) -> bool:
    try:
        lower.verify_directly_issued_by(upper)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def preferred(chains: Sequence[bytes], root: str | None) -> bytes:
    """Return the chain whose last certificate was signed by a root of that common name; the first where none was, or no wish."""
    for chain in chains if root is not None else ():
        try:
            top = load_chain(chain)[-1].issuer
        except ValueError:
            continue
        if any(attribute.value == root for attribute in top.get_attributes_for_oid(NameOID.COMMON_NAME)):
            return chain
    return chains[0]


def certificate_id(chain: bytes) -> str | None:
    """Return how renewal information calls a chain's end certificate; None where it names no key of its issuer."""
    try:
        first = load_chain(chain)[0]
        identifier = first.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except (ValueError, x509.ExtensionNotFound):
        return None
    return None if identifier is None else wire.certificate_id(identifier, first.serial_number)


def der_of(chain: bytes) -> bytes:
    """Return a chain's end certificate in DER."""
    return load_chain(chain)[0].public_bytes(serialization.Encoding.DER)
