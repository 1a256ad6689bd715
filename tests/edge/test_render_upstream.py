"""Upstreams: slots of a service, targets by name and address, and who gets a request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.fold import Folded, fold
from holdfast.edge.parse import parse
from holdfast.edge.render_guard import GATE
from holdfast.edge.route_spec import CanaryHeader, CanarySpec, HashSpec, StickySpec, TargetSpec, UpstreamSpec
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.tree import walk
from holdfast.edge.world import World
from holdfast.testing.sites import BOOKWORM, MAINLINE, part, world_at

HOST = ("a.example.com",)
TARGETS = ("10.0.0.1:80", "10.0.0.2:80")


def rendered(world: World | None = None, slots: dict[str, tuple[str, ...]] | None = None, **fields: object) -> Folded:
    spec = SiteSpec(hosts=HOST, **fields)  # type: ignore[arg-type]
    return fold([part(spec=spec, slots=slots)], world or world_at())


def found(folded: Folded, *names: str) -> list[str]:
    """Return directives of these names, as words, in order; of upstreams without the names of their zones."""
    tree = parse("nginx.conf", folded.text.encode()).directives
    return [" ".join((each.name, *each.args)) for each, above in walk(tree) if each.name in names and above and above[-1].name != "http"]


def servers(folded: Folded) -> list[str]:
    """Return who is in the groups of applications; the gate where requests wait is none."""
    tree = parse("nginx.conf", folded.text.encode()).directives
    groups = [each for each, _ in walk(tree) if each.name == "upstream" and each.args != (GATE,)]
    return [" ".join(each.args) for group in groups for each in group.all("server")]


def test_several_slots_are_left_out_when_they_fail_and_asked_again_when_all_are() -> None:
    folded = rendered(slots={"web": ("unix:/run/web.0", "unix:/run/web.1")}, service="web")
    assert servers(folded) == [
        "unix:/run/web.0 max_fails=1 fail_timeout=1s",
        "unix:/run/web.1 max_fails=1 fail_timeout=1s",
        "unix:/run/./web.0 max_fails=0 backup",
        "unix:/run/./web.1 max_fails=0 backup",
    ]


@pytest.mark.parametrize(("address", "second"), [("unix:/run/web.0", "unix:/run/./web.0"), ("127.0.0.1:4001", "127.0.0.1:4001")])
def test_the_only_slot_stands_twice_and_is_never_left_out(address: str, second: str) -> None:
    assert servers(rendered(slots={"web": (address,)}, service="web")) == [f"{address} max_fails=0", f"{second} max_fails=0"]


@pytest.mark.parametrize(
    ("balance", "directive"),
    [
        ("leastConn", ["least_conn"]),
        ("random", ["random two least_conn"]),
        (HashSpec(hash="ip64"), ["hash $holdfast_client consistent"]),
        (HashSpec(hash="header:X-User-Id"), ["hash $http_x_user_id consistent"]),
        (HashSpec(hash="query:user"), ["hash $arg_user consistent"]),
        (HashSpec(hash="uri"), ["hash $request_uri consistent"]),
        ("roundRobin", []),
    ],
)
def test_requests_are_shared_as_it_is_said(balance: object, directive: list[str]) -> None:
    folded = rendered(slots={"web": ("unix:/a", "unix:/b")}, service="web", balance=balance)
    assert found(folded, "least_conn", "random", "hash") == directive
    has_backups = any(line.endswith("backup") for line in servers(folded))
    assert has_backups is (balance in {"leastConn", "roundRobin"})


def test_slots_held_now_win_over_those_of_the_render() -> None:
    world = world_at(slots={"Process/shop/web": ("unix:/new",)})
    assert servers(rendered(world, slots={"web": ("unix:/old",)}, service="web"))[0].startswith("unix:/new ")


def test_a_socket_that_is_named_has_slots_of_its_own() -> None:
    world = world_at(slots={"Process/shop/web": ("unix:/http",), "Process/shop/web#admin": ("unix:/admin",)})
    assert servers(rendered(world, service="web", socket="admin"))[0].startswith("unix:/admin ")


def test_where_nobody_is_held_yet_the_site_says_so_and_nginx_starts() -> None:
    folded = rendered(service="web")
    assert list(folded.notes.values()) == [("shop/web: nobody answers yet",)]
    assert "return 503" in found(folded, "return")


def test_targets_have_weights_backups_and_limits() -> None:
    targets = (TargetSpec(address="10.0.0.1:80", weight=3), TargetSpec(address="[::1]:8080", backup=True))
    folded = rendered(targets=targets, upstream=UpstreamSpec(max_conns=7, keepalive=0))
    assert servers(folded) == [
        "10.0.0.1:80 max_fails=1 fail_timeout=1s max_conns=7 weight=3",
        "[::1]:8080 max_fails=1 fail_timeout=1s max_conns=7 backup",
    ]
    assert "keepalive" not in found(folded, "keepalive")


@pytest.mark.parametrize(
    ("target", "bind", "refused"),
    [
        ("127.0.0.1:443", (), True),
        ("localhost:80", (), True),
        ("[::1]:443", (), True),
        ("10.0.0.1:443", ("10.0.0.1",), True),
        ("127.0.0.1:443", ("10.0.0.1",), False),
        ("127.0.0.1:3000", (), False),
        ("10.0.0.1:443", (), False),
    ],
)
def test_a_target_that_is_the_edge_itself_is_refused(target: str, bind: tuple[str, ...], refused: bool) -> None:
    folded = rendered(world_at(edge=EdgeSpec(bind=bind)), targets=(target,))
    assert [error.code for each in folded.failed.values() for error in each.errors] == (["HF1325"] if refused else [])


def test_names_are_looked_up_by_holdfast_where_nginx_cannot_follow_them() -> None:
    folded = rendered(targets=("web.internal:3000",))
    assert list(folded.notes.values()) == [("web.internal has no address yet", "shop/web: nobody answers yet")]
    world = world_at(resolved={"web.internal": ("10.0.0.7", "2001:db8::7")})
    assert [line.split()[0] for line in servers(rendered(world, targets=("web.internal:3000",)))] == ["10.0.0.7:3000", "[2001:db8::7]:3000"]


def test_names_are_followed_by_an_nginx_that_can() -> None:
    world = world_at(capability=MAINLINE, edge=EdgeSpec(resolvers=("127.0.0.53",)))
    folded = rendered(world, targets=("web.internal:3000",))
    assert servers(folded) == ["web.internal:3000 max_fails=1 fail_timeout=1s resolve"]
    assert found(folded, "resolver") == ["resolver 127.0.0.53 valid=5s"]


def test_a_client_is_remembered_by_a_hash_or_by_nginx_itself() -> None:
    sticky = StickySpec(cookie="lb", max_age=60.0)
    old = rendered(targets=TARGETS, sticky=sticky)
    assert found(old, "hash", "sticky") == ["hash $holdfast_sticky_lb consistent"]
    assert "lb=$request_id; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure" in old.text
    new = rendered(world_at(capability=MAINLINE), targets=TARGETS, sticky=sticky)
    assert found(new, "hash", "sticky") == ["sticky cookie lb expires=60s path=/ httponly secure samesite=lax"]


def test_a_canary_that_nobody_serves_yet_changes_nothing() -> None:
    plain = rendered(targets=TARGETS)
    assert found(rendered(targets=TARGETS, canary=CanarySpec(service="next", percent=50)), "proxy_pass") == found(plain, "proxy_pass")


def test_a_share_is_drawn_by_client() -> None:
    folded = rendered(targets=TARGETS, canary=CanarySpec(targets=("10.0.0.9:80",), percent=12.5, header=CanaryHeader(value="default")))
    tree = parse("nginx.conf", folded.text.encode()).directives
    (split,) = [each for each, _ in walk(tree) if each.name == "split_clients"]
    assert (split.args[0], [each.name for each in split.block or ()]) == ("$holdfast_client", ["12.5%", "*"])
    (asked,) = [each for each, _ in walk(tree) if each.name == "map" and each.args[0] == "$http_x_canary"]
    assert [each.name for each in asked.block or ()] == ["\\default", "\\never", "default"]


def test_the_same_backend_is_one_group_and_other_options_make_another() -> None:
    spec = SiteSpec(hosts=HOST, targets=TARGETS)
    one = fold([part(spec=spec)], world_at())
    assert one.text.count("        zone ") == 1
    names = [each.args for each, _ in walk(parse("x", one.text.encode()).directives) if each.name == "upstream"]
    again = fold([part(spec=replace(spec, max_body=5))], world_at())
    assert [each.args for each, _ in walk(parse("x", again.text.encode()).directives) if each.name == "upstream"] == names


def test_endpoints_come_and_go_under_one_name() -> None:
    """The name of a group stays, so that nginx keeps what it counted."""

    def name(*addresses: str) -> tuple[str, ...]:
        tree = parse("x", rendered(slots={"web": addresses}, service="web").text.encode()).directives
        return next(each.args for each, _ in walk(tree) if each.name == "upstream")

    assert name("unix:/a") == name("unix:/a", "unix:/b")


def test_the_capability_of_this_module_is_debians() -> None:
    assert (BOOKWORM.has_sticky, MAINLINE.has_sticky) == (False, True)
