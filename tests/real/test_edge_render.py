"""What is rendered, read by real nginx: every word has its value, and every Site that can be declared is taken."""

from __future__ import annotations

import http.client
import random
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from tests.edge.generate import EDGES, sites
from tests.ports import free_port
from tests.real.edge_house import DEADLINE_S, Ground, command, folded

from holdfast.edge.edge_spec import EdgeSpec, LogSpec, UnknownHost
from holdfast.edge.fold import fold
from holdfast.edge.route_spec import (
    AuthSpec,
    BasicAuth,
    CacheSpec,
    ErrorPageSpec,
    HashSpec,
    MtlsAuth,
    SecretRef,
    UpstreamSpec,
    UpstreamTls,
)
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.edge.tree import Directive
from holdfast.edge.write import show
from holdfast.testing.sites import part

pytestmark = [pytest.mark.real, pytest.mark.needs("nginx")]

SEPARATOR = "␞"


def literals(count: int) -> list[str]:
    """Return strings that try to get out of their word, the same on every run."""
    chooser = random.Random(5)
    alphabet = "{};#'\"\\$ ()~=aé€\u00a0|&<>/n t"
    return ["".join(chooser.choices(alphabet, k=chooser.randint(0, 18))) for _ in range(count)]


def bare(folder: Path, http: tuple[Directive, ...]) -> str:
    """Return a configuration around `http` that an ordinary user can run in `folder`."""
    temp = [Directive(f"{name}_temp_path", (str(folder / name),)) for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")]
    main = (
        Directive("daemon", ("off",)),
        Directive("pid", (str(folder / "nginx.pid"),)),
        Directive("events", (), ()),
        Directive("http", (), (*temp, Directive("access_log", ("off",)), *http)),
    )
    return show(main)


def test_real_nginx_reads_back_the_value_of_every_word(tmp_path: Path) -> None:
    values = literals(2_000)
    port = free_port()
    groups = [range(at, min(at + 100, len(values))) for at in range(0, len(values), 100)]
    geos = tuple(Directive("geo", (f"$v{at}",), (Directive("default", (value,)),)) for at, value in enumerate(values))
    answers = tuple(
        Directive("location", ("=", f"/{at}"), (Directive("return", ("200", SEPARATOR.join(f"${{v{each}}}" for each in group))),))
        for at, group in enumerate(groups)
    )
    server = Directive("server", (), (Directive("listen", (f"127.0.0.1:{port}",)), *answers))
    sizes = (Directive("variables_hash_max_size", ("8192",)), Directive("variables_hash_bucket_size", ("128",)))
    tmp_path.chmod(0o755)
    (tmp_path / "nginx.conf").write_text(bare(tmp_path, (*sizes, *geos, server)))
    process = subprocess.Popen(command(tmp_path), stdin=subprocess.DEVNULL)
    try:
        seen: list[str] = []
        for at in range(len(groups)):
            seen += asked(port, f"/{at}").split(SEPARATOR)
    finally:
        process.terminate()
        process.wait(DEADLINE_S)
    assert seen == values


def asked(port: int, path: str) -> str:
    """Ask until somebody listens."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # the kernel tells nobody when a port begins to listen
        finally:
            connection.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large])
@given(spec=sites(), edge=EDGES)
def test_real_nginx_takes_every_site_that_can_be_declared(tmp_path: Path, spec: SiteSpec, edge: EdgeSpec) -> None:
    ground = Ground(tmp_path)
    slots = {"Process/shop/web": (f"unix:{tmp_path}/web.0", f"unix:{tmp_path}/web.1"), "Process/shop/api": ("127.0.0.1:9",)}
    world = ground.world(edge)
    result = fold([part(spec=spec), part("other")], type(world)(capability=world.capability, places=world.places, edge=edge, slots=slots))
    assert result.failed == {}
    ground.lay(result)
    assert ground.tested() == ""


def test_every_field_at_once_and_every_protocol(tmp_path: Path) -> None:
    spec = SiteSpec(
        hosts=("shop.example.com", "*.shop.example.com"),
        canonical_host="shop.example.com",
        service="web",
        balance=HashSpec(hash="cookie:sid"),
        upstream=UpstreamSpec(
            max_conns=10, tls=UpstreamTls(ca=SecretRef(secret="ca"), certificate=SecretRef(secret="pair"), key=SecretRef(secret="pair"))
        ),
        auth=AuthSpec(basic=BasicAuth(users=SecretRef(secret="users")), mtls=MtlsAuth(ca=SecretRef(secret="ca"))),
        cache=CacheSpec(valid={"any": 1.0}),
        error_pages=(ErrorPageSpec(statuses=(404, 503), page="<p>lost", intercept=True),),
        paths=(
            PathSpec(path="/grpc/", targets=("127.0.0.1:50051",), upstream=UpstreamSpec(protocol="grpc"), strip_prefix=True),
            PathSpec(path="/grpcs", targets=("127.0.0.1:50051",), upstream=UpstreamSpec(protocol="grpc", tls=UpstreamTls())),
            PathSpec(
                path="/php", targets=("127.0.0.1:9001",), upstream=UpstreamSpec(protocol="fastcgi", root="/srv/a b$c", script="/i.php")
            ),
            PathSpec(
                path="/cgi", targets=("127.0.0.1:9001",), upstream=UpstreamSpec(protocol="fastcgi"), strip_prefix=True, cache=CacheSpec()
            ),
        ),
    )
    ground = Ground(tmp_path)
    result = folded(ground, part("web", spec, slots={"web": (f"unix:{tmp_path}/web.0",)}))
    ground.lay(result, {"pair": ground.chain + ground.key})
    assert ground.tested() == ""


def test_an_edge_without_any_site_is_taken(tmp_path: Path) -> None:
    for edge in (
        EdgeSpec(),
        EdgeSpec(unknown_host=UnknownHost(page="<p>who?")),
        EdgeSpec(log=LogSpec(sample=0), trusted_proxies=("10.0.0.0/8",)),
    ):
        ground = Ground(tmp_path)
        ground.lay(folded(ground, edge=edge))
        assert ground.tested() == ""


def test_a_thousand_hosts_are_taken(tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    many = [
        part(f"s{at}", SiteSpec(hosts=(f"h{at}.example.com",), service="web", paths=(PathSpec(path="/api", service="web"),)))
        for at in range(1_000)
    ]
    ground.lay(folded(ground, *many))
    assert ground.tested() == ""
