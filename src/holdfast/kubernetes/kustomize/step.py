"""Step: one transformation of a build, and how it is called in the annotations that `buildMetadata` asks for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from holdfast.errors import Where
from holdfast.kubernetes.kustomize.patch import Act
from holdfast.kubernetes.kustomize.value import is_plain

_BARE = re.compile(r"[A-Za-z0-9_/.][A-Za-z0-9_/.~-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """`place`: the line that asks for it. `source`: what made the change, as YAML; None where nobody wants to know."""

    act: Act
    place: Callable[[], Where]
    source: str | None = None


def configured(path: str, kind: str, *, api_version: str = "builtin", name: str = "", namespace: str = "") -> str:
    """Return what made an object or a change, as kustomize writes it into an annotation."""
    lines = [f"configuredIn: {_yaml(path)}", "configuredBy:", f"  apiVersion: {_yaml(api_version)}", f"  kind: {_yaml(kind)}"]
    lines += [f"  {key}: {_yaml(value)}" for key, value in (("name", name), ("namespace", namespace)) if value]
    return "\n".join(lines) + "\n"


def read_from(path: str) -> str:
    return f"path: {_yaml(path)}\n"


def listed(sources: list[str]) -> str:
    """Return transformations as a list."""
    return "".join("- " + each.rstrip("\n").replace("\n", "\n  ") + "\n" for each in sources)


def _yaml(text: str) -> str:
    return text if _BARE.fullmatch(text) and is_plain(text) else "'" + text.replace("'", "''") + "'"
