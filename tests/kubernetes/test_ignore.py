"""Rules of `ignoreDifferences`: what is the same but for them, and what is applied where they are respected."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.ignore import DEEPEST, MOST, JsonPath, Named, ignored, is_same_but, read_jq_paths, respecting
from holdfast.model.terms import IgnoredFields

GIT: dict[str, Json] = {"spec": {"replicas": 1, "containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}
LIVE: dict[str, Json] = {"spec": {"replicas": 5, "containers": [{"name": "b", "image": "2"}, {"name": "a", "image": "1"}]}}
REPLICAS = IgnoredFields(json_pointers=("/spec/replicas",))


def image_of(name: str, side: Json) -> tuple[JsonPath, ...]:
    """Return what `.spec.containers[] | select(.name == NAME) | .image` names."""
    whole: Any = side
    return tuple(("spec", "containers", at, "image") for at, each in enumerate(whole["spec"]["containers"]) if each["name"] == name)


def jq(ours: JsonPath, *more: JsonPath, live: tuple[JsonPath, ...] = ()) -> tuple[list[IgnoredFields], Named]:
    """Return a rule of an expression, and that it names these paths."""
    return [IgnoredFields(jq_path_expressions=("x",))], {"x": ((ours, *more), live)}


def test_what_is_left_when_a_field_is_taken_out_is_nothing() -> None:
    assert is_same_but([REPLICAS], {"spec": {"replicas": 1}}, {})
    assert is_same_but([REPLICAS], {}, {"spec": {"replicas": 1}})
    assert not is_same_but([REPLICAS], {"spec": {"replicas": 1, "paused": True}}, {})


def test_respected_fields_have_live_values_and_what_is_not_live_is_left_out() -> None:
    assert respecting([REPLICAS], GIT, LIVE)["spec"]["replicas"] == 5  # type: ignore[index,call-overload]
    assert respecting([REPLICAS], GIT, {"spec": {}})["spec"].keys() == {"containers"}  # type: ignore[union-attr]
    assert respecting([IgnoredFields(json_pointers=("/spec/deep/er",))], {}, {"spec": {"deep": {"er": 1}}}) == {"spec": {"deep": {"er": 1}}}


def test_an_item_of_a_list_is_found_on_either_side() -> None:
    rule = IgnoredFields(jq_path_expressions=("b",))
    found = respecting([rule, REPLICAS], GIT, LIVE, {"b": (image_of("b", GIT), image_of("b", LIVE))})
    assert found["spec"]["containers"] == [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]  # type: ignore[index,call-overload]


def test_fields_of_a_manager_are_its_own() -> None:
    rule = IgnoredFields(managed_fields_managers=("scaler",))
    theirs = {"scaler": frozenset({("f:spec", "f:replicas")})}
    assert respecting([rule], GIT, LIVE, theirs=theirs)["spec"]["replicas"] == 5  # type: ignore[index,call-overload]
    assert is_same_but([rule], {"spec": {"replicas": 1}}, {"spec": {"replicas": 5}}, theirs=theirs)
    assert not is_same_but([rule], {"spec": {"replicas": 1}}, {"spec": {"replicas": 5}}, theirs={})


def test_a_pointer_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not begin with /"):
        is_same_but([IgnoredFields(json_pointers=("spec",))], GIT, LIVE)


def test_items_are_paired_by_their_keys_and_never_by_place_where_they_have_some() -> None:
    ours: dict[str, Json] = {"containers": [{"name": "app", "image": "1"}, {"name": "old", "image": "1"}]}
    live: dict[str, Json] = {"containers": [{"name": "sidecar", "image": "evil"}, {"name": "app", "image": "2"}]}
    all_images = (("containers", 0, "image"), ("containers", 1, "image"))
    rules, named = jq(*all_images, live=all_images)
    assert respecting(rules, ours, live, named) == {"containers": [{"name": "app", "image": "2"}, {"name": "old"}]}
    rules, named = jq(("containers", 0), ("containers", 1), live=(("containers", 0), ("containers", 1)))
    assert respecting(rules, ours, live, named) == {"containers": [{"name": "app", "image": "2"}]}
    plain = [{"args": ["a", "b", "c"]}, {"args": ["x", "y"]}]
    rules, named = jq(("args", 1), ("args", 2), live=(("args", 1),))
    assert respecting(rules, plain[0], plain[1], named) == {"args": ["a", "y"]}  # type: ignore[arg-type]


def test_what_only_live_has_is_kept_where_there_is_a_place_for_it() -> None:
    rules, named = jq(("no",), live=(("data", "token"), ("webhooks", 1, "ca"), ("volumes", 0, "name")))
    live: dict[str, Json] = {"data": {"token": "t"}, "webhooks": [{"name": "b"}, {"name": "a", "ca": "c"}], "volumes": [{"name": "v"}]}
    assert respecting(rules, {"webhooks": [{"name": "a"}]}, live, named) == {
        "data": {"token": "t"},
        "webhooks": [{"name": "a", "ca": "c"}],
    }


def test_a_pointer_into_a_list_that_is_not_declared_makes_none() -> None:
    rule = IgnoredFields(json_pointers=("/spec/list/0/image", ""))
    assert respecting([rule], {"spec": {}}, {"spec": {"list": [{"image": "x"}]}}) == {"spec": {}}


def test_what_is_taken_out_moves_nothing_else_whoever_names_it() -> None:
    side: dict[str, Json] = {"list": [*range(12)], "deep": [{"a": 1, "b": 2}, {"a": 3}]}
    rule = IgnoredFields(json_pointers=("/list/1", "/list/10", "/deep/0/a", "/deep/9"), jq_path_expressions=("x",))
    named: Named = {"x": ((("list", 0), ("list", 1), ("deep", 1)), ())}
    assert ignored([rule], side, {}, named)[0] == {"list": [2, 3, 4, 5, 6, 7, 8, 9, 11], "deep": [{"b": 2}]}
    apart = [IgnoredFields(json_pointers=rule.json_pointers), IgnoredFields(jq_path_expressions=("x",))]
    assert ignored(apart, side, {}, named) == ignored(reversed(apart), side, {}, named) == ignored([rule], side, {}, named)


@pytest.mark.parametrize(
    ("steps", "paths"),
    [
        (["a", 1], [("a", 1)]),
        (["a", -1], [("a", 3)]),
        (["a", 1.5], [("a", 1)]),
        (["a", 9], []),
        (["a", -9], []),
        (["a", {"start": 2, "end": None}], [("a", 2), ("a", 3)]),
        (["a", {"start": None, "end": -2}], [("a", 0), ("a", 1)]),
        (["a", {"start": 1, "end": None}, {"start": 1, "end": 2}], [("a", 2)]),
        (["a", {"start": 1, "end": None}, 0, "x"], [("a", 1, "x")]),
        (["a", {"start": 3, "end": 3}], []),
        (["b", "c", "d"], [("b", "c", "d")]),
        (["b", 0], []),
    ],
)
def test_paths_of_jq_are_read_as_plain_steps(steps: list[Json], paths: list[JsonPath]) -> None:
    assert [*read_jq_paths({"a": [0, 1, 2, 3], "b": {}}, [steps, steps])] == paths


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([[]], "the whole object"),
        ([["a", None]], "names no fields"),
        ([["a"] * (DEEPEST + 1)], "more than 100 deep"),
        ([["a", {"start": 0, "end": None}]] * (MOST // 4 + 1), "more than 10,000 fields"),
    ],
)
def test_paths_that_cannot_be_followed_are_errors(answer: Json, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_jq_paths({"a": [0, 1, 2, 3]}, answer)
