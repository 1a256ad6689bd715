"""A Site that cannot be is refused with the place of its field; one that could be better is a warning."""

from __future__ import annotations

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.edge.certificate import CertificateKind
from holdfast.edge.directive import check
from holdfast.edge.edge import EdgeKind
from holdfast.edge.site import SiteKind, SitePartKind
from holdfast.edge.site_check import ONCE, RAW, REPEATED
from holdfast.edge.tree import Directive
from holdfast.testing.rendering import Repository

KINDS = Registry(kinds=(SiteKind(), SitePartKind(), CertificateKind(), EdgeKind()))
HEAD = "apiVersion: holdfast.dev/v1alpha1\nkind: Site\nmetadata: {name: web}\nspec:\n"
WEB = "hosts: [a.example.com]\n  targets: ['127.0.0.1:1']\n"

ERRORS = {
    "hosts: []\n  targets: ['127.0.0.1:1']": "HF1312 s.yaml:5:10: no host",
    "hosts: [a.b, A.B]\n  targets: ['127.0.0.1:1']": "HF1312 s.yaml:5:16: host a.b stands twice",
    "hosts: [shop.example]\n  canonicalHost: shop.exampel\n  targets: ['127.0.0.1:1']": "HF1312 s.yaml:6:18: did you mean shop.example?",
    "hosts: ['*.b']\n  canonicalHost: '*.b'\n  targets: ['127.0.0.1:1']": "HF1312 s.yaml:6:18: not one name",
    "hosts: [a.b]": "HF1310 s.yaml:5:3: nothing says what answers",
    "hosts: [a.b]\n  service: web\n  redirect: {to: /x}": "HF1310 s.yaml:7:13: service and redirect each say what answers",
    "hosts: [a.b]\n  paths: [{path: /x}]": "HF1310 s.yaml:6:11: nothing says what answers /x",
    WEB + "  canary: {percent: 5}": "HF1310 s.yaml:7:11: canary does not name one of service and targets",
    WEB + "  breaker: {fallback: {}}": "HF1310 s.yaml:7:23: breaker.fallback does not name one",
    WEB + "  paths: [{path: api}]": "HF1311 s.yaml:7:18: does not begin with /",
    WEB + "  paths: [{path: /a, maxBody: 1}, {path: /a}]": "HF1311 s.yaml:7:42: path /a stands twice",
    WEB + "  paths: [{path: /.well-known/acme-challenge/x}]": "HF1311 s.yaml:7:18: the edge answers",
    WEB + "  paths: [{path: '^/(a+)+$', match: regex}]": "HF1311 s.yaml:7:18: exponential time",
    WEB + "  paths: [{path: /x, match: exact, stripPrefix: true}]": "HF1311 s.yaml:7:49: has no prefix to strip",
    WEB + "  paths: [{path: /old, redirect: {to: /new}, allow: [10.0.0.0/8]}]": "HF1313 s.yaml:7:53: allow does nothing before a redirect",
    WEB + "  paths: [{path: /x, respond: {status: 403}, deny: [10.0.0.0/8]}]": "HF1313 s.yaml:7:52: deny does nothing before an answer",
    WEB + "  paths: [{path: /x, respond: {status: 301}}]": "HF1021 s.yaml:7:40: a redirect's",
    WEB + "  allow: ['0.0.0.0/0']": "HF1313 s.yaml:7:10: allow names everybody",
    WEB + "  maintenance: {allow: ['::/0']}": "HF1313 s.yaml:7:25: maintenance.allow names everybody",
    "hosts: [a.b]\n  static: {}\n  cache: {}": "HF1314 s.yaml:7:10: cache needs an application",
    WEB + "  upstream: {protocol: grpc}\n  cache: {}": "HF1314 s.yaml:8:10: cache does not go with protocol grpc",
    WEB + "  upstream: {protocol: grpc}\n  health: {}": "HF1314 s.yaml:8:11: health does not go with protocol grpc",
    WEB + "  upstream: {protocol: fastcgi, tls: {}}": "HF1314 s.yaml:7:38: fastcgi is never encrypted",
    WEB + "  upstream: {script: /x.php}": "HF1314 s.yaml:7:13: script and root are for protocol fastcgi",
    WEB + "  upstream: {tls: {key: {secret: x}}}": "HF1314 s.yaml:7:19: a certificate and its key belong together",
    WEB + "  sticky: {cookie: x}\n  balance: leastConn": "HF1314 s.yaml:8:12: leave balance out",
    "hosts: [a.b]\n  balance: random\n  targets: [{address: 'a:1', backup: true}]": "HF1314 s.yaml:7:38: a backup does not go with",
    WEB + "  raw: [{directive: proxy_pass, args: [x]}]": "HF1315 s.yaml:7:21: write service or targets",
    WEB + "  raw: [{directive: include, args: [/etc/passwd]}]": "HF1315 s.yaml:7:21: is not allowed",
    WEB + "  raw: [{directive: limit_rat, args: [1k]}]": "HF1315 s.yaml:7:21: did you mean limit_rate?",
    WEB + "  raw: [{directive: limit_rate, args: [a, b]}]": "HF1315 s.yaml:7:9: it takes 1",
    WEB + "  raw: [{directive: etag, args: ['on']}, {directive: etag, args: ['off']}]": "HF1315 s.yaml:7:54: stands twice",
    WEB + "  certificate: other": "HF1201 s.yaml:7:16: Certificate/other",
    WEB + "  rateLimit: [{rate: 10}]": "HF1021 s.yaml:7:22: a rate such as 10r/s",
    WEB + "  timeouts: {read: 30}": "HF1021 s.yaml:7:20: a unit is missing",
    WEB + '  headers: {set: {X-A: "a\\nb"}}': "HF1021 s.yaml:7:24: control character",
    WEB + "  headers: {set: {'X A': b}}": "HF1021 s.yaml:7:19: the name of a header",
    WEB + "  canary: {targets: ['a:1'], percent: 101}": "HF1021 s.yaml:7:39: outside that range",
    WEB + "  websockets: true": "HF1020 s.yaml:7:3: did you mean websocket?",
    "hosts: [a.b]\n  service: wbe": "HF1201 s.yaml:6:12: cannot resolve need 'Process/wbe'",
}


