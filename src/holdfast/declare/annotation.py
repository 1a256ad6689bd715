"""Annotations that mean something: on a resource (waves, sync options, adopt, heal) and on an Application (format, prepare, deadlines).

Used by derive and render; delivery reads `spec.syncPolicy.syncOptions` by the same table. Law: an annotation of `holdfast.dev/` that is not
known is an error; one of `argocd.argoproj.io/` that is understood and not honoured is a warning with its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from holdfast.errors import DeclarationError, Where
from holdfast.kit.duration import parse_duration
from holdfast.kit.suggest import did_you_mean
from holdfast.model import labels
from holdfast.model.declaration import Declaration
from holdfast.model.resource import Origin, ResourcePolicy, Warning

Place = Callable[[str], Where]
"""From the key of an annotation to where it stands."""

_SWITCH = ("true", "false")
SYNC_OPTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ApplyOutOfSyncOnly": _SWITCH,
        "ClientSideApplyMigration": _SWITCH,
        "CreateNamespace": _SWITCH,
        "Delete": (*_SWITCH, "confirm"),
        "FailOnSharedResource": _SWITCH,
        "Force": _SWITCH,
        "Prune": (*_SWITCH, "confirm"),
        "PruneLast": _SWITCH,
        "PrunePropagationPolicy": ("foreground", "background", "orphan"),
        "Replace": _SWITCH,
        "RespectIgnoreDifferences": _SWITCH,
        "ServerSideApply": _SWITCH,
        "SkipDryRunOnMissingResource": _SWITCH,
        "Validate": _SWITCH,
    }
)
"""Argo CD's options and what each may be."""
MOOT_ON_HOST = frozenset(
    "ClientSideApplyMigration CreateNamespace PrunePropagationPolicy ServerSideApply SkipDryRunOnMissingResource Validate".split()
)
"""About the API of a cluster: on a host there is nothing that they could change."""
IN_VAIN_IN_CLUSTER: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("ApplyOutOfSyncOnly", "false"): "what is as declared is not applied again",
        ("FailOnSharedResource", "false"): "two Applications never have one object",
        ("ServerSideApply", "false"): "objects are always applied on the server's side",
        ("SkipDryRunOnMissingResource", "false"): "there is no dry run before an apply",
        ("Validate", "false"): "the server validates what it is given",
    }
)
"""What is not honoured for a cluster, and why; all others are, or are what happens in any case."""
_RESOURCE_KEYS = (labels.ADOPT, labels.HEAL)
_APPLICATION_KEYS = (
    labels.ADOPT,
    labels.COMPOSE_PROFILES,
    labels.FORMAT,
    labels.PM2_ENV,
    labels.PREPARE,
    labels.PROGRESS_DEADLINE,
    labels.ROLLBACK,
)
_SILENT = frozenset({labels.SYNC_WAVE, labels.SYNC_OPTIONS, f"{labels.ARGO}tracking-id", f"{labels.ARGO}manifest-generate-paths"})


def parse_sync_option(text: str) -> tuple[str, str]:
    """Return name and value of `Prune=false`; ValueError with what would be right."""
    name, equals, value = (part.strip() for part in text.partition("="))
    if name not in SYNC_OPTIONS:
        guess = did_you_mean(name, SYNC_OPTIONS)
        raise ValueError(f"unknown sync option {name!r}" + (f", did you mean {guess}?" if guess else ""))
    if not equals or value not in SYNC_OPTIONS[name]:
        raise ValueError(f"sync option {name} takes {' or '.join(SYNC_OPTIONS[name])}: write {name}={SYNC_OPTIONS[name][0]}")
    return name, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Directions:
    """What the annotations of one resource ask for."""

    wave: int = 0
    policy: ResourcePolicy = field(default_factory=ResourcePolicy)
    warnings: tuple[Warning, ...] = ()


def read_directions(declaration: Declaration) -> Directions | tuple[DeclarationError, ...]:
    """Return what a declaration's annotations ask for, or every error of them."""
    if not declaration.annotations:
        return _NOTHING
    reader = _Reader(declaration.annotations, lambda key: declaration.place(("metadata", "annotations", key)), declaration.origin)
    wave, options = reader.wave(), reader.options()
    adopt, heal = reader.switch(labels.ADOPT, "false"), reader.switch(labels.HEAL, "on")
    reader.strangers(_RESOURCE_KEYS)
    if reader.errors:
        return tuple(reader.errors)
    policy = ResourcePolicy(
        # Delete=false keeps it when the Application goes; an orphan that stays visible is the nearest thing, and never too little.
        prune=options.get("Prune") != "false" and options.get("Delete") != "false",
        protect="confirm" in {options.get("Prune"), options.get("Delete")},
        heal=heal,
        adopt=adopt,
    )
    return Directions(wave=wave, policy=policy, warnings=tuple(reader.warnings))


