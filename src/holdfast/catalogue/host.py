"""HF31xx: what the host could not do: files, secrets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from holdfast.catalogue.entry import Explanation

ENTRIES: Mapping[str, Explanation] = MappingProxyType(
    {
        "HF3110": Explanation(
            title="A secret is not there",
            meaning="A resource names a secret, and the local secrets directory holds no readable file of that name.",
            cause="The file was not created on this host, has another name, or is not readable by Holdfast.",
            next_step="Write the value to the file that the message names, readable by Holdfast alone; then it is tried again by itself.",
        ),
    }
)
