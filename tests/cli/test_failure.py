"""How errors read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.cli.failure import excerpt, lines
from holdfast.cli.ink import Ink, plain, width_of
from holdfast.errors import DeclarationError, EngineError, Where


def text(error: DeclarationError | EngineError) -> list[str]:
    return "\n".join(lines(error, Ink(False))).splitlines()


def test_a_place_is_shown_with_its_line_and_a_caret() -> None:
    where = Where(path="processes.yaml", line=12, column=5, snippet="    comand: [x]")
    error = DeclarationError("HF1021", "cannot read processes.yaml: unknown field comand", where=[where], hint="did you mean command?")
    assert text(error) == [
        "error: cannot read processes.yaml: unknown field comand",
        "  --> processes.yaml:12:5",
        "     |",
        "  12 |     comand: [x]",
        "     |     ^",
        "  hint: did you mean command?",
        "  code: HF1021; see `holdfast explain HF1021`",
    ]


def test_all_of_several_errors_are_shown_whole() -> None:
    parts = [DeclarationError("HF1021", f"cannot read {name}", where=[Where(path=name)]) for name in ("a", "b", "c", "d", "e")]
    told = text(DeclarationError("HF1000", "cannot render: 5 errors", where=[w for p in parts for w in p.where], errors=parts))
    assert [line for line in told if line.startswith("error:")] == [
        *(f"error: cannot read {name}" for name in "abcde"),
        "error: cannot render: 5 errors",
    ]
    assert told.count("  --> a") == 1


def test_the_last_lines_of_a_failing_unit_are_shown() -> None:
    assert "  log: boom" in text(EngineError("HF3021", "cannot start web", log=["boom"]))


def test_the_caret_stands_beneath_its_column_even_in_a_long_line() -> None:
    shown, caret = excerpt("x" * 200 + "HERE" + "y" * 200, 201)
    assert caret is not None
    assert shown[caret : caret + 4] == "HERE"
    assert shown.startswith("…")
    assert shown.endswith("…")


@given(st.text(max_size=300), st.integers(1, 320))
def test_a_caret_is_within_its_line(snippet: str, column: int) -> None:
    shown, caret = excerpt(snippet, column)
    assert caret is not None
    assert 0 <= caret <= len(shown)
    assert plain(shown) == shown
    assert width_of(shown) <= 8 * 102
