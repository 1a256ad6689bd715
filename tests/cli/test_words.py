"""Sentences that several commands say."""

from __future__ import annotations

import pytest

from holdfast.cli.words import revision


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        ("main", "main"),
        ("1" * 40, "1" * 10),
        (f"{'1' * 40}+{'2' * 40}", f"{'1' * 7}+{'2' * 7}"),
        ("v1.2.0+build", "v1.2.0+build"),
        (f"{'1' * 40}+build", f"{'1' * 40}+build"),
    ],
)
def test_commits_are_short_and_names_are_as_they_are(text: str | None, shown: str) -> None:
    assert revision(text) == shown
