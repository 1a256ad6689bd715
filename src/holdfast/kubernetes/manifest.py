"""Manifest: one Kubernetes object as Git says it, with the place where it stands.

What a kustomization gives; nothing here knows what the object means. Law: the value is what the API server would be
sent, and the origin is a line that a person can open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.kit.canonical import Json
from holdfast.model.resource import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`value` is read, never changed: a mapping with apiVersion, kind and metadata."""

    value: Mapping[str, Json]
    origin: Origin

    @property
    def api_version(self) -> str:
        return _text(self.value.get("apiVersion"))

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def kind(self) -> str:
        return _text(self.value.get("kind"))

    @property
    def name(self) -> str:
        return _text(self._metadata.get("name"))

    @property
    def namespace(self) -> str:
        return _text(self._metadata.get("namespace"))

    @property
    def _metadata(self) -> Mapping[str, Json]:
        found = self.value.get("metadata")
        return found if isinstance(found, dict) else {}

    def __str__(self) -> str:
        """Return it as ids are written: `apps/Deployment/prod/web`."""
        return "/".join(part for part in (self.group, self.kind, self.namespace, self.name) if part)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""
