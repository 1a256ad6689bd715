"""What is read of a Procfile line is what a real sh makes of it."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from holdfast.workload.command_line import CommandLine, Refused, read_command_line

pytestmark = [pytest.mark.real, pytest.mark.needs("sh")]

VARIABLES = {"A": "x  y", "B": "", "W": " \t ", "N": "\n\u00a0z\n", "PORT": "5000"}
PIECES = "a|b=c| |  |$A|${A}|$W|$N|${B:-d}|${B-e}|${C:-f}|$PORT|'|\"|\\|$|#|=|-x|{|}|!|%|@|é|,".split("|")
SHOW = 'show() { for word in "$@"; do printf "%s\\0" "$word"; done; }\nshow '


def said_by_sh(line: str) -> list[str] | None:
    """Return the words that sh makes of `line`, None where it does not take it."""
    ended = subprocess.run(["sh", "-c", SHOW + line], env=VARIABLES, capture_output=True, timeout=10, check=False)
    return ended.stdout.decode().split("\0")[:-1] if ended.returncode == 0 and not ended.stderr else None


def taken(line: str) -> CommandLine | None:
    try:
        return read_command_line(line, VARIABLES)
    except Refused:
        return None


@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_a_line_that_is_taken_has_the_words_that_sh_gives_it(text: str) -> None:
    found = taken(f"run {text}")
    assume(found is not None)
    assert found is not None
    assert said_by_sh(text) == list(found.argv[1:])
