"""Issuers: what is wrong with them, and which of them may give a certificate.

`Means` is what the local configuration lends: programs and folders, by name. Git names them and never brings them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from holdfast.edge.certificate_life import SELF_SIGNED, Course, Held, Source
from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.issuer_spec import LETS_ENCRYPT, LETS_ENCRYPT_STAGING, AcmeSpec, IssuerSpec
from holdfast.errors import DeclarationError, Where
from holdfast.kit.suggest import did_you_mean

Place = Callable[[tuple[str | int, ...]], Where]
INTERNAL = frozenset("alt example internal invalid local localhost onion test".split())
"""Top-level names that nobody can own (RFC 6761, RFC 9476)."""
RESERVED = frozenset({"auto", SELF_SIGNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A program of the local configuration: arguments, never a shell line, and its time limit in seconds."""

    command: tuple[str, ...]
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the local configuration lends to issuers."""

    hooks: Mapping[str, Hook] = field(default_factory=dict)
    certbot: str | None = None
    """Certbot's folder (`/etc/letsencrypt`), where it may be read."""


def issuer_errors(issuers: Sequence[IssuerSpec], means: Means, place: Place) -> Iterator[DeclarationError]:
    """Yield what is wrong with a list of issuers; `place` finds a path in the list, such as (0, "acme", "directory")."""
    for at, spec in enumerate(issuers):

        def say(code: str, reason: str, path: tuple[str | int, ...], hint: str, at: int = at, spec: IssuerSpec = spec) -> DeclarationError:
            return DeclarationError(code, f"cannot use issuer {spec.name}: {reason}", where=[place((at, *path))], hint=hint)

        ways = [way for way in ("acme", "authority", "exec", "certbot") if getattr(spec, way) is not None]
        if len(ways) != 1:
            reason = "it says no way to sign" if not ways else f"it says {' and '.join(ways)}"
            yield say("HF1380", reason, (), "write one of acme, authority, exec and certbot")
        if spec.name in RESERVED:
            yield say("HF1382", "the name is taken by Holdfast itself", ("name",), "choose another name")
        elif any(spec.name == other.name for other in issuers[:at]):
            yield say("HF1382", "another has the same name", ("name",), "choose another name")
        if spec.acme is not None:
            for key, address in (("directory", spec.acme.directory), ("staging", spec.acme.staging)):
                if address is not None and not is_private_enough(address):
                    yield say("HF1381", f"{address} is not encrypted", ("acme", key), "write https://")
        for path, hook in ((("acme", "dns"), spec.acme.dns if spec.acme else None), (("exec",), spec.exec)):
            if hook is not None and hook not in means.hooks:
                hint = _meant(hook, means.hooks) or "name the program in the local configuration; Git cannot bring one"
                yield say("HF1383", f"this host has no hook {hook}", path, hint)
        if spec.certbot is not None and means.certbot is None:
            yield say("HF1384", "this host lends no folder of certbot", ("certbot",), "name it in the local configuration")


def certificate_errors(name: str, spec: CertificateSpec, issuers: Sequence[IssuerSpec], place: Place) -> Iterator[DeclarationError]:
    """Yield why no issuer could ever give what a Certificate asks for."""

    def say(code: str, reason: str, path: tuple[str | int, ...], hint: str) -> DeclarationError:
        return DeclarationError(code, f"cannot get Certificate {name}: {reason}", where=[place(path)], hint=hint)

    if spec.files is not None or spec.issuer == SELF_SIGNED:
        return
    chosen = _chosen(spec, issuers)
    if spec.issuer != "auto" and not chosen:
        hint = _meant(spec.issuer, [issuer.name for issuer in issuers]) or "declare it at the Edge, or write auto"
        yield say("HF1385", f"there is no issuer {spec.issuer}", ("issuer",), hint)
    for at, host in enumerate(spec.hosts):
        if chosen and not any(can_sign(issuer, (host,)) for issuer in chosen):
            yield say("HF1386", f"no issuer can sign {host}", ("hosts", at), _reason(host))


def _meant(word: str, known: Iterable[str]) -> str | None:
    near = did_you_mean(word, known)
    return None if near is None else f"did you mean {near}?"


def _reason(host: str) -> str:
    if host.startswith("*."):
        return "a wildcard is proven by DNS only: give the issuer a dns hook, or name each host"
    return "a public issuer signs public names only: use an authority of this host, or selfSigned"


def can_sign(issuer: IssuerSpec, hosts: Sequence[str]) -> bool:
    """Say whether an issuer can sign for hosts at all: a wildcard needs DNS, a public issuer public names."""
    if issuer.acme is None:
        return True
    has_wildcard = any(host.startswith("*.") for host in hosts)
    is_internal = issuer.acme.directory in (LETS_ENCRYPT, LETS_ENCRYPT_STAGING) and any(map(is_internal_name, hosts))
    return not is_internal and (issuer.acme.dns is not None or not has_wildcard)


def is_internal_name(host: str) -> bool:
    """Say whether no public authority may sign a name (CA/Browser Forum baseline requirements §7.1.4.2, RFC 6761, RFC 9476)."""
    if is_address(host):
        return not ipaddress.ip_address(host).is_global
    return "." not in host or host.rpartition(".")[2] in INTERNAL or host.endswith(".home.arpa")


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _chosen(spec: CertificateSpec, issuers: Sequence[IssuerSpec]) -> tuple[IssuerSpec, ...]:
    return tuple(issuer for issuer in issuers if spec.issuer in ("auto", issuer.name))


def candidates(held: Held, course: Course, issuers: Sequence[IssuerSpec]) -> tuple[str, ...]:
    """Return who may give a certificate, the first wish first; nobody where it is a pair of files.

    `auto` takes every issuer that can sign its hosts, in order; where none is declared at all it signs itself. What certbot renews is taken
    from there alone, until a person has it taken over; from then on never again.
    """
    spec = held.spec
    if spec.files is not None:
        return ()
    if spec.issuer == SELF_SIGNED or (spec.issuer == "auto" and not issuers):
        return (SELF_SIGNED,)
    fitting = [issuer for issuer in _chosen(spec, issuers) if can_sign(issuer, spec.hosts)]
    if course.is_taken_over:
        return tuple(issuer.name for issuer in fitting if issuer.certbot is None)
    if held.source is Source.ADOPTED:
        return tuple(issuer.name for issuer in fitting if issuer.name == held.issuer) or tuple(issuer.name for issuer in fitting)
    return tuple(issuer.name for issuer in fitting)


def is_private_enough(address: str) -> bool:
    """Say whether nobody between here and there can read or change what is said: HTTPS, or this very host."""
    parts = urlsplit(address)
    if parts.scheme == "https":
        return bool(parts.hostname)
    host = parts.hostname or ""
    return parts.scheme == "http" and (host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback))


def staging(spec: AcmeSpec) -> str | None:
    """Return the directory for dry runs, None where it is not known."""
    return spec.staging or (LETS_ENCRYPT_STAGING if spec.directory == LETS_ENCRYPT else None)
