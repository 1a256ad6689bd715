"""What a person may write about an issuer: who signs certificates, and how it is asked.

Nothing here names a program or a folder of the host: those are lent by the local configuration, under names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.edge.route_spec import SecretFile, SecretRef
from holdfast.edge.scalar import Line
from holdfast.model.scalars import Duration, Name, matching

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
LETS_ENCRYPT_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"

Directory = Annotated[
    str, matching("the address of an ACME directory", r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._~/-]*)?", longest=500)
]
Contact = Annotated[str, matching("an address such as ops@example.com", r"[!-?A-~]+@[!-?A-~]+", longest=254)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingSpec:
    """The account at the issuer that this installation's is bound to (external account binding)."""

    key_id: Line
    """The identifier that the issuer gave."""
    key: SecretFile
    """The key that it gave, in base64url as it came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeSpec:
    """An issuer that speaks ACME (RFC 8555). Declaring one agrees to its terms of service."""

    directory: Directory = LETS_ENCRYPT
    """Address of its directory."""
    staging: Directory | None = None
    """Directory for dry runs; Let's Encrypt's is known."""
    contact: Contact | None = None
    """Where the issuer may write to."""
    profile: Name | None = None
    """Profile of its certificates, such as `tlsserver` or `shortlived`; its default without."""
    chain: Line | None = None
    """Common name of the root whose chain is preferred, where it offers several."""
    binding: BindingSpec | None = None
    """External account binding, where it asks for one."""
    dns: Name | None = None
    """Hook of the local configuration that answers by DNS (dns-01); without it the edge answers over HTTP (http-01)."""
    propagation: Duration = 0.0
    """How long a record of that hook takes to be seen."""
    ca: SecretRef | None = None
    """Who signed the directory's own certificate, in PEM; the system's authorities without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySpec:
    """An authority of this host, for internal names. Its root must be installed where it is to be believed."""

    common_name: Line = "Holdfast local authority"
    """What its root is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertbotSpec:
    """A folder of certbot, read and never written; certbot renews until a person takes a certificate over."""

    lineage: Name | None = None
    """Which of its certificates; the one that fits without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSpec:
    """Who signs certificates. Exactly one way is written."""

    name: Name
    """What Certificates call it."""
    acme: AcmeSpec | None = None
    """By ACME."""
    authority: AuthoritySpec | None = None
    """By an authority of this host."""
    exec: Name | None = None
    """By a hook of the local configuration."""
    certbot: CertbotSpec | None = None
    """By what certbot has already."""
