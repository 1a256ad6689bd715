"""What the system's nginx includes: everything of ours, said in our servers alone."""

from __future__ import annotations

from dataclasses import replace

from holdfast.edge.directive import check
from holdfast.edge.fold import fold
from holdfast.edge.parse import parse
from holdfast.edge.route_spec import RateLimitSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.tree import Directive, walk
from holdfast.engines.nginx.included import files, http_says, included, main_says
from holdfast.testing.sites import BOOKWORM, part, world_at

WORLD = world_at(slots={"Process/shop/web": ("127.0.0.1:3000",)})
LIMITED = SiteSpec(hosts=("b.example.com",), service="web", rate_limit=(RateLimitSpec(rate="5r/s", key="ip"),))
TEXT = fold([part("a"), part("b", LIMITED)], WORLD).text
DUMP = """# configuration file /etc/nginx/nginx.conf:
pid /run/nginx.pid;
include modules/*.conf;
http {
    gzip on;
    include mime.types;
    include /etc/nginx/conf.d/*.conf;
}
# configuration file /etc/nginx/modules/50.conf:
error_log /var/log/nginx/error.log notice;
# configuration file /etc/nginx/mime.types:
types { text/html html; }
# configuration file /etc/nginx/conf.d/own.conf:
server_tokens on;
server { listen 80; }
# configuration file /etc/nginx/conf.d/holdfast.conf:
map_hash_bucket_size 64;
"""


def tree(said: frozenset[str] = frozenset()) -> tuple[Directive, ...]:
    return parse("holdfast.conf", included(TEXT, said).text.encode()).directives


def test_http_gets_only_what_no_server_can_say() -> None:
    names = {each.name for each in tree()}
    assert names.isdisjoint(
        {"gzip", "ssl_protocols", "access_log", "add_header", "proxy_read_timeout", "worker_processes", "http", "events"}
    )
    assert {"server", "map", "upstream", "limit_req_zone", "log_format"} <= names


def test_each_server_says_for_itself_what_ours_have_in_common() -> None:
    for server in (each for each in tree() if each.name == "server"):
        assert {"ssl_protocols", "client_max_body_size", "access_log"} <= {each.name for each in server.block or ()}
        assert len(server.all("access_log")) == 1, "what a server says itself goes first"


def test_unknown_hosts_stay_the_systems() -> None:
    assert [each for each, _ in walk(tree()) if each.name == "listen" and "default_server" in each.args] == []
    assert "server_name _" not in included(TEXT, frozenset()).text


def test_what_http_says_already_is_left_out() -> None:
    sizes = {"server_names_hash_bucket_size", "map_hash_bucket_size"}
    assert sizes <= {each.name for each in tree()}
    assert sizes.isdisjoint(each.name for each in tree(frozenset(sizes)))
    assert {"map", "upstream"} <= {each.name for each in tree(frozenset({"map", "upstream"}))}


def test_nothing_is_out_of_its_context() -> None:
    assert list(check((Directive("http", (), tree()),), BOOKWORM)) == []


def test_each_line_is_known_by_its_line_in_the_whole() -> None:
    made = included(TEXT, frozenset())
    ours, whole = made.text.splitlines(), TEXT.splitlines()
    assert len(made.lines) > 100
    moved = {line for line, at in made.lines.items() if ours[line - 1].split() != whole[at - 1].split()}
    assert moved == set()
    at = next(number for number, line in enumerate(ours, 1) if line.strip() == "server_name b.example.com;")
    assert whole[made.lines[at] - 1].strip() == "server_name b.example.com;"


def test_without_any_site_it_still_says_what_the_log_names() -> None:
    text = included(fold([], replace(WORLD, slots={})).text, frozenset()).text
    assert "set $holdfast_route" in text
    assert "set $holdfast_revision" in text


def test_what_the_system_says_is_found_through_its_includes() -> None:
    found = files(DUMP)
    main = "/etc/nginx/nginx.conf"
    assert http_says(found, main, "/etc/nginx/conf.d/holdfast.conf") == {"gzip", "types", "server_tokens", "server"}
    assert main_says(found, main, "pid") == ("/run/nginx.pid",)
    assert main_says(found, main, "error_log") == ("/var/log/nginx/error.log", "notice")
    assert main_says(found, main, "user") is None
