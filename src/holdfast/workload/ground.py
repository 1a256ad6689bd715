"""Ground: what this host can do to keep networks private, as `app` has found out. Kinds derive from it and say what is missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Each is None where the host can, else why it cannot, as the end of a sentence."""

    port_rules: str | None = None
    """Landlock rules for TCP ports, laid on a process before exec."""
    user_rules: str | None = None
    """nftables rules by the uid of who connects."""
    namespaces: str | None = None
    """Network namespaces."""
