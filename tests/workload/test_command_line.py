"""A Procfile line means what sh makes of it, or it is refused with the column of what needs a shell."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workload.command_line import Refused, read_command_line

VARIABLES = {"PORT": "5000", "NAME": "ada lovelace", "EMPTY": "", "WORD": "A", "LOOP": "while"}

TAKEN = {
    "node server.js": ("node", "server.js"),
    "  node\tserver.js  ": ("node", "server.js"),
    "exec node server.js": ("node", "server.js"),
    "exec": ("exec",),
    "node server.js # the front": ("node", "server.js"),
    "node a#b": ("node", "a#b"),
    "run --port $PORT": ("run", "--port", "5000"),
    "run --port=${PORT}": ("run", "--port=5000"),
    "run ${WORKERS:-4}": ("run", "4"),
    "run ${EMPTY:-x} ${EMPTY-y}z": ("run", "x", "z"),
    "run $NAME": ("run", "ada", "lovelace"),
    'run "$NAME"': ("run", "ada lovelace"),
    "run '$NAME'": ("run", "$NAME"),
    "run $EMPTY end": ("run", "end"),
    'run "$EMPTY" end': ("run", "", "end"),
    r"run a\ b \$PORT": ("run", "a b", "$PORT"),
    r'run "a \"b\" \n"': ("run", 'a "b" \\n'),
    "run 5$ $": ("run", "5$", "$"),
    "sh -c 'a | b > c'": ("sh", "-c", "a | b > c"),
    "run '*.js' '|'": ("run", "*.js", "|"),
    "run a=b": ("run", "a=b"),
    "$WORD=1": ("A=1",),
    "${EMPTY}A=1": ("A=1",),
    "$LOOP x": ("while", "x"),
    "'if' x": ("if", "x"),
    "run ${EMPTY}# ${EMPTY}~": ("run", "#", "~"),
}


@pytest.mark.parametrize("line", TAKEN)
def test_a_line_that_needs_no_shell_is_split_as_sh_does(line: str) -> None:
    assert read_command_line(line, VARIABLES).argv == TAKEN[line]


def test_assignments_before_the_command_are_its_environment() -> None:
    found = read_command_line('A=1 B="x $NAME" C=$NAME run D=4', VARIABLES)
    assert (found.env, found.argv, found.at) == ({"A": "1", "B": "x ada lovelace", "C": "ada lovelace"}, ("run", "D=4"), 24)


REFUSED = {
    "a | b": ("HF1121", 2, "write: sh -c 'a | b'"),
    "a && b": ("HF1121", 2, "write: sh -c 'a && b'"),
    "a; b": ("HF1121", 1, "write: sh -c 'a; b'"),
    "a > log": ("HF1121", 2, "write: sh -c 'a > log'"),
    "a 2>&1": ("HF1121", 3, "write: sh -c 'a 2>&1'"),
    "(a)": ("HF1121", 0, "write: sh -c '(a)'"),
    "a `b`": ("HF1121", 2, "write: sh -c 'a `b`'"),
    'a "`b`"': ("HF1121", 3, "write: sh -c 'a \"`b`\"'"),
    "a $(b)": ("HF1121", 2, "write: sh -c 'a $(b)'"),
    "a $1": ("HF1121", 2, "write: sh -c 'a $1'"),
    "a ${X:=y}": ("HF1121", 2, "write: sh -c 'a ${X:=y}'"),
    "a *.js": ("HF1121", 2, "put the word in quotes if * is meant as it stands, or write: sh -c 'a *.js'"),
    "a ~/b": ("HF1121", 2, "write: sh -c 'a ~/b'"),
    "cd app": ("HF1121", 0, "write: sh -c 'cd app'"),
    "'cd' app": ("HF1121", 0, 'write: sh -c "…", or put the line in a script'),
    "! run": ("HF1121", 0, "write: sh -c '! run'"),
    "exec cd 'my app'": ("HF1121", 5, 'write: sh -c "…", or put the line in a script'),
    "": ("HF1120", 0, "write a program and its arguments"),
    "A=1  ": ("HF1120", 3, "write a program and its arguments"),
    "a 'b": ("HF1123", 2, None),
    'a "b': ("HF1123", 2, None),
    "a \\": ("HF1123", 2, "write the whole command on one line"),
    "a $HOME": (
        "HF1124",
        2,
        "set HOME in .env, write ${HOME:-default}, or write: sh -c 'a $HOME' to have it read when it runs",
    ),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_needs_a_shell_is_refused_with_its_column_and_the_way_out(line: str) -> None:
    with pytest.raises(Refused) as caught:
        read_command_line(line, VARIABLES)
    assert (caught.value.code, caught.value.at, caught.value.hint) == REFUSED[line]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=5))
def test_reading_undoes_quoting(argv: list[str]) -> None:
    line = shlex.join(["run", *argv])
    assert read_command_line(line, {}).argv == ("run", *argv)


@given(st.text(st.sampled_from("ab =$'\"\\{}:-|;&<>()`*?~#\t1\n"), max_size=30))
def test_no_line_breaks_the_reader(line: str) -> None:
    try:
        at, argv = 0, read_command_line(line, {"a": "x y"}).argv
    except Refused as refused:
        at, argv = refused.at, ("refused",)
    assert argv
    assert 0 <= at <= len(line)
