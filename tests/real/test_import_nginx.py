"""Imported Sites against the files that they were made of: both run in real nginx, and answer the same requests alike.

Where they do not, a change that the import named explains it, header by header and status by status.
"""

from __future__ import annotations

import http.client
import itertools
import json
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from tests.ports import free_port
from tests.real.edge_house import DEADLINE_S, Application, Ground, capability, command, running

from holdfast.edge.difference import STRANGER, Side, requests
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.explain import Explainer, Request
from holdfast.edge.fold import Folded, fold
from holdfast.edge.import_nginx import import_nginx
from holdfast.edge.import_result import Imported
from holdfast.edge.parse import parse
from holdfast.edge.part import KIND, Part, fields_of
from holdfast.kit.canonical import digest
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Origin
from holdfast.model.state import Facts

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]

TLS = "ssl_certificate CHAIN; ssl_certificate_key KEY;"
ENCRYPTED = f"listen 443 ssl http2; {TLS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Files of people. `WEB`, `API`, `CHAIN`, `KEY` and `FILES` are put in; ports 80 and 443 are two free ones."""

    text: str
    files: Mapping[str, str] = field(default_factory=dict)
    """Below FILES, and at `public` of the repository."""
    secrets: Mapping[str, bytes] = field(default_factory=dict)
    changes: frozenset[str] = frozenset()
    """Rules of changes that must be named."""


