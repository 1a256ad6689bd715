"""What stands around the Sites: ports, logs, who the client is, and the servers that refuse."""

from __future__ import annotations

import json
import re

import pytest

from holdfast.edge.capability import Capability
from holdfast.edge.edge_spec import EdgeSpec, LogSpec, UnknownHost
from holdfast.edge.fold import Folded, fold
from holdfast.edge.parse import parse
from holdfast.edge.render_header import usual
from holdfast.edge.route_spec import HeadersSpec, PauseSpec, TimeoutsSpec, UpstreamSpec, UpstreamTls
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.edge.tree import walk
from holdfast.testing.sites import BOOKWORM, MAINLINE, part, world_at


def words(folded: Folded, *names: str) -> list[str]:
    tree = parse("nginx.conf", folded.text.encode()).directives
    return [" ".join((each.name, *each.args)) for each, _ in walk(tree) if each.name in names]


def edge(capability: Capability = BOOKWORM, **fields: object) -> Folded:
    spec = EdgeSpec(**fields)  # type: ignore[arg-type]
    return fold([part(spec=SiteSpec(hosts=("a.b",), targets=("10.0.0.1:80",)))], world_at(capability=capability, edge=spec))


def site(capability: Capability = BOOKWORM, **fields: object) -> Folded:
    spec = SiteSpec(hosts=("a.b",), **{"targets": ("10.0.0.1:80",), **fields})  # type: ignore[arg-type]
    return fold([part(spec=spec)], world_at(capability=capability))


def listens(folded: Folded) -> set[str]:
    return {text for text in words(folded, "listen", "http2") if "unix:" not in text}


def test_http2_is_said_as_this_nginx_wants_it() -> None:
    assert listens(edge()) == {
        "listen 80",
        "listen [::]:80",
        "listen 80 default_server",
        "listen [::]:80 default_server",
        "listen 443 ssl http2",
        "listen [::]:443 ssl http2",
        "listen 443 ssl http2 default_server",
        "listen [::]:443 ssl http2 default_server",
    }
    assert listens(edge(MAINLINE, ipv6=False)) == {
        "listen 80",
        "listen 80 default_server",
        "listen 443 ssl",
        "listen 443 ssl default_server",
        "http2 on",
    }


def test_addresses_and_ports_are_the_edges() -> None:
    found = listens(edge(bind=("127.0.0.1", "::1"), http=8080, https=8443))
    assert {"listen 127.0.0.1:8080", "listen [::1]:8443 ssl http2"} <= found
    assert not any("0.0.0.0" in each or each.startswith("listen 8") for each in found)
    assert "return 308 https://$host:8443$request_uri" in words(edge(https=8443), "return")


def test_http3_is_offered_only_by_an_nginx_that_can() -> None:
    assert not any("quic" in each for each in listens(edge(http3=True)))
    found = edge(MAINLINE, http3=True)
    assert "listen 443 quic reuseport default_server" in listens(found)
    assert any(each.startswith("add_header Alt-Svc h3=") for each in words(found, "add_header"))


def test_proxies_in_front_are_believed_only_where_they_are_named() -> None:
    assert words(edge(), "set_real_ip_from", "real_ip_header") == []
    found = edge(trusted_proxies=("10.0.0.0/8",), proxy_protocol=True)
    assert words(found, "set_real_ip_from", "real_ip_header", "real_ip_recursive") == [
        "set_real_ip_from 10.0.0.0/8",
        "real_ip_header proxy_protocol",
        "real_ip_recursive on",
    ]
    assert all("proxy_protocol" in each for each in listens(found))


def test_one_line_of_the_log_is_one_json_object() -> None:
    (text,) = words(edge(), "log_format")
    line = re.sub(r"\$\w+", "1", text.removeprefix("log_format holdfast escape=json "))
    assert {"route", "revision", "request_id", "trace", "status", "duration", "upstream"} <= json.loads(line).keys()


@pytest.mark.parametrize(
    ("log", "directive"),
    [
        (LogSpec(enabled=False), "access_log off"),
        (LogSpec(), "access_log /var/lib/holdfast/edge/logs/access.log holdfast buffer=65536 flush=1s"),
        (LogSpec(sample=5), "access_log /var/lib/holdfast/edge/logs/access.log holdfast buffer=65536 flush=1s if=$holdfast_logged"),
    ],
)
def test_the_log_is_written_as_the_edge_says(log: LogSpec, directive: str) -> None:
    assert words(edge(log=log), "access_log")[0] == directive


