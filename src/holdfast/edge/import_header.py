"""Headers of nginx files as fields of a Site: what applications get, and what browsers do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from holdfast.edge.import_backend import Behind
from holdfast.edge.import_place import Notebook, Place
from holdfast.edge.import_value import accepted
from holdfast.edge.render_header import HSTS
from holdfast.edge.route_spec import HeadersSpec, RequestHeadersSpec
from holdfast.edge.scalar import HeaderName, Line
from holdfast.edge.tree import Directive

SAME: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "host": frozenset({"$host", "$http_host", "$host:$server_port", "$server_name"}),
        "x-real-ip": frozenset({"$remote_addr", "$realip_remote_addr"}),
        "x-forwarded-for": frozenset({"$remote_addr", "$proxy_add_x_forwarded_for", "$http_x_forwarded_for"}),
        "x-forwarded-proto": frozenset({"$scheme", "$http_x_forwarded_proto", "http", "https"}),
        "x-forwarded-host": frozenset({"$host", "$http_host", "$server_name", "$host:$server_port"}),
        "x-forwarded-port": frozenset({"$server_port"}),
        "x-request-id": frozenset({"$request_id"}),
        "upgrade": frozenset({"$http_upgrade"}),
        "connection": frozenset({"$connection_upgrade", "$http_connection", "upgrade", "Upgrade", "close", "keep-alive", ""}),
        "forwarded": frozenset({""}),
        "proxy": frozenset({""}),
    }
)
"""Header that the edge writes itself → what files write that means the same."""
SERVED_BY = "x-served-by"
"""What Nginx Proxy Manager tells browsers: the host that they asked for."""


def requests(place: Place, behind: Behind, prefix: str, notebook: Notebook) -> tuple[RequestHeadersSpec | None, str | None]:
    """Return the headers that applications get besides the edge's own, and their Host where it is not the one asked for."""
    said = {each.args[0].lower(): each for each in place.said(f"{prefix}_set_header") if len(each.args) == 2}
    wanted: dict[str, str] = {}
    removed: list[str] = []
    host: str | None = None if "host" in said else behind.authority
    for name, directive in said.items():
        header, written = directive.args
        value = place.fill(written)
        if written in SAME.get(name, ()) or _is_upgrade(name, written):
            if written in {"$http_x_forwarded_proto", "$http_x_forwarded_for"}:
                notebook.change("client-identity", f"{header} is the edge's word, not the client's", directive)
        elif name == "host" and written in {"$proxy_host", "$proxy_host:$proxy_port"}:
            host = behind.authority
        elif "$" in value:
            notebook.cannot(directive, f"the application gets {header}: {value}, which is made of the request")
        elif name == "host":
            host = value
        elif value == "":
            removed.append(header)
        elif accepted(HeaderName, header) is None or accepted(Line, value) is None:
            notebook.cannot(directive, f"header {header} cannot be")
        else:
            wanted[header] = value
    if "upgrade" not in said:
        notebook.change("websocket", "WebSockets are passed on", place.block)
    identity = ("x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
    if any(name not in said for name in identity):
        notebook.change(
            "client-identity", "the application is told who asks (X-Real-IP, X-Forwarded-…), whatever a client claims", place.block
        )
    spec = RequestHeadersSpec(set=dict(sorted(wanted.items())), remove=tuple(sorted(removed)))
    return (spec if wanted or removed else None), host


def _is_upgrade(name: str, value: str) -> bool:
    """Whether it is a map's answer to Upgrade, under whatever name."""
    return name == "connection" and value.startswith("$") and ("upgrade" in value or "connection" in value)


def answers(place: Place, prefix: str | None, notebook: Notebook) -> HeadersSpec | None:
    """Return what browsers are told. An encrypted place that does not tell them all that it should has the Edge's preset besides.

    `prefix`: of the directives by which an application is asked, None where the edge answers itself.
    """
    wanted: dict[str, str] = {}
    for directive in _added(place, notebook):
        name, value = directive.args[0], place.fill(directive.args[1])
        if value == "" or (name.lower() == "x-xss-protection"):
            if value:
                notebook.change("obsolete-header", f"{name} is not sent any more", directive)
            continue
        if name.lower() == SERVED_BY and "$" in value:
            notebook.change("served-by", f"{name} is not sent any more", directive)
            continue
        if prefix is None and name.lower() == "content-type":
            continue
        if "$" in value:
            notebook.cannot(directive, f"browsers get {name}: {value}, which is made of the request")
        elif name in wanted or name.lower() in {"set-cookie", "content-type"}:
            notebook.cannot(directive, f"{name} is added beside another one")
        elif accepted(HeaderName, name) is None or accepted(Line, " ".join(value.split())) is None:
            notebook.cannot(directive, f"header {name} cannot be")
        else:
            wanted[name] = " ".join(value.split())
            if "always" not in directive.args[2:]:
                notebook.change("always", f"{name} is sent with errors too", directive)
    removed = tuple(sorted({each.args[0] for each in place.said(f"{prefix}_hide_header") if each.args})) if prefix else ()
    for each in place.said(f"{prefix}_pass_header") if prefix else ():
        notebook.cannot(each, f"{' '.join(each.args)} of the application is passed on")
    preset: Any = "none"
    if place.is_tls and not {name.lower() for name in wanted} >= {HSTS.lower(), "x-content-type-options"}:
        notebook.change("security-headers", "browsers are told what the Edge tells them everywhere", place.block)
        preset = None
    if not (wanted or removed or preset):
        return None
    return HeadersSpec(preset=preset, set=dict(sorted(wanted.items())), remove=removed)


def _added(place: Place, notebook: Notebook) -> tuple[Directive, ...]:
    """Return the headers that are added, with those that an inner block takes away by adding others."""
    found = [each for each in place.said("add_header") if len(each.args) > 1]
    for directive, is_in_force in place.all("add_header"):
        if not is_in_force and len(directive.args) > 1 and all(directive.args[0].lower() != each.args[0].lower() for each in found):
            found.append(directive)
            notebook.change("add-header-redefinition", f"{directive.args[0]} is sent everywhere again", directive)
    return tuple(found)


def body_type(place: Place) -> tuple[str | None, Directive | None]:
    """Return the media type that a location gives its own answers, and the directive that says it."""
    for each in place.said("add_header"):
        if len(each.args) >= 2 and each.args[0].lower() == "content-type":
            return each.args[1], each
    said = place.said("default_type")
    return (said[-1].args[0], None) if said and said[-1].args else (None, None)
