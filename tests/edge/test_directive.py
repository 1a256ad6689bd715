"""Directive: contexts, arguments and what a given nginx knows."""

from __future__ import annotations

import pytest

from holdfast.edge.capability import Capability
from holdfast.edge.directive import Context, check, is_there
from holdfast.edge.parse import parse

BOOKWORM = Capability(version=(1, 22, 1))
MAINLINE = Capability(version=(1, 31, 3))


def told(text: str, capability: Capability | None = None, context: Context | None = None) -> list[str]:
    tree = parse("x", text.encode()).directives
    return [f"{fault.directive.line} {fault.what}: {fault.reason}; {fault.hint}" for fault in check(tree, capability, context=context)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("events { }\nlisten 80;", "2 context: listen may not stand in main; it belongs in server"),
        ("http { server { server { } } }", "1 context: server may not stand in server; it belongs in http or mail or stream or upstream"),
        ("http { server { listen; } }", "1 arguments: listen has 0 arguments; it takes 1 or more"),
        ("http { server { root a b; } }", "1 arguments: root has 2 arguments; it takes 1"),
        ("http { server { location /; } }", "1 block: location has no block; add a block in braces"),
        ("http { server { root /x { } } }", "1 block: root has a block; end it with ;"),
        (
            "http { server { if ($a) { proxy_pass http://x; } } }",
            "1 context: proxy_pass may not stand in if in server; it belongs in if in location or limit_except or location or server",
        ),
        (
            "stream { server { proxy_set_header a b; } }",
            "1 context: proxy_set_header may not stand in server; it belongs in http or location or server",
        ),
    ],
)
def test_what_nginx_would_refuse(text: str, found: str) -> None:
    assert told(text) == [found]


@pytest.mark.parametrize(
    "text",
    [
        "http { map $a $b { default 1; listen 2; } types { text/html html htm; } geo $x { root a b c; } }",
        "http { server { if ($a) { return 404; } location / { if ($b) { set $c 1; proxy_pass http://x; } } } }",
        "stream { upstream a { server 1.2.3.4:5; } server { listen 1; proxy_pass a; } }",
        "http { server { content_by_nobody x; brotli on; } }",
        "location / { proxy_pass http://x; limit_except GET { deny all; } }",
        "include a; http { include b; server { include c; } }",
    ],
)
def test_what_nginx_takes_and_what_is_anothers_is_let_through(text: str) -> None:
    assert told(text) == []


def test_what_this_nginx_does_not_know_is_named() -> None:
    text = "http { server { http2 on; } upstream u { server a; sticky cookie x; } }"
    assert told(text, BOOKWORM) == [
        "1 unknown: http2 is unknown to nginx 1.22.1; it needs nginx 1.25.1",
        "1 unknown: sticky is unknown to nginx 1.22.1; it needs nginx 1.29.6",
    ]
    assert told(text, MAINLINE) == []
    assert told("http { perl_modules x; }", MAINLINE) == [
        "1 unknown: perl_modules is unknown to nginx 1.31.3; it needs ngx_http_perl_module",
    ]


def test_a_fragment_is_judged_where_it_is_included() -> None:
    assert told("listen 80;") == []
    assert told("root /srv;", context=Context("server", "http")) == []
    assert told("upstream u { }", context=Context("server", "http")) == [
        "1 context: upstream may not stand in server; it belongs in http or stream"
    ]


def test_directives_of_a_later_version_are_not_there() -> None:
    assert is_there("proxy_pass", BOOKWORM)
    assert not is_there("add_header_inherit", BOOKWORM)
    assert is_there("add_header_inherit", MAINLINE)
    assert not is_there("proxy_passs", MAINLINE)
