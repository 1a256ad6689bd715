"""Users' jq: which fields an expression names, and what ends it. It is run for real; what bounds it is the kernel."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

import holdfast
from holdfast.host.bounded import Answer
from holdfast.host.jq import Jq
from holdfast.kit.canonical import Json

OBJECT: Json = {"list": [{"name": "a", "image": "1"}, {"name": "b"}], "nothing": None, "password": "hunter2"}


def told(*expressions: str, value: Json = OBJECT) -> list[Answer]:
    async def run() -> list[Answer]:
        jq = Jq()
        try:
            return [await jq.paths(each, value) for each in expressions]
        finally:
            await jq.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("expression", "paths"),
    [
        (".list[].image", [["list", 0, "image"], ["list", 1, "image"]]),
        ('.list[] | select(.name == "b")', [["list", 1]]),
        (".list[1:]", [["list", {"start": 1, "end": None}]]),
        (".not.there", [["not", "there"]]),
        (".nothing[]?, .password", [["password"]]),
        (".password # a comment", [["password"]]),
        (".list[]\n| .name", [["list", 0, "name"], ["list", 1, "name"]]),
        ("def image: .image; .list[0] | image", [["list", 0, "image"]]),
    ],
)
def test_the_fields_that_an_expression_names(expression: str, paths: Json) -> None:
    assert told(expression) == [Answer(value=paths)]


@pytest.mark.parametrize("expression", [".nothing[]", ".nowhere[] | .x", ".password | tonumber", "error(.password)", ".list.name", "input"])
def test_what_does_not_fit_the_object_names_nothing_of_it(expression: str) -> None:
    assert told(expression) == [Answer(value=[])]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        (".list[", "syntax error"),
        ("nosuch", "nosuch/0 is not defined at <top-level>, line 1, column 1"),
        (".a), (.b", "syntax error"),
        ('"x"', "it makes values, and names no fields"),
        ("del(.list)", "it makes values, and names no fields"),
        ("$ENV.LC_ALL", "it makes values, and names no fields"),
        ('import "/etc/passwd" as $x; .list', "module not found"),
        ("repeat(.)", "it names more than 10,000 fields"),
    ],
)
def test_what_is_no_expression_of_fields_says_why(expression: str, why: str) -> None:
    (answer,) = told(expression)
    assert why in answer.error
    assert not answer.is_ended


def test_no_message_holds_a_value_of_the_object() -> None:
    for answer in told(".password | error", '"\\(.password)"', ".password | tonumber", "[.password] | implode", '.password | "x" + .'):
        assert "hunter2" not in str(answer)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("def f: f; f", "processor time"),
        ("last(range(1e9)) as $x | .list", "processor time"),
        ("def f: 1 + f; f", "more memory than it may"),
        ('("x" * 1e9) as $x | .list', "more memory than it may"),
    ],
    ids=["a loop", "a long count", "a deep one", "a long text"],
)
def test_what_does_not_end_or_is_too_large_is_ended_and_the_next_is_told(expression: str, why: str) -> None:
    first, second = told(expression, ".password")
    assert why in first.error
    assert first.is_ended
    assert second == Answer(value=[["password"]])


def test_an_answer_that_is_too_large_is_an_error() -> None:
    first, second = told(f'limit(9999; repeat(.["{"k" * 3000}"]))', ".password")
    assert first.error == "its answer is larger than 16 MiB" or "MemoryError" in first.error
    assert second == Answer(value=[["password"]])


def test_without_the_extra_it_says_what_to_install() -> None:
    program = """
import asyncio
from holdfast.host.jq import Jq
print(asyncio.run(Jq().paths(".a", {})).error)
"""
    source = str(Path(holdfast.__file__).parents[1])
    done = subprocess.run([sys.executable, "-S", "-c", program], env={"PYTHONPATH": source}, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "jq is not installed; install the extra: pip install 'holdfast[jq]', and start the daemon again"
