"""Fold: the parts of all Applications become one configuration; who fails, fails alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.generate import EDGES, sites

from holdfast.edge.capability import Capability
from holdfast.edge.directive import check
from holdfast.edge.edge_spec import EdgeSpec, EdgeTls
from holdfast.edge.fold import Folded, fold
from holdfast.edge.parse import parse
from holdfast.edge.part import Part
from holdfast.edge.review import review
from holdfast.edge.route_spec import UpstreamSpec
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.edge.tree import Directive, walk
from holdfast.edge.write import show
from holdfast.errors import DeclarationError
from holdfast.testing.sites import BOOKWORM, MAINLINE, part, world_at

WORLD = world_at(slots={"Process/shop/web": ("unix:/run/web.0", "unix:/run/web.1"), "Process/shop/api": ("127.0.0.1:9",)})
CAPABILITIES = st.sampled_from([BOOKWORM, MAINLINE])


def tree(folded: Folded) -> tuple[Directive, ...]:
    return parse("nginx.conf", folded.text.encode()).directives


def names(folded: Folded) -> list[str]:
    """Return the hosts that are answered, by server, without the redirects and refusals."""
    found = []
    for server, _ in walk(tree(folded)):
        if (
            server.name == "server"
            and server.block
            and any(each.args[0] == "$holdfast_revision" and each.args[1] for each in server.all("set"))
        ):
            found += [" ".join(each.args) for each in server.all("server_name")]
    return found


def told(folded: Folded) -> dict[str, list[str]]:
    return {
        id.name: [f"{error.code} {' '.join(map(str, error.where))}: {error.message}" for error in refusal.errors]
        for id, refusal in folded.failed.items()
    }


@given(sites(), EDGES, CAPABILITIES)
def test_any_site_gives_what_this_nginx_takes(spec: SiteSpec, edge: EdgeSpec, capability: Capability) -> None:
    folded = fold([part(spec=spec)], replace(WORLD, edge=edge, capability=capability))
    assert folded.failed == {}
    assert list(check(tree(folded), capability)) == []


@given(sites(), CAPABILITIES)
def test_what_is_rendered_reads_back_as_itself(spec: SiteSpec, capability: Capability) -> None:
    folded = fold([part(spec=spec)], replace(WORLD, capability=capability))
    assert show(tree(folded)) == "".join(line + "\n" for line in folded.text.splitlines() if not line.lstrip().startswith("# "))


@given(sites(), CAPABILITIES)
def test_our_own_configuration_has_no_finding(spec: SiteSpec, capability: Capability) -> None:
    """But for what a team may turn off: the header preset, kept connections, WebSockets, limits."""
    folded = fold([part(spec=spec)], replace(WORLD, capability=capability))
    found = review({"nginx.conf": parse("nginx.conf", folded.text.encode())}, capability)
    assert [each for each in found if each.rule not in {"limits", "security-headers", "websocket", "upstream-keepalive"}] == []


def test_a_plain_site_has_no_finding_but_that_it_limits_nobody() -> None:
    """How often a client may ask is for the team to say."""
    for capability in (BOOKWORM, MAINLINE):
        folded = fold([part()], replace(WORLD, capability=capability))
        found = review({"nginx.conf": parse("nginx.conf", folded.text.encode())}, capability)
        assert [(each.rule, each.message) for each in found] == [
            ("limits", "it is left to nginx's defaults how often a client may ask (always)")
        ]


@given(st.permutations([part("a"), part("b"), part("c", SiteSpec(hosts=("a.example.com",), service="web"))]))
def test_order_makes_no_difference(parts: list[Part]) -> None:
    one, other = fold(parts, WORLD), fold(sorted(parts, key=lambda each: each.id), WORLD)
    assert (one.text, told(one)) == (other.text, told(other))


def test_the_generation_is_the_text_and_its_pages() -> None:
    one, two = fold([part("a")], WORLD), fold([part("b")], WORLD)
    assert one.generation in one.text
    assert one.generation != two.generation
    assert one.generation == fold([part("a")], WORLD).generation


def test_a_file_that_only_moved_changes_nothing() -> None:
    one = part("a")
    assert one.origin is not None
    moved = replace(one, origin=replace(one.origin, line=99, revision="d" * 40))
    assert fold([moved], WORLD).text == fold([one], WORLD).text


def test_two_sites_cannot_have_one_path_of_a_host() -> None:
    first, second = (
        part("a", SiteSpec(hosts=("x.example.com",), service="web")),
        part("b", SiteSpec(hosts=("x.example.com",), service="api")),
    )
    folded = fold([second, first], WORLD)
    assert told(folded) == {"b": ["HF1320 b.yaml:3 a.yaml:3: cannot serve Site shop/b: x.example.com/ is taken by Site shop/a"]}
    assert names(folded) == ["x.example.com"]


def test_who_holds_a_path_keeps_it_from_a_newcomer_with_an_earlier_name() -> None:
    spec = SiteSpec(hosts=("x.example.com",), service="web")
    holder, newcomer = part("b", spec), part("a", spec)
    folded = fold([newcomer, holder], WORLD, good={holder.id: holder})
    assert list(told(folded)) == ["a"]
    assert folded.served[holder.id] == holder


def test_a_host_moves_in_one_go() -> None:
    """One Site gives a host up and another takes it, whatever their names."""
    old = part("b", SiteSpec(hosts=("x.example.com", "b.example.com"), service="web"))
    new, taker = part("b", SiteSpec(hosts=("b.example.com",), service="web")), part("a", SiteSpec(hosts=("x.example.com",), service="web"))
    folded = fold([taker, new], WORLD, good={old.id: old})
    assert folded.failed == {}
    assert names(folded) == ["x.example.com", "b.example.com"]


def test_a_part_that_fails_alone_keeps_its_last_good_version() -> None:
    good = part("a", SiteSpec(hosts=("a.example.com",), service="web"))
    bad = part("a", SiteSpec(hosts=("a.example.com",), service="web", paths=(PathSpec(path="/big", redirect=None, service="x" * 5_000),)))
    bad = replace(bad, slots={f"Process/shop/{'x' * 5_000}": ("unix:/" + "y" * 5_000,)})
    folded = fold([bad, part("c")], WORLD, good={good.id: good})
    assert list(told(folded)) == ["a"]
    assert folded.failed[good.id].is_kept
    assert folded.served[good.id] == good
    assert names(folded) == ["a.example.com", "c.example.com"]


def test_without_a_good_version_it_is_left_out() -> None:
    bad = replace(part("a"), slots={"Process/shop/web": ("unix:/" + "y" * 5_000,)})
    folded = fold([bad, part("c")], replace(WORLD, slots={}))
    assert told(folded)["a"][0].startswith("HF1324 a.yaml:3: cannot serve Site shop/a: a value cannot be written")
    assert names(folded) == ["c.example.com"]


def test_what_nginx_itself_refused_steps_back_too() -> None:
    good, new = part("a"), part("a", SiteSpec(hosts=("a.example.com",), service="api"))
    error = DeclarationError("HF1324", "cannot serve Site shop/a: nginx says no")
    folded = fold([new], WORLD, good={good.id: good}, refused={new.id: error})
    assert folded.served == {good.id: good}
    assert folded.failed[new.id].errors == (error,)


def test_sites_share_a_host_by_paths() -> None:
    shop = part("a", SiteSpec(hosts=("x.example.com", "y.example.com"), service="web"))
    api = part("b", SiteSpec(hosts=("x.example.com",), paths=(PathSpec(path="/api", service="api"),)))
    folded = fold([api, shop], WORLD)
    assert folded.failed == {}
    assert sorted(names(folded)) == ["x.example.com", "y.example.com"]
    server = next(
        each
        for each, _ in walk(tree(folded))
        if each.all("server_name") == (Directive("server_name", ("x.example.com",)),) and each.all("location")[1:]
    )
    assert [each.args for each in server.all("location") if "holdfast" not in each.args[-1]] == [("/",), ("=", "/api"), ("^~", "/api/")]
    revisions = {each.args[1] for inner in server.all("location") for each in inner.all("set") if each.args[0] == "$holdfast_revision"}
    assert revisions == {api.digest[:12]}


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (SiteSpec(hosts=("x.example.com",), certificate="none", paths=(PathSpec(path="/b", service="api"),)), "whether it is encrypted"),
        (SiteSpec(hosts=("x.example.com",), certificate="own", paths=(PathSpec(path="/b", service="api"),)), "the certificate"),
        (SiteSpec(hosts=("x.example.com",), redirect_http=False, paths=(PathSpec(path="/b", service="api"),)), "the redirect to HTTPS"),
        (
            SiteSpec(hosts=("x.example.com",), canonical_host="x.example.com", paths=(PathSpec(path="/b", service="api"),)),
            "the canonical host",
        ),
    ],
)
def test_sites_that_share_a_host_agree_about_it(other: SiteSpec, reason: str) -> None:
    folded = fold([part("a", SiteSpec(hosts=("x.example.com",), service="web")), part("b", other)], WORLD)
    assert told(folded) == {"b": [f"HF1321 b.yaml:3: cannot serve Site shop/b: {reason} of x.example.com is settled by Site shop/a"]}


def test_a_certificate_must_be_for_the_host() -> None:
    spec = SiteSpec(hosts=("a.example.com", "b.example.org"), certificate="shared", service="web")
    world = replace(WORLD, certificates={"shop/shared": ("*.example.com",)})
    assert told(fold([part(spec=spec)], world))["web"] == [
        "HF1322 web.yaml:3: cannot serve Site shop/web: Certificate shared is not for b.example.org"
    ]
    assert fold([part(spec=spec)], WORLD).failed == {}


def test_what_this_nginx_cannot_do_is_said_with_its_place() -> None:
    site = replace(part().spec, upstream=UpstreamSpec(protocol="h2"))
    assert told(fold([part(spec=site)], WORLD))["web"] == [
        "HF1323 web.yaml:3: cannot serve Site shop/web: nginx 1.22.1-9+deb12u11, OpenSSL 3.0.19 speaks no HTTP/2 to applications"
    ]
    assert fold([part(spec=site)], replace(WORLD, capability=MAINLINE)).failed == {}


def test_an_edge_that_cannot_be_is_nobodys_fault() -> None:
    world = replace(WORLD, capability=replace(BOOKWORM, openssl=(1, 1, 0)), edge=EdgeSpec(tls=EdgeTls(profile="modern")))
    with pytest.raises(DeclarationError, match="cannot run the Edge"):
        fold([], world)


def test_every_line_has_its_owner() -> None:
    a, b = part("a"), part("b")
    folded = fold([a, b], WORLD)
    lines = folded.text.splitlines()
    for name, one in (("a", a), ("b", b)):
        line = next(at for at, text in enumerate(lines, 1) if text.strip() == f"server_name {name}.example.com;" and folded.owners(at))
        assert folded.owners(line) == (one.id,)
    assert folded.owners(1) == ()
    assert folded.owners(len(lines)) == ()


def test_without_any_site_hosts_are_refused() -> None:
    folded = fold([], WORLD)
    assert "ssl_reject_handshake on;" in folded.text
    assert "return 444;" in folded.text
    assert folded.served == {}


def test_what_must_be_there_is_named() -> None:
    spec = SiteSpec(hosts=("a.example.com",), service="web")
    folded = fold([part("a", replace(spec, maintenance=replace(spec.maintenance, enabled=True)))], WORLD)
    (flag,) = folded.flags
    assert flag in folded.text
    assert folded.certificates == {("shop", "a")}
    assert list(folded.pages) == [name for name in folded.pages if name in folded.text]
