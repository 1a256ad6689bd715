"""What a Site says, asked of real nginx from outside."""

from __future__ import annotations

import base64
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.real.edge_house import DEADLINE_S, Answer, Application, Edge, Ground, folded, running

from holdfast.edge.breaker import REST, TRIAL
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.route_spec import (
    AuthSpec,
    Backend,
    BasicAuth,
    BreakerSpec,
    CacheSpec,
    CanaryCookie,
    CanaryHeader,
    CanarySpec,
    ErrorPageSpec,
    ForwardAuth,
    HashSpec,
    HeadersSpec,
    MaintenanceSpec,
    MirrorSpec,
    MtlsAuth,
    RateLimitSpec,
    RedirectSpec,
    RequestHeadersSpec,
    RespondSpec,
    RetrySpec,
    SecretRef,
    StaticSpec,
    StickySpec,
)
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.testing.sites import part

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]

HOST = "shop.example.com"
HOSTILE = 'a "b" \\c $host ${uri} {};# é'
LOCAL = EdgeSpec(bind=("127.0.0.1",), connections=256)


@contextmanager
def served(folder: Path, spec: SiteSpec, *applications: Application, edge: EdgeSpec = LOCAL, **secrets: bytes) -> Iterator[Edge]:
    """Run a Site of host HOST in front of applications, whose names are those of its services."""
    ground = Ground(folder)
    with ExitStack() as stack:
        running_ = [stack.enter_context(each.serving()) for each in applications]
        slots = {each.name: (each.address,) for each in running_}
        result = folded(ground, part("web", spec, slots=slots), edge=edge)
        yield stack.enter_context(running(ground, result, secrets))


def site(**fields: object) -> SiteSpec:
    return SiteSpec(**{"hosts": (HOST,), **fields})  # type: ignore[arg-type]


def test_nothing_that_a_client_says_of_itself_is_believed(tmp_path: Path) -> None:
    with served(tmp_path, site(service="web"), Application()) as edge:
        lies = {
            "X_Forwarded_For": "6.6.6.6",
            "X_Real_IP": "6.6.6.6",
            "Forwarded": "for=6.6.6.6",
            "X_Forwarded_Proto": "gopher",
            "Proxy": "x",
        }
        seen = edge.get(also=lies).seen
        assert (seen["x-forwarded-for"], seen["x-real-ip"], seen["x-forwarded-proto"]) == ("127.0.0.1", "127.0.0.1", "https")
        assert seen["x-forwarded-port"] == str(edge.ground.https)
        assert {"forwarded", "proxy"}.isdisjoint(seen)
        assert (seen["host"], seen["x-forwarded-host"]) == (f"{HOST}:{edge.ground.https}", HOST)


def test_a_trusted_proxy_is_believed_about_the_client_behind_it(tmp_path: Path) -> None:
    edge_spec = replace(LOCAL, trusted_proxies=("127.0.0.0/8", "10.0.0.0/8"))
    with served(tmp_path, site(service="web"), Application(), edge=edge_spec) as edge:
        seen = edge.get(X_Forwarded_For="6.6.6.6, 192.0.2.7, 10.0.0.1", X_Forwarded_Proto="http").seen
        assert (seen["x-forwarded-for"], seen["x-forwarded-proto"], seen["x-forwarded-port"]) == ("192.0.2.7", "http", "80")


def test_plain_http_leads_to_https_and_unknown_hosts_nowhere(tmp_path: Path) -> None:
    spec = SiteSpec(hosts=(HOST, f"www.{HOST}"), canonical_host=HOST, service="web")
    with served(tmp_path, spec, Application()) as edge:
        port = edge.ground.https
        assert edge.get("/a?b", tls=False).header("Location") == f"https://{HOST}:{port}/a?b"
        other = edge.get("/a?b", host=f"www.{HOST}")
        assert (other.status, other.header("Location")) == (308, f"https://{HOST}:{port}/a?b")
        with pytest.raises(ssl.SSLError):
            edge.get(host="unknown.example")
        with pytest.raises(ConnectionError):
            edge.get(host="unknown.example", tls=False)


