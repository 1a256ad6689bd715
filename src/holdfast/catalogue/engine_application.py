"""HF340x: Applications within Applications."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3401": Explanation(
            title="Not a verb for an Application",
            meaning="A child Application was to be changed in a way that there is none for.",
            cause="A defect.",
            next_step="Report it with the output of `holdfast events`.",
        ),
        "HF3402": Explanation(
            title="A child does not go",
            meaning="A child Application is to go with all that it has, and something of that is still there. It is tried again.",
            cause="A finalizer in the cluster, a protected resource, or a cluster that does not answer.",
            next_step="Look at the child: holdfast status NAME. What must stay can be kept by taking the finalizer out of its manifest.",
        ),
    }
)