EXAMPLES: dict[str, Example] = {
    "the article's": Example(
        text=f"""server {{ {ENCRYPTED} server_name app.example.com;
          location / {{ proxy_pass http://WEB; proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme; }} }}""",
        changes=frozenset({"forwarded-for", "no-redirect", "security-headers", "tls-protocols", "websocket"}),
    ),
    "certbot's": Example(
        text=f"""server {{ server_name shop.example.com www.shop.example.com;
            location / {{ proxy_pass http://WEB; proxy_set_header Host $host; proxy_set_header X-Forwarded-Proto $scheme; }}
            location /api {{ proxy_pass http://API; client_max_body_size 2k; }}
            location = /healthz {{ access_log off; default_type text/plain; return 200 "ok"; }}
            location ~ /\\.ht {{ deny all; }}
            {ENCRYPTED} include /etc/letsencrypt/options-ssl-nginx.conf; }}
          server {{ if ($host = www.shop.example.com) {{ return 301 https://$host$request_uri; }}
            if ($host = shop.example.com) {{ return 301 https://$host$request_uri; }}
            listen 80; server_name shop.example.com www.shop.example.com; return 404; }}""",
        changes=frozenset({"redirect-status"}),
    ),
    "Nginx Proxy Manager's": Example(
        text=f"""map $scheme $hsts_header {{ https "max-age=63072000; preload"; }}
          server {{ set $forward_scheme http; set $server "WEBHOST"; set $port WEBPORT;
            listen 80; {ENCRYPTED} server_name npm.example.com;
            include conf.d/include/letsencrypt-acme-challenge.conf; include conf.d/include/ssl-ciphers.conf;
            add_header Strict-Transport-Security $hsts_header always; include conf.d/include/force-ssl.conf;
            location / {{ include conf.d/include/proxy.conf; }} }}""",
        changes=frozenset({"add-header-redefinition", "redirect-status", "forwarded-for"}),
    ),
    "prefixes, patterns and exact paths": Example(
        text="""server { listen 80; server_name paths.example.com;
          location / { proxy_pass http://WEB; proxy_set_header Host $host; }
          location ^~ /final/ { proxy_pass http://API; proxy_set_header Host $host; }
          location ^~ /fin { proxy_pass http://WEB; proxy_set_header Host $host; proxy_set_header X-Fin 1; }
          location = /exact { proxy_pass http://API; proxy_set_header Host $host; }
          location /one { proxy_pass http://API; proxy_set_header Host $host; proxy_set_header X-One 1; }
          location /one/two/ { proxy_pass http://WEB; proxy_set_header Host $host; proxy_set_header X-Two 1; }
          location ~ ^/one/[0-9]+$ { proxy_pass http://WEB; proxy_set_header Host $host; proxy_set_header X-Number 1; }
          location ~* \\.PNG$ { proxy_pass http://API; proxy_set_header X-Picture 1; expires 1h; } }""",
    ),
    "a prefix that is taken away, and names that are kept": Example(
        text="""upstream app { server API weight=2; keepalive 8; }
          server { listen 80; server_name strip.example.com *.strip.example.com;
          location /strip/ { proxy_pass http://API/; proxy_hide_header X-Secret; }
          location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Tenant shop;
            proxy_set_header Cookie ""; add_header X-Served shop always; } }""",
    ),
    "redirects": Example(
        text=f"""server {{ listen 80; {ENCRYPTED} server_name old.example.com; return 301 https://new.example.com$request_uri; }}
          server {{ listen 80; server_name plain.example.com; rewrite ^ http://new.example.com/landing? redirect; }}
          server {{ {ENCRYPTED} server_name new.example.com; location /a {{ return 302 /b; }}
            location = /gone {{ return 410; }} location / {{ return 307 https://elsewhere.example.com/x; }} }}""",
        changes=frozenset({"redirect-first", "no-redirect"}),
    ),
    "guards": Example(
        text="""limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;
          server { listen 80; server_name guards.example.com;
          location / { proxy_pass http://WEB; auth_basic "Shop keepers"; auth_basic_user_file FILES/htpasswd; }
          location /inner/ { allow 10.0.0.0/8; deny all; proxy_pass http://WEB; }
          location /outer/ { deny 10.0.0.0/8; proxy_pass http://WEB; }
          location /local/ { allow 127.0.0.0/8; proxy_pass http://WEB; }
          location /nobody/ { deny all; proxy_pass http://WEB; }
          location /slow/ { limit_req zone=one; limit_req_status 429; proxy_pass http://WEB; } }""",
        files={"htpasswd": "amy:{PLAIN}secret\n"},
        secrets={"htpasswd": b"amy:{PLAIN}secret\n"},
        changes=frozenset({"allow-without-deny"}),
    ),
    "files": Example(
        text="""server { listen 80; server_name files.example.com; root FILES; index index.html;
          location / { try_files $uri $uri/ /index.html; }
          location /img/ { alias FILES/pictures/; add_header Cache-Control "public, max-age=60"; }
          location = /robots.txt { root FILES/meta; }
          location /docs/ { root FILES; error_page 500 /50x.html; }
          location = /50x.html { root /usr/share/nginx/html; } }""",
        files={"index.html": "<p>home", "pictures/a.txt": "a", "meta/robots.txt": "no", "docs/index.html": "docs", "docs/b/x.txt": "x"},
    ),
    "times, retries and buffers": Example(
        text="""upstream both { least_conn; server WEB max_fails=2; server API backup; }
          server { listen 80; server_name times.example.com; client_max_body_size 1k; proxy_read_timeout 90s; proxy_connect_timeout 3;
          location / { proxy_pass http://both; proxy_buffering off; proxy_next_upstream error timeout http_503; proxy_buffer_size 8k;
            proxy_set_header Host $http_host; proxy_cookie_path / /shop; } }""",
        changes=frozenset({"host-spoofing"}),
    ),
    "both ports alike": Example(
        text=f"""server {{ listen 80; {ENCRYPTED} server_name both.example.com;
          add_header Strict-Transport-Security "max-age=300" always; add_header X-Content-Type-Options nosniff always;
          location / {{ proxy_pass http://WEB; proxy_set_header Host $host; proxy_set_header X-Request-ID $request_id; }} }}
          server {{ listen 80 default_server; listen 443 ssl default_server; {TLS} server_name _; return 444; }}""",
    ),
}
EXPLAINED: Mapping[str, frozenset[str]] = {
    "request-id": frozenset({"x-request-id"}),
    "version-disclosure": frozenset({"server"}),
    "security-headers": frozenset({"strict-transport-security", "x-content-type-options", "referrer-policy", "x-frame-options"}),
    "add-header-redefinition": frozenset({"strict-transport-security"}),
}
"""Rule of a change → headers of answers that it explains."""
ASKED: Mapping[str, frozenset[str]] = {
    "request-id": frozenset({"x-request-id", "traceparent"}),
    "client-identity": frozenset(
        {"x-real-ip", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-for", "forwarded", "proxy"}
    ),
    "forwarded-for": frozenset({"x-forwarded-for"}),
    "websocket": frozenset({"upgrade", "connection"}),
    "host-spoofing": frozenset({"host"}),
}
"""Rule of a change → headers that applications get, which it explains."""
WITH_HEADERS = frozenset({200, 201, 204, 206, 301, 302, 303, 304, 307, 308})
"""Statuses of answers that headers are added to without `always`."""
NEVER = frozenset({"date", "expires", "connection", "etag", "last-modified", "transfer-encoding", "keep-alive", "content-length"})
"""Headers that differ by themselves, or with the length of what an application tells of its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An answer, as far as it is compared."""

    status: int
    headers: Mapping[str, tuple[str, ...]]
    asked: Mapping[str, str] | None
    """What the application was asked, where one answered."""
    body: str


@dataclass(slots=True, kw_only=True)
class Ports:
    plain: int = field(default_factory=free_port)
    tls: int = field(default_factory=free_port)

    def hide(self, text: str) -> str:
        return re.sub(rf":(?:{self.plain}|{self.tls})\b", "", text)


def filled(example: Example, ground: Ground, web: Application, api: Application) -> str:
    files = ground.folder / "files"
    values = {"WEBHOST": web.address.partition(":")[0], "WEBPORT": web.address.partition(":")[2], "WEB": web.address, "API": api.address}
    values |= {"FILES": str(files), "CHAIN": str(ground.folder / "chain.pem"), "KEY": str(ground.folder / "key.pem")}
    text = example.text
    for name, value in values.items():
        text = re.sub(rf"\b{name}\b", value, text)
    return text


def lay(example: Example, ground: Ground) -> None:
    (ground.folder / "chain.pem").write_bytes(ground.chain)
    (ground.folder / "key.pem").write_bytes(ground.key)
    for base in (ground.folder / "files", ground.folder / "releases" / "shop" / "current" / "public"):
        for name, text in example.files.items():
            path = base / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


@contextmanager
def as_it_was(ground: Ground, text: str, ports: Ports) -> Iterator[None]:
    """Run the files themselves, within an `http` that an ordinary user can run, until the block is left."""
    folder = ground.folder / "before"
    folder.mkdir()
    for name in ("proxy.conf", "force-ssl.conf", "letsencrypt-acme-challenge.conf", "ssl-ciphers.conf"):
        lay_known(folder / "conf.d" / "include" / name, f"conf.d/include/{name}")
    lay_known(folder / "letsencrypt.conf", "options-ssl-nginx.conf")
    user = f"user {ground.places.user};" if ground.places.user else ""
    temp = " ".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = text.replace("/etc/letsencrypt/options-ssl-nginx.conf", str(folder / "letsencrypt.conf"))
    text = re.sub(r"listen 80\b", f"listen 127.0.0.1:{ports.plain}", text)
    text = re.sub(r"listen 443\b", f"listen 127.0.0.1:{ports.tls}", text)
    head = f"{user} pid {folder}/pid; error_log {folder}/error.log; daemon off; events {{ }}"
    whole = f"{head} http {{ {temp} access_log off; include /etc/nginx/mime.types; {text} }}"
    (folder / "nginx.conf").write_text(whole)
    process = subprocess.Popen(command(folder), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        wanted = [port for port in (ports.plain, ports.tls) if f":{port}" in text]
        deadline = time.monotonic() + DEADLINE_S
        while not all(map(listens, wanted)):
            said = process.stderr.read().decode() if process.poll() is not None and process.stderr is not None else ""
            assert process.poll() is None, said + (folder / "error.log").read_text()
            assert time.monotonic() < deadline, (folder / "error.log").read_text()
            time.sleep(0.01)  # nobody tells when a port begins to listen
        yield
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
        if process.stderr is not None:
            process.stderr.close()


def lay_known(path: Path, name: str) -> None:
    from holdfast.edge.import_known import SHIPPED

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SHIPPED[name])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def imported(ground: Ground, text: str) -> Imported:
    path = f"{ground.folder}/app.conf"
    config = parse(path, text.encode())
    return import_nginx({path: config}, capability(), folders={f"{ground.folder}/files": "public"})


def folded(ground: Ground, found: Imported, ports: Ports) -> Folded:
    """Return the configuration of the imported Sites, on ports of its own."""
    edge = replace(found.edge or EdgeSpec(), http=ports.plain, https=ports.tls, bind=("127.0.0.1",), connections=256)
    parts = [part(each.name, each.spec) for each in found.sites]
    result = fold(parts, ground.world(edge))
    assert result.failed == {}
    return result


def part(name: str, spec: Any) -> Part:
    id = ResourceId(HOST, KIND, "shop", name)
    return Part(
        id=id,
        application="shop",
        spec=spec,
        digest=digest(fields_of(spec, Facts(), id, "shop", "r")),
        origin=Origin(path="site.yaml", line=1, revision="c" * 40),
    )


def ask(ports: Ports, request: Request, method: str, more: Mapping[str, str], body: bytes | None) -> Seen | None:
    """Return what is answered; None where nobody listens, or the connection is closed without a word."""
    tls = request.is_tls
    try:
        plain = socket.create_connection(("127.0.0.1", ports.tls if tls else ports.plain), timeout=DEADLINE_S)
    except ConnectionRefusedError:
        return None
    connection = http.client.HTTPConnection(request.host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        connection.sock = context.wrap_socket(plain, server_hostname=request.host) if tls else plain
        connection.request(method, request.path, body=body, headers={"Host": request.host, **more})
        answer = connection.getresponse()
        text = answer.read().decode()
    except (http.client.RemoteDisconnected, ssl.SSLError, ConnectionResetError):
        return None
    finally:
        connection.close()
        plain.close()
    asked = json.loads(text) if text.startswith("{") and '":who"' in text else None
    headers: dict[str, tuple[str, ...]] = {}
    for name, value in answer.getheaders():
        if name.lower() == "location":
            value = urljoin(f"{'https' if tls else 'http'}://{request.host}{request.path}", value)
        headers[name.lower()] = (*headers.get(name.lower(), ()), ports.hide(value).replace("; charset=utf-8", ""))
    is_own_page = answer.status >= 300 and "<center>nginx" in text
    return Seen(status=answer.status, headers=headers, asked=asked, body="" if asked or is_own_page else text)


VARIANTS: tuple[tuple[str, Mapping[str, str], bytes | None], ...] = (
    ("GET", {"X-Forwarded-For": "6.6.6.6", "Cookie": "a=b", "X-Custom": "1", "Authorization": "Basic YW15OnNlY3JldA=="}, None),
    ("POST", {"Content-Type": "text/plain"}, b"x" * 1_500),
    ("HEAD", {}, None),
    ("GET", {}, None),
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_imported_sites_answer_as_their_files_did(tmp_path: Path, name: str) -> None:
    example = EXAMPLES[name]
    ground = Ground(tmp_path)
    lay(example, ground)
    before, after = Ports(), Ports()
    answers = {
        "/redirecting": (302, {"Location": "/elsewhere", "Set-Cookie": "a=b; Path=/"}, ""),
        "/broken": (500, {"X-Secret": "1"}, "broken"),
    }
    with ExitStack() as stack:
        web, api = (stack.enter_context(Application(name=who, answers=dict(answers)).serving()) for who in ("web", "api"))
        text = filled(example, ground, web, api)
        found = imported(ground, text)
        assert [(each.name, [reason.message for reason in each.reasons]) for each in found.left] == []
        named = {change.rule for site in found.sites for change in site.changes}
        assert example.changes <= named
        result = folded(ground, found, after)
        stack.enter_context(as_it_was(ground, text, before))
        stack.enter_context(running(ground, result, example.secrets))
        compared = 0
        explainer = Explainer(parse("nginx.conf", text.encode()).directives)
        for request in wanted(text, result.text, after):
            rules = rules_of(found, request.host)
            if explainer.explain(request).is_default:
                assert "unknown-hosts" in named | {note.rule for note in found.notes}
                continue
            if "error-page" in rules and request.path == "/50x.html":
                continue
            for method, more, body in VARIANTS if request.path == "/" else VARIANTS[:2]:
                old, new = ask(before, request, method, more, body), ask(after, request, method, more, body)
                where = f"{method} {request}"
                compare(where, old, new, rules)
                compared += 1
        assert compared >= 8


def wanted(before: str, after: str, ports: Ports) -> Iterator[Request]:
    """Yield requests that reach every server and location of both, and what an application answers in its own way."""
    usual = re.sub(rf":{ports.plain}\b", ":80", re.sub(rf":{ports.tls}\b", ":443", after))
    sides = [Side(parse("nginx.conf", text.encode()).directives) for text in (before, usual)]
    for request in requests(*sides):
        if (
            request.host in {STRANGER, "status.holdfast"}
            or request.path.startswith(("/.well-known", "/.holdfast"))
            or not request.path.isascii()
        ):
            continue
        yield request
        if request.path == "/":
            yield from (
                replace(request, path=path) for path in ("/redirecting", "/broken?x=1&y", "/a%20b/%C3%A9?q=%2F", "/one/7", "/x.Png")
            )
        elif request.path.endswith("/"):
            yield replace(request, path=f"{request.path}a.txt?v=1")


def rules_of(found: Imported, host: str) -> frozenset[str]:
    """Return the changes that were named for a host."""
    for site in found.sites:
        if any(host == each or (each.startswith("*") and host.endswith(each[1:])) for each in site.spec.hosts):
            return frozenset(change.rule for change in site.changes)
    return frozenset()


def compare(where: str, old: Seen | None, new: Seen | None, rules: frozenset[str]) -> None:
    """Compare two answers; what differs must be explained by a rule."""
    if old is None or new is None:
        is_mended = old is None and new is not None and new.status == 308 and "no-redirect" in rules
        assert is_mended or (old is None and new is None), (where, old, new)
        return
    if new.status == 308 and old.status != 308 and "https://" in new.headers["location"][0]:
        assert rules & {"redirect-status", "redirect-first", "no-redirect"}, (where, old, new)
        if "redirect-status" in rules and "redirect-first" not in rules:
            assert old.headers["location"] == new.headers["location"], (where, old, new)
        return
    assert old.status == new.status, (where, old, new)
    assert old.body.rstrip("\n") == new.body.rstrip("\n"), (where, old, new)
    explained = NEVER.union(*(EXPLAINED.get(rule, frozenset()) for rule in rules))
    if "always" in rules and old.status not in WITH_HEADERS:
        explained |= new.headers.keys() - old.headers.keys()
    assert kept(old.headers, explained) == kept(new.headers, explained), (where, rules)
    if old.asked is not None or new.asked is not None:
        explained = frozenset().union(*(ASKED.get(rule, frozenset()) for rule in rules))
        assert old.asked is not None, where
        assert new.asked is not None, where
        assert kept(asked_by(old.asked), explained) == kept(asked_by(new.asked), explained), (where, rules)


def asked_by(told: Mapping[str, str]) -> dict[str, str]:
    return {name: re.sub(r"(?<=[a-z]):\d+$", "", value) if name == "host" else value for name, value in told.items()}


def kept(headers: Mapping[str, Any], explained: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in headers.items() if name not in explained}


def test_the_same_files_give_the_same_sites(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    for example, _ in itertools.product(EXAMPLES.values(), range(2)):
        text = example.text.replace("FILES", str(ground.folder / "files"))
        assert imported(ground, text) == imported(ground, text)