def test_paths_are_whole_segments_and_patterns_come_last(tmp_path: Path) -> None:
    paths = (
        PathSpec(path="/api", service="api", strip_prefix=True),
        PathSpec(path="/files/", service="api"),
        PathSpec(path="/one", match="exact", service="api"),
        PathSpec(path="^/[a-z]+$", match="regex", service="word"),
        PathSpec(path="/odd 'path';{}$x", service="api"),
    )
    with served(tmp_path, site(service="web", paths=paths), Application(), Application(name="api"), Application(name="word")) as edge:

        def who(path: str) -> tuple[str, str]:
            seen = edge.get(path).seen
            return seen[":who"], seen[":path"]

        assert who("/api") == ("api", "/")
        assert who("/api/x?y") == ("api", "/x?y")
        assert who("/apis") == ("word", "/apis")
        assert who("/apis/x") == ("web", "/apis/x")
        assert who("/files/x") == ("api", "/files/x")
        assert who("/one") == ("api", "/one")
        assert who("/one/more") == ("web", "/one/more")
        assert who("/odd%20'path';%7B%7D$x/y")[0] == "api"
        assert who("/") == ("web", "/")


def test_headers_are_complete_on_every_answer(tmp_path: Path) -> None:
    web = Application(answers={"/own": (200, {"X-Frame-Options": "ALLOWED", "X-Powered-By": "x", "X-Old": "y", "X-Fixed": "z"}, "")})
    headers = HeadersSpec(preset="strict", set={"X-Fixed": HOSTILE}, remove=("X-Old",))
    spec = site(
        service="web",
        headers=headers,
        paths=(PathSpec(path="/gone", redirect=RedirectSpec(to="/new$x")), PathSpec(path="/no", service="no")),
    )
    with served(tmp_path, spec, web) as edge:
        plain, own, gone, no = (edge.get(path) for path in ("/", "/own", "/gone", "/no"))
        for answer in (plain, own, gone, no):
            assert answer.header("Strict-Transport-Security") == "max-age=63072000"
            assert answer.header("X-Content-Type-Options") == "nosniff"
            assert answer.all("X-Fixed") == [HOSTILE.encode().decode("latin-1")]
            assert answer.header("Server") == "nginx"
        assert (plain.all("X-Frame-Options"), own.all("X-Frame-Options")) == (["DENY"], ["ALLOWED"])
        assert own.header("X-Powered-By") is own.header("X-Old") is None
        assert (gone.status, gone.header("Location"), no.status) == (308, "/new$x", 503)


def test_what_the_application_gets_can_be_set_and_taken_away(tmp_path: Path) -> None:
    spec = site(service="web", request_headers=RequestHeadersSpec(set={"X-Extra": HOSTILE, "host": "inside"}, remove=("Cookie",)))
    with served(tmp_path, spec, Application()) as edge:
        seen = edge.get(Cookie="a=b", X_Other="kept").seen
        assert seen["x-extra"].encode("latin-1").decode() == HOSTILE
        assert (seen["host"], seen["x-other"]) == ("inside", "kept")
        assert "cookie" not in seen


def test_every_request_has_an_identity_that_both_logs_share(tmp_path: Path) -> None:
    with served(tmp_path, site(service="web", paths=(PathSpec(path="/api", service="web"),)), Application()) as edge:
        given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        kept = edge.get("/api/x?token=secret", traceparent=given, X_Request_ID="mine").seen
        made = edge.get("/?a=b", traceparent="00-zz-zz-zz").seen
        assert kept["traceparent"] == given
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", made["traceparent"])
        assert re.fullmatch(r"[0-9a-f]{32}", kept["x-request-id"])
        first, second = edge.log(2)
        assert (first["route"], first["query"], first["status"]) == ("shop/web:/api", "redacted", "200")
        assert (first["request_id"], first["trace"]) == (kept["x-request-id"], given)
        assert (second["route"], second["query"], second["host"]) == ("shop/web", "a=b", HOST)
        assert re.fullmatch(r"[0-9a-f]{12}", str(first["revision"]))


