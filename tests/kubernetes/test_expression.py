"""Expressions only read, end, and take a path that leads nowhere for null."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.canonical import Json
from holdfast.kubernetes.expression import Scope, parse_expression, parse_template

OBJECT: Json = {
    "kind": "Gate",
    "metadata": {"generation": 3, "labels": {"a/b": "c"}},
    "status": {"phase": "Open", "ready": 2, "conditions": [{"type": "Ready", "status": "True"}, {"type": "Fast", "status": "False"}]},
}


def value(text: str) -> Json:
    return parse_expression(text)(Scope.of(OBJECT))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("status.phase", "Open"),
        ("status.nothing.at.all", None),
        ('status.phase == "Open" and not false', True),
        ("1 == true", False),
        ('status.conditions[type="Fast"].status', "False"),
        ("status.conditions[-1].type", "Fast"),
        ("status.conditions[7].type", None),
        ('metadata.labels["a/b"]', "c"),
        ("status.missing ?? status.ready", 2),
        ('"x" + status.missing + status.ready', "x2"),
        ("status.ready - 1 < metadata.generation", True),
        ('"a" < 1', False),
        ('count(status.conditions, status == "True")', 1),
        ("any(status.conditions, $.metadata.generation == 3)", True),
        ("all(status.nothing, false)", True),
        ("map(status.conditions, type)", ["Ready", "Fast"]),
        ('join(filter(["a", "b"], it != "a"), "-")', "b"),
        ("sum([1, 2, null], it)", 3),
        ('number("7") + number("7.5")', 14.5),
        ('number("seven")', None),
        ('"Fast" in map(status.conditions, type)', True),
        ('status.phase starts "Op" and status.phase ends "en" and status.phase contains "pe"', True),
        ('left(status.phase, 2) + lower("X")', "Opx"),
        ('split("3/4", "/")[1]', "4"),
        ('json("[1]")[0]', 1),
        ('json("[")', None),
        ("entries(metadata.labels)[0][0]", "a/b"),
        ("numbered(status.conditions)[1][0]", 2),
    ],
)
def test_what_an_expression_says(text: str, result: Json) -> None:
    assert value(text) == result


@pytest.mark.parametrize(
    "text", ["", "status.", "a ==", "(a", "a b", "len()", "unknown(a)", "[1, 2", "any(a)", "#", "a[type=", "(" * 60 + "a" + ")" * 60]
)
def test_what_is_no_expression_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_expression(text)


def test_a_template_shows_values_as_people_read_them() -> None:
    template = parse_template('{kind} {status.ready}/{metadata.generation} {{plain}} {status.missing}{"a }" + "b"}')
    assert template(Scope.of(OBJECT)) == "Gate 2/3 {plain} a }b"


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        expression = parse_expression(text)
    except ValueError:
        return
    expression(Scope.of(OBJECT))
