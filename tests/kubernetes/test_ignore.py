"""Rules of `ignoreDifferences`: what is the same but for them, and what is applied where they are respected."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.ignore import JsonPath, is_same_but, respecting
from holdfast.model.terms import IgnoredFields

GIT: dict[str, Json] = {"spec": {"replicas": 1, "containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}}
LIVE: dict[str, Json] = {"spec": {"replicas": 5, "containers": [{"name": "b", "image": "2"}, {"name": "a", "image": "1"}]}}
REPLICAS = IgnoredFields(json_pointers=("/spec/replicas",))


def jq(expression: str, side: Json) -> tuple[JsonPath, ...]:
    """Stand for `.spec.containers[] | select(.name == NAME) | .image`."""
    whole: Any = side
    return tuple(("spec", "containers", at, "image") for at, each in enumerate(whole["spec"]["containers"]) if each["name"] == expression)


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
    found = respecting([rule, REPLICAS], GIT, LIVE, jq)
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
