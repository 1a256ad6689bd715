"""What is equal is kept once: which of two alike is kept."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.kit.canonical import same_parts, sharing


def fresh(kind: str) -> Any:
    """Return a value of its own, equal to others of its kind."""
    return {"text": b"web".decode(), "float": float("1.5"), "nothing": float("0.0")}[kind]


@pytest.mark.parametrize("kind", ["text", "float", "nothing"])
def test_a_value_that_is_known_is_the_known_one(kind: str) -> None:
    known, value = fresh(kind), fresh(kind)
    assert value is not known
    assert sharing(value, known) is known
    assert sharing([value, 7_001], [known, 7_002])[0] is known  # type: ignore[index]
    assert sharing({"a": value, "b": 1}, {"a": known})["a"] is known  # type: ignore[index, call-overload]


@pytest.mark.parametrize(("value", "known"), [("web", "db"), (1.0, 1), (True, 1), (0.0, -0.0), (None, 0), ([1], [1, 2]), ({}, [])])
def test_a_value_that_is_another_stays_itself(value: Any, known: Any) -> None:
    assert sharing(value, known) is value


def test_parts_are_the_same_where_they_are_the_very_ones() -> None:
    one: list[Any] = []
    assert same_parts({"a": one}, {"a": one})
    assert not same_parts({"a": one}, {"a": []})
    assert not same_parts({"a": one}, {"b": one})
    assert not same_parts({"a": one}, {"a": one, "b": one})
