"""One location of nginx files as the fields of a path of a Site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from holdfast.edge.directive import contexts
from holdfast.edge.import_backend import Behind, behind
from holdfast.edge.import_files import static
from holdfast.edge.import_guard import REFUSED, access, auth, limits
from holdfast.edge.import_header import answers, body_type, requests
from holdfast.edge.import_known import LEFT_TO_EDGE
from holdfast.edge.import_place import Ground, Notebook, Place
from holdfast.edge.import_rewrite import REWRITES, Outcome, Unclear, outcome
from holdfast.edge.import_value import accepted, seconds_of, size
from holdfast.edge.review_subject import variables
from holdfast.edge.route_spec import (
    RawSpec,
    RedirectSpec,
    RespondSpec,
    RetrySpec,
    SecretRef,
    TargetSpec,
    TimeoutsSpec,
    UpstreamSpec,
    UpstreamTls,
)
from holdfast.edge.scalar import Line, Url
from holdfast.edge.site_check import RAW, REPEATED
from holdfast.edge.tree import Directive

PREFIX: Mapping[str, str] = MappingProxyType({"proxy_pass": "proxy", "grpc_pass": "grpc", "fastcgi_pass": "fastcgi"})
_TIMES = ("connect", "read", "send")
_OF_BACKENDS = (
    "pass set_header hide_header pass_header connect_timeout read_timeout send_timeout buffering request_buffering next_upstream "
    "next_upstream_tries next_upstream_timeout ssl_server_name ssl_name ssl_verify ssl_verify_depth ssl_trusted_certificate "
    "ssl_certificate ssl_certificate_key ssl_protocols ssl_ciphers ssl_session_reuse http_version intercept_errors"
).split()
READ = frozenset(
    (
        "location server_name listen root alias index try_files autoindex allow deny satisfy auth_basic auth_basic_user_file "
        "ssl_verify_client ssl_client_certificate ssl_verify_depth ssl_certificate ssl_certificate_key limit_req limit_req_status "
        "limit_req_dry_run limit_conn limit_conn_status client_max_body_size add_header add_header_inherit gzip error_page internal include"
    ).split()
) | {f"{prefix}_{name}" for prefix in PREFIX.values() for name in _OF_BACKENDS}
"""Directives that are looked at here, or where servers are."""
ON: Mapping[str, str] = MappingProxyType(
    {"error": "error", "timeout": "timeout", "invalid_header": "invalidHeader"}
    | {f"http_{code}": code for code in ("500", "502", "503", "504", "429")}
)


def route(place: Place, match: str, path: str, ground: Ground, notebook: Notebook) -> dict[str, Any]:
    """Return the fields of what answers at a path. What no field says goes into the notebook, and the fields are then of no use."""
    try:
        found = outcome(place.own(*REWRITES), place.known)
    except Unclear as unclear:
        notebook.cannot(unclear.directive, f"what it does depends on the request: {unclear.reason}")
        return {}
    here = Place(levels=place.levels, known=found.known, is_tls=place.is_tls, hosts=place.hosts)
    _leftovers(here, notebook)
    guarded = access(here, notebook)
    fields: dict[str, Any] = {} if guarded is None else dict(guarded)
    passing = here.own(*PREFIX)
    if found.answer is not None or guarded is None:
        fields |= _own_answer(here, found, is_refused=guarded is None, notebook=notebook)
    elif passing:
        fields |= _passed_on(here, passing[-1], match, path, ground, notebook)
        fields |= _guards(here, ground, notebook)
        _put(fields, "headers", answers(here, PREFIX[passing[-1].name], notebook))
    else:
        _put(fields, "static", static(here, match, path, ground, notebook))
        fields |= _guards(here, ground, notebook)
        _put(fields, "headers", answers(here, "proxy", notebook))
    notebook.change("request-id", "each request has an identity, in X-Request-ID and in the log", here.block)
    return {**fields, **_shared(here, ground, notebook)}


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    if value is not None:
        fields[name] = value


def _guards(place: Place, ground: Ground, notebook: Notebook) -> dict[str, Any]:
    fields = limits(place, ground, notebook)
    _put(fields, "auth", auth(place, notebook))
    if place.word("satisfy") == "any":
        notebook.cannot(place.said("satisfy")[-1], "one of several guards is enough: satisfy any")
    return fields


# Answers of nginx itself


def _own_answer(place: Place, found: Outcome, *, is_refused: bool, notebook: Notebook) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    _put(fields, "headers", answers(place, None, notebook))
    if found.answer is None:
        return {**fields, "respond": RespondSpec(status=REFUSED)} if is_refused else fields
    status, text = _returned(found.answer)
    if 300 <= status < 400:
        _put(fields, "redirect", _redirect(place, found.answer, status, text or "", notebook))
        return fields
    kind, said = body_type(place)
    body = text if text is None else text.rstrip("\r\n")
    if text is not None and (accepted(Line, body) is None or "$" in text):
        notebook.cannot(found.answer, "its answer is made of the request, or of several lines")
        return fields
    if body != text:
        notebook.change("line-end", "the answer ends without a line break", found.answer)
    if said is not None:
        notebook.change("add-header-content-type", "the answer has one Content-Type", said)
    more = {"type": kind} if kind is not None and text is not None else {}
    return {**fields, "respond": RespondSpec(status=status, body=body, **more)}


def _returned(answer: Directive) -> tuple[int, str | None]:
    """Return status and text of a `return`."""
    first, *rest = answer.args or ("204",)
    if first.isdigit():
        return int(first), rest[0] if rest else None
    return 302, first


def _redirect(place: Place, answer: Directive, status: int, to: str, notebook: Notebook) -> RedirectSpec | None:
    """Return a redirect; variables of the host are put in where there is only one."""
    for end in ("$request_uri", "$uri$is_args$args", "$uri"):
        if to.endswith(end):
            if end != "$request_uri":
                notebook.change("http-splitting", "the path is passed on as it was sent", answer)
            base = to.removesuffix(end)
            return _checked(place, answer, RedirectSpec(to=base or "/", status=_status(status), keep_path=True), notebook)
    return _checked(place, answer, RedirectSpec(to=to, status=_status(status)), notebook)


def _checked(place: Place, answer: Directive, spec: RedirectSpec, notebook: Notebook) -> RedirectSpec | None:
    if "$" in spec.to or accepted(Url, spec.to) is None or spec.status not in {301, 302, 303, 307, 308}:
        notebook.cannot(answer, f"where it redirects to is made of the request: {' '.join(answer.args)}")
        return None
    return spec


def _status(status: int) -> Any:
    return status


# Applications


def _passed_on(place: Place, it: Directive, match: str, path: str, ground: Ground, notebook: Notebook) -> dict[str, Any]:
    prefix = PREFIX[it.name]
    target = place.fill(it.args[0]) if it.args else ""
    is_whole = target.endswith("$request_uri") and "://" in target
    found = behind(it, target.removesuffix("$request_uri") if is_whole else target, ground.groups, notebook.cannot)
    if found is None:
        return {}
    headers, host = requests(place, found, prefix, notebook)
    fields: dict[str, Any] = {"targets": found.targets}
    _put(fields, "balance", found.balance)
    _put(fields, "request_headers", headers)
    upstream = {**found.upstream, **_spoken(place, it, found, host, ground, notebook)}
    raw = list(_raw(place, ground, notebook))
    if found.uri is not None and it.name != "fastcgi_pass":
        if match == "prefix" and path.endswith("/") and path != "/" and found.uri == "/":
            fields["strip_prefix"] = True
        elif not (path == "/" and found.uri == "/" and match == "prefix"):
            notebook.cannot(it, f"{found.uri} takes the place of {path}")
    if host is not None and prefix == "proxy" and not place.said("proxy_redirect"):
        # nginx takes its own name for the application out of redirects; the edge calls it otherwise.
        scheme = "https" if found.is_tls else "http"
        raw.append(
            RawSpec(directive="proxy_redirect", args=(f"{scheme}://{found.authority}/", path if fields.get("strip_prefix") else "/"))
        )
    if upstream:
        fields["upstream"] = UpstreamSpec(**upstream)
    if raw:
        fields["raw"] = tuple(raw)
    return {**fields, **_exchange(place, prefix, notebook)}


def _spoken(place: Place, it: Directive, found: Behind, host: str | None, ground: Ground, notebook: Notebook) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if host is not None and it.name != "fastcgi_pass":
        fields["host"] = host
    if it.name == "grpc_pass":
        fields["protocol"] = "grpc"
    if it.name == "fastcgi_pass":
        fields |= _fastcgi(place, it, notebook)
    if found.is_tls:
        fields["tls"] = _encrypted(place, PREFIX[it.name], found, notebook)
    return fields


def _encrypted(place: Place, prefix: str, found: Behind, notebook: Notebook) -> UpstreamTls:
    def secret(name: str) -> SecretRef | None:
        path = place.word(f"{prefix}_{name}")
        return None if path is None else SecretRef(secret=notebook.secret(path))

    name = place.word(f"{prefix}_ssl_name") or found.authority.partition(":")[0]
    verify = place.word(f"{prefix}_ssl_verify") == "on"
    if not verify:
        notebook.change("unverified-upstream", "as before, nobody looks at the certificate of the application", place.block)
    return UpstreamTls(
        verify=verify,
        ca=secret("ssl_trusted_certificate") if verify else None,
        server_name=name if "$" not in name else None,
        certificate=secret("ssl_certificate"),
        key=secret("ssl_certificate_key"),
    )


def _fastcgi(place: Place, it: Directive, notebook: Notebook) -> dict[str, Any]:
    """Return where the scripts are; parameters are the edge's."""
    fields: dict[str, Any] = {"protocol": "fastcgi"}
    script = next((each.args[1] for each in place.said("fastcgi_param") if each.args[:1] == ("SCRIPT_FILENAME",)), None)
    if script is None:
        notebook.cannot(it, "SCRIPT_FILENAME is not said")
        return fields
    root = place.word("root") or ""
    whole = place.fill(script).replace("$document_root", root).replace("$realpath_root", root)
    folder = whole.removesuffix("$fastcgi_script_name")
    if "$" in folder or not folder.startswith("/"):
        notebook.cannot(it, f"scripts are found by {script}")
    elif folder == whole:
        name = whole.rpartition("/")[2]
        fields |= {"root": whole.removesuffix(f"/{name}") or "/", "script": f"/{name}"}
    else:
        fields["root"] = folder.rstrip("/") or "/"
    return fields


