"""NginxFile: servers as somebody wrote them, judged by the allow-list and served beside Sites."""

from __future__ import annotations

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.edge.certificate import CertificateKind
from holdfast.edge.fold import Folded, fold
from holdfast.edge.nginx_file import NginxFileKind
from holdfast.edge.parse import parse
from holdfast.edge.part import Part, part_of
from holdfast.edge.site import SiteKind, SitePartKind
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.tree import walk
from holdfast.model.resource import Desired
from holdfast.testing.rendering import Repository
from holdfast.testing.sites import part, world_at

KINDS = Registry(kinds=(SiteKind(), SitePartKind(), CertificateKind(), NginxFileKind()))
DECLARED = "apiVersion: holdfast.dev/v1alpha1\nkind: NginxFile\nmetadata: {name: old}\nspec: {file: nginx/old.conf}\n"
SOUND = """
upstream app { server 10.0.0.1:3000; }
server { listen 80; server_name old.example.com; return 301 https://$host$request_uri; }
server {
    listen 443 ssl; server_name old.example.com;
    location / { proxy_pass http://app; access_log off; }
    location /static/ { root public; }
}
"""


def repository(text: str, declared: str = DECLARED) -> Repository:
    return Repository({"old.yaml": declared, "nginx/old.conf": text})


def rendered(text: str) -> Desired:
    return repository(text).render(Renderer(KINDS))


def part_from(text: str, name: str = "old") -> Part:
    desired = repository(text, DECLARED.replace("name: old", f"name: {name}")).render(Renderer(KINDS))
    return next(part_of(each) for each in desired if each.id.kind == "SitePart")


def test_a_file_becomes_a_part_and_a_certificate_and_claims_what_a_site_claims() -> None:
    desired = rendered(SOUND)
    found = {each.id.kind: each for each in desired}
    assert set(found) == {"Certificate", "SitePart"}
    assert found["Certificate"].state.fields == {"hosts": ["old.example.com"]}
    assert found["Certificate"].id in found["SitePart"].needs
    assert found["SitePart"].state.fields["release"] == desired.release
    assert {each.id.kind for each in rendered("server { server_name a.example; }")} == {"SitePart"}


def test_http_may_stand_around_it() -> None:
    around, bare = rendered(f"events {{ }}\nhttp {{ {SOUND} }}"), rendered(SOUND)
    assert [each.state.fields.get("nginx") for each in around] == [each.state.fields.get("nginx") for each in bare]
    assert [each.id for each in around] == [each.id for each in bare]


def test_its_servers_listen_where_the_edge_says_and_show_its_certificate() -> None:
    folded = fold([part_from(SOUND), part("web", SiteSpec(hosts=("web.example.com",), targets=("10.0.0.2:80",)))], world_at("/edge"))
    assert folded.failed == {}
    tree = parse("nginx.conf", folded.text.encode()).directives
    servers = {
        (name, each.first("ssl_certificate") is not None): each
        for each, _ in walk(tree)
        if each.name == "server" and each.block
        for said in each.all("server_name")
        for name in said.args
    }
    tls, plain = servers["old.example.com", True], servers["old.example.com", False]
    assert [each.args[0] for each in tls.all("listen")] == ["443", "[::]:443"]
    assert [each.args[0] for each in tls.all("ssl_certificate")] == ["/edge/certificates/shop/old/fullchain.pem"]
    roots = [each for each, _ in walk((tls,)) if each.name in {"root", "disable_symlinks"}]
    assert [each.args[-1] for each in roots] == ["from=/edge/releases/shop/current", "/edge/releases/shop/current/public"]
    assert [each.args for each in plain.all("location")] == [("^~", "/.well-known/acme-challenge/"), ("/",)]
    assert folded.certificates >= {("shop", "old")}
    assert ("web.example.com", True) in servers


