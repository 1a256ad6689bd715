"""Edge: the one nginx of this host as a team declares it: its ports, its limits, and what holds for all Sites.

Written by hand, at most once a host; applied by engines.nginx together with the parts of all Sites.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.issuer import Means, issuer_errors
from holdfast.edge.typed import write
from holdfast.errors import DeclarationError
from holdfast.kit.clock import Instant
from holdfast.model.declaration import Declaration, Scope
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION, EXCLUSIVE
from holdfast.model.live import Health, Observation, Status
from holdfast.model.operation import RolloutStyle
from holdfast.model.resource import Resource, Warning
from holdfast.model.state import Facts, State

DEADLINE_S = 60.0
WIDEST_V4, WIDEST_V6 = 8, 19
"""Networks wider than what a registry gives to anyone are everybody's."""


class EdgeKind:
    """The kind `Edge` of `model.declaration.Kind`. `means` is what the local configuration lends to issuers."""

    name = "Edge"
    api_version = "holdfast.dev/v1alpha1"
    spec_type: type[Any] = EdgeSpec

    def __init__(self, means: Means | None = None) -> None:
        self._means = means or Means()

    def declare(self, declaration: Declaration, scope: Scope, facts: Facts) -> Resource | tuple[DeclarationError, ...]:
        spec: EdgeSpec = declaration.spec
        issuers = issuer_errors(spec.tls.issuers, self._means, lambda path: declaration.place(("spec", "tls", "issuers", *path)))
        if found := (*_errors(declaration), *issuers):
            return found
        return Resource(
            id=ResourceId(HOST, self.name, declaration.namespace or scope.namespace, declaration.name),
            state=State.of(write(EdgeSpec, spec, facts.fingerprints)),
            origin=declaration.origin,
            labels={**declaration.labels, APPLICATION: scope.application, EXCLUSIVE: ",".join(_tokens(spec))},
        )

    def needs(self, declaration: Declaration) -> tuple[tuple[str, tuple[str | int, ...]], ...]:
        return ()

    def derive(self, resource: Resource, facts: Facts) -> tuple[Resource, ...]:
        return ()

    def warnings(self, declaration: Declaration) -> tuple[Warning, ...]:
        return ()

    def health(self, resource: Resource, observation: Observation, now: Instant) -> Health:
        """Judge by the handle: `phase` serving or failed, and `message`."""
        if observation.state is None:
            return Health(Status.MISSING)
        handle = observation.handle or {}
        phase, message = handle.get("phase"), str(handle.get("message") or "")
        if phase == "serving":
            return Health(Status.HEALTHY)
        return Health(Status.DEGRADED if phase == "failed" else Status.PROGRESSING, message)

    def style(self, before: State, after: State) -> RolloutStyle:
        return RolloutStyle.IN_PLACE

    def progress_deadline_s(self, state: State) -> float:
        return DEADLINE_S


def _tokens(spec: EdgeSpec) -> Iterator[str]:
    """Yield what only one of a host can hold: the nginx, and the ports that are named."""
    yield "edge:nginx"
    for port in (spec.http, spec.https):
        if port is not None:
            yield from (f"tcp:{address}:{port}" for address in spec.bind or ("0.0.0.0",))


def _errors(declaration: Declaration) -> Iterator[DeclarationError]:
    spec: EdgeSpec = declaration.spec

    def say(reason: str, path: tuple[str | int, ...], hint: str) -> DeclarationError:
        where = [declaration.place(("spec", *path))]
        return DeclarationError("HF1318", f"cannot run Edge {declaration.name}: {reason}", where=where, hint=hint)

    if spec.http is not None and spec.http == spec.https:
        yield say(f"http and https both want port {spec.http}", ("https",), "give them two ports")
    for at, network in enumerate(spec.trusted_proxies):
        if _is_everybody(network):
            hint = "name the addresses of the proxies in front; whoever is trusted may claim any address"
            yield say(f"trusted proxies {network} are everybody", ("trustedProxies", at), hint)
    if spec.proxy_protocol and not spec.trusted_proxies:
        yield say("nobody is trusted to speak the PROXY protocol", ("proxyProtocol",), "name the proxies in trustedProxies")
    if spec.log.flush <= 0 or spec.shutdown_timeout <= 0:
        path = ("log", "flush") if spec.log.flush <= 0 else ("shutdownTimeout",)
        yield say("a duration must be longer than nothing", path, "write 1s or more")


def _is_everybody(text: str) -> bool:
    network = ipaddress.ip_network(text)
    return network.prefixlen < (WIDEST_V4 if network.version == 4 else WIDEST_V6)
