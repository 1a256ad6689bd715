"""Addresses: what is one, what only the operator may name, and that none ever shows a credential."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import HoldfastError, Refused, SourceError
from holdfast.source.repository import Repository, parse, redact, shown


def read(text: str, *, local: bool = True, http: bool = False) -> Repository:
    return parse(text, allow_local=lambda path: local, allow_http=lambda address: http)


GOOD = {
    "https://github.com/acme/shop": ("https", "https://github.com/acme/shop"),
    "https://git.example.org:8443/acme/shop.git": ("https", "https://git.example.org:8443/acme/shop.git"),
    "https://[2001:db8::1]/shop.git": ("https", "https://[2001:db8::1]/shop.git"),
    "ssh://git@github.com/acme/shop.git": ("ssh", "ssh://git@github.com/acme/shop.git"),
    "ssh://git@host:2222/srv/shop.git": ("ssh", "ssh://git@host:2222/srv/shop.git"),
    "ssh://host/~ada/shop.git": ("ssh", "ssh://host/~ada/shop.git"),
    "git@github.com:acme/shop.git": ("ssh", "git@github.com:acme/shop.git"),
    "host:shop.git": ("ssh", "host:shop.git"),
    "/srv/shop": ("file", "/srv/shop"),
    "/srv//shop/": ("file", "/srv/shop"),
    "file:///srv/shop": ("file", "/srv/shop"),
    "file://localhost/srv/my%20shop": ("file", "/srv/my shop"),
}


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_read(text: str) -> None:
    found = read(text)
    assert (found.scheme, found.address, found.text) == (*GOOD[text], text)


BAD = {
    "": "HF4001",
    "shop": "HF4001",
    "./shop": "HF4001",
    "../shop": "HF4001",
    "--upload-pack=touch x": "HF4001",
    "-x": "HF4001",
    "ext::sh -c touch% x": "HF4001",
    "fd::3": "HF4001",
    "git://host/shop": "HF4001",
    "ftp://host/shop": "HF4001",
    "HTTPS://host/shop": "HF4001",
    "https://": "HF4001",
    "https://host/a b": "HF4001",
    "https://host/shop?x=1": "HF4001",
    "https://host/shop#main": "HF4001",
    "https://-host/shop": "HF4001",
    "ssh://-oProxyCommand=x/shop": "HF4001",
    "ssh://-oProxyCommand=x@host/shop": "HF4001",
    "-oProxyCommand=x@host:shop": "HF4001",
    "git@-oProxyCommand=x:shop": "HF4001",
    "git@host:-x": "HF4001",
    "ssh://host": "HF4001",
    "file://host/srv/shop": "HF4001",
    "file://srv": "HF4001",
    "file:///srv/%2e%2e/shop": "HF4001",
    "file:///srv/%00": "HF4001",
    "file:///%ff": "HF4001",
    "/srv/../shop": "HF4001",
    "/": "HF4001",
    "/srv/a\nb": "HF4001",
    "https://host/a\nb": "HF4001",
    "https://host/" + "a" * 2048: "HF4001",
    "https://user:token@host/shop": "HF4002",
    "https://token@host/shop": "HF4002",
    "ssh://git:token@host/shop": "HF4002",
    "user:token@host:shop": "HF4002",
    "http://host/shop": "HF4004",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_address_is_refused_with_a_next_step(text: str) -> None:
    with pytest.raises(HoldfastError) as refused:
        read(text)
    assert refused.value.code == BAD[text]
    assert refused.value.hint
    assert refused.value.message.isprintable()


def test_a_local_folder_is_the_operators_to_name() -> None:
    with pytest.raises(Refused) as refused:
        read("/srv/shop", local=False)
    assert refused.value.code == "HF4003"


def test_the_operator_is_asked_with_the_plain_folder() -> None:
    asked: list[str] = []

    def allow(path: str) -> bool:
        asked.append(path)
        return True

    parse("file:///srv//shop/", allow_local=allow, allow_http=lambda address: False)
    assert asked == ["/srv/shop"]


def test_http_is_read_where_the_local_configuration_allows_it() -> None:
    assert read("http://127.0.0.1:8080/shop", http=True).scheme == "http"


def test_one_address_has_one_mirror_and_two_have_two() -> None:
    assert read("/srv/shop").digest == read("file:///srv/shop/").digest
    assert read("https://host/a").digest != read("https://host/b").digest


SECRET = "s3cr3t-t0ken"
CARRIERS = [
    "https://{}@host/shop",
    "https://user:{}@host/shop",
    "http://user:{}@host/shop",
    "ssh://git:{}@host/shop",
    "https://user:{}@host/a b",
    "ftp://user:{}@host/shop",
    "user:{}@host:shop",
    "https://user:a/{}@host/shop",
    "https://user:a@{}@host/shop",
    "ext::https://user:{}@host/shop",
]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_no_error_shows_a_credential(carrier: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(carrier.format(SECRET))
    assert SECRET not in str(refused.value.to_json())


@given(before=st.text(max_size=10), secret=st.text("abc:/%~", min_size=6, max_size=12).map(lambda text: f"Q{text}Q"))
def test_whatever_stands_before_the_host_is_never_shown(before: str, secret: str) -> None:
    assert secret not in shown(f"https://{before}{secret}@host/shop")


def test_the_words_of_git_are_shown_without_credentials() -> None:
    words = f"fatal: unable to access 'https://user:{SECRET}@host/shop/': The requested URL returned error: 403"
    assert redact(words) == "fatal: unable to access 'https://***@host/shop/': The requested URL returned error: 403"
    assert redact("fatal: no address here") == "fatal: no address here"


def test_a_plain_ssh_user_is_shown_and_control_characters_are_not() -> None:
    assert shown("git@github.com:acme/shop") == "git@github.com:acme/shop"
    assert shown("ssh://git@host/shop") == "ssh://git@host/shop"
    assert shown("https://host/\x1b[2J") == r"https://host/\x1b[2J"
    assert len(shown("https://host/" + "a" * 500)) == 200
