"""Certificate: a certificate and its key, for the hosts of one Site or of several.

Derived from a Site or written by hand; applied by the engine that holds certificates. What may differ is what it should be: its names, its
issuer, its key's kind. What is served, and until when, is the engine's to observe.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.typed import write
from holdfast.errors import DeclarationError
from holdfast.kit.clock import Instant
from holdfast.kit.duration import format_duration
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, Warning
from holdfast.model.state import Facts, State

DEADLINE_S = 120.0
LAST_THIRD = 1 / 3
"""Of its life: what is not renewed by then is late."""


class CertificateKind:
    """The kind `Certificate` of `model.declaration.Kind`."""

    name = "Certificate"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = CertificateSpec

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: CertificateSpec = declaration.spec
        if found := tuple(_errors(declaration)):
            return found
        return Resource(
            id=ResourceId(HOST, self.name, declaration.namespace or scope.namespace, declaration.name),
            state=State.of(write(CertificateSpec, spec, facts.fingerprints)),
            origin=declaration.origin,
            labels={**declaration.labels, APPLICATION: scope.application},
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        """Judge by the handle: `not_before` and `not_after` (instants) of what is there, and `message` of the last try to renew it."""
        if observation.state is None:
            return Health(Status.MISSING)
        handle = observation.handle or {}
        if isinstance(overdue := handle.get("overdue"), str):
            return Health(Status.DEGRADED, overdue)
        begins, ends, message = handle.get("not_before"), handle.get("not_after"), str(handle.get("message") or "")
        if not isinstance(begins, int | float) or not isinstance(ends, int | float):
            return Health(Status.PROGRESSING, message)
        if now >= ends:
            return Health(Status.DEGRADED, f"expired {format_duration(round(now - ends))} ago")
        if ends - now < (ends - begins) * LAST_THIRD:
            late = f"not renewed yet, {format_duration(round(ends - now))} left"
            return Health(Status.DEGRADED, f"{late}: {message}" if message else late)
        return Health(Status.HEALTHY)

    def serves(self, resource: Resource, observation: Observation, now: Instant) -> bool:
        """Say whether visitors can be served with what is there: it is valid, however late its renewal is."""
        ends = (observation.handle or {}).get("not_after")
        return observation.state is not None and isinstance(ends, int | float) and now < ends

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return DEADLINE_S


def _errors(declaration: Declaration) -> Iterator[DeclarationError]:
    spec: CertificateSpec = declaration.spec

    def say(reason: str, path: tuple[str | int, ...], hint: str) -> DeclarationError:
        where = [declaration.place(("spec", *path))]
        return DeclarationError("HF1317", f"cannot make Certificate {declaration.name}: {reason}", where=where, hint=hint)

    if not spec.hosts:
        yield say("it is for no host", ("hosts",), "write the names that it is for")
    for at, host in enumerate(spec.hosts):
        if host in spec.hosts[:at]:
            yield say(f"host {host} stands twice", ("hosts", at), "remove one of the two")
    if spec.files is not None and spec.issuer != "auto":
        yield say("it has files and an issuer", ("issuer",), "write one of them")
    if not 3_600 <= spec.lifetime <= 398 * 86_400:
        yield say("browsers take no certificate of that lifetime", ("lifetime",), "write between 1h and 398d")


def covers(names: tuple[str, ...], host: str) -> bool:
    """Say whether a certificate of these names is for a host; `*` stands for one label (RFC 6125 §6.4.3)."""
    return host in names or (not host.startswith("*") and f"*.{host.partition('.')[2]}" in names)