_NOTHING = Directions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What the annotations of an Application ask for."""

    format: str | None = None
    prepare: tuple[str, ...] = ()
    progress_deadline_s: float | None = None
    rollback: bool = True
    pm2_env: str | None = None


def read_orders(annotations: Mapping[str, str], place: Place) -> tuple[Orders, tuple[DeclarationError, ...]]:
    """Return what an Application's annotations ask for, and every error of them."""
    reader = _Reader(annotations, place, None)
    orders = Orders(
        format=annotations.get(labels.FORMAT),
        prepare=reader.argv(labels.PREPARE),
        progress_deadline_s=reader.duration(labels.PROGRESS_DEADLINE),
        rollback=reader.switch(labels.ROLLBACK, "on"),
        pm2_env=annotations.get(labels.PM2_ENV),
    )
    reader.switch(labels.ADOPT, "false")
    reader.strangers(_APPLICATION_KEYS, is_quiet=True)
    return orders, tuple(reader.errors)


class _Reader:
    """One set of annotations in reading."""

    def __init__(self, annotations: Mapping[str, str], place: Place, origin: Origin | None) -> None:
        self.annotations = annotations
        self.place = place
        self.origin = origin
        self.errors: list[DeclarationError] = []
        self.warnings: list[Warning] = []

    def wrong(self, key: str, reason: str, hint: str | None = None, code: str = "HF1207") -> None:
        self.errors.append(DeclarationError(code, f"cannot read annotation {key}: {reason}", where=[self.place(key)], hint=hint))

    def warn(self, key: str, message: str) -> None:
        where = self.place(key)
        revision = self.origin.revision if self.origin else ""
        origin = Origin(path=where.path, line=where.line or 1, revision=revision)
        self.warnings.append(Warning(reason="AnnotationNotHonoured", message=message, origin=origin))

    def wave(self) -> int:
        text = self.annotations.get(labels.SYNC_WAVE, "0")
        try:
            return int(text)
        except ValueError:
            self.wrong(labels.SYNC_WAVE, f"{text!r} is no whole number", 'write a number in quotes, such as "-1"')
            return 0

    def options(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for text in _listed(self.annotations.get(labels.SYNC_OPTIONS, "")):
            try:
                name, value = parse_sync_option(text)
            except ValueError as error:
                self.wrong(labels.SYNC_OPTIONS, str(error))
                continue
            found[name] = value
            if name not in {"Prune", "Delete"} | MOOT_ON_HOST:
                self.warn(labels.SYNC_OPTIONS, f"sync option {name}={value} is not honoured for a resource yet")
        return found

    def switch(self, key: str, default: str) -> bool:
        """Return whether `key` is on; true, on, false and off are understood alike."""
        text = self.annotations.get(key, default)
        if text in {"true", "on"}:
            return True
        if text not in {"false", "off"}:
            self.wrong(key, f"expected on or off, got {text!r}", 'write "on" or "off" in quotes')
        return False

    def duration(self, key: str) -> float | None:
        if (text := self.annotations.get(key)) is None:
            return None
        try:
            seconds = parse_duration(text)
        except ValueError:
            seconds = 0.0
        if seconds <= 0:
            self.wrong(key, f"expected a duration such as 90s, got {text!r}")
        return seconds

    def argv(self, key: str) -> tuple[str, ...]:
        if (text := self.annotations.get(key)) is None:
            return ()
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if isinstance(value, list) and value and all(isinstance(word, str) and "\0" not in word for word in value) and value[0]:
            return tuple(value)
        shown = json.dumps(text.split()) if text.strip() and "[" not in text else '["npm", "ci"]'
        self.wrong(key, "expected a JSON array of a program and its arguments", f"write {shown}")
        return ()

    def strangers(self, known: tuple[str, ...], is_quiet: bool = False) -> None:
        """Refuse unknown annotations of ours; warn of Argo CD's that are not honoured."""
        for key in self.annotations:
            if key.startswith(labels.OWN) and key not in known:
                # By what follows the prefix: with it, all of them look alike.
                guess = did_you_mean(key.removeprefix(labels.OWN), (name.removeprefix(labels.OWN) for name in known))
                hint = f"did you mean {labels.OWN}{guess}?" if guess else f"known here: {', '.join(known)}"
                self.wrong(key, "it is unknown", hint, "HF1208")
            elif key.startswith(labels.ARGO) and key not in _SILENT and not is_quiet:
                self.warn(key, f"annotation {key} is understood, but not honoured yet")


def _listed(text: str) -> Iterator[str]:
    return (part.strip() for part in text.split(",") if part.strip())
