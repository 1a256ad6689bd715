"""Paths in FieldsV1's spelling, and what they name in an object."""

from __future__ import annotations

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import fields_v1, find, read_fields, shown, without_tree

FIELDS: Json = {"f:spec": {"f:ports": {'k:{"protocol":"TCP","port":80}': {".": {}, "f:port": {}}}, "f:tags": {'v:"a"': {}}}}


def test_reading_and_writing_are_each_others_inverse_but_for_the_order_of_keys() -> None:
    paths = read_fields(FIELDS)
    assert paths == {
        ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}'),
        ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:port"),
        ("f:spec", "f:tags", 'v:"a"'),
    }
    assert read_fields(fields_v1(paths)) == paths


@pytest.mark.parametrize("broken", [None, [], 3, {"k:{": {}}, {"v:": {}}])
def test_what_is_no_field_set_is_left_out_or_kept_as_it_is(broken: Json) -> None:
    assert len(read_fields(broken)) <= 1


@pytest.mark.parametrize(
    ("step", "root", "found"),
    [
        ("f:a", {"a": None}, (True, None)),
        ("f:a", {}, (False, None)),
        ("f:a", [], (False, None)),
        ('k:{"port":80,"protocol":"TCP"}', [{"port": 80}], (True, {"port": 80})),
        ('k:{"port":80,"protocol":"UDP"}', [{"port": 80}], (False, None)),
        ('v:"a"', ["b", "a"], (True, "a")),
        ("v:1", [True], (False, None)),
        ("i:1", [1, 2], (True, 2)),
        ("i:9", [1, 2], (False, None)),
    ],
)
def test_a_step_names_one_thing(step: str, root: Json, found: tuple[bool, Json]) -> None:
    assert find(root, step) == found


def test_a_path_is_shown_as_conflicts_name_it() -> None:
    assert shown(("f:spec", 'k:{"name":"web"}', "f:image")) == '.spec[name="web"].image'
    assert shown(('v:"a"', "i:2")) == '[="a"][2]'


def test_a_tree_goes_with_its_root() -> None:
    paths = frozenset({("a",), ("a", "b"), ("c",)})
    assert without_tree(paths, frozenset({("a",)})) == {("c",)}
    assert without_tree(paths, frozenset()) == paths
