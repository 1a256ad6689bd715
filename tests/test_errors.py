"""Errors as data: what a person reads of them."""

from __future__ import annotations

from holdfast.errors import LONGEST, DeclarationError, Where


def test_a_message_that_quotes_much_is_cut() -> None:
    error = DeclarationError("HF1020", "cannot read " + "x" * LONGEST, where=[Where(path="a.yaml", line=1)], hint="y" * (LONGEST + 1))
    assert (len(error.message), error.message[-2:], str(error)) == (LONGEST, "x…", error.message)
    assert error.hint is not None
    assert len(error.hint) == LONGEST
    whole = DeclarationError("HF1020", "x" * LONGEST)
    assert (whole.message, whole.hint) == ("x" * LONGEST, None)