def _exchange(place: Place, prefix: str, notebook: Notebook) -> dict[str, Any]:
    """Return times, buffers and retries, where they are said."""
    fields: dict[str, Any] = {}
    times = {name: seconds_of(text) for name in _TIMES if (text := place.word(f"{prefix}_{name}_timeout")) is not None}
    if times:
        fields["timeouts"] = TimeoutsSpec(**times)
    if len(times) < len(_TIMES):
        notebook.change("limits", "times that are not said are the Edge's", place.block)
    if place.word(f"{prefix}_buffering") == "off":
        fields["buffering"] = False
    if place.word(f"{prefix}_request_buffering") == "off":
        fields["request_buffering"] = False
    if (spec := _retry(place, prefix, notebook)) is not None:
        fields["retry"] = spec
    return fields


def _retry(place: Place, prefix: str, notebook: Notebook) -> RetrySpec | None:
    said = place.said(f"{prefix}_next_upstream")
    tries, timeout = place.word(f"{prefix}_next_upstream_tries"), place.word(f"{prefix}_next_upstream_timeout")
    if not said and tries is None and timeout is None:
        return None
    words = said[-1].args if said else ("error", "timeout")
    if words == ("off",):
        return RetrySpec(tries=1)
    fields: dict[str, Any] = {"on": tuple(ON[word] for word in words if word in ON), "non_idempotent": "non_idempotent" in words}
    for word in words:
        if word not in ON and word != "non_idempotent":
            notebook.cannot(said[-1], f"another server is asked after {word}")
    if tries is not None and tries.isdigit() and int(tries):
        fields["tries"] = int(tries)
    if timeout is not None and (limit := seconds_of(timeout)):
        fields["timeout"] = limit
    return RetrySpec(**fields)


