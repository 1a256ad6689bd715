"""One entry of the error catalogue: what `holdfast explain CODE` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a code means to a person, in whole sentences."""

    title: str
    meaning: str
    cause: str
    next_step: str
