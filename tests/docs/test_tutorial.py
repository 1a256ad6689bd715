"""The tutorial and the README, typed as they stand: real processes, real Git, real output."""

from __future__ import annotations

import pytest
from tests.docs.session import session
from tests.docs.tool import DOCS, ROOT

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "curl")]


def test_the_tutorial_can_be_typed_as_it_stands() -> None:
    with session() as reader:
        reader.folder = ROOT
        reader.read((DOCS / "tutorial" / "index.md").read_text())


def test_the_first_five_minutes_can_be_typed_as_they_stand() -> None:
    with session() as reader:
        reader.folder = ROOT
        reader.read((ROOT / "README.md").read_text())
