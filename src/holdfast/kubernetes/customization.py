"""Customisations: what a user's ConfigMap `argocd-cm` says of kinds, as Argo CD reads it: Lua checks of health, and Lua actions.

    resource.customizations.health.cert-manager.io_Certificate: |   the script itself
    resource.customizations.actions.apps_Deployment: |              YAML {discovery.lua, definitions [{name, action.lua}],
                                                                          mergeBuiltinActions}
    resource.customizations: |                                      the older form: YAML {group/Kind {health.lua, actions}}, with wildcards

Source of the forms: argo-cd `util/settings` and docs/operator-manual/health.md, resource_actions.md. Other keys of the ConfigMap are not
this module's. Law: reading never raises; what cannot be read is an error that names its key, and the rest counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from holdfast.declare.document import Document
from holdfast.declare.resolve import Dialect
from holdfast.declare.yaml_reader import read_yaml
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.kit.glob import matches

NAME = "argocd-cm"
NAMESPACE = "argocd"
PREFIX = "resource.customizations"
_HEALTH, _ACTIONS = f"{PREFIX}.health.", f"{PREFIX}.actions."


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionScripts:
    """The actions of one kind."""

    discovery: str
    """Lua that returns a table: name of an action → {disabled, displayName, params}."""
    definitions: Mapping[str, str] = field(default_factory=dict)
    """Name of an action → Lua that returns the changed object, or a list of {operation, resource}."""
    merges: bool = False
    """Whether the actions that are built in stay beside these (`mergeBuiltinActions`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customization:
    """Of one kind; None where nothing is said."""

    health: str | None = None
    actions: ActionScripts | None = None


Errors: TypeAlias = tuple[DeclarationError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Customizations:
    """`group/Kind`, or `Kind` of the core group → what is said of it; patterns of the older form come after exact names."""

    kinds: Mapping[str, Customization] = field(default_factory=dict)
    wide: tuple[tuple[str, Customization], ...] = ()
    errors: Errors = ()

    def of(self, kind: str) -> Customization:
        """Return what is said of a kind; the first pattern that fits counts where no name does."""
        found = self.kinds.get(kind, Customization())
        for pattern, wide in self.wide:
            if (found.health is None or found.actions is None) and matches(pattern, kind):
                found = Customization(health=found.health or wide.health, actions=found.actions or wide.actions)
        return found

    def over(self, other: Customizations) -> Customizations:
        """Return both; where both speak of a kind, this one counts."""
        kinds = {**other.kinds}
        for kind, ours in self.kinds.items():
            theirs = kinds.get(kind, Customization())
            kinds[kind] = Customization(health=ours.health or theirs.health, actions=ours.actions or theirs.actions)
        return Customizations(kinds=kinds, wide=(*self.wide, *other.wide), errors=(*self.errors, *other.errors))


def is_argocd_cm(value: Json) -> bool:
    """Say whether an object is the ConfigMap `argocd-cm`."""
    metadata = value.get("metadata") if isinstance(value, dict) else None
    return (
        isinstance(value, dict)
        and (value.get("apiVersion"), value.get("kind")) == ("v1", "ConfigMap")
        and isinstance(metadata, dict)
        and metadata.get("name") == NAME
    )


def read_file(path: str, data: bytes) -> Customizations:
    """Return what the `argocd-cm` within a file says; an error where there is none."""
    parsed = read_yaml(path, data, Dialect.KUBERNETES)
    if parsed.errors:
        return Customizations(errors=parsed.errors)
    found = [document.value for document in parsed.documents if is_argocd_cm(document.value)]
    if not found:
        reason = f"it holds no ConfigMap {NAME}"
        return Customizations(errors=(DeclarationError("HF1680", f"cannot read {path}: {reason}", where=[Where(path=path)]),))
    whole = Customizations()
    for each in found:
        whole = read_customizations(path, each.get("data") if isinstance(each, dict) else None).over(whole)
    return whole


def read_customizations(path: str, data: Json) -> Customizations:
    """Return what the `data` of an `argocd-cm` says; `path` is for messages."""
    reader = _Reader(path)
    entries = {key: text for key, text in data.items() if isinstance(text, str)} if isinstance(data, dict) else {}
    kinds: dict[str, Customization] = {}
    wide: list[tuple[str, Customization]] = []
    for kind, found in reader.older(entries.get(PREFIX, "")):
        if "*" in kind:
            wide.append((kind, found))
        else:
            kinds[kind] = found
    for key, text in sorted(entries.items()):
        for prefix in (_HEALTH, _ACTIONS):
            kind = key.removeprefix(prefix).replace("_", "/", 1)
            if key == prefix or not key.startswith(prefix):
                continue
            before = kinds.get(kind, Customization())
            if prefix == _HEALTH:
                kinds[kind] = replace(before, health=text)
            else:
                kinds[kind] = replace(before, actions=reader.actions(key, text) or before.actions)
    return Customizations(kinds=kinds, wide=tuple(wide), errors=tuple(reader.errors))


class _Reader:
    """Reads YAML within the texts of a ConfigMap, and collects what is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.errors: list[DeclarationError] = []

    def older(self, text: str) -> Iterator[tuple[str, Customization]]:
        value = self._mapping(PREFIX, text) if text.strip() else {}
        for kind, said in value.items():
            if not isinstance(said, dict):
                self._wrong(f"{PREFIX} {kind}", "expected a mapping")
                continue
            health, actions = said.get("health.lua"), said.get("actions")
            yield (
                kind,
                Customization(
                    health=health if isinstance(health, str) else None,
                    actions=self.actions(f"{PREFIX} {kind} actions", actions) if isinstance(actions, str) else None,
                ),
            )

    def actions(self, key: str, text: str) -> ActionScripts | None:
        value = self._mapping(key, text)
        discovery, listed = value.get("discovery.lua"), value.get("definitions")
        definitions: dict[str, str] = {}
        for each in listed if isinstance(listed, list) else ():
            name, script = (each.get("name"), each.get("action.lua")) if isinstance(each, dict) else (None, None)
            if isinstance(name, str) and isinstance(script, str):
                definitions[name] = script
            else:
                self._wrong(key, "a definition has a name and action.lua")
        if not value:
            return None
        if not isinstance(discovery, str):
            self._wrong(key, "discovery.lua is missing: no action is found without it")
            return None
        return ActionScripts(discovery=discovery, definitions=definitions, merges=value.get("mergeBuiltinActions") is True)

    def _mapping(self, key: str, text: str) -> Mapping[str, Json]:
        parsed = read_yaml(f"{self._path} ({key})", text.encode(), Dialect.KUBERNETES)
        self.errors.extend(parsed.errors)
        documents: tuple[Document, ...] = () if parsed.errors else tuple(parsed.documents)
        value = documents[0].value if documents else {}
        if not isinstance(value, dict):
            self._wrong(key, "expected a mapping")
            return {}
        return value

    def _wrong(self, key: str, reason: str) -> None:
        where = [Where(path=self._path)]
        self.errors.append(DeclarationError("HF1680", f"cannot read {key} of {NAME}: {reason}", where=where))
