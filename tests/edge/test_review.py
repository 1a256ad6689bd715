"""Review: the naive file everybody writes, and each rule with its look-alike."""

from __future__ import annotations

import re

import pytest
from tests.conformance.given import cases_at

from holdfast.edge.capability import Capability
from holdfast.edge.parse import parse
from holdfast.edge.review import Finding, review

BOOKWORM = Capability(version=(1, 22, 1), openssl=(3, 0, 19))
MAINLINE = Capability(version=(1, 31, 3), openssl=(3, 5, 4))
NAIVE = """\
server {
    listen 443 ssl http2;
    server_name app.example.com;

    ssl_certificate /etc/letsencrypt/live/app.example.com/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/app.example.com/privkey.pem;

    location / {
        proxy_pass http://web:3000;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }
}
"""
CORPUS = cases_at("nginx")


def found(text: str, capability: Capability | None = None, **more: str) -> tuple[Finding, ...]:
    files = {"nginx.conf": text, **{name.replace("_", "."): content for name, content in more.items()}}
    return review({path: parse(path, content.encode()) for path, content in files.items()}, capability)


def rules(text: str, capability: Capability | None = None, **more: str) -> list[tuple[int, str]]:
    return [(each.line, each.rule) for each in found(text, capability, **more)]


def test_the_naive_file_on_debian_of_2023() -> None:
    assert rules(NAIVE, BOOKWORM) == [
        (1, "no-redirect"),
        (1, "security-headers"),
        (1, "unknown-hosts"),
        (1, "version-disclosure"),
        (1, "limits"),
        (2, "tls-protocols"),
        (2, "tls-ciphers"),
        (5, "outside-certificate"),
        (9, "resolved-once"),
        (9, "upstream-keepalive"),
        (9, "request-id"),
        (9, "websocket"),
        (12, "forwarded-for"),
    ]


def test_the_naive_file_on_a_mainline_of_2026() -> None:
    """Its defaults are better: no old protocols, connections are kept; but `http2` has a directive of its own."""
    old, new = set(rules(NAIVE, BOOKWORM)), set(rules(NAIVE, MAINLINE))
    assert (old - new, new - old) == ({(2, "tls-protocols"), (9, "upstream-keepalive")}, {(2, "http2")})


def test_a_finding_as_json() -> None:
    finding = next(each for each in found(NAIVE, BOOKWORM) if each.rule == "forwarded-for")
    assert finding.to_json() == {
        "rule": "forwarded-for",
        "severity": "medium",
        "file": "nginx.conf",
        "line": 12,
        "message": "what a client writes into X-Forwarded-For is passed on in front of its address: limits and logs can be misled",
        "fix": "--- nginx.conf\n+++ nginx.conf\n@@ -9,7 +9,7 @@\n"
        "         proxy_pass http://web:3000;\n         proxy_set_header Host $host;\n         proxy_set_header X-Real-IP $remote_addr;\n"
        "-        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
        "+        proxy_set_header X-Forwarded-For $remote_addr;\n"
        "         proxy_set_header X-Forwarded-Proto $scheme;\n     }\n }\n",
    }


