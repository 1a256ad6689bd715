"""Why a certificate is revoked, in the words of the standard (RFC 5280 §5.3.1), as far as one may give them for one of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

REASONS: Mapping[str, int] = MappingProxyType(
    {"unspecified": 0, "keyCompromise": 1, "affiliationChanged": 3, "superseded": 4, "cessationOfOperation": 5}
)
"""Word → number."""
USUAL = "superseded"
COMPROMISED = "keyCompromise"
"""Others may know the key: then nothing is waited for."""
