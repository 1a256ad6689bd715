"""How the given cases about Kubernetes objects are read: as the object that an API server would have answered with.

The texts are YAML as their sources keep them, some with a key that stands twice; what is tested is what an object means, not the reading
of a manifest, so the last key counts, as it did for the source.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from holdfast.kubernetes.health import HealthRules

RULES = Path(__file__).resolve().parents[2] / "src" / "holdfast" / "kubernetes" / "health"


class _Loader(yaml.CSafeLoader):
    """Times stay text, as in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def value_of(text: str) -> Any:
    return yaml.load(text, _Loader)


def object_of(text: str) -> dict[str, Any]:
    value = value_of(text)
    assert isinstance(value, dict)
    return value


def lines_of(path: Path) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in path.read_text().splitlines())


def shipped_rules() -> HealthRules:
    """Return the rules that are shipped with the package."""

    def read(name: str) -> bytes | None:
        path = RULES / f"{name}.yaml"
        return path.read_bytes() if path.exists() else None

    return HealthRules(read=read, wide=tuple(sorted(path.stem[2:] for path in RULES.glob("_.*.yaml"))))