def test_limits_count_each_client_and_answer_429(tmp_path: Path) -> None:
    spec = site(
        service="web", rate_limit=(RateLimitSpec(rate="1r/m", burst=2),), paths=(PathSpec(path="/free", service="web", rate_limit=()),)
    )
    with served(tmp_path, spec, Application()) as edge:
        assert [edge.get().status for _ in range(5)] == [200, 200, 200, 429, 429]
        assert {edge.get("/free").status for _ in range(5)} == {200}


def test_addresses_are_let_in_or_kept_out(tmp_path: Path) -> None:
    paths = (PathSpec(path="/in", service="web", allow=("127.0.0.0/8",)), PathSpec(path="/not", service="web", deny=("127.0.0.1",)))
    with served(tmp_path, site(service="web", allow=("10.0.0.0/8",), paths=paths), Application()) as edge:
        assert [edge.get(path).status for path in ("/", "/in", "/not")] == [403, 200, 403]


def test_a_password_is_asked_for(tmp_path: Path) -> None:
    spec = site(service="web", auth=AuthSpec(basic=BasicAuth(users=SecretRef(secret="users"), realm=HOSTILE)))
    with served(tmp_path, spec, Application(), users=b"ada:{PLAIN}lace\n") as edge:
        refused = edge.get()
        assert (refused.status, refused.header("Strict-Transport-Security")) == (401, "max-age=63072000")
        assert "$host ${uri}" in (refused.header("WWW-Authenticate") or "")
        right = base64.b64encode(b"ada:lace").decode()
        assert edge.get(Authorization=f"Basic {right}").status == 200


def test_another_service_is_asked_first(tmp_path: Path) -> None:
    door = Application(name="door", answers={"/yes": (200, {"X-User": "ada"}, ""), "/no": (401, {}, ""), "/never": (403, {}, "")})

    def guarded(path: str, sign_in: str | None = None) -> AuthSpec:
        return AuthSpec(forward=ForwardAuth(service="door", path=path, headers=("X-User",), sign_in=sign_in))

    paths = (
        PathSpec(path="/no", service="web", auth=guarded("/no", "https://login.example/?to=")),
        PathSpec(path="/never", service="web", auth=guarded("/never")),
    )
    with served(tmp_path, site(service="web", auth=guarded("/yes"), paths=paths), Application(), door) as edge:
        assert edge.get("/a", X_User="root").seen["x-user"] == "ada"
        assert door.asked[0] == "GET /yes"
        refused = edge.get("/no/x?y")
        assert (refused.status, refused.header("Location")) == (302, f"https://login.example/?to=https://{HOST}/no/x?y")
        assert edge.get("/never").status == 403


def test_a_client_without_a_certificate_is_kept_out(tmp_path: Path) -> None:
    paths = (PathSpec(path="/admin", service="web", auth=AuthSpec(mtls=MtlsAuth(ca=SecretRef(secret="ca")))),)
    with served(tmp_path, site(service="web", paths=paths), Application()) as edge:
        assert edge.get("/admin").status == 403
        seen = edge.get("/", X_Client_Subject="CN=root").seen
        assert "x-client-subject" not in seen


