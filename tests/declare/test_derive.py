"""Declarations become resources that are closed under their needs, or the errors that only show between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.declare.kinds import ThingKind, registry, thing

from holdfast.declare.render import Renderer
from holdfast.model.labels import APPLICATION
from holdfast.model.resource import Derived, Desired
from holdfast.testing.rendering import Repository

KINDS = registry(ThingKind(), ThingKind(name="Other", leaf="Leaf"))


def render(*documents: str) -> Desired:
    return Repository({"a.yaml": "---\n".join(documents)}).render(Renderer(KINDS))


def errors(*documents: str) -> list[str]:
    return Repository({"a.yaml": "---\n".join(documents)}).errors(Renderer(KINDS))


def needs(desired: Desired) -> dict[str, list[str]]:
    return {str(resource.id): sorted(map(str, resource.needs)) for resource in desired}


FORMS = {"b": "Thing/shop/b", "Thing/b": "Thing/shop/b", "Other/c": "Other/shop/c", "Other/blog/d": "Other/blog/d", "c": "Other/shop/c"}


@pytest.mark.parametrize("written", FORMS)
def test_a_need_is_resolved_in_each_of_its_forms(written: str) -> None:
    documents = (thing("a", f"{{needs: [{written}]}}"), thing("b"), thing("c", kind="Other"), thing("d", kind="Other", namespace="blog"))
    assert needs(render(*documents))["Thing/shop/a"] == [FORMS[written]]


def test_a_need_on_what_was_expanded_is_one_on_all_that_it_became() -> None:
    found = needs(render(thing("a", "{needs: [b]}"), thing("b", "{parts: 2, needs: [c]}"), thing("c")))
    assert found == {
        "Leaf/shop/b.0": ["Thing/shop/c"],
        "Leaf/shop/b.1": ["Thing/shop/c"],
        "Thing/shop/a": ["Leaf/shop/b.0", "Leaf/shop/b.1"],
        "Thing/shop/c": [],
    }


def test_a_need_may_name_one_leaf() -> None:
    assert needs(render(thing("a", "{needs: [Leaf/b.1]}"), thing("b", "{parts: 2}")))["Thing/shop/a"] == ["Leaf/shop/b.1"]


def test_of_two_kinds_with_one_name_the_own_kind_is_meant() -> None:
    found = needs(render(thing("a", "{needs: [b]}"), thing("b"), thing("b", kind="Other")))
    assert found["Thing/shop/a"] == ["Thing/shop/b"]


def test_a_leaf_takes_over_what_its_parent_says() -> None:
    annotations = '{argocd.argoproj.io/sync-wave: "3", argocd.argoproj.io/sync-options: Prune=confirm, holdfast.dev/heal: "off"}'
    leaf = render(thing("a", "{parts: 1}", annotations=annotations)).resources[0]
    assert leaf.owner == Derived((leaf.declared_id,))
    assert (str(leaf.declared_id), leaf.wave, leaf.policy.protect, leaf.policy.heal) == ("Thing/shop/a", 3, True, False)
    assert (str(leaf.origin), leaf.labels[APPLICATION]) == ("a.yaml:1", "shop")


RING = "Thing/shop/a → Thing/shop/b → Thing/shop/a"
TAKEN = "port 127.0.0.1:80 is taken by Thing/shop/a"
ERRORS = {
    "unknown": (
        [thing("a", "{needs: [bb]}"), thing("b")],
        ["HF1201 a.yaml:4:16: cannot resolve need 'bb' of Thing/shop/a: nothing of this Application is called so | did you mean b?"],
    ),
    "a ring": (
        [thing("a", "{needs: [b]}"), thing("b", "{needs: [a]}")],
        [f"HF1203 a.yaml:4:16 a.yaml:9:16: cannot order {RING}: a ring of needs | remove one of these needs"],
    ),
    "itself": (
        [thing("a", "{needs: [a]}")],
        ["HF1203 a.yaml:4:16: cannot order Thing/shop/a: it needs itself | remove one of these needs"],
    ),
    "itself by its leaf": (
        [thing("a", "{parts: 1, needs: [Leaf/a.0]}")],
        ["HF1203 a.yaml:4:26: cannot order Thing/shop/a: it needs itself | remove one of these needs"],
    ),
    "twice": (
        [thing("a"), thing("a")],
        ["HF1200 a.yaml:3:18 a.yaml:8:18: cannot declare Thing/shop/a: it is declared twice | rename or remove one of the two"],
    ),
    "twice by a leaf": (
        [thing("a", "{parts: 1}"), thing("a", "{parts: 1}", kind="Other")],
        ["HF1200 a.yaml:3:18 a.yaml:8:18: cannot declare Leaf/shop/a.0: it is declared twice | rename or remove one of the two"],
    ),
    "one port": (
        [thing("a", "{port: 80}"), thing("b", "{port: 80}")],
        [f"HF1205 a.yaml:4:14 a.yaml:9:14: cannot declare Thing/shop/b: {TAKEN} | only one of the two can have it"],
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_only_shows_between_declarations_is_told_with_every_place(case: str) -> None:
    documents, expected = ERRORS[case]
    assert errors(*documents) == expected


def test_a_name_that_two_other_kinds_share_must_say_which() -> None:
    three = registry(ThingKind(), ThingKind(name="Other"), ThingKind(name="Third"))
    documents = "---\n".join((thing("a", "{needs: [c]}", kind="Third"), thing("c"), thing("c", kind="Other")))
    assert Repository({"a.yaml": documents}).errors(Renderer(three)) == [
        "HF1202 a.yaml:4:16: cannot resolve need 'c' of Third/shop/a: more than one resource has that name | write Other/c or Thing/c"
    ]


def test_a_need_reaches_another_namespace_only_by_its_whole_name() -> None:
    (error,) = errors(thing("a", "{needs: [b]}"), thing("b", namespace="blog"))
    assert error.endswith("write name, Kind/name or Kind/namespace/name of a resource that is declared here")


def test_every_ring_is_told_once() -> None:
    documents = [thing(name, f"{{needs: [{need}]}}") for name, need in (("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"))]
    assert [error.split(":")[0] for error in errors(*documents)] == ["HF1203 a.yaml", "HF1203 a.yaml"]


def test_what_needs_something_that_is_wrong_in_itself_is_not_told_as_well() -> None:
    assert [error.split(":")[0] for error in errors(thing("a", "{needs: [b]}"), thing("b", "{size: -1}"))] == ["HF1021 a.yaml"]
    wrong = errors(thing("a", "{needs: [c]}"), thing("b", "{size: -1}"))
    assert [error.split(":")[0] for error in wrong] == ["HF1201 a.yaml", "HF1021 a.yaml"]


def test_parts_of_one_declaration_share_what_only_one_can_have() -> None:
    assert len(render(thing("a", "{parts: 3, port: 80}")).resources) == 3


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_documents_does_not_matter(order: list[str]) -> None:
    specs = {"a": "{needs: [b, c]}", "b": "{parts: 2}", "c": "{needs: [d]}", "d": "{size: 3}"}
    assert render(*(thing(name, specs[name]) for name in order)).digest == render(*(thing(name, specs[name]) for name in "abcd")).digest


@given(st.dictionaries(st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"), max_size=2), min_size=1))
def test_what_renders_is_closed_and_ordered_and_the_rest_is_told(graph: dict[str, set[str]]) -> None:
    documents = [thing(name, f"{{needs: [{', '.join(sorted(needs))}], parts: {ord(name) % 2}}}") for name, needs in graph.items()]
    is_sound = set().union(*graph.values()) <= graph.keys() and not has_ring(graph)
    if not is_sound:
        assert {error[:6] for error in errors(*documents)} <= {"HF1201", "HF1203"}
        return
    desired = render(*documents)
    there = {resource.id for resource in desired}
    assert all(resource.needs <= there for resource in desired)


def has_ring(graph: dict[str, set[str]]) -> bool:
    left = dict(graph)
    while ready := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in ready:
            del left[name]
    return bool(left)
