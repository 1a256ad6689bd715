"""What requests meet otherwise: the second configuration against the first."""

from __future__ import annotations

import pytest
from tests.conformance.given import cases_at

from holdfast.edge.difference import Difference, difference
from holdfast.edge.include import roots
from holdfast.edge.parse import parse
from holdfast.edge.tidy import tidy
from holdfast.edge.write import show


def differences(before: str, after: str) -> tuple[Difference, ...]:
    first, second = (parse(name, text.encode()).directives for name, text in (("before.conf", before), ("after.conf", after)))
    return difference(first, second)


def told(before: str, after: str) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return what, before and after as one line each, and the requests."""
    return [(each.what, " ".join(each.before), " ".join(each.after), each.requests) for each in differences(before, after)]


SHOP = """
upstream app { server 10.0.0.1:80; }
map $http_upgrade $up { default upgrade; "" close; }
server {
    listen 80; server_name a.example;
    add_header X-One 1;
    location / { proxy_pass http://app; proxy_set_header Connection $up; }
    location /img/ { root /srv; }
}
"""


def test_form_order_and_spelling_do_not_count() -> None:
    other = """
    server { server_name "a.example"; listen *:80;
      location /img/ { root '/srv'; }   # pictures
      location / { proxy_set_header Connection "$up"; proxy_pass http://app; }
      add_header X-One 1; }
    map $http_upgrade $up { default upgrade; '' close; }
    upstream app { server 10.0.0.1:80; }
    """
    assert told(SHOP, other) == []


def test_a_header_that_a_location_loses_is_seen_where_it_is_lost() -> None:
    after = SHOP.replace("root /srv;", "root /srv; add_header X-Two 2;")
    (what, before, now, requests), *more = told(SHOP, after)
    assert (what, before, now, more) == ("add_header", "add_header X-One 1;", "add_header X-Two 2;", [])
    hosts = ("a.example", "nobody-has.this.example")
    assert requests == tuple(f"http://{host}/img/{below}" for host in hosts for below in ("", "sample"))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("10.0.0.1:80", "10.0.0.2:80", "upstream"),
        ("default upgrade", "default keep-alive", "map $up"),
        ("listen 80", "listen 8080", "server"),
        ("root /srv;", "alias /srv/;", "alias"),
        ("proxy_pass http://app;", "proxy_pass http://app/;", "proxy_pass"),
        ("add_header X-One 1;", "add_header X-One 1; return 301 https://$host;", "rewrite"),
        ("root /srv;", "root /srv; deny all;", "access"),
        ("location /img/ {", "location ^~ /img { root /srv; } location /images/ {", None),
    ],
)
def test_what_is_said_elsewhere_is_seen_where_it_is_met(old: str, new: str, what: str | None) -> None:
    found = {each.what for each in differences(SHOP, SHOP.replace(old, new))}
    assert what in found if what is not None else found == {"proxy_pass", "proxy_set_header", "root", "upstream", "map $up"}


def test_a_pattern_that_takes_requests_from_another_location_is_seen() -> None:
    after = SHOP.replace("location /img/ {", "location ~ \\.png$ { return 404; } location /img/ {")
    found = {each.what: each for each in differences(SHOP, after)}
    assert "http://a.example/sample.png" in found["rewrite"].requests


def test_places_are_told_and_what_is_about_the_whole_nginx() -> None:
    before = "worker_processes 1; events { worker_connections 64; } http { server { listen 80; root /a; } }"
    after = "worker_processes 2;\nevents { worker_connections 64; }\nhttp { server { listen 80;\n root /b; } }"
    first, second = differences(before, after)
    assert (first.what, first.requests, str(first.after_at)) == ("worker_processes", (), "after.conf:1:1")
    assert (second.what, str(second.before_at), str(second.after_at)) == ("root", "before.conf:1:82", "after.conf:4:2")


def test_real_files_differ_in_nothing_from_themselves_in_another_form() -> None:
    seen = 0
    for path in sorted((cases_at("nginx", "roundtrip") / "files").rglob("*.conf")):
        config = parse(path.name, path.read_bytes())
        first = roots({path.name: config})[0].directives
        again = parse("again", tidy(config)).directives
        bare = parse("bare", show(first).encode("utf-8", "surrogateescape")).directives
        assert difference(first, again) == ()
        assert difference(first, bare) == ()
        seen += 1
    assert seen > 50