def test_a_canary_is_asked_for_or_drawn(tmp_path: Path) -> None:
    choices = CanarySpec(service="next", percent=0, header=CanaryHeader(), cookie=CanaryCookie(name="try", value="~default"))
    half = CanarySpec(service="next", percent=50)
    spec = site(
        service="web", canary=choices, paths=(PathSpec(path="/all", service="web", canary=replace(half, percent=100), strip_prefix=True),)
    )
    with served(tmp_path, spec, Application(), Application(name="next")) as edge:
        assert edge.get().seen[":who"] == "web"
        assert edge.get(X_Canary="always").seen[":who"] == "next"
        assert edge.get(Cookie="try=~default").seen[":who"] == "next"
        assert edge.get(Cookie="try=~default", X_Canary="never").seen[":who"] == "web"
        assert edge.get(Cookie="try=xdefault").seen[":who"] == "web"
        seen = edge.get("/all/x?y").seen
        assert (seen[":who"], seen[":path"]) == ("next", "/x?y")


def test_the_edge_answers_by_itself(tmp_path: Path) -> None:
    paths = (
        PathSpec(path="/healthz", match="exact", respond=RespondSpec(status=200, body=HOSTILE)),
        PathSpec(path="/private/", respond=RespondSpec(status=403)),
        PathSpec(path="/data", respond=RespondSpec(status=418, body="{}", type="application/json")),
    )
    with served(tmp_path, site(respond=RespondSpec(status=404, body="lost"), paths=paths)) as edge:
        assert (edge.get().status, edge.get().body) == (404, "lost")
        answer = edge.get("/healthz", method="POST", body=b"x")
        assert (answer.status, answer.body, answer.header("Content-Type")) == (200, HOSTILE, "text/plain; charset=utf-8")
        assert (edge.get("/private/x").status, edge.get("/data/y").header("Content-Type")) == (403, "application/json")


def test_requests_are_mirrored(tmp_path: Path) -> None:
    shadow = Application(name="shadow")
    with served(tmp_path, site(service="web", mirror=MirrorSpec(service="shadow")), Application(), shadow) as edge:
        assert edge.get("/x?y", method="POST", body=b"hello").seen[":body"] == "hello"
        assert edge.get("/z").seen[":who"] == "web"
    assert sorted(shadow.asked) == ["GET /z", "POST /x?y"]


def test_maintenance_needs_no_reload(tmp_path: Path) -> None:
    spec = site(
        service="web",
        maintenance=MaintenanceSpec(page="<p>\nBack $soon", retry_after=60.0),
        paths=(PathSpec(path="/old", redirect=RedirectSpec(to="/")),),
    )
    ground = Ground(tmp_path)
    with Application().serving() as web:
        one = part("web", spec, slots={"web": (web.address,)})
        result = folded(ground, one, edge=LOCAL)
        on = folded(
            ground,
            part("web", replace(spec, maintenance=replace(spec.maintenance, enabled=True)), slots={"web": (web.address,)}),
            edge=LOCAL,
        )
        with running(ground, result) as edge:
            assert edge.get().status == 200
            (flag,) = on.flags
            (tmp_path / "flags" / flag).touch()
            for answer in (edge.get(), edge.get("/x", method="POST", body=b"x"), edge.get("/old")):
                assert (answer.status, answer.header("Retry-After"), answer.body) == (503, "60", "<p>\nBack $soon")
            (tmp_path / "flags" / flag).unlink()
            assert edge.get().status == 200


def test_who_is_allowed_sees_through_maintenance(tmp_path: Path) -> None:
    for networks, status in ((("127.0.0.0/8",), 200), (("10.0.0.0/8",), 503)):
        spec = site(service="web", maintenance=MaintenanceSpec(enabled=True, allow=networks))
        with served(tmp_path, spec, Application()) as edge:
            assert edge.get().status == status


