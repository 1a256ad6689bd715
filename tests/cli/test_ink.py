"""Clean text, widths and columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from holdfast.cli.ink import Ink, clean, plain, shorten, table, width_of


@given(st.text())
def test_clean_text_holds_nothing_that_steers_but_colours(text: str) -> None:
    bare = plain(text)
    assert all(each.isprintable() or not each.isascii() for each in bare)
    assert "\x1b" not in bare
    assert clean(clean(text)) == clean(text)


def test_colours_stay_and_other_sequences_are_shown() -> None:
    assert clean("\x1b[31mred\x1b[0m \x1b[2J \x9b2J \u202eabc") == "\x1b[31mred\x1b[0m \\x1b[2J \\x9b2J \\u202eabc"


@given(st.text(), st.integers(1, 50))
def test_a_shortened_text_fits(text: str, width: int) -> None:
    assert width_of(shorten(plain(text), width)) <= width


def test_columns_are_aligned_by_what_a_screen_shows() -> None:
    rows = [("NAME", "STATE"), ("日本", "Healthy"), ("a", "")]
    assert list(table(rows, Ink(False), None)) == ["NAME  STATE", "日本  Healthy", "a     -"]


def test_only_the_last_column_is_shortened() -> None:
    assert list(table([("NAME", "MESSAGE"), ("web", "x" * 50)], Ink(False), 30)) == ["NAME  MESSAGE", "web   " + "x" * 23 + "…"]