def test_unknown_hosts_get_nothing_or_a_page() -> None:
    assert {"return 444", "ssl_reject_handshake on"} <= set(words(edge(), "return", "ssl_reject_handshake"))
    found = edge(unknown_host=UnknownHost(page="<p>who?", status=421))
    assert "return 421" in words(found, "return")
    assert "<p>who?" in found.pages.values()
    assert "ssl_reject_handshake on" not in words(found, "ssl_reject_handshake")
    old = edge(Capability(version=(1, 18, 0), openssl=(1, 1, 1)))
    assert "ssl_certificate /var/lib/holdfast/edge/certificates/holdfast/default/fullchain.pem" in words(old, "ssl_certificate")


def test_a_newer_nginx_closes_idle_connections_politely() -> None:
    assert words(edge(), "keepalive_min_timeout") == []
    assert words(edge(MAINLINE), "keepalive_min_timeout") == ["keepalive_min_timeout 5s"]


def test_descriptors_suffice_for_the_connections() -> None:
    assert words(edge(connections=1000), "worker_connections", "worker_rlimit_nofile") == [
        "worker_rlimit_nofile 2512",
        "worker_connections 1000",
    ]


def test_times_are_said_where_they_differ() -> None:
    assert words(site(timeouts=TimeoutsSpec(read=30.0, connect=0.25)), "proxy_connect_timeout", "proxy_read_timeout") == [
        "proxy_connect_timeout 2s",
        "proxy_read_timeout 30s",
        "proxy_connect_timeout 250ms",
        "proxy_read_timeout 40s",
    ]
    assert "proxy_read_timeout 3600s" in words(site(sse=True), "proxy_read_timeout")
    paused = words(site(pause=PauseSpec(enabled=True, max=50.0)), "proxy_read_timeout")
    assert paused == words(site(pause=PauseSpec(max=50.0)), "proxy_read_timeout")
    assert paused[-1] == "proxy_read_timeout 60s", "the gate answers first"


def test_other_protocols_have_directives_of_their_own() -> None:
    grpc = site(upstream=UpstreamSpec(protocol="grpc", tls=UpstreamTls(verify=False)))
    assert any(each.startswith("grpc_pass grpcs://") for each in words(grpc, "grpc_pass"))
    assert {"grpc_ssl_verify off", "grpc_read_timeout 30s"} <= set(words(grpc, "grpc_ssl_verify", "grpc_read_timeout"))
    fastcgi = site(upstream=UpstreamSpec(protocol="fastcgi", root="/srv/app", script="/index.php"))
    assert {"fastcgi_param SCRIPT_FILENAME /srv/app/index.php", "fastcgi_param HTTP_FORWARDED "} <= set(words(fastcgi, "fastcgi_param"))
    h2 = site(MAINLINE, upstream=UpstreamSpec(protocol="h2"))
    assert "proxy_http_version 2" in words(h2, "proxy_http_version")


def test_headers_of_a_preset_are_said_in_every_location() -> None:
    folded = site(
        paths=(PathSpec(path="/a", headers=HeadersSpec(preset="none")), PathSpec(path="/b", headers=HeadersSpec(set={"X-B": "1"})))
    )
    tree = parse("nginx.conf", folded.text.encode()).directives
    said = {
        each.args: {inner.args[0] for inner in each.all("add_header")}
        for each, _ in walk(tree)
        if each.name == "location" and each.all("proxy_pass")
    }
    standard = {"Strict-Transport-Security", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options", "X-Request-ID"}
    assert said[("/",)] == standard
    assert said[("^~", "/a/")] == {"X-Request-ID"}
    assert said[("=", "/b")] == standard | {"X-B"}


@pytest.mark.parametrize(
    ("ports", "trusted", "headers"),
    [
        ((80, 443), (), {"Host": "$host", "X-Forwarded-Proto": "$scheme", "X-Forwarded-Port": "$server_port"}),
        ((8080, 8443), (), {"Host": "$host:$server_port", "X-Forwarded-Proto": "$scheme", "X-Forwarded-Port": "$server_port"}),
        ((8080, 443), (), {"Host": "$holdfast_host", "X-Forwarded-Proto": "$scheme", "X-Forwarded-Port": "$server_port"}),
        (
            (80, 443),
            ("10.0.0.0/8",),
            {"Host": "$holdfast_host", "X-Forwarded-Proto": "$holdfast_scheme", "X-Forwarded-Port": "$holdfast_port"},
        ),
    ],
)
def test_an_application_is_told_of_the_client_without_a_map_where_nobody_speaks_for_it(
    ports: tuple[int, int], trusted: tuple[str, ...], headers: dict[str, str]
) -> None:
    world = world_at(edge=EdgeSpec(http=ports[0], https=ports[1], trusted_proxies=trusted))
    said = {each.args[0]: each.args[1] for each in usual(world) if each.name == "proxy_set_header"}
    assert {name: said[name] for name in headers} == headers
