"""The how-to pages, each typed as it stands by a reader who has nothing yet."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.session import session
from tests.docs.tool import DOCS, ROOT

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "curl", "node", "nginx", "redis-server", "redis-cli")]
PAGES = sorted(path for path in (DOCS / "how-to").glob("*.md") if path.name != "index.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_recipe_can_be_typed_as_it_stands(path: Path) -> None:
    with session() as reader:
        reader.folder = ROOT
        reader.read(path.read_text())