# What holds for all kinds of answers


def _shared(place: Place, ground: Ground, notebook: Notebook) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    largest = place.word("client_max_body_size")
    if largest is not None:
        fields["max_body"] = size(largest)
    else:
        notebook.change("limits", "the largest body is the Edge's", place.block)
    if place.word("gzip") == "off":
        fields["compress"] = False
    for each in place.said("error_page"):
        if not _is_stock(each, place):
            notebook.cannot(each, f"errors have a page of their own: {' '.join(each.args)}")
    if not place.own(*PREFIX) and (raw := tuple(_raw(place, ground, notebook))):
        fields["raw"] = raw
    return fields


def _is_stock(page: Directive, place: Place) -> bool:
    """Whether it is the page that packages of nginx bring, which says what nginx's own says."""
    path = page.args[-1]
    server = next((each for each in place.levels if each.name == "server"), None)
    home = next((each for each in (server.all("location") if server is not None else ()) if each.args == ("=", path)), None)
    return path == "/50x.html" and home is not None and any(each.args == ("/usr/share/nginx/html",) for each in home.all("root"))


def _raw(place: Place, ground: Ground, notebook: Notebook) -> Iterator[RawSpec]:
    for name in sorted(place.names()):
        if name in RAW and name not in READ and name not in LEFT_TO_EDGE and name != "fastcgi_param":
            said = place.said(name)
            for each in said if name in REPEATED else said[-1:]:
                words = tuple(place.fill(word) for word in each.args)
                if any(variable in ground.variables for word in words for variable in variables(word)):
                    notebook.cannot(each, f"{name} is made of variables that the files define")
                elif words[:1] != ("default",):
                    yield RawSpec(directive=name, args=words)


def _leftovers(place: Place, notebook: Notebook) -> None:
    """Write down what is in force and no field says."""
    for name, directive in place.names().items():
        if name in READ | REWRITES or (name in RAW and name not in LEFT_TO_EDGE):
            continue
        if (why := LEFT_TO_EDGE.get(name)) is not None:
            notebook.drop(directive, why)
        elif name.startswith("proxy_cache") and place.word("proxy_cache") in {None, "off"}:
            continue
        elif not contexts(name) or contexts(name) & {"location", "server"}:
            said = place.said(name)
            if said and said[-1].args[:1] not in {("off",), ("",)}:
                notebook.cannot(said[-1], f"{name} is nothing that a Site says")


def addresses(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the targets of a route as texts."""
    return tuple(each.address if isinstance(each, TargetSpec) else each for each in fields.get("targets", ()))
