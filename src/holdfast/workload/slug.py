"""Slug: another tool's name for a process → a name that an id can hold."""

from __future__ import annotations

import re

_LONGEST = 63


def slug(text: str) -> str:
    """Return `text` in lower case with '-' for what no name may hold; a name stays as it is. Empty where nothing is left."""
    return re.sub(r"[^a-z0-9_.-]+", "-", text.lower()).strip("-_.")[:_LONGEST].rstrip("-_.")
