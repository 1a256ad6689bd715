"""Foreseeing: what keeps nginx from serving an Edge as it is declared, though no text says so: others' ports, and limits of this host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.render_http import DESCRIPTORS
from holdfast.edge.typed import read
from holdfast.edge.world import World
from holdfast.engines.nginx.port import Nginx
from holdfast.errors import DeclarationError, Where
from holdfast.kit.canonical import Json
from holdfast.model.resource import Resource


def edge_stops(nginx: Nginx, edge: Resource | None, before: World | None) -> Iterator[DeclarationError]:
    """Yield what of an Edge cannot be on this host now. `before`: what serves; ports that it has are its own."""
    spec = EdgeSpec() if edge is None else read(EdgeSpec, edge.state.fields)
    served = {before.http_port, before.https_port} if before is not None and before.edge.bind == spec.bind else set()
    for field, port in (("http", spec.http or nginx.places.http), ("https", spec.https or nginx.places.https)):
        for address in spec.bind or ("0.0.0.0",):
            if port not in served and (who := nginx.listener(address, port)) is not None:
                yield _stop(edge, f"port {port} is in use by {who}", f"stop it, or write another {field} port")
                break
    most, wanted = nginx.descriptors(), 2 * spec.connections + DESCRIPTORS
    if most is not None and wanted > most:
        hint = f"write connections: {max(0, most - DESCRIPTORS) // 2} or less, or raise the limit (ulimit -Hn)"
        yield _stop(edge, f"{spec.connections} connections take {wanted} descriptors, and a process may have {most}", hint)


def certificate_hosts(resources: Iterable[Resource]) -> dict[str, tuple[str, ...]]:
    """Return `namespace/name` of each Certificate among resources → the hosts that it is for."""
    return {
        f"{each.id.namespace}/{each.id.name}": read(CertificateSpec, each.state.fields).hosts
        for each in resources
        if each.id.kind == "Certificate"
    }


def _stop(edge: Resource | None, reason: str, hint: str) -> DeclarationError:
    origin, name = (edge.origin, edge.id.name) if edge is not None else (None, "by default")
    where = [Where(path=origin.path, line=origin.line)] if origin is not None else []
    return DeclarationError("HF1318", f"cannot run Edge {name}: {reason}", where=where, hint=hint)


def told(errors: Iterable[DeclarationError]) -> list[Json]:
    """Return errors for people: {code, message, where, hint}."""
    return [
        {"code": each.code, "message": each.message, "where": str(each.where[0]) if each.where else None, "hint": each.hint}
        for each in errors
    ]
