"""HF8040: the commands for certificates."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF8040": Explanation(
            title="No local authority",
            meaning="The root of a local authority was asked for, and the Edge declares none, or none of that name.",
            cause="A typing error, or every issuer is a public one: their roots are believed already.",
            next_step="Declare an issuer with `authority` at the Edge for internal names.",
        ),
    }
)
