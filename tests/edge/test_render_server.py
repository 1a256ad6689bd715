"""Servers: whatever a value holds, it stays a value."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from tests.edge.generate import HOSTILE

from holdfast.edge.fold import fold
from holdfast.edge.parse import parse
from holdfast.edge.route_spec import (
    AuthSpec,
    BasicAuth,
    CanaryCookie,
    CanaryHeader,
    CanarySpec,
    ErrorPageSpec,
    HeadersSpec,
    MaintenanceSpec,
    RequestHeadersSpec,
    SecretRef,
    StaticSpec,
    UpstreamSpec,
    UpstreamTls,
)
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.edge.tree import Directive
from holdfast.edge.world import Places, key, literal, seconds
from holdfast.testing.sites import part, world_at

WORLD = world_at(slots={"Process/shop/web": ("unix:/run/web.0",)})


def with_value(value: str) -> SiteSpec:
    """Return a Site that holds a value in every field that takes text."""
    return SiteSpec(
        hosts=("a.example.com",),
        service="web",
        headers=HeadersSpec(set={"X-Set": value}),
        request_headers=RequestHeadersSpec(set={"X-Asked": value}),
        upstream=UpstreamSpec(host=value, tls=UpstreamTls(server_name=value, ca=SecretRef(secret=value.replace("/", "") or "x"))),
        auth=AuthSpec(basic=BasicAuth(users=SecretRef(secret=value.replace("/", "") or "x"), realm=value)),
        canary=CanarySpec(service="web", percent=5, header=CanaryHeader(value=value), cookie=CanaryCookie(name="c", value=value)),
        maintenance=MaintenanceSpec(page=value),
        error_pages=(ErrorPageSpec(statuses=(404,), page=value),),
        paths=(
            PathSpec(path="/files", static=StaticSpec(root=value.strip("/") or "x", index=value, spa=True)),
            PathSpec(path="/php", targets=("127.0.0.1:9000",), upstream=UpstreamSpec(protocol="fastcgi", root=value)),
        ),
    )


def skeleton(directives: tuple[Directive, ...]) -> list[str]:
    """Return names and numbers of arguments, without what is another's value. Names with digests in them make an order of their own."""
    found = []
    for each in directives:
        inner = "" if each.block is None else str(len(each.block) if each.name == "map" else skeleton(each.block))
        found.append(f"{each.name} {len(each.args)} {inner}")
    return sorted(found)


def tree(spec: SiteSpec) -> tuple[Directive, ...]:
    folded = fold([part(spec=spec)], WORLD)
    assert folded.failed == {}
    return parse("nginx.conf", folded.text.encode()).directives


PLAIN = skeleton(tree(with_value("plain")))


@given(HOSTILE)
def test_a_value_changes_nothing_but_itself(value: str) -> None:
    assert skeleton(tree(with_value(value))) == PLAIN


def test_a_dollar_in_a_value_is_never_a_variable() -> None:
    assert literal("a$host${uri}$") == "a${holdfast_dollar}host${holdfast_dollar}{uri}${holdfast_dollar}"


def test_names_are_readable_and_no_others() -> None:
    assert key("shop/web:/api").startswith("shop_web_api_")
    assert key("a-b") != key("a_b")
    assert len(key("x" * 500)) <= 49
    assert key("ü{};") != key("ä{};")


@pytest.mark.parametrize(("time", "text"), [(1.0, "1s"), (0.25, "250ms"), (90.0, "90s"), (0.0, "0s"), (1.5, "1500ms")])
def test_durations_are_written_as_nginx_reads_them(time: float, text: str) -> None:
    assert seconds(time) == text


@pytest.mark.parametrize("folder", ["relative", "/a$b", '/a"b', "/a\nb", "/a'b"])
def test_a_folder_that_nginx_would_misread_is_refused(folder: str) -> None:
    with pytest.raises(ValueError, match="cannot keep the edge in"):
        replace(Places(root="/var/lib/holdfast/edge"), root=folder)


def test_a_secret_lies_under_a_plain_name() -> None:
    places = Places(root="/e")
    assert places.secret("users.txt") == "/e/secrets/users.txt"
    assert places.secret("..").startswith("/e/secrets/_") or "/.." not in places.secret("..")
    assert "$" not in places.secret("a$b")
