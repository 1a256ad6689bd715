"""A cycle is told the same way whatever order it is found in, and only where there is one."""

from __future__ import annotations

import re

import pytest

from holdfast.kit.graph import find_cycle, levels


def test_a_cycle_begins_with_its_smallest_node_and_names_all() -> None:
    with pytest.raises(ValueError, match=re.escape("cycle: a → c → b → a")):
        levels({"c": ["b"], "b": ["a"], "a": ["c"], "z": ["a"]})


def test_of_several_cycles_the_first_by_name_is_told() -> None:
    assert find_cycle({"a": ["d", "b"], "b": ["a"], "d": ["a"]}) == ("a", "b", "a")
    assert find_cycle({"a": ["b"], "b": ["d", "c"], "c": ["b"], "d": ["b"]}) == ("b", "c", "b")
    assert find_cycle({"x": ["x"], "b": ["b"]}) == ("b", "b")


def test_two_ways_to_one_place_are_no_cycle() -> None:
    assert find_cycle({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) is None
    assert find_cycle({"a": ["gone"], "b": ["a", "gone"]}) is None


def test_what_was_left_behind_is_no_part_of_a_cycle() -> None:
    """The way to the cycle is not told, nor is what was looked at before it."""
    assert find_cycle({"a": ["b", "m"], "b": [], "m": ["n"], "n": ["m"]}) == ("m", "n", "m")
