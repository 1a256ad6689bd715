"""Explain: the server and the location that nginx would choose, on our own configuration and on others'."""

from __future__ import annotations

import pytest

from holdfast.edge.explain import Explanation, Request, explain
from holdfast.edge.fold import fold
from holdfast.edge.parse import parse
from holdfast.edge.route_spec import CanaryHeader, CanarySpec, HealthSpec, RateLimitSpec, RedirectSpec
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.testing.sites import part, world_at

CONFIG = parse(
    "nginx.conf",
    b"""http {
  upstream app { server 10.0.0.1:80; }
  server { listen 80; server_name first; location / { return 200 first; } }
  server { listen 80 default_server; server_name a.example .b.example; add_header X top;
    location / { proxy_pass http://app; add_header Y inner; }
    location = / { return 200 exact; }
    location /img { root /img; location /img/deep { root /deep; } }
    location ^~ /api { deny all; proxy_pass http://app/x; }
    location ~* \\.PNG$ { root /png; }
    location ~ ^/(?<x>api|img)/y { return 204; }
    location ~ (?R) { return 205; }
    location @named { return 206; }
  }
  server { listen 80; server_name *.example w.*; return 301 https://$host; }
  server { listen 80; server_name ~^n\\d+\\.test$; }
  server { listen 443 ssl; server_name tls.example; }
}""",
).directives


def ask(host: str, path: str = "/", port: int = 80) -> Explanation:
    return explain(CONFIG, Request(host=host, port=port, is_tls=port == 443, path=path))


@pytest.mark.parametrize(
    ("host", "line"),
    [
        ("first", 3),
        ("a.example", 4),
        ("b.example", 4),
        ("x.b.example", 4),
        ("y.example", 14),
        ("w.org", 14),
        ("n12.test", 15),
        ("nobody", 4),
    ],
)
def test_the_server_is_the_one_that_nginx_chooses(host: str, line: int) -> None:
    found = ask(host)
    assert found.server is not None
    assert (found.server.line, found.is_default) == (line, host == "nobody")


@pytest.mark.parametrize(
    ("path", "chosen"),
    [
        ("/", "= /"),
        ("/x", "/"),
        ("/img/a", "/img"),
        ("/img/deep/a", "/img/deep"),
        ("/api/a.png", "^~ /api"),
        ("/img/a.png", "~* \\.PNG$"),
        ("/img/y", "~ ^/(?<x>api|img)/y"),
    ],
)
def test_the_location_is_the_one_that_nginx_chooses(path: str, chosen: str) -> None:
    assert " ".join(ask("a.example", path).locations[-1].args) == chosen


def test_what_holds_there_is_said() -> None:
    found = ask("a.example", "/x")
    assert [each.args for each in found.headers] == [("Y", "inner")]
    assert found.upstream is not None
    assert found.upstream.line == 2
    assert [each.args for each in ask("a.example", "/img/a").headers] == [("X", "top")]
    assert [each.name for each in ask("a.example", "/api").guards] == ["deny"]
    assert [each.args for each in ask("y.example", "/x").answers] == [("301", "https://$host")]


def test_a_pattern_that_cannot_be_tried_is_named() -> None:
    assert ask("a.example", "/x").unknown == ("(?R)",)


def test_where_nobody_listens_nothing_is_met() -> None:
    assert ask("a.example", port=443).server is not None
    assert explain(CONFIG, Request(host="a.example", port=8443, is_tls=True)).server is None


def test_our_own_configuration_is_explained() -> None:
    spec = SiteSpec(
        hosts=("shop.example.com",),
        service="web",
        rate_limit=(RateLimitSpec(rate="5r/s"),),
        paths=(PathSpec(path="/old", redirect=RedirectSpec(to="/new")),),
    )
    one = part(spec=spec, slots={"web": ("unix:/run/web.0",)})
    folded = fold([one], world_at())
    tree = parse("nginx.conf", folded.text.encode()).directives
    found = explain(tree, Request(host="shop.example.com", port=443, is_tls=True, path="/orders"))
    assert found.server is not None
    assert found.server.line is not None
    assert folded.owners(found.server.line) == (one.id,)
    assert found.upstream is not None
    assert found.upstream.all("server")[0].args[0] == "unix:/run/web.0"
    assert "limit_req" in {each.name for each in found.guards}
    old = explain(tree, Request(host="shop.example.com", port=443, is_tls=True, path="/old/x"))
    assert [each.args for each in old.answers] == [("308", "/new")]
    plain = explain(tree, Request(host="shop.example.com", port=80, is_tls=False, path="/"))
    assert [each.args[0] for each in plain.answers] == ["308"]


def test_where_a_variable_chooses_the_group_it_is_the_one_that_it_mostly_chooses() -> None:
    spec = SiteSpec(
        hosts=("a.example.com",),
        targets=("10.0.0.1:80", "10.0.0.2:80"),
        health=HealthSpec(),
        canary=CanarySpec(targets=("10.0.0.9:80",), percent=5, header=CanaryHeader()),
    )
    config = parse("nginx.conf", fold([part(spec=spec)], world_at()).text.encode()).directives
    found = explain(config, Request(host="a.example.com", port=443, is_tls=True))
    assert found.upstream is not None
    assert [each.args[0] for each in found.upstream.all("server")] == ["10.0.0.1:80", "10.0.0.2:80"]
