"""HF90xx: an invariant of Holdfast itself is broken."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF9001": Explanation(
            title="An invariant is broken",
            meaning="Holdfast found itself in a state that cannot be. The lane that found it stopped; everything else goes on.",
            cause="A defect of Holdfast.",
            next_step="Please report it with the output of `holdfast events` and `holdfast doctor`.",
        ),
    }
)
