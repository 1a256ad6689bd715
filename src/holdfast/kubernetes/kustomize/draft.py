"""Draft: an object while it is customised: its value, and what kustomize must remember of it to mend references later.

kustomize keeps this in annotations of its own; here it stands beside the value, and `has_notes` says where those annotations would make a
difference to a patch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from holdfast.errors import Where
from holdfast.kubernetes.kustomize.identity import Gvk, Identity
from holdfast.kubernetes.kustomize.schema import Schemas
from holdfast.kubernetes.kustomize.value import MISSING, Value, copied, field_text, is_empty, is_null, put_loose, settle, text
from holdfast.model.resource import Origin

MERGE, REPLACE = "merge", "replace"


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """One object. Two are the same only where they are one."""

    value: Value
    """A mapping; null once it was deleted."""
    schema: Schemas
    origin: Origin
    """Where it was read, or the line that generates it."""
    previous: list[tuple[str, str, str]] = field(default_factory=list)
    """Namespace, name and kind that it had before, the oldest first."""
    prefixes: list[str] = field(default_factory=list)
    suffixes: list[str] = field(default_factory=list)
    behavior: str | None = None
    """Of what was generated."""
    is_hashed: bool = False
    may_rename: bool = False
    """A patch that may change the name, or the kind, of what it is applied to."""
    may_change_kind: bool = False
    variables: list[str] = field(default_factory=list)
    """Names of the variables that take a value from here."""
    source: str | None = None
    """Text of the annotation `config.kubernetes.io/origin`, where the build keeps those."""
    transformations: list[str] = field(default_factory=list)

    def where(self) -> Where:
        return Where(path=self.origin.path, line=self.origin.line)

    @property
    def is_gone(self) -> bool:
        return is_empty(self.value)

    @property
    def kind(self) -> str:
        return field_text(self.value.get("kind")) if isinstance(self.value, dict) else ""

    @property
    def api_version(self) -> str:
        return field_text(self.value.get("apiVersion")) if isinstance(self.value, dict) else ""

    @property
    def gvk(self) -> Gvk:
        return Gvk.of(self.api_version, self.kind)

    @property
    def name(self) -> str:
        return self._metadata("name")

    @property
    def namespace(self) -> str:
        return self._metadata("namespace")

    def _metadata(self, key: str) -> str:
        metadata = self.value.get("metadata") if isinstance(self.value, dict) else None
        return field_text(metadata.get(key)) if isinstance(metadata, dict) else ""

    def identity(self) -> Identity:
        return self._identity(self.kind, self.name, self.namespace)

    def _identity(self, kind: str, name: str, namespace: str) -> Identity:
        gvk = Gvk.of(self.api_version, kind)
        return Identity(gvk, name, namespace, self.schema.is_cluster_scoped(gvk.api_version, gvk.kind))

    def before(self) -> list[Identity]:
        """Return what it was called before, the oldest first."""
        api_version = self.api_version
        return [Identity(Gvk.of(api_version, kind), name, namespace) for namespace, name, kind in self.previous]

    def first(self) -> Identity:
        """Return what it was called when it was read."""
        return self.before()[0] if self.previous else self.identity()

    def remember(self) -> None:
        """Keep what it is called now, before that changes."""
        now = self.identity()
        self.previous.append((now.effective_namespace, now.name, now.gvk.kind))

    @property
    def has_notes(self) -> bool:
        """Whether kustomize would have written annotations of its own into the object by now."""
        return bool(
            self.previous
            or self.prefixes
            or self.suffixes
            or self.behavior is not None
            or self.is_hashed
            or self.source is not None
            or self.transformations
        )

    def labels(self, key: str = "labels") -> dict[str, str]:
        """Return the labels, or the annotations, as text."""
        metadata = self.value.get("metadata") if isinstance(self.value, dict) else None
        found = metadata.get(key) if isinstance(metadata, dict) else None
        return {name: text(each) for name, each in found.items()} if isinstance(found, dict) else {}

    def set_labels(self, found: dict[str, str], key: str = "labels") -> None:
        metadata = self.value.get("metadata")
        if not isinstance(metadata, dict):
            if not found:
                return
            metadata = self.value["metadata"] = {}
        metadata.pop(key, None)
        if found:
            metadata[key] = {name: found[name] for name in sorted(found)}

    def set_name(self, name: str) -> None:
        self._set("name", name)

    def set_namespace(self, namespace: str) -> None:
        if namespace:
            self._set("namespace", namespace)
        elif isinstance(metadata := self.value.get("metadata"), dict):
            metadata.pop("namespace", None)

    def _set(self, key: str, value: str) -> None:
        metadata = self.value.get("metadata")
        if is_null(metadata):
            metadata = self.value["metadata"] = {}
        if isinstance(metadata, dict):
            metadata[key] = put_loose(metadata.get(key, MISSING), value)

    def settle(self) -> None:
        """Write what was written to one of several tied places to all of them."""
        self.value = settle(self.value)

    def forget(self) -> None:
        """Lose what kustomize keeps in annotations, where a patch replaces those."""
        self.previous, self.prefixes, self.suffixes = [], [], []
        self.behavior, self.is_hashed = None, False
        self.source, self.transformations = None, []

    def copy(self) -> Draft:
        return Draft(
            value=copied(self.value),
            schema=self.schema,
            origin=self.origin,
            previous=list(self.previous),
            prefixes=list(self.prefixes),
            suffixes=list(self.suffixes),
            behavior=self.behavior,
            is_hashed=self.is_hashed,
            may_rename=self.may_rename,
            may_change_kind=self.may_change_kind,
            variables=list(self.variables),
            source=self.source,
            transformations=list(self.transformations),
        )
