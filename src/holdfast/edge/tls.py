"""TLS: Mozilla's guideline as values, filtered by what this nginx and its OpenSSL can do.

The guideline is pinned: a new one is a new value here, chosen by name in `Edge`. Law: a policy holds nothing that the guideline does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from holdfast.edge.capability import Capability, Version, format_version
from holdfast.edge.tree import Directive

ProfileName: TypeAlias = Literal["modern", "intermediate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One configuration of a guideline, in OpenSSL's names."""

    protocols: tuple[str, ...]
    ciphers: tuple[str, ...]
    """Of TLS 1.2; those of TLS 1.3 are OpenSSL's own, which are the guideline's."""
    curves: tuple[str, ...]
    hsts_s: int


GUIDELINE = "6.0"
"""https://ssl-config.mozilla.org/guidelines/6.0.json (2026-04)."""
_CURVES = ("X25519MLKEM768", "X25519", "prime256v1", "secp384r1")
PROFILES: Mapping[ProfileName, Profile] = {
    "modern": Profile(protocols=("TLSv1.3",), ciphers=(), curves=_CURVES, hsts_s=63_072_000),
    "intermediate": Profile(
        protocols=("TLSv1.2", "TLSv1.3"),
        ciphers=(
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-RSA-CHACHA20-POLY1305",
        ),
        curves=_CURVES,
        hsts_s=63_072_000,
    ),
}
_NEEDS: Mapping[str, Version] = {
    "TLSv1.3": (1, 1, 1),
    "X25519MLKEM768": (3, 5, 0),
    "X25519": (1, 1, 0),
    "ECDHE-ECDSA-CHACHA20-POLY1305": (1, 1, 0),
    "ECDHE-RSA-CHACHA20-POLY1305": (1, 1, 0),
}
"""OpenSSL's version that brought it; an unknown curve makes nginx refuse the whole configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is offered on the wire, and what of the guideline this host cannot offer."""

    guideline: str
    profile: ProfileName
    protocols: tuple[str, ...]
    ciphers: tuple[str, ...]
    curves: tuple[str, ...]
    tickets: bool
    hsts_s: int
    dropped: tuple[str, ...]


def policy(profile: ProfileName, capability: Capability) -> Policy:
    """Return the profile as far as this nginx goes; ValueError where no protocol is left or it speaks no TLS at all."""
    if not capability.has_tls:
        raise ValueError(f"{capability} has no TLS: it was built without ngx_http_ssl_module")
    wanted = PROFILES[profile]
    protocols, ciphers, curves = (_known(names, capability) for names in (wanted.protocols, wanted.ciphers, wanted.curves))
    if not protocols:
        raise ValueError(f"{capability} offers no protocol of profile {profile}: TLS 1.3 needs OpenSSL {format_version(_NEEDS['TLSv1.3'])}")
    kept = {*protocols, *ciphers, *curves}
    return Policy(
        guideline=GUIDELINE,
        profile=profile,
        protocols=protocols,
        ciphers=ciphers,
        curves=curves,
        tickets=capability.rotates_tickets,
        hsts_s=wanted.hsts_s,
        dropped=tuple(name for name in (*wanted.protocols, *wanted.ciphers, *wanted.curves) if name not in kept),
    )


def _known(names: tuple[str, ...], capability: Capability) -> tuple[str, ...]:
    """Return what OpenSSL knows. Of another library nothing is known, so only what all have had for long."""
    version = capability.openssl or (1, 1, 1)
    return tuple(name for name in names if version >= _NEEDS.get(name, ()))


def tls_directives(policy: Policy) -> tuple[Directive, ...]:
    """Return the directives of `http` that make nginx follow the policy."""
    ciphers = (Directive("ssl_ciphers", (":".join(policy.ciphers),)),) if policy.ciphers else ()
    return (
        Directive("ssl_protocols", policy.protocols, note=f"Mozilla guideline {policy.guideline}, {policy.profile}"),
        *ciphers,
        Directive("ssl_ecdh_curve", (":".join(policy.curves),)),
        Directive("ssl_prefer_server_ciphers", ("off",)),
        Directive("ssl_session_cache", ("shared:holdfast_tls:10m",)),
        Directive("ssl_session_timeout", ("1d",)),
        Directive("ssl_session_tickets", ("on" if policy.tickets else "off",)),
    )
