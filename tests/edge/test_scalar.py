"""Scalars of the edge: what nginx could read more into is refused with a reason."""

from __future__ import annotations

import re
from typing import Any

import pytest

from holdfast.edge import scalar
from holdfast.model.scalars import Scalar

TAKEN: dict[str, list[tuple[object, object]]] = {
    "Host": [
        ("Shop.Example.COM.", "shop.example.com"),
        ("*.example.com", "*.example.com"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
    ],
    "UrlPath": [("/", "/"), ("/a b;{}", "/a b;{}"), ("/.well-known/x", "/.well-known/x")],
    "Address": [
        ("Web:3000", "web:3000"),
        ("[::0001]:80", "[::1]:80"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
        ("10.0.0.1:65535", "10.0.0.1:65535"),
    ],
    "Network": [("10.0.0.0/8", "10.0.0.0/8"), ("2001:DB8::/32", "2001:db8::/32"), ("192.0.2.1", "192.0.2.1")],
    "Resolver": [("127.0.0.53", "127.0.0.53"), ("::1", "[::1]"), ("[::1]:53", "[::1]:53"), ("10.0.0.2:5353", "10.0.0.2:5353")],
    "Url": [("https://example.com/a?b=c", "https://example.com/a?b=c"), ("/new$x", "/new$x"), ("http://h:8080", "http://h:8080")],
    "Rate": [("10r/s", "10r/s"), ("300r/m", "300r/m")],
    "HeaderName": [("X-One", "X-One")],
    "CookieName": [("sid_1", "sid_1")],
    "HashKey": [("query:page", "query:page"), ("header:X-User", "header:X-User"), ("uri", "uri")],
    "Pattern": [("^/x$", "^/x$")],
}
REFUSED: dict[str, list[tuple[object, str]]] = {
    "Host": [
        ("bücher.de", "xn--"),
        ("a..b", ""),
        ("a b", ""),
        ("a;b", ""),
        ("*.*.b", ""),
        ("a.*", ""),
        (7, ""),
        ("x" * 300, ""),
        ("-a.b", ""),
    ],
    "UrlPath": [
        ("api", "does not begin with /"),
        ("/a?b", "query"),
        ("/a//b", "tidied"),
        ("/a/../b", "tidied"),
        ("/a%20b", "decoded"),
        ("/a\nb", "control character"),
        ("/" + "x" * 3_000, "2,000 bytes"),
    ],
    "Address": [
        ("web", "port"),
        ("web:0", "port"),
        ("web:x", "port"),
        ("unix:/a b", "unix:"),
        ("unix:/a/../b", "unix:"),
        ("a b:1", ""),
        ("[x]:1", ""),
    ],
    "Network": [("10.0.0.1/8", "host bits"), ("everybody", ""), (1, "")],
    "Resolver": [("dns.example", ""), ("10.0.0.2:dns", "port")],
    "Url": [("//evil.example/", ""), ("javascript:x", ""), ("https://a/ b", ""), ('https://a/"', ""), ("https://a/\\", "")],
    "Rate": [("10", ""), ("0r/s", ""), ("10r/h", "")],
    "HeaderName": [("X Y", ""), ("X:", ""), ("$x", "")],
    "CookieName": [("a-b", ""), ("a;b", "")],
    "HashKey": [("host", ""), ("header:", ""), ("cookie:a-b", "")],
    "Pattern": [("(", "")],
    "Line": [("a\nb", "control character"), ("\x7f", "control character"), ("é" * 1_500, "2,000 bytes"), (None, "")],
}


def mark(name: str) -> Scalar:
    annotated: Any = getattr(scalar, name)
    found: Scalar = annotated.__metadata__[0]
    return found


@pytest.mark.parametrize(("name", "written", "value"), [(name, *pair) for name, pairs in TAKEN.items() for pair in pairs])
def test_what_is_meant_is_taken_in_one_form(name: str, written: Any, value: object) -> None:
    assert mark(name).parse(written) == value
    assert mark(name).parse(mark(name).show(value)) == value


@pytest.mark.parametrize(("name", "written", "reason"), [(name, *pair) for name, pairs in REFUSED.items() for pair in pairs])
def test_what_nginx_could_misread_is_refused(name: str, written: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason) or "^"):
        mark(name).parse(written)