def test_an_open_breaker_gives_the_application_a_rest(tmp_path: Path) -> None:
    paths = (PathSpec(path="/api", service="web", strip_prefix=True, breaker=BreakerSpec(open=7.0, fallback=Backend(service="spare"))),)
    web = Application()
    with served(tmp_path, site(service="web", breaker=BreakerSpec(), paths=paths), web, Application(name="spare")) as edge:
        assert [edge.get(path).seen[":who"] for path in ("/", "/api")] == ["web", "web"]
        flags = re.findall(r"flags/(\S+\.open)", (tmp_path / "nginx.conf").read_text())
        for flag in set(flags):
            for share in (TRIAL, REST):
                (tmp_path / "flags" / flag.replace("$holdfast_share", share)).touch()
        web.asked.clear()
        closed, spare = edge.get(), edge.get("/api/x?y", method="POST", body=b"kept")
        assert (closed.status, closed.header("Retry-After")) == (503, "10")
        assert (spare.seen[":who"], spare.seen[":path"], spare.seen[":body"]) == ("spare", "/x?y", "kept")
        assert web.asked == []


def test_errors_have_pages_of_their_own(tmp_path: Path) -> None:
    page = ErrorPageSpec(statuses=(404, 502), page="<h1>\nlost", intercept=True)
    paths = (
        PathSpec(path="/raw", service="web", error_pages=(replace(page, intercept=False),)),
        PathSpec(path="/dead", targets=("127.0.0.1:1",)),
    )
    answers: dict[str, tuple[int, dict[str, str], str]] = {path: (404, {}, "own") for path in ("/none", "/raw")}
    with served(tmp_path, site(service="web", error_pages=(page,), paths=paths), Application(answers=answers)) as edge:
        found = [(answer.status, answer.body) for answer in (edge.get("/none"), edge.get("/raw"), edge.get("/dead"))]
        assert found == [(404, "<h1>\nlost"), (404, "own"), (502, "<h1>\nlost")]


def test_answers_are_kept_unless_they_are_personal(tmp_path: Path) -> None:
    web = Application(answers={"/cookie": (200, {"Set-Cookie": "a=b"}, "x"), "/page": (200, {}, "page")})
    spec = site(service="web", cache=CacheSpec(valid={"200": 60.0}, bypass_cookies=("sid",)))
    with served(tmp_path, spec, web) as edge:
        assert [edge.get("/page").header("X-Cache") for _ in range(2)] == ["MISS", "HIT"]
        assert edge.get("/page", Cookie="sid=1").header("X-Cache") == "BYPASS"
        assert edge.get("/page", Authorization="x").header("X-Cache") == "BYPASS"
        assert [edge.get("/cookie").header("X-Cache") for _ in range(2)] == ["MISS", "MISS"]
        assert web.asked.count("GET /page") == 3


def release(folder: Path) -> None:
    root = folder / "releases" / "shop" / "current" / "public"
    root.mkdir(parents=True)
    for name, text in {"index.html": "home", "app.css": "a{}", ".env": "secret", "odd $x;{}.txt": "odd", "robots.txt": "none"}.items():
        (root / name).write_text(text)
    (root / "docs").mkdir()
    (root / "docs" / "index.html").write_text("docs")
    (root / ".well-known").mkdir()
    (root / ".well-known" / "security.txt").write_text("contact")
    (folder / "outside.txt").write_text("outside")
    (folder / "outside.txt").chmod(0o644)
    (root / "link").symlink_to("/etc/hostname")


def test_files_of_the_release_are_served(tmp_path: Path) -> None:
    release(tmp_path)
    files = StaticSpec(root="public", max_age=3600.0)
    paths = (
        PathSpec(path="/app", static=StaticSpec(root="public", spa=True)),
        PathSpec(path="/robots.txt", match="exact", static=StaticSpec(root="public")),
        PathSpec(path="/manual/", static=StaticSpec(root="public/docs")),
    )
    with served(tmp_path, site(static=files, paths=paths)) as edge:

        def body(path: str) -> str | int:
            answer = edge.get(path)
            return answer.body if answer.status == 200 else answer.status

        assert [body(path) for path in ("/", "/app.css", "/odd%20$x;%7B%7D.txt", "/docs/", "/robots.txt")] == [
            "home",
            "a{}",
            "odd",
            "docs",
            "none",
        ]
        assert [body(path) for path in ("/.env", "/none", "/../../outside.txt", "/app/.env")] == [404, 404, 400, 404]
        assert [body(path) for path in ("/.well-known/security.txt", "/manual/", "/app/", "/app/any/thing")] == [
            "contact",
            "docs",
            "home",
            "home",
        ]
        assert edge.get("/app?x=y").header("Location") == "/app/?x=y"
        assert [edge.get(path).header("Cache-Control") for path in ("/", "/app.css")] == ["no-cache", "public, max-age=3600"]


