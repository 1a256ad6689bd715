"""Every page is reached from the front page, and every relative link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.tool import DOCS, ROOT

PAGES = sorted(DOCS.rglob("*.md"))
OUTSIDE = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "examples" / "README.md")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ADDRESS = re.compile(r"[a-z]+:")


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield where the relative links of a page lead: a path, and an anchor or nothing."""
    for link in _LINK.findall(_FENCE.sub("", path.read_text())):
        if not _ADDRESS.match(link):
            target, _, anchor = link.partition("#")
            yield (path.parent / target).resolve() if target else path, anchor


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made of their text."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", [*PAGES, *OUTSIDE], ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    gone = [target for target, _ in links(path) if not target.exists()]
    assert gone == []
    lost = [f"{target}#{anchor}" for target, anchor in links(path) if anchor and anchor not in anchors(target)]
    assert lost == []


def test_every_page_is_reached_from_the_front_page() -> None:
    reached = {DOCS / "index.md"}
    fresh = set(reached)
    while fresh:
        found = {target for page in fresh for target, _ in links(page) if target.suffix == ".md" and target.exists()}
        fresh = found - reached
        reached |= fresh
    assert [str(page.relative_to(DOCS)) for page in PAGES if page not in reached] == []