def errors(text: str) -> list[str]:
    return Repository({"s.yaml": f"{HEAD}  {text}\n"}).errors(Renderer(KINDS))


@pytest.mark.parametrize("text", ERRORS)
def test_what_cannot_be_is_refused_at_its_field(text: str) -> None:
    code, place, words = ERRORS[text].split(" ", 2)[0], ERRORS[text].split(" ", 2)[1], ERRORS[text].split(": ", 1)[1]
    found = [error for error in errors(text) if error.startswith(f"{code} {place.rstrip(':')}:")]
    assert found != [], errors(text)
    assert words in found[0]


EDGES = {
    "http: 80\n  https: 80": "HF1318 s.yaml:6:10: both want port 80",
    "trustedProxies: [10.0.0.0/8, 0.0.0.0/0]": "HF1318 s.yaml:5:32: are everybody",
    "trustedProxies: ['::/1']": "HF1318 s.yaml:5:20: are everybody",
    "trustedProxies: [64.0.0.0/2]": "HF1318 s.yaml:5:20: are everybody",
    "proxyProtocol: true": "HF1318 s.yaml:5:18: nobody is trusted",
    "shutdownTimeout: 0": "HF1318 s.yaml:5:20: longer than nothing",
}


@pytest.mark.parametrize("text", EDGES)
def test_an_edge_that_cannot_be_is_refused(text: str) -> None:
    document = HEAD.replace("Site", "Edge") + f"  {text}\n"
    place, words = EDGES[text].split(": ", 1)
    (error,) = Repository({"s.yaml": document}).errors(Renderer(KINDS))
    assert error.startswith(f"{place}: ")
    assert words in error


CERTIFICATES = {
    "hosts: []": "HF1317 s.yaml:5:10: it is for no host",
    "hosts: [a.b, a.b]": "HF1317 s.yaml:5:16: stands twice",
    "hosts: [a.b]\n  lifetime: 30000d": "HF1317 s.yaml:6:13: no certificate of that lifetime",
}


@pytest.mark.parametrize("text", CERTIFICATES)
def test_a_certificate_that_cannot_be_is_refused(text: str) -> None:
    document = HEAD.replace("Site", "Certificate") + f"  {text}\n"
    place, words = CERTIFICATES[text].split(": ", 1)
    (error,) = Repository({"s.yaml": document}).errors(Renderer(KINDS))
    assert error.startswith(f"{place}: ")
    assert words in error


def test_a_part_is_not_written_by_hand() -> None:
    (error,) = Repository({"s.yaml": HEAD.replace("Site", "SitePart") + f"  {WEB}"}).errors(Renderer(KINDS))
    assert error.startswith("HF1316 s.yaml:2:7: ")


def test_what_could_be_better_is_a_warning() -> None:
    text = f"{HEAD}  {WEB}  certificate: none\n  retry: {{nonIdempotent: true}}\n  upstream: {{tls: {{verify: false}}}}\n"
    text += "  pause: {enabled: true, max: 5m}\n  auth: {basic: {users: {secret: users}}}\n"
    found = Repository({"s.yaml": text}).render(Renderer(KINDS)).warnings
    assert {each.reason for each in found} == {"PlainHttp", "DoubleSubmit", "UnverifiedUpstream", "LongPause", "PlainPassword"}


@pytest.mark.parametrize("name", sorted(RAW))
def test_every_directive_that_is_allowed_may_stand_in_a_location(name: str) -> None:
    tree = Directive("http", (), (Directive("server", (), (Directive("location", ("/",), (Directive(name, ("x",)),)),)),))
    assert [fault for fault in check((tree,)) if fault.what in {"context", "block"}] == []
    assert ONCE.isdisjoint(REPEATED)
