"""What a person may write about a Certificate: its names, and who signs it or which files it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from holdfast.edge.route_spec import SecretFile
from holdfast.edge.scalar import Host
from holdfast.model.scalars import Duration, Name


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """A pair that somebody else renews."""

    certificate: SecretFile
    """The certificate and those between it and its root, in PEM."""
    key: SecretFile
    """Its private key, in PEM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSpec:
    """A certificate and its key. Derived from a Site, or written where several Sites share one."""

    hosts: tuple[Host, ...]
    """Names that it is for."""
    issuer: Literal["auto", "selfSigned"] | Name = "auto"
    """Who signs it: `auto`, the Edge's issuers in their order; the name of one of them; or `selfSigned`."""
    files: CertificateFiles | None = None
    """A pair of secrets instead of an issuer."""
    key: Literal["ecdsa-p256", "ecdsa-p384", "rsa-2048", "rsa-3072"] = "ecdsa-p256"
    """Kind of the key: ECDSA costs half of RSA for each handshake."""
    lifetime: Duration = 90 * 86_400.0
    """How long one that signs itself is valid."""