REFUSED = {
    "load_module x.so;": "HF1341 nginx/old.conf:1:1: load_module outside of a server",
    "proxy_read_timeout 5s; server { server_name a.b; }": "HF1341 nginx/old.conf:1:1: proxy_read_timeout outside of a server",
    "http { gzip on; server { server_name a.b; } }": "HF1341 nginx/old.conf:1:8: gzip outside of a server",
    "http { http { server { server_name a.b; } } }": "HF1341 nginx/old.conf:1:8: http outside of a server",
    "events { worker_connections 9; } http { server { server_name a.b; } }": "HF1341 nginx/old.conf:1:1: events outside of a server",
    "include /etc/passwd; server { server_name a.b; }": "HF1341 nginx/old.conf:1:1: include /etc/passwd: there is no such file",
    "map $uri $x { include /etc/passwd; }": "HF1341 nginx/old.conf:1:15: include reads a file",
    "map $uri $holdfast_route { default 1; }": "HF1341 nginx/old.conf:1:1: are the edge's own",
    "limit_req_zone $uri zone=a:900m rate=1r/s;": "HF1341 nginx/old.conf:1:1: a zone of 900m",
}
REFUSED_INSIDE = {
    "ssl_engine x;": "ssl_engine is not allowed: it runs code",
    "perl x;": "perl is not allowed: it runs code",
    "content_by_lua_block { os.execute('x') }": "content_by_lua_block is not allowed: it is not known to be harmless",
    "js_content x.y;": "js_content is not allowed: it is not known to be harmless",
    "include snippets/x.conf;": "include snippets/x.conf: there is no such file in the repository",
    "include /etc/nginx/proxy_params;": "include /etc/nginx/proxy_params: there is no such file in the repository",
    "include ../../../etc/passwd;": "include ../../../etc/passwd: there is no such file in the repository",
    "include /etc/nginx/conf.d/*.conf;": "include /etc/nginx/conf.d/*.conf: there is no such file in the repository",
    "include $arg_x;": "include $arg_x: there is no such file in the repository",
    "include old.conf;": "or it includes itself",
    "ssl_certificate /etc/x.pem;": "ssl_certificate is not allowed",
    "ssl_certificate_key x.pem;": "ssl_certificate_key is not allowed",
    "access_log /etc/cron.d/x;": "access_log writes a file of the host",
    "error_log x;": "error_log writes a file of the host",
    "auth_basic_user_file /etc/shadow;": "auth_basic_user_file is not allowed: it opens or writes files",
    "proxy_store /x;": "proxy_store is not allowed",
    "client_body_temp_path /x;": "client_body_temp_path is not allowed",
    "root /etc;": "root /etc leads out of the release",
    "root ../..;": "root ../.. leads out of the release",
    "location /x/ { alias /etc/; }": "alias /etc/ leads out of the release",
    "root $arg_x;": "root $arg_x leads out of the release",
    "disable_symlinks off;": "disable_symlinks is not allowed",
    "if (-f /etc/shadow) { return 204; }": "if looks for files of the host",
    "if (!-e $uri) { return 204; }": "if looks for files of the host",
    "set_real_ip_from 0.0.0.0/0;": "set_real_ip_from is not allowed",
    "dav_methods PUT;": "dav_methods is not allowed",
    "set $holdfast_route x;": "names that begin with holdfast",
    "more_set_headers 'A: b';": "more_set_headers is not allowed: it is not known",
    "ssl_protocols SSLv3;": "ssl_protocols is not allowed",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_would_hold_for_others_is_refused_at_its_line(text: str) -> None:
    code, place, words = REFUSED[text].split(" ", 2)[0], REFUSED[text].split(" ", 2)[1], REFUSED[text].split(": ", 1)[1]
    found = repository(text).errors(Renderer(KINDS))
    assert [each for each in found if each.startswith(f"{code} {place}") and words in each] != [], found


@pytest.mark.parametrize("inside", REFUSED_INSIDE)
def test_what_reaches_beyond_its_hosts_is_refused(inside: str) -> None:
    for text in (f"server {{ server_name a.b; {inside} }}", f"server {{ server_name a.b; location / {{ {inside} }} }}"):
        found = repository(text).errors(Renderer(KINDS))
        assert any(each.startswith("HF1341 nginx/old.conf:1:") and REFUSED_INSIDE[inside] in each for each in found), found


MISFITS = {
    "server { listen 80; }": "a server has no name",
    "server { listen 8080; server_name a.b; }": "it listens on 8080",
    "server { listen 10.0.0.1:80; server_name a.b; }": "it listens on 10.0.0.1:80",
    "server { listen unix:/x; server_name a.b; }": "it listens on unix:/x",
    "server { listen 443; server_name a.b; }": "443 is encrypted and 80 is not",
    "server { listen 80 default_server; server_name a.b; }": "default_server is the Edge's to say",
    "server { server_name ~^a$; }": "~^a$ is no host name",
    "server { listen 443 ssl; server_name a.b; } server { server_name c.d; }": "c.d is not encrypted",
    "upstream a { server b; }": "it holds no server",
    "server { server_name a.b; root x y; }": "root has 2 arguments",
    "server { server_name a.b": "HF1300",
}


@pytest.mark.parametrize("text", MISFITS)
def test_what_does_not_fit_beside_others_is_refused(text: str) -> None:
    found = repository(text).errors(Renderer(KINDS))
    assert any(MISFITS[text] in each for each in found), found


def test_a_file_that_is_not_there_is_told() -> None:
    missing = Repository({"old.yaml": DECLARED}).errors(Renderer(KINDS))
    assert missing[0].startswith("HF1340 old.yaml:4:14: cannot serve NginxFile old: nginx/old.conf: there is no such file")
    assert "HF1340" in repository("#" * (1 << 20) + "\n").errors(Renderer(KINDS))[0]


SPLIT = {
    "nginx/old.conf": "include upstreams.conf; include sites/*.conf; include none/*.conf;",
    "nginx/upstreams.conf": "upstream app { server 10.0.0.1:3000; }",
    "nginx/sites/a.conf": "server { server_name a.example; include snippets/headers.conf; location / { proxy_pass http://app; } }",
    "nginx/sites/b.conf": "server { server_name b.example; include /etc/nginx/headers.conf; return 204; }",
    "nginx/sites/old.txt": "server { server_name no.example; }",
    "nginx/headers.conf": "add_header X-A b always;",
    "snippets/headers.conf": "add_header X-C d always;",
}


def test_what_a_file_includes_from_the_repository_stands_in_its_place() -> None:
    desired = Repository({"old.yaml": DECLARED, **SPLIT}).render(Renderer(KINDS))
    (found,) = (each for each in desired if each.id.kind == "SitePart")
    assert found.state.fields["hosts"] == ["a.example", "b.example"]
    tree = parse("x", (part_of(found).text or "").encode()).directives
    assert [each.name for each in tree] == ["upstream", "server", "server"]
    assert [each.args for each, _ in walk(tree) if each.name == "add_header"] == [("X-C", "d", "always"), ("X-A", "b", "always")]


def test_a_change_of_an_included_file_is_a_change() -> None:
    before, after = (
        Repository({"old.yaml": DECLARED, **SPLIT, "nginx/headers.conf": f"add_header X-A {word} always;"}).render(Renderer(KINDS))
        for word in ("b", "c")
    )
    assert before.digest != after.digest


def test_what_is_wrong_with_an_included_file_is_told_there() -> None:
    for text, told in (
        (
            "add_header X-A b always; perl x;",
            "HF1341 nginx/headers.conf:1:26: cannot serve NginxFile old: perl is not allowed: it runs code",
        ),
        ("add_header X-A", "HF1300 nginx/headers.conf:1:1"),
        ("etag on; include headers.conf;", "HF1341 nginx/headers.conf:1:10: cannot serve NginxFile old: include headers.conf: there is no"),
        ("include /etc/passwd;", "HF1341 nginx/headers.conf:1:1: cannot serve NginxFile old: include /etc/passwd"),
        ("root /etc;", "HF1341 nginx/headers.conf:1:1: cannot serve NginxFile old: root /etc leads out of the release"),
    ):
        found = Repository({"old.yaml": DECLARED, **SPLIT, "nginx/headers.conf": text}).errors(Renderer(KINDS))
        assert any(each.startswith(told) for each in found), found


def test_files_that_include_without_measure_are_refused() -> None:
    many = {f"nginx/many/{number}.conf": "return 204;" for number in range(65)}
    text = "server { server_name a.example; include many/*.conf; }"
    assert "includes more than 64 files" in Repository({"old.yaml": DECLARED, "nginx/old.conf": text, **many}).errors(Renderer(KINDS))[0]


def errors(folded: Folded) -> dict[str, str]:
    return {id.name: f"{refusal.errors[0].code} {refusal.errors[0].message}" for id, refusal in folded.failed.items()}


def test_a_host_is_a_files_or_sites_whoever_had_it_first() -> None:
    file = part_from("server { server_name web.example.com; }")
    site = part("web", SiteSpec(hosts=("web.example.com",), targets=("10.0.0.2:80",)))
    assert errors(fold([file, site], world_at())) == {
        "web": "HF1343 cannot serve Site shop/web: web.example.com is answered by NginxFile shop/old already"
    }
    assert errors(fold([file, site], world_at(), good={site.id: site})) == {
        "old": "HF1343 cannot serve NginxFile shop/old: web.example.com is answered by Site shop/web already"
    }


def test_names_that_two_files_share_are_the_firsts() -> None:
    one, two = (part_from(f"upstream app {{ server a:1; }} server {{ server_name {name}.b; }}", name) for name in ("one", "two"))
    assert errors(fold([one, two], world_at())) == {
        "two": "HF1344 cannot serve NginxFile shop/two: upstream app is NginxFile shop/one's already"
    }
    assert errors(fold([one, two], world_at(), good={two.id: two})) == {
        "one": "HF1344 cannot serve NginxFile shop/one: upstream app is NginxFile shop/two's already"
    }


def test_the_order_of_parts_does_not_matter() -> None:
    parts = [part_from(SOUND), part_from("server { server_name a.b; }", "other"), part("web", SiteSpec(hosts=("c.d",), targets=("e:1",)))]
    assert fold(parts, world_at()).text == fold(parts[::-1], world_at()).text
