"""Markers: what is rewritten, byte for byte, and what is told of those that cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.image_reference import ImageReference
from holdfast.workload.image_marker import Policy, may_have_markers, read_marker, rewrite

DIGEST = "sha256:" + "0123456789abcdef" * 4
WEB = ("shop", "web")
NEW: dict[Policy, ImageReference | None] = {WEB: ImageReference.parse("ghcr.io/acme/web:1.10"), ("shop", "later"): None}

COMPOSE = b"""\xef\xbb\xbf# The shop.\r
services:\r
    web:          # four blanks here\r
        image:   "ghcr.io/acme/web:1.9"   # {"$imagepolicy": "shop:web"}\r
        environment: {TAG: 1.9}\r
    old:\r
      image: 'ghcr.io/acme/web:1.9' # kept as it is\r
\r
x-tag:  1.9 # {"$imagepolicy": "shop:web:tag"}\r
x-name: ghcr.io/acme/old     #   {"$imagepolicy":"shop:web:name"}  \r
x-list: [ a, ghcr.io/acme/web:1.8 ] # {"$imagepolicy": "shop:web"}\r
x-later: nginx:1 # {"$imagepolicy": "shop:later"}\r
x-text: |\r
  image: ghcr.io/acme/web:1.9 # {"$imagepolicy": "shop:web"}\r
"""


def test_only_the_marked_values_change() -> None:
    it = rewrite("compose.yaml", COMPOSE, NEW)
    wanted = (
        COMPOSE.replace(b'"ghcr.io/acme/web:1.9"', b'"ghcr.io/acme/web:1.10"')
        .replace(b"x-tag:  1.9", b'x-tag:  "1.10"')
        .replace(b"ghcr.io/acme/old  ", b"ghcr.io/acme/web  ")
        .replace(b"ghcr.io/acme/web:1.8", b"ghcr.io/acme/web:1.10")
    )
    assert it.data == wanted
    assert [(each.line, each.old, each.new) for each in it.rewrites] == [
        (4, "ghcr.io/acme/web:1.9", "ghcr.io/acme/web:1.10"),
        (9, "1.9", "1.10"),
        (10, "ghcr.io/acme/old", "ghcr.io/acme/web"),
        (11, "ghcr.io/acme/web:1.8", "ghcr.io/acme/web:1.10"),
    ]
    assert it.problems == ()
    assert rewrite("compose.yaml", it.data, NEW).rewrites == ()


def test_a_digest_goes_where_it_is_asked_for() -> None:
    chosen: dict[Policy, ImageReference | None] = {WEB: ImageReference.parse(f"nginx:1.27@{DIGEST}")}
    text = b'a: nginx:1 # {"$imagepolicy": "shop:web"}\nb: x # {"$imagepolicy": "shop:web:digest"}\n'
    it = rewrite("a.yaml", text, chosen)
    assert (
        it.data
        == f'a: nginx:1.27@{DIGEST} # {{"$imagepolicy": "shop:web"}}\nb: {DIGEST} # {{"$imagepolicy": "shop:web:digest"}}\n'.encode()
    )
    assert rewrite("a.yaml", text, {WEB: ImageReference.parse("nginx:1")}).data == text  # a digest that is not known is not written


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ('a: b # {"$imagepolicy": "shop"}', "the marker cannot be read", "f.yaml:1:4"),
        ('a: b # {"$imagepolicy": "shop:web:tags"}', "the marker cannot be read", "f.yaml:1:4"),
        ("a: b # $imagepolicy shop:web", "the marker cannot be read", "f.yaml:1:4"),
        ('\na: b # {"$imagepolicy": "shop:api"}', "no ImagePolicy api in namespace shop is there", "f.yaml:2:4"),
        ('a: [b # {"$imagepolicy": "shop:web"}', "it is no YAML", "f.yaml:2:1"),
    ],
)
def test_what_cannot_be_followed_is_told_and_left_alone(text: str, message: str, place: str) -> None:
    it = rewrite("f.yaml", text.encode() + b"\n", NEW)
    assert it.data == text.encode() + b"\n"
    assert [str(each.where) for each in it.problems] == [place]
    assert message in it.problems[0].message


def test_bytes_that_are_no_text_are_left_alone() -> None:
    it = rewrite("f.yaml", b"\xff # $imagepolicy", NEW)
    assert (it.data, it.problems[0].message) == (b"\xff # $imagepolicy", "it is no UTF-8")


def test_a_marker_names_namespace_and_policy() -> None:
    assert read_marker('{"$imagepolicy": "a:b"}') == (("a", "b"), None)
    assert read_marker('{"$imagepolicy": "a:b:digest"}') == (("a", "b"), "digest")
    assert [read_marker(text) for text in ("", "{}", "[]", '{"$imagepolicy": 1}', '{"$imagepolicy": "a:"}', "[" * 9999)] == [None] * 6
    assert [may_have_markers(path, b"$imagepolicy") for path in ("a.yaml", "a.yml", "a.json")] == [True, True, False]


@given(
    st.text(alphabet=st.sampled_from("ab: #{}[]\"'\n-|"), max_size=30), st.text(alphabet=st.sampled_from("ab: #{}[]\"'\n-|"), max_size=30)
)
def test_whatever_stands_around_a_marked_value_stays(before: str, after: str) -> None:
    text = f'{before}\nk: ghcr.io/acme/web:1.9 # {{"$imagepolicy": "shop:web"}}\n{after}'
    it = rewrite("f.yaml", text.encode(), NEW)
    assert it.data.decode() in (text, text.replace("ghcr.io/acme/web:1.9", "ghcr.io/acme/web:1.10"))
    assert bool(it.rewrites) == (it.data.decode() != text)
