"""Platforms of images: `os[/architecture[/variant]]`, as `platform:` of a compose file has it (containerd, package platforms)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SAME: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "x86_64": ("amd64", ""),
        "x86-64": ("amd64", ""),
        "i386": ("386", ""),
        "aarch64": ("arm64", ""),
        "armhf": ("arm", "v7"),
        "armel": ("arm", "v6"),
    }
)
"""Other words for an architecture and its variant."""
USUAL: Mapping[str, str] = MappingProxyType({"arm64": "v8", "arm": "v7", "amd64": "v1"})
"""The variant that is meant where none is said."""
SYSTEMS = frozenset({"linux", "windows", "darwin", "freebsd"})


def fits(image: Mapping[str, Any], platform: str | None) -> bool:
    """Say whether an image (ImageInspect) is of `platform`; of any where none is asked for or the engine does not say of which it is."""
    if platform is None or not image.get("Os"):
        return True
    system, architecture, variant = _read(platform)
    return (
        system in ("", str(image["Os"]).lower())
        and architecture in ("", str(image.get("Architecture") or "").lower())
        and variant in ("", str(image.get("Variant") or USUAL.get(architecture, "")).lower())
    )


def _read(platform: str) -> tuple[str, str, str]:
    """Return system, architecture and variant, each empty where it is not said."""
    words = platform.lower().split("/")
    if words[0] not in SYSTEMS:
        words.insert(0, "")
    system, architecture, variant, *_ = [*words, "", ""]
    architecture, implied = SAME.get(architecture, (architecture, ""))
    return system, architecture, variant or implied
