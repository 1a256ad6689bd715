"""nginx files as Sites: what fields they become, what is named as changed, and what stays whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.conformance.given import cases_at

from holdfast.declare.schema import encode
from holdfast.edge.capability import Capability
from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.fold import fold
from holdfast.edge.import_nginx import import_nginx
from holdfast.edge.import_result import Imported
from holdfast.edge.include import roots
from holdfast.edge.parse import parse
from holdfast.edge.review import review
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.tree import walk
from holdfast.edge.write import show
from holdfast.testing.sites import BOOKWORM, part, world_at


def imported(text: str, **more: Any) -> Imported:
    return import_nginx({"/app.conf": parse("app.conf", text.encode())}, Capability(version=(1, 22, 1)), **more)


def site(text: str, **more: Any) -> Any:
    """Return the one Site as a person would write it, without what every test would repeat."""
    found = imported(text, **more)
    assert [[reason.message for reason in left.reasons] for left in found.left] == []
    (only,) = found.sites
    spec: Any = encode(SiteSpec, only.spec)
    for usual in ("hosts", "certificate"):
        spec.pop(usual, None)
    if spec.get("headers") == {"preset": "none"}:
        del spec["headers"]
    return spec


def server(inside: str, before: str = "") -> str:
    return f"{before} server {{ listen 80; server_name a.example; {inside} }}"


PASS = "location / { proxy_pass http://10.0.0.1:3000; proxy_set_header Host $host; %s }"
FIELDS: dict[str, tuple[str, dict[str, Any]]] = {
    "the size of a body": (PASS % "client_max_body_size 20m;", {"maxBody": "20Mi"}),
    "times": (PASS % "proxy_read_timeout 1m30s; proxy_connect_timeout 500ms;", {"timeouts": {"read": "1m30s", "connect": "500ms"}}),
    "buffers": (PASS % "proxy_buffering off; proxy_request_buffering off;", {"buffering": False, "requestBuffering": False}),
    "retries": (
        PASS % "proxy_next_upstream error http_502 non_idempotent; proxy_next_upstream_tries 2;",
        {"retry": {"on": ["error", "502"], "nonIdempotent": True, "tries": 2}},
    ),
    "no retries": (PASS % "proxy_next_upstream off;", {"retry": {"tries": 1}}),
    "headers of requests": (
        PASS % 'proxy_set_header X-Tenant shop; proxy_set_header Cookie "";',
        {"requestHeaders": {"set": {"X-Tenant": "shop"}, "remove": ["Cookie"]}},
    ),
    "headers of answers": (
        PASS % "add_header X-One 1 always; proxy_hide_header X-Two;",
        {"headers": {"preset": "none", "set": {"X-One": "1"}, "remove": ["X-Two"]}},
    ),
    "what no field says and reaches nothing": (
        PASS % "expires 1h; proxy_cookie_path / /a;",
        {"raw": [{"directive": "expires", "args": ["1h"]}, {"directive": "proxy_cookie_path", "args": ["/", "/a"]}]},
    ),
    "networks": (PASS % "deny 10.1.0.0/16; allow 10.0.0.7/8; deny all;", {"deny": ["10.1.0.0/16"], "allow": ["10.0.0.0/8"]}),
    "a password": (
        PASS % 'auth_basic "Shop"; auth_basic_user_file /etc/nginx/.htpasswd;',
        {"auth": {"basic": {"users": {"secret": "htpasswd"}, "realm": "Shop"}}},
    ),
    "a password that a path has not": (
        "auth_basic Shop; auth_basic_user_file /x; " + (PASS % "auth_basic off;").replace("/ {", "= / {", 1),
        {"paths": [{"path": "/", "match": "exact", "targets": ["10.0.0.1:3000"]}]},
    ),
    "no compression": (PASS % "gzip off;", {"compress": False}),
}


@pytest.mark.parametrize("what", FIELDS)
def test_directives_become_fields(what: str) -> None:
    text, expected = FIELDS[what]
    found = site(server(text))
    assert found == ({"targets": ["10.0.0.1:3000"], **expected} if "paths" not in expected else expected)


@pytest.mark.parametrize(
    ("zone", "use", "expected"),
    [
        ("$binary_remote_addr zone=a:1m rate=5r/s", "limit_req zone=a burst=9 nodelay;", {"rate": "5r/s", "key": "ip", "burst": 9}),
        (
            "$http_x_user zone=a:1m rate=90r/m",
            "limit_req zone=a burst=2;",
            {"rate": "90r/m", "key": "header:X-User", "burst": 2, "delay": True},
        ),
    ],
)
def test_limits_of_requests(zone: str, use: str, expected: dict[str, Any]) -> None:
    assert site(server(PASS % use, f"limit_req_zone {zone};"))["rateLimit"] == [expected]


def test_limits_of_connections() -> None:
    before = "limit_conn_zone $binary_remote_addr zone=c:1m;"
    assert site(server(PASS % "limit_conn c 4;", before))["concurrency"] == {"limit": 4, "key": "ip"}


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("server 10.0.0.1:80; server 10.0.0.2;", {"targets": ["10.0.0.1:80", "10.0.0.2:80"]}),
        ("ip_hash; server a:1 weight=3; server b:2 down;", {"targets": [{"address": "a:1", "weight": 3}], "balance": {"hash": "ip"}}),
        ("least_conn; server unix:/run/a.sock; server b:2 backup;", {"balance": "leastConn"}),
        ("hash $cookie_sid consistent; server a:1; keepalive 4;", {"balance": {"hash": "cookie:sid"}, "upstream": {"keepalive": 4}}),
        ("server a:1 max_conns=9; server b:1 max_conns=9;", {"upstream": {"maxConns": 9}}),
    ],
)
def test_groups_become_targets(group: str, expected: dict[str, Any]) -> None:
    found = site(server("location / { proxy_pass http://g; proxy_set_header Host $host; }", f"upstream g {{ {group} }}"))
    assert {key: found.get(key) for key in expected} == expected


def test_the_host_that_an_application_gets_is_kept() -> None:
    text = "location / { proxy_pass http://app.internal:3000; } location = /x { proxy_pass https://b.internal; proxy_set_header Host c; }"
    found = site(server(text))
    assert found["upstream"] == {"host": "app.internal:3000"}
    assert found["raw"] == [{"directive": "proxy_redirect", "args": ["http://app.internal:3000/", "/"]}]
    (path,) = found["paths"]
    assert path["upstream"] == {"tls": {"verify": False, "serverName": "b.internal"}, "host": "c"}


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("return 301 https://b.example$request_uri;", {"redirect": {"to": "https://b.example", "status": 301, "keepPath": True}}),
        ("return 302 /x;", {"redirect": {"to": "/x", "status": 302}}),
        ("rewrite ^(.*)$ https://b.example$1 permanent;", {"redirect": {"to": "https://b.example", "status": 301, "keepPath": True}}),
        ("location / { rewrite ^ https://b.example/y? redirect; }", {"redirect": {"to": "https://b.example/y", "status": 302}}),
        ("location / { return 404; }", {"respond": {"status": 404}}),
        ("location / { deny all; proxy_pass http://x; }", {"respond": {"status": 403}}),
        (
            'location / { default_type application/json; return 200 "{}"; }',
            {"respond": {"status": 200, "body": "{}", "type": "application/json"}},
        ),
        ("set $a b; if ($a = b) { return 410; }", {"respond": {"status": 410}}),
        ("if ($scheme = https) { return 410; } return 444;", {"respond": {"status": 444}}),
    ],
)
def test_answers_of_nginx_itself(inside: str, expected: dict[str, Any]) -> None:
    assert site(server(inside)) == expected


def test_files_are_those_of_the_repository_that_somebody_named() -> None:
    text = server("root /srv/shop; location / { try_files $uri $uri/ /index.html; } location /img/ { alias /srv/pictures/; }")
    found = site(text, folders={"/srv/shop": "public", "/srv/pictures": "assets/img"})
    assert found == {"static": {"root": "public", "spa": True}, "paths": [{"path": "/img/", "static": {"root": "assets/img"}}]}
    (left,) = imported(text).left
    assert (
        left.reasons[0].message
        == "it serves the files of /srv/shop: say where its files are in the repository with --files /srv/shop=FOLDER"
    )


@pytest.mark.parametrize(
    ("locations", "expected"),
    [
        ("/a/ ^~/b/ =/c /", ["/ prefix", "/a/ prefix", "/b/ prefix", "/c exact"]),
        ("/api /api/v2/ /", ["/ prefix", "/api/v2/ prefix", "^/api regex"]),
        ("/x/ /x/api ~^/y$ /", ["/ prefix", "^/y$ regex", "^/x/api regex", "^/x/ regex"]),
        ("/a/ ~\\.png$ ^~/b /", ["/ prefix", "^/b regex", "\\.png$ regex", "^/a/ regex"]),
        ("/a/ ~^/b/ ~*^/C$ /", ["/ prefix", "/a/ prefix", "^/b/ regex", "(?i)^/C$ regex"]),
    ],
)
def test_locations_keep_their_order(locations: str, expected: list[str]) -> None:
    blocks: list[str] = []
    for word in locations.split():
        how, path = next((mark, word.removeprefix(mark)) for mark in ("=", "^~", "~*", "~", "") if word.startswith(mark))
        blocks.append(f"location {how} {path} {{ return 200 {len(blocks)}; }}")
    found = site(server(" ".join(blocks)))
    paths = [f"{each['path']} {each.get('match', 'prefix')}" for each in found.get("paths", [])]
    assert (["/ prefix"] if "respond" in found else []) + paths == expected


def test_a_redirect_to_https_and_its_site_are_one() -> None:
    text = """server { listen 80; server_name a.example www.a.example; return 301 https://$host$request_uri; }
      server { listen 443 ssl; server_name a.example www.a.example; ssl_certificate /c.pem; ssl_certificate_key /k.pem; %s }"""
    found = imported(text % (PASS % ""))
    (only,) = found.sites
    assert (only.spec.hosts, only.spec.redirect_http, only.spec.certificate) == (("a.example", "www.a.example"), True, "a.example")
    assert "redirect-status" in {change.rule for change in only.changes}
    ((name, certificate),) = found.certificates
    assert (name, certificate.hosts) == ("a.example", ("a.example", "www.a.example"))
    assert encode(CertificateSpec, certificate)["files"] == {"certificate": {"secret": "c.pem"}, "key": {"secret": "k.pem"}}  # type: ignore[call-overload,index]
    assert [(each.name, each.path) for each in found.secrets] == [("c.pem", "/c.pem"), ("k.pem", "/k.pem")]


def test_certificates_of_certbot_stay_certbots() -> None:
    live = "/etc/letsencrypt/live/a"
    text = f"server {{ listen 443 ssl; server_name a.example; ssl_certificate {live}/x; ssl_certificate_key {live}/y; {PASS % ''} }}"
    found = imported(text)
    assert found.edge is not None
    assert encode(EdgeSpec, found.edge) == {"tls": {"issuers": [{"name": "certbot", "certbot": {}}]}}
    assert (found.sites[0].spec.certificate, found.secrets) == ("auto", ())


def test_the_edge_has_the_ports_addresses_and_proxies_of_the_files() -> None:
    text = (
        f"set_real_ip_from 10.0.0.0/8; set_real_ip_from 0.0.0.0/0; server {{ listen 127.0.0.1:8080; server_name a.example; {PASS % ''} }}"
    )
    found = imported(text)
    assert found.edge is not None
    assert encode(EdgeSpec, found.edge) == {"http": 8080, "bind": ["127.0.0.1"], "trustedProxies": ["10.0.0.0/8"]}


def test_servers_that_only_refuse_are_the_edges() -> None:
    refusals = "server { listen 80 default_server; return 444; } server { listen 443 ssl default_server; ssl_reject_handshake on; }"
    found = imported(refusals + server(PASS % ""))
    assert [each.name for each in found.sites] == ["a.example"]
    assert [each.rule for each in found.notes] == ["unknown-hosts", "unknown-hosts"]


REASONS = {
    "location ~ ^/(.*)$ { proxy_pass http://$1; }": "where requests go is made of the request",
    "location / { proxy_pass http://a; if ($http_user_agent ~ bot) { return 403; } }": "what it does depends on the request",
    "location / { try_files $uri @app; } root /srv;": "it serves the files of /srv",
    "location @x { proxy_pass http://a; }": "@x is a location that only others lead to",
    "location / { proxy_pass http://a; lua_code_cache off; more_set_headers 'A: b'; }": "more_set_headers is nothing that a Site says",
    "location / { proxy_pass http://a; auth_request /x; }": "auth_request is nothing that a Site says",
    "location / { proxy_pass http://a/b; }": "/b takes the place of /",
    "location / { proxy_pass http://a; allow 10.0.0.1; deny 10.0.0.0/8; }": "exceptions of exceptions",
    "location / { proxy_pass http://a; add_header X $upstream_addr; }": "browsers get X: $upstream_addr",
    "location / { proxy_pass http://a; proxy_set_header X $geoip_city; }": "the application gets X: $geoip_city",
    "location / { proxy_pass http://a; location /b { } }": "locations stand within it",
    "location ^~ /a/ { return 404; } location /a/b { return 404; }": "patterns are tried for /a/b",
    "location ~ (a+)+$ { return 404; }": "can take exponential time",
    "location / { proxy_pass http://a; error_page 404 /404.html; }": "errors have a page of their own",
    "location / { root /srv; autoindex on; }": "folders are listed",
    "listen 81; location / { proxy_pass http://a; }": "it listens on port 81",
    "listen unix:/x; location / { proxy_pass http://a; }": "it listens on unix:/x",
}


@pytest.mark.parametrize("inside", REASONS)
def test_what_no_site_says_stays_whole_with_every_reason(inside: str) -> None:
    text = server(inside)
    found = imported(text, folders={"/srv": "."} if "autoindex" in inside else {})
    assert found.sites == ()
    (left,) = found.left
    assert any(REASONS[inside] in reason.message for reason in left.reasons), left.reasons
    assert all(reason.where is not None for reason in left.reasons)
    assert parse("x", show(left.directives).encode()).directives == parse("x", text.encode()).directives


def test_what_stays_takes_with_it_what_it_refers_to() -> None:
    before = "map $http_x $y { default $z; } map $uri $z { default 1; } map $uri $other { default 1; } upstream u { server a; }"
    found = imported(server("location / { proxy_pass http://u; proxy_set_header X $y; }", before))
    assert [each.args[-1] if each.args else each.name for each in found.left[0].directives] == ["$y", "$z", "u", "server"]


def test_a_server_for_every_host_needs_a_name() -> None:
    text = f"server {{ listen 80; {PASS % ''} }}"
    assert "--host" in imported(text).left[0].reasons[0].message
    assert imported(text, hosts=["b.example"]).sites[0].spec.hosts == ("b.example",)


def test_streams_are_no_sites() -> None:
    found = imported("stream { server { listen 53; proxy_pass a:53; } } mail { }")
    assert [(each.name, len(each.directives)) for each in found.left] == [("stream", 1), ("mail", 1)]
    assert imported("server { listen 53 udp; proxy_pass a:53; }").left[0].name == "stream-1"


def test_a_file_that_is_not_there_is_named() -> None:
    assert [each.rule for each in imported("include more.conf;").notes] == ["include"]


CORPUS = sorted((cases_at("nginx", "roundtrip") / "files").rglob("*.conf"))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_real_files_are_imported_or_stay_and_nothing_is_lost(path: Path) -> None:
    files = {path.name: parse(path.name, path.read_bytes())}
    found = import_nginx(files, BOOKWORM, folders={"/": "public"})
    names = set()
    for directive, above in walk(roots(files)[0].directives):
        if (
            directive.name == "server"
            and directive.block is not None
            and (not above or above[-1].name == "http")
            and not directive.all("proxy_pass")
        ):
            names |= {word for each in directive.all("server_name") for word in each.args if word not in {"_", ""}}
    kept = {word for left in found.left for each in left.directives for said in each.all("server_name") for word in said.args}
    hosts = {host for site in found.sites for host in site.spec.hosts}
    missing = {name for name in names - kept if name.lower().removesuffix(".") not in hosts and name.lower().lstrip(".") not in hosts}
    assert missing == set()
    folded = fold([part(f"s{at}", site.spec) for at, site in enumerate(found.sites)], world_at())
    assert {id.name: refusal.errors for id, refusal in folded.failed.items()} == {}
    left_over = review({"nginx.conf": parse("nginx.conf", folded.text.encode())}, BOOKWORM)
    assert {each.rule for each in left_over} <= {"limits"}, "that nobody says how often clients may ask is not mended by itself"