CASES = {
    "forwarded-for": (
        "server { location / { proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }",
        "server { set_real_ip_from 10.0.0.0/8; location / { proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; } }",
    ),
    "host-spoofing": ("proxy_set_header Host $http_host;", "proxy_set_header Host $host; proxy_set_header X-Host $http_host;"),
    "trusts-anybody": ("set_real_ip_from 0.0.0.0/0;", "set_real_ip_from 10.0.0.0/8;"),
    "ssrf": ("location / { proxy_pass http://$arg_to; }", "location / { internal; proxy_pass http://$arg_to; }"),
    "resolved-once": (
        "location / { proxy_pass http://web:3000; }",
        "upstream web { server 127.0.0.1:3000; } server { location / { proxy_pass http://web; } }",
    ),
    "no-resolver": (
        "http { server { location / { set $to a.b; proxy_pass http://$to; } } }",
        "http { resolver 127.0.0.1; server { location / { set $to a.b; proxy_pass http://$to; } } }",
    ),
    "upstream-keepalive": (
        "upstream u { server 127.0.0.1:1; } server { location / { proxy_pass http://u; } }",
        "upstream u { server 127.0.0.1:1; keepalive 8; } server { proxy_http_version 1.1; location / { proxy_pass http://u; } }",
    ),
    "descriptors": (
        "worker_rlimit_nofile 1024; events { worker_connections 1024; } http { }",
        "worker_rlimit_nofile 4096; events { worker_connections 1024; } http { }",
    ),
    "unknown-hosts": (
        "server { listen 80; server_name a.example; }",
        "server { listen 80 default_server; return 444; } server { listen 80; server_name a.example; }",
    ),
    "tls-protocols": ("ssl_protocols TLSv1 TLSv1.2;", "ssl_protocols TLSv1.2 TLSv1.3;"),
    "tls-ciphers": ("ssl_ciphers HIGH:RC4-SHA;", "ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:!RC4:!aNULL;"),
    "stapling": ("ssl_stapling on;", "ssl_stapling off;"),
    "obsolete": ("server { ssl on; }", "server { ssl_certificate x; }"),
    "obsolete-header": ('add_header X-XSS-Protection "1; mode=block";', "add_header X-Frame-Options DENY;"),
    "no-redirect": (
        "server { listen 443 ssl; server_name a.example; }",
        "server { listen 443 ssl; server_name a.example; } server { listen 80; server_name a.example; return 308 https://$host; }",
    ),
    "regex-catastrophic": ("location ~ ^/(a+)+$ { }", "location ~ ^/[a-z]+$ { }"),
    "if-is-evil": ("location / { if ($a) { proxy_pass http://b; } }", "location / { if ($a) { return 403; } }"),
    "http-splitting": ("return 302 https://example.com$uri;", "return 302 https://example.com$request_uri;"),
    "invalid-context": ("http { listen 80; }", "http { server { listen 80; } }"),
    "invalid-arguments": ("server { root; listen 1; }", "server { root /x; listen 1; }"),
    "add-header-redefinition": (
        "http { add_header A b; server { location / { add_header C d; } } }",
        "http { add_header A b; server { add_header_inherit merge; location / { add_header C d; } } }",
    ),
    "add-header-content-type": (
        "add_header Content-Type text/plain;",
        "proxy_hide_header Content-Type; add_header Content-Type text/plain;",
    ),
    "allow-without-deny": ("location / { allow 10.0.0.1; }", "location / { allow 10.0.0.1; satisfy any; auth_basic x; }"),
    "origins": (
        'map $http_origin $cors { ~^https://.*\\.example\\.com$ $http_origin; default ""; }',
        'map $http_origin $cors { ~^https://[a-z]+\\.example\\.com$ $http_origin; default ""; }',
    ),
    "resolver-external": ("resolver 8.8.8.8 valid=5s;", "resolver 127.0.0.53 [::1] 10.0.0.2:53;"),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_finds_its_weakness_and_lets_the_look_alike_through(rule: str) -> None:
    weak, sound = CASES[rule]
    assert rule in {name for _, name in rules(weak, BOOKWORM)}
    assert rule not in {name for _, name in rules(sound, BOOKWORM)}


def test_a_capture_that_cannot_leave_its_domain_is_no_forged_request() -> None:
    assert "ssrf" not in {name for _, name in rules("location ~ ^/([a-z0-9]+)/ { proxy_pass http://$1.internal.example/x; }")}
    assert "ssrf" in {name for _, name in rules("location ~ ^/([^/]+)/ { proxy_pass http://$1/x; }")}


def test_what_a_file_includes_counts_where_it_is_included() -> None:
    main = "http { include sites/*.conf; server_tokens off; }\n"
    site = "\nserver { location / { proxy_set_header Host $http_host; } server_tokens on; }\n"
    seen = review({path: parse(path, text.encode()) for path, text in {"/etc/nginx.conf": main, "/etc/sites/a.conf": site}.items()})
    assert [(each.file, each.line, each.rule) for each in seen] == [
        ("/etc/sites/a.conf", 2, "host-spoofing"),
        ("/etc/sites/a.conf", 2, "version-disclosure"),
    ]


def test_what_is_included_and_not_there_says_what_everybodys_says() -> None:
    certbots = "server { listen 443 ssl; server_name a.example; include /etc/letsencrypt/options-ssl-nginx.conf; }"
    assert {"tls-protocols", "tls-ciphers"} & {name for _, name in rules(certbots, BOOKWORM)} == set()
    assert {"tls-protocols", "tls-ciphers"} <= {name for _, name in rules(certbots.replace("options-ssl", "other"), BOOKWORM)}
    passed = "server { location / { include proxy_params; proxy_pass http://127.0.0.1:1; } }"
    seen = found(passed, BOOKWORM)
    assert {each.file for each in seen} == {"nginx.conf"}
    assert "forwarded-for" not in {each.rule for each in seen}


def test_a_file_that_includes_itself_ends() -> None:
    assert rules("include nginx.conf; server_tokens on;") == [(1, "version-disclosure")]


HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@")


def applied(text: str, diff: str) -> str:
    """Return `text` with a unified diff applied, as patch(1) does it: every line that it names must be there."""
    old, new, at = text.splitlines(keepends=True), [], 0
    for line in diff.splitlines(keepends=True)[2:]:
        if (header := HUNK.match(line)) is not None:
            start = int(header[1]) - (1 if header[2] != "0" else 0)
            new += old[at:start]
            at = start
        elif line.startswith("\\"):
            new[-1] = new[-1].removesuffix("\n")
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            assert old[at].rstrip("\n") == line[1:].rstrip("\n")
            if line.startswith(" "):
                new.append(old[at])
            at += 1
    return "".join(new + old[at:])


def fixed(text: str, finding: Finding) -> int:
    """Return how many findings of its rule the patched text has fewer."""
    assert finding.fix is not None
    mended = applied(text, finding.fix)
    return sum(each.rule == finding.rule for each in found(text, BOOKWORM)) - sum(
        each.rule == finding.rule for each in found(mended, BOOKWORM)
    )


@pytest.mark.parametrize("rule", CASES)
def test_a_patch_mends_what_it_says(rule: str) -> None:
    text = "\n".join(part + ";" for part in CASES[rule][0].rstrip(";").split("; ")).replace("};", "}") + "\n"
    for finding in found(text, BOOKWORM):
        if finding.rule == rule and finding.fix is not None:
            assert fixed(text, finding) >= 1, finding.fix


def mended(text: str, rule: str, capability: Capability = BOOKWORM) -> str:
    """Return the text with the patch of its first finding of a rule, its lines without indent."""
    finding = next(each for each in found(text, capability) if each.rule == rule)
    assert finding.fix is not None, finding
    return "\n".join(line.strip() for line in applied(text, finding.fix).splitlines())


def test_headers_of_further_out_stay_where_a_patch_adds_one() -> None:
    """A place that has a proxy_set_header of its own has none of those further out."""
    outer = "server {\nproxy_set_header Host $host;\nproxy_set_header X-Real-IP $remote_addr;\nlocation / {\nproxy_pass http://web:3000;\n}\n}\n"
    own = outer.replace("proxy_pass", "proxy_set_header X-A b;\nproxy_pass")
    for rule in ("websocket", "request-id", "upstream-keepalive"):
        inside = mended(outer, rule).partition("location / {")[2].split("proxy_pass")[0]
        assert inside.count("proxy_set_header Host $host;") == inside.count("proxy_set_header X-Real-IP $remote_addr;") == 1
        if rule != "upstream-keepalive":  # there the application would be told another host
            assert "X-Real-IP" not in mended(own, rule).partition("location / {")[2]


def test_connections_are_kept_by_a_group_that_changes_nothing_else() -> None:
    text = mended(NAIVE, "upstream-keepalive")
    assert text.startswith("upstream web_3000 {\nserver web:3000;\nkeepalive 32;\n}\nserver {\n")
    assert 'proxy_http_version 1.1;\nproxy_set_header Connection "";\nproxy_pass http://web_3000;\nproxy_set_header Host $host;' in text
    assert "proxy_pass http://web_3000/api/;" in mended(NAIVE.replace("web:3000", "web:3000/api/"), "upstream-keepalive")
    for unlike in (
        NAIVE.replace("Host $host", "Host $proxy_host"),
        NAIVE.replace("Host $host", "A b"),
        NAIVE.replace("http://web", "https://web"),
    ):
        assert next(each for each in found(unlike, BOOKWORM) if each.rule == "upstream-keepalive").fix is None


def test_a_version_that_is_said_already_is_not_said_twice() -> None:
    text = "upstream a { server 127.0.0.1:1; }\nserver { location / { proxy_http_version 1.0;\nproxy_pass http://a;\n} }\n"
    assert mended(text, "upstream-keepalive").count("proxy_http_version 1.1;") == 1
    assert "1.0" not in mended(text, "upstream-keepalive")


def test_a_websocket_and_kept_connections_go_together() -> None:
    text = mended(mended(NAIVE, "upstream-keepalive") + "\n", "websocket")
    assert 'map $http_upgrade $connection_upgrade {\ndefault upgrade;\n"" "";\n}' in text
    assert "proxy_set_header Connection $connection_upgrade;\nproxy_set_header Upgrade $http_upgrade;\nproxy_pass http://web_3000;" in text


def test_a_name_is_looked_up_anew_where_somebody_says_whom_to_ask() -> None:
    text = "server {\nresolver 10.0.0.2;\nlocation / {\nproxy_pass https://web;\n}\n}\n"
    assert "set $upstream_web web;\nproxy_pass https://$upstream_web;" in mended(text, "resolved-once").replace('"', "")
    assert next(each for each in found(text.replace("/web", "/web/a"), BOOKWORM) if each.rule == "resolved-once").fix is None
    group = "upstream app {\nserver app:1 weight=2;\n}\nresolver 10.0.0.2;\n"
    assert mended(group, "resolved-once", MAINLINE).startswith("upstream app {\nzone app 64k;\nserver app:1 weight=2 resolve;\n}")
    for text, capability in ((group, BOOKWORM), (group.partition("resolver")[0], MAINLINE)):
        assert next(each for each in found(text, capability) if each.rule == "resolved-once").fix is None


@pytest.mark.parametrize(
    ("pattern", "sound"),
    [
        ("^https://.*\\.example\\.com$", "^https://[^/:]*\\.example\\.com$"),
        ("^https://(www.)?example.com$", "^https://(www\\.)?example\\.com$"),
        ("^https://example\\.com", "^https://example\\.com(:\\d+)?(/|$)"),
        ("https://[a-z.]+\\.example\\.com/", "^https://[a-z.]+\\.example\\.com/"),
        ("example\\.com", None),
    ],
)
def test_a_pattern_of_origins_is_closed_to_strangers(pattern: str, sound: str | None) -> None:
    whole = f"map $http_origin $cors {{\n~*{pattern} $http_origin;\n}}\n"
    asked = f"server {{\nif ($http_origin ~* {pattern}) {{\nadd_header A $http_origin;\n}}\n}}\n"
    for text in (whole, asked):
        if sound is None:
            assert [each.fix for each in found(text) if each.rule == "origins"] == [None]
        else:
            (block,) = parse("mended", mended(text, "origins").encode()).directives[0].block or ()
            assert block.name.removeprefix("~*") == sound or block.args == ("($http_origin", "~*", f"{sound})")


@pytest.mark.parametrize(
    ("pattern", "sound"),
    [("^/(a+)+$", "^/(a+)$"), ("^/(?:[^/]*)+x", "^/(?:[^/]*)x"), ("^/(\\d+)*$", "^/(\\d*)$"), ("^/(a|aa)+$", None), ("^/((a+)b?)+$", None)],
)
def test_a_repeat_of_a_repeat_is_said_once(pattern: str, sound: str | None) -> None:
    text = f"server {{\nlocation ~ {pattern} {{ }}\n}}\n"
    if sound is None:
        assert [each.fix for each in found(text) if each.rule == "regex-catastrophic"] in ([None], [])
    else:
        (location,) = parse("mended", mended(text, "regex-catastrophic").encode()).directives[0].block or ()
        assert location.args == ("~", sound)


def test_http2_is_said_as_the_nginx_that_runs_says_it() -> None:
    text = "server {\nlisten 443 ssl;\nlisten [::]:443 ssl;\nlisten 80;\nhttp2 on;\n}\n"
    assert mended(text, "invalid-unknown") == "server {\nlisten 443 ssl http2;\nlisten [::]:443 ssl http2;\nlisten 80;\n}"
    assert mended(text.replace("http2 on", "http2 off"), "invalid-unknown").count("http2") == 0
    assert "invalid-unknown" not in {name for _, name in rules(text, MAINLINE)}


def test_descriptors_are_allowed_where_nothing_says_how_many() -> None:
    text = "events {\nworker_connections 2000;\n}\nhttp {\n}\n"
    assert mended(text, "descriptors").startswith("worker_rlimit_nofile 4000;\nevents {")


def test_patches_of_real_files_apply_and_mend() -> None:
    seen = 0
    for path in sorted((CORPUS / "roundtrip" / "files").rglob("*.conf")):
        data = path.read_bytes()
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        for finding in found(text, BOOKWORM):
            if finding.fix is not None:
                seen += 1
                assert fixed(text, finding) >= 1, (path.name, finding)
    assert seen > 200
