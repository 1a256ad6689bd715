"""`holdfast edge explain`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import click

from holdfast.cli.call import Call
from holdfast.cli.edge_sites import Sites, fold_sites, is_application
from holdfast.cli.ink import Ink, plain
from holdfast.cli.nginx_files import read_files
from holdfast.cli.nginx_program import capability, nginx_options
from holdfast.cli.page import files, page
from holdfast.edge.explain import Explanation, Request, explain
from holdfast.edge.include import normal, roots
from holdfast.edge.parse import parse
from holdfast.edge.tree import Directive
from holdfast.edge.write import head
from holdfast.errors import UsageError


@page(
    "edge explain",
    document="EdgeExplanation",
    examples=(
        ("holdfast edge explain https://app.example.com/api -f app.conf", "What a request meets in a file of nginx."),
        ("holdfast edge explain http://app.example.com/ -f /etc/nginx", "In the whole configuration of this host."),
        ("holdfast edge explain https://shop.example.com/ -f application.yaml", "In what the Sites of an Application make."),
    ),
    exits={1: "a file could not be read, or a Site not be served", 3: "nobody listens there"},
    see=("edge diff", "edge review", "edge render"),
)
@click.argument("url", metavar="URL")
@files
@nginx_options
@click.pass_obj
def command(call: Call, url: str, files: tuple[str, ...], version: str | None, program: str | None) -> int:
    """Show what a request would meet, by nginx's own rules: the server, the location, what answers, the upstream, the headers of the
    answer and the guards, each with its place.

    FILE is a file of nginx or a folder of them, as for `holdfast edge review`; or an Application file or a folder of a repository, as for
    `holdfast edge render`: then places are lines of what that shows, and the Sites are named. Patterns are tried; one that cannot be is
    named.

    Document: EdgeExplanation {url, server, names[], is_default, sites[], locations[], answers[], upstream, headers[], guards[],
    unknown[]}; each directive {text, at}.
    """
    request = _request(url)
    if not files:
        raise UsageError("HF8001", "cannot explain: no file is named", hint=f"holdfast edge explain {url} -f nginx.conf")
    applications = [name for name in files if is_application(call.folder, name)]
    if applications and len(applications) < len(files):
        raise UsageError("HF8001", "cannot explain: files of nginx and of Applications together", hint="name those of one kind")
    sites: tuple[str, ...] = ()
    if applications:
        rendered = fold_sites(call, files, None, capability(call, version, program), is_usual=True)
        it = explain(parse("nginx.conf", rendered.folded.text.encode()).directives, request)
        sites = _sites(rendered, it)
        warnings = rendered.warnings
    else:
        found = read_files(call.folder, files)
        it = explain(tuple(each for whole in roots(found.configs) for each in whole.directives), request)
        warnings = found.warnings
    data = {**_data(url, it), "sites": list(sites)}
    call.terminal.answer("EdgeExplanation", data, lambda: _lines(request, data, call.terminal.ink), warnings)
    return 3 if it.server is None else 0


def _sites(rendered: Sites, it: Explanation) -> tuple[str, ...]:
    """Return the Sites whose server answers."""
    line = it.server.line if it.server is not None else None
    return () if line is None else tuple(str(rendered.folded.served[id].declared) for id in rendered.folded.owners(line))


def _request(url: str) -> Request:
    """Return the request that an address stands for; UsageError (HF8033) where it is none."""
    hint = "write one such as https://app.example.com/path"
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        port = parts.port
    except ValueError as error:
        raise UsageError("HF8033", f"cannot explain {url!r}: it is no address", hint=hint) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("HF8033", f"cannot explain {url!r}: it is no address of a web site", hint=hint)
    is_tls = parts.scheme == "https"
    path = normal(unquote(parts.path) or "/")
    if parts.path.endswith("/") and path != "/":
        path += "/"
    return Request(host=parts.hostname, port=port or (443 if is_tls else 80), is_tls=is_tls, path=path)


def _data(url: str, it: Explanation) -> dict[str, Any]:
    return {
        "url": url,
        "server": None if it.server is None else _directive(it.server),
        "names": [] if it.server is None else [name for each in it.server.all("server_name") for name in each.args],
        "is_default": it.is_default,
        "locations": [_directive(each) for each in it.locations],
        "answers": [_directive(each) for each in it.answers],
        "upstream": None if it.upstream is None else {**_directive(it.upstream), "servers": _servers(it.upstream)},
        "headers": [_directive(each) for each in it.headers],
        "guards": [_directive(each) for each in it.guards],
        "unknown": list(it.unknown),
    }


def _directive(it: Directive) -> dict[str, Any]:
    where = it.where
    return {"text": head(it).strip(), "at": None if where is None else str(where)}


def _servers(group: Directive) -> list[dict[str, Any]]:
    return [_directive(each) for each in group.all("server")]


def _lines(request: Request, data: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    if data["server"] is None:
        yield f"nobody listens on port {request.port} for {'https' if request.is_tls else 'http'}"
        return
    names = ", ".join(data["names"]) or "without a name"
    why = " (the default: no server has the name)" if data["is_default"] else ""
    rows = [("site", each, None) for each in data["sites"]]
    rows += [("server", f"{plain(names)}{why}", data["server"]["at"])]
    rows += [("location", each["text"], each["at"]) for each in data["locations"]]
    rows += [("answer", each["text"], each["at"]) for each in data["answers"]]
    if data["upstream"] is not None:
        rows += [("upstream", each["text"], each["at"]) for each in (data["upstream"], *data["upstream"]["servers"])]
    rows += [("header", each["text"], each["at"]) for each in data["headers"]]
    rows += [("guard", each["text"], each["at"]) for each in data["guards"]]
    yield from _columns(rows, ink)
    for pattern in data["unknown"]:
        yield f"unknown: the pattern {plain(pattern)} could not be tried"


def _columns(rows: Sequence[tuple[str, str, str | None]], ink: Ink) -> Iterator[str]:
    before = ""
    for what, text, at in rows:
        label = f"{what:<10}" if what != before else " " * 10
        before = what
        place = f"  {ink.paint(plain(at), 'dim')}" if at else ""
        yield f"{ink.paint(label, 'cyan')}{plain(text)}{place}"
