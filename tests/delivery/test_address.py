"""Address: repositories somewhere, folders of this host, and what is neither."""

from __future__ import annotations

import pytest

from holdfast.delivery.address import Address, Unusable, absolute, comparable, has_credentials, read_address


@pytest.mark.parametrize(
    "text",
    [
        "https://git.example/team/shop.git",
        "http://git.example/shop",
        "ssh://git@git.example:2222/shop.git",
        "git@git.example:team/shop.git",
        "git.example:shop",
        "HTTPS://git.example/shop",
    ],
)
def test_addresses_stay_as_they_are_written(text: str) -> None:
    assert read_address(text, "/srv") == read_address(text, None) == Address(text=text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("shop", "HF1153"),
        ("shop/deploy", "HF1153"),
        ("oci://registry.example/shop", "HF1153"),
        ("ext::sh -c id", "HF1153"),
        ("--upload-pack=id", "HF1153"),
        ("https://git.example/\nshop", "HF1153"),
        ("file:shop", "HF1153"),
        ("file://elsewhere/srv/shop", "HF1153"),
        ("file:///srv/%ff", "HF1153"),
        ("file:///srv/%0a", "HF1153"),
        ("https://token@git.example/shop", "HF1154"),
        ("https://me:word@git.example/shop", "HF1154"),
        ("ssh://git:word@git.example/shop", "HF1154"),
        ("me:word@git.example:shop", "HF1154"),
    ],
)
def test_what_is_no_address_is_refused(text: str, code: str) -> None:
    found = read_address(text, "/srv")
    assert isinstance(found, Unusable)
    assert (found.code, found.is_secret) == (code, code == "HF1154")


def test_credentials_are_told_from_the_user_of_ssh() -> None:
    assert not has_credentials("git@git.example:team/a@b.git")
    assert not has_credentials("https://git.example/a@b")
    assert not has_credentials("ssh://git@git.example/a")


def test_folders_come_out_plain_and_absolute() -> None:
    assert absolute(".", "/srv/apps") == "/srv/apps"
    assert absolute("../../../..", "/srv/apps") == "/"
    assert absolute("/a//b/./../c/", "/srv") == "/a/c"


def test_projects_compare_addresses_whatever_their_form() -> None:
    forms = ["git@git.example:Team/Shop.git", "ssh://git@git.example/team/shop", "git@git.example:team/shop"]
    assert {comparable(form) for form in forms} == {"git@git.example/team/shop"}
    assert comparable("https://Git.example/Shop.git") == "https://git.example/shop"
    assert comparable("/srv/Shop.git") == "/srv/Shop.git"
