"""Issuers: what is refused when they are declared, and who may give a certificate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from holdfast.edge.certificate_life import SELF_SIGNED, Course, Held, Source
from holdfast.edge.certificate_spec import CertificateFiles, CertificateSpec
from holdfast.edge.issuer import Hook, Means, candidates, certificate_errors, is_private_enough, issuer_errors, staging
from holdfast.edge.issuer_spec import LETS_ENCRYPT_STAGING, AcmeSpec, AuthoritySpec, CertbotSpec, IssuerSpec
from holdfast.edge.route_spec import SecretRef
from holdfast.edge.typed import read, write
from holdfast.errors import Where

MEANS = Means(hooks={"cloudflare": Hook(command=("dns-hook",))}, certbot="/etc/letsencrypt")
PUBLIC = IssuerSpec(name="letsencrypt", acme=AcmeSpec())
BY_DNS = IssuerSpec(name="by-dns", acme=AcmeSpec(dns="cloudflare"))
PRIVATE = IssuerSpec(name="step", acme=AcmeSpec(directory="https://ca.corp.example/acme/directory"))
LOCAL = IssuerSpec(name="local", authority=AuthoritySpec())
CERTBOT = IssuerSpec(name="certbot", certbot=CertbotSpec())


def place(path: tuple[str | int, ...]) -> Where:
    return Where(path=".".join(map(str, path)) or "issuers")


def spec(*hosts: str, **more: Any) -> CertificateSpec:
    return CertificateSpec(hosts=hosts or ("shop.example.com",), **more)


def held(certificate: CertificateSpec, source: Source = Source.BOOTSTRAP, issuer: str = "") -> Held:
    return Held(application="shop", fields=write(CertificateSpec, certificate, {}), source=source, issuer=issuer)


def named(issuer: str) -> CertificateSpec:
    """Return a spec that names its issuer."""
    return read(CertificateSpec, {"hosts": ["shop.example.com"], "issuer": issuer})


@pytest.mark.parametrize(
    ("issuers", "code", "where", "words"),
    [
        ([IssuerSpec(name="a")], "HF1380", "0", "it says no way to sign"),
        ([IssuerSpec(name="a", acme=AcmeSpec(), exec="cloudflare")], "HF1380", "0", "it says acme and exec"),
        ([IssuerSpec(name="a", acme=AcmeSpec(directory="http://ca.example/dir"))], "HF1381", "0.acme.directory", "not encrypted"),
        ([IssuerSpec(name="a", acme=AcmeSpec(staging="http://ca.example/dir"))], "HF1381", "0.acme.staging", "not encrypted"),
        ([LOCAL, LOCAL], "HF1382", "1.name", "another has the same name"),
        ([replace(LOCAL, name="auto")], "HF1382", "0.name", "taken by Holdfast itself"),
        ([IssuerSpec(name="a", acme=AcmeSpec(dns="cloudflair"))], "HF1383", "0.acme.dns", "no hook cloudflair"),
        ([IssuerSpec(name="a", exec="sign")], "HF1383", "0.exec", "no hook sign"),
    ],
)
def test_an_issuer_that_cannot_be_is_refused_at_its_place(issuers: list[IssuerSpec], code: str, where: str, words: str) -> None:
    (error,) = issuer_errors(issuers, MEANS, place)
    assert (error.code, str(error.where[0])) == (code, where)
    assert words in error.message
    assert error.hint


def test_a_hook_that_is_misspelt_is_recognised() -> None:
    (error,) = issuer_errors([IssuerSpec(name="a", acme=AcmeSpec(dns="cloudflair"))], MEANS, place)
    assert error.hint == "did you mean cloudflare?"


def test_certbot_is_read_only_where_the_host_lends_its_folder() -> None:
    assert [error.code for error in issuer_errors([CERTBOT], Means(), place)] == ["HF1384"]
    assert list(issuer_errors([PUBLIC, BY_DNS, PRIVATE, LOCAL, CERTBOT], MEANS, place)) == []


@pytest.mark.parametrize(
    ("certificate", "issuers", "code", "words"),
    [
        (named("letsencrpyt"), [PUBLIC], "HF1385", "no issuer letsencrpyt"),
        (spec("*.example.com"), [PUBLIC], "HF1386", "no issuer can sign *.example.com"),
        (spec("shop.example.com", "db.internal"), [PUBLIC, BY_DNS], "HF1386", "no issuer can sign db.internal"),
        (spec("localhost"), [PUBLIC], "HF1386", "no issuer can sign localhost"),
        (spec("10.0.0.7"), [PUBLIC], "HF1386", "no issuer can sign 10.0.0.7"),
        (spec("printer.home.arpa"), [PUBLIC], "HF1386", "no issuer can sign printer.home.arpa"),
    ],
)
def test_what_no_issuer_could_give_is_refused(certificate: CertificateSpec, issuers: list[IssuerSpec], code: str, words: str) -> None:
    (error,) = certificate_errors("shop", certificate, issuers, place)
    assert error.code == code
    assert words in error.message


@pytest.mark.parametrize("hosts", [("*.example.com",), ("a.internal", "*.corp")])
def test_what_one_of_several_issuers_can_give_is_taken(hosts: tuple[str, ...]) -> None:
    assert list(certificate_errors("shop", spec(*hosts), [PUBLIC, BY_DNS, LOCAL], place)) == []


def test_files_and_self_signed_ones_need_no_issuer() -> None:
    files = CertificateFiles(certificate=SecretRef(secret="crt"), key=SecretRef(secret="key"))
    for certificate in (spec("db.internal", files=files), spec("db.internal", issuer="selfSigned")):
        assert list(certificate_errors("shop", certificate, [PUBLIC], place)) == []
    assert candidates(held(spec(files=files)), Course(), [PUBLIC]) == ()
    assert candidates(held(spec(issuer="selfSigned")), Course(), [PUBLIC]) == (SELF_SIGNED,)


def test_auto_takes_every_issuer_that_can_in_order() -> None:
    assert candidates(held(spec()), Course(), [PUBLIC, PRIVATE, LOCAL]) == ("letsencrypt", "step", "local")
    assert candidates(held(spec("*.example.com")), Course(), [PUBLIC, BY_DNS, LOCAL]) == ("by-dns", "local")
    assert candidates(held(spec("db.internal")), Course(), [PUBLIC, PRIVATE, LOCAL]) == ("step", "local")
    assert candidates(held(spec()), Course(), []) == (SELF_SIGNED,)
    assert candidates(held(named("local")), Course(), [PUBLIC, LOCAL]) == ("local",)


def test_what_certbot_renews_is_taken_from_there_alone_until_it_is_taken_over() -> None:
    adopted = held(spec(), Source.ADOPTED, "certbot")
    assert candidates(held(spec()), Course(), [CERTBOT, PUBLIC]) == ("certbot", "letsencrypt")
    assert candidates(adopted, Course(), [CERTBOT, PUBLIC]) == ("certbot",)
    assert candidates(adopted, Course(is_taken_over=True), [CERTBOT, PUBLIC]) == ("letsencrypt",)
    assert candidates(held(spec(), Source.ISSUED, "letsencrypt"), Course(is_taken_over=True), [CERTBOT, PUBLIC]) == ("letsencrypt",)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://ca.example/dir", True),
        ("http://127.0.0.1:14000/dir", True),
        ("http://localhost/dir", True),
        ("http://[::1]:8/dir", True),
        ("http://ca.example/dir", False),
        ("http://127.0.0.1.evil.example/dir", False),
        ("file:///etc/passwd", False),
        ("https:///dir", False),
    ],
)
def test_an_address_counts_where_nobody_can_read_along(address: str, expected: bool) -> None:
    assert is_private_enough(address) is expected


def test_the_directory_for_dry_runs_of_lets_encrypt_is_known() -> None:
    assert staging(AcmeSpec()) == LETS_ENCRYPT_STAGING
    assert staging(AcmeSpec(directory="https://ca.example/dir")) is None
    assert staging(AcmeSpec(directory="https://ca.example/dir", staging="https://ca.example/test")) == "https://ca.example/test"
