"""Names of images: what github.com/distribution/reference 0.6 makes of 214 texts, written down by that library, and the laws."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.image_reference import ImageReference, is_digest, is_tag

ANSWERS: dict[str, list[str] | None] = json.loads(Path(__file__).with_name("image_references.json").read_text())
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(("text", "parts"), ANSWERS.items())
def test_a_name_reads_as_docker_reads_it(text: str, parts: list[str] | None) -> None:
    if parts is None:
        with pytest.raises(ValueError, match="cannot read image"):
            ImageReference.parse(text)
    else:
        it = ImageReference.parse(text)
        assert [it.registry, it.path, it.tag or "", it.digest or "", it.familiar, it.canonical] == parts


@pytest.mark.parametrize("text", [text for text, parts in ANSWERS.items() if parts is not None])
def test_canonical_and_familiar_name_are_one_image(text: str) -> None:
    it = ImageReference.parse(text)
    assert ImageReference.parse(it.familiar) == it
    assert ImageReference.parse(it.canonical).canonical == it.canonical


def test_another_tag_leaves_the_digest_of_the_old_one_behind() -> None:
    it = ImageReference.parse(f"nginx:1.26@{DIGEST}")
    assert str(it.with_tag("1.27")) == "nginx:1.27"
    assert str(it.with_tag("1.27").with_digest(DIGEST)) == f"nginx:1.27@{DIGEST}"
    assert (it.wanted, it.with_digest(None).wanted, ImageReference.parse("nginx").wanted) == (DIGEST, "1.26", "latest")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("ng inx", "it has a blank"),
        ("https://ghcr.io/acme/web", "it is an address; leave https:// away"),
        ("nginx:${TAG}", "it holds a variable"),
        ("Nginx", "its name has capital letters"),
        ("ab" * 32, "64 hexadecimal digits are the id of an image, not its name"),
        ("nginx@sha256:" + "A" * 64, "is no digest such as sha256: and 64 hexadecimal digits"),
        ("a/" + "b" * 254, "its name is longer than 255 characters"),
        ("nginx:-1", "expected name, name:tag or name:tag@sha256:…"),
    ],
)
def test_what_is_no_name_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match="cannot read image") as found:
        ImageReference.parse(text)
    assert str(found.value).endswith(reason)


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    is_tag(text)
    try:
        it = ImageReference.parse(text)
    except ValueError:
        return
    assert it.digest is None or is_digest(it.digest)


def test_a_name_that_is_too_long_is_told_by_its_beginning() -> None:
    name = "abcdefghij" * 26
    with pytest.raises(ValueError, match="longer") as found:
        ImageReference.parse(name)
    assert str(found.value) == f"cannot read image {name[:40]!r}…: its name is longer than 255 characters"


@pytest.mark.parametrize(("text", "is_one"), [("1.27", True), ("v1_2-x", True), ("", False), ("-a", False), ("é", False), ("a/b", False)])
def test_what_is_a_tag(text: str, is_one: bool) -> None:
    assert is_tag(text) is is_one
