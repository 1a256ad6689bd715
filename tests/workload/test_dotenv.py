"""A .env file is read as foreman reads it, and what foreman passes over is an error."""

from __future__ import annotations

import pytest

from holdfast.workload.dotenv import read_dotenv

VALUES = {
    "A=1": "1",
    "export A=1": "1",
    "  A=1  ": "1",
    "A=": "",
    "A= x ": "x",
    "A='x \\n y'": "x \\n y",
    'A="x\\ny"': "x\ny",
    'A="say \\"hi\\""': 'say "hi"',
    "A=x # y": "x # y",
    "A=b=c": "b=c",
    "A='": "'",
}


@pytest.mark.parametrize("line", VALUES)
def test_a_value_is_read(line: str) -> None:
    found = read_dotenv(".env", line.encode())
    assert (found.values, found.lines, found.errors) == ({"A": VALUES[line]}, {"A": 1}, ())


def test_of_a_name_that_stands_twice_the_later_counts_and_comments_do_not() -> None:
    found = read_dotenv(".env", b"# first\nA=1\n\nA=2\n")
    assert (found.values, found.lines) == ({"A": "2"}, {"A": 4})


def test_every_line_that_is_no_assignment_is_an_error_that_hides_the_value() -> None:
    found = read_dotenv("app/.env", b"A=1\nB C=secret\n  just words\n")
    assert [(str(error.where[0]), error.where[0].snippet) for error in found.errors] == [
        ("app/.env:2:1", "B C=…"),
        ("app/.env:3:3", "  just words"),
    ]
    assert {error.code for error in found.errors} == {"HF1125"}


def test_bytes_that_are_no_text_are_one_error() -> None:
    found = read_dotenv(".env", b"A=\xff")
    assert [error.code for error in found.errors] == ["HF1001"]
