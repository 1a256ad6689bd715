"""What only one can have is had by one, and the other is told, whatever was read first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.declare.kinds import ThingSpec

from holdfast.declare.exclusive import Token, clashes, fold_exclusive, tokens_of
from holdfast.errors import Where
from holdfast.model.declaration import Declaration
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE
from holdfast.model.plan import Inventory, Owned
from holdfast.model.resource import Desired, Origin, Resource
from holdfast.model.state import State
from holdfast.testing.rendering import told


def resource(name: str, tokens: str, application: str = "shop") -> Resource:
    return Resource(
        id=ResourceId(HOST, "Thing", application, name),
        state=State.of({}),
        origin=Origin(path=f"{application}.yaml", line=ord(name), revision="r"),
        labels={EXCLUSIVE: tokens, APPLICATION: application},
    )


def claim(name: str, tokens: str) -> tuple[Declaration, Resource]:
    def place(path: tuple[str | int, ...]) -> Where:
        return Where(path=name + "/" + ".".join(map(str, path)))

    origin = Origin(path=name, line=1, revision="r")
    return Declaration(kind="Thing", name=name, namespace=None, spec=ThingSpec(port=80), origin=origin, place=place), resource(name, tokens)


def wanted(*claimants: tuple[Declaration, Resource]) -> list[tuple[Token, tuple[Declaration, Resource]]]:
    return [(token, claimant) for claimant in claimants for token in tokens_of(claimant[1])]


BY_PORT = "HF1205 a/spec.port b/spec.port"
BY_NAME = "HF1205 a/metadata.name b/metadata.name"
CLASHES: dict[tuple[str, str], tuple[str, str] | None] = {
    ("tcp:127.0.0.1:80", "tcp:127.0.0.1:80"): (BY_PORT, "port 127.0.0.1:80"),
    ("tcp:0.0.0.0:80", "tcp:127.0.0.1:80"): (BY_PORT, "port 127.0.0.1:80"),
    ("tcp:127.0.0.1:80", "tcp:[::]:80"): (BY_PORT, "port [::]:80"),
    ("unix:shop/x", "unix:shop/x"): (BY_NAME, "socket shop/x"),
    ("file:/a, x:y", "x:y"): (BY_NAME, "x y"),
    ("tcp:127.0.0.1:80", "tcp:127.0.0.2:80"): None,
    ("tcp:127.0.0.1:80", "udp:127.0.0.1:80"): None,
    ("tcp:127.0.0.1:80", "tcp:127.0.0.1:8080"): None,
    ("", ""): None,
}


@pytest.mark.parametrize("tokens", CLASHES)
def test_two_that_want_the_same_are_told_with_both_places(tokens: tuple[str, str]) -> None:
    found = [told(error) for error in clashes(wanted(claim("a", tokens[0]), claim("b", tokens[1])))]
    expected = CLASHES[tokens]
    words = "cannot declare Thing/shop/b: {1} is taken by Thing/shop/a | only one of the two can have it"
    assert found == ([] if expected is None else [f"{expected[0]}: {words.format(*expected)}"])


def test_one_declaration_shares_with_itself() -> None:
    declaration, first = claim("a", "tcp:127.0.0.1:80")
    assert list(clashes(wanted((declaration, first), (declaration, resource("b", "tcp:127.0.0.1:80"))))) == []


def test_a_third_is_told_of_the_first() -> None:
    found = list(clashes(wanted(*(claim(name, "tcp:127.0.0.1:80") for name in "abc"))))
    assert [str(error.where[0]) for error in found] == ["a/spec.port", "a/spec.port"]


def desired(application: str, *resources: Resource) -> Desired:
    return Desired.of(application, "r", resources)


def owned(it: Resource, application: str) -> Inventory:
    return {it.id: Owned(application=application, resource=it, revision="r", operation="o")}


PORT = "tcp:127.0.0.1:80"
SHOP, BLOG = desired("shop", resource("a", PORT)), desired("blog", resource("a", PORT, "blog"))


def test_of_two_applications_the_first_by_name_has_it() -> None:
    found = fold_exclusive([SHOP, BLOG], {})
    assert list(found) == ["shop"]
    words = "cannot declare Thing/shop/a: port 127.0.0.1:80 is taken by Thing/blog/a of Application blog"
    assert told(found["shop"][0]) == f"HF1206 blog.yaml:97 shop.yaml:97: {words} | only one of the two can have it"


def test_who_has_it_keeps_it() -> None:
    assert list(fold_exclusive([SHOP, BLOG], owned(SHOP.resources[0], "shop"))) == ["blog"]


def test_who_had_something_else_has_no_right_to_it() -> None:
    assert list(fold_exclusive([SHOP, BLOG], owned(resource("a", "tcp:127.0.0.1:81"), "shop"))) == ["shop"]


def test_one_application_is_never_its_own_rival() -> None:
    assert fold_exclusive([desired("shop", resource("a", PORT), resource("b", PORT))], {}) == {}


WANTED = {"a": PORT, "b": "tcp:0.0.0.0:80", "c": PORT, "d": "x:1"}


@given(st.permutations([desired(name, resource("a", tokens, name)) for name, tokens in WANTED.items()]))
def test_the_order_of_applications_does_not_matter(order: list[Desired]) -> None:
    found = fold_exclusive(order, {})
    assert {name: [error.message for error in errors] for name, errors in sorted(found.items())} == {
        "b": ["cannot declare Thing/b/a: port 0.0.0.0:80 is taken by Thing/a/a of Application a"],
        "c": ["cannot declare Thing/c/a: port 127.0.0.1:80 is taken by Thing/a/a of Application a"],
    }