def flaky(listener: socket.socket, asked: list[bytes]) -> None:
    """Take a connection and close it after the request, every other time; answer the others."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            asked.append(connection.recv(65536).partition(b" ")[0])
            if len(asked) % 2 == 0:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


@pytest.mark.parametrize(("retry", "posts"), [(None, {502}), (RetrySpec(non_idempotent=True), {200})])
def test_the_only_held_socket_is_asked_again_but_a_post_only_where_it_is_said(
    tmp_path: Path, retry: RetrySpec | None, posts: set[int]
) -> None:
    asked: list[bytes] = []
    path = tmp_path / "held.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o666)
        listener.listen()
        thread = threading.Thread(target=flaky, args=(listener, asked))
        thread.start()
        ground = Ground(tmp_path)
        result = folded(ground, part("web", site(service="web", retry=retry), slots={"web": (f"unix:{path}",)}), edge=LOCAL)
        try:
            with running(ground, result) as edge:
                assert {edge.get().status for _ in range(6)} == {200}
                assert {edge.get(method="POST", body=b"once").status} == posts
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_S)


def test_a_client_stays_with_one_target(tmp_path: Path) -> None:
    with Application(name="a").serving() as a, Application(name="b").serving() as b:
        ground = Ground(tmp_path)
        targets = (a.address, b.address)
        paths = (PathSpec(path="/hash", targets=targets, balance=HashSpec(hash="query:user")),)
        spec = site(targets=targets, sticky=StickySpec(cookie="lb"), paths=paths)
        with running(ground, folded(ground, part("web", spec), edge=LOCAL)) as edge:

            def stays(first: Answer) -> bool:
                cookie = (first.header("Set-Cookie") or "").partition(";")[0]
                return {edge.get(Cookie=cookie).seen[":who"] for _ in range(6)} == {first.seen[":who"]}

            firsts = [edge.get() for _ in range(12)]
            assert {first.seen[":who"] for first in firsts} == {"a", "b"}
            assert all(map(stays, firsts[:4]))
            assert all("Secure" in (first.header("Set-Cookie") or "") for first in firsts)
            assert edge.get(Cookie="lb=mine").header("Set-Cookie") is None
            assert len({edge.get("/hash?user=ada").seen[":who"] for _ in range(6)}) == 1


def test_text_is_compressed_and_streams_are_not_held_back(tmp_path: Path) -> None:
    text = (200, {"Content-Type": "text/plain"}, "x" * 5_000)
    web = Application(answers={"/text": text, "/events": text, "/plain": text})
    paths = (PathSpec(path="/events", service="web", sse=True), PathSpec(path="/plain", service="web", compress=False))
    with served(tmp_path, site(service="web", paths=paths), web) as edge:
        assert edge.length("/text") < 1_000
        assert [edge.length(path) for path in ("/events", "/plain")] == [5_000, 5_000]


def test_a_websocket_is_let_through_and_held_back_where_it_is_said(tmp_path: Path) -> None:
    spec = site(service="web", paths=(PathSpec(path="/no", service="web", websocket=False),))
    with served(tmp_path, spec, Application()) as edge:
        asks = {"Upgrade": "websocket", "Connection": "Upgrade"}
        seen = edge.get("/", also=asks).seen
        assert (seen["upgrade"], seen["connection"]) == ("websocket", "upgrade")
        assert {"upgrade", "connection"}.isdisjoint(edge.get("/no", also=asks).seen)
        assert "connection" not in edge.get("/").seen
