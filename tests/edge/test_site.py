"""Site: declared in a file, it becomes a Certificate and a part of the edge."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.declare.exclusive import fold_exclusive
from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.edge.certificate import CertificateKind, covers
from holdfast.edge.edge import EdgeKind
from holdfast.edge.part import part_of
from holdfast.edge.site import SiteKind, SitePartKind
from holdfast.model.declaration import Serving
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.live import Observation, Status
from holdfast.model.resource import Desired, Resource
from holdfast.model.state import Facts, State
from holdfast.testing.rendering import Repository
from holdfast.workload.process import ProcessKind

KINDS = Registry(kinds=(SiteKind(), SitePartKind(), CertificateKind(), EdgeKind(), ProcessKind()))
PROCESS = "apiVersion: holdfast.dev/v1alpha1\nkind: Process\nmetadata: {name: web}\nspec: {command: [run], sockets: [{name: http}]}\n"
SITE = "apiVersion: holdfast.dev/v1alpha1\nkind: Site\nmetadata: {name: web}\nspec:\n  hosts: [shop.example.com]\n  service: web\n"


def rendered(*documents: str, **more: Any) -> Desired:
    return Repository({f"{at}.yaml": text for at, text in enumerate(documents)}).render(Renderer(KINDS), **more)


def by_kind(desired: Desired) -> dict[str, Resource]:
    return {resource.id.kind: resource for resource in desired}


def test_a_site_becomes_a_certificate_and_a_part_that_waits_for_it_and_for_its_service() -> None:
    found = by_kind(rendered(PROCESS, SITE))
    assert set(found) == {"Process", "Certificate", "SitePart"}
    assert found["Certificate"].id == ResourceId(HOST, "Certificate", "shop", "web")
    assert found["Certificate"].state.fields == {"hosts": ["shop.example.com"]}
    assert found["SitePart"].needs == {found["Process"].id, found["Certificate"].id}
    assert found["SitePart"].state.fields == {
        "hosts": ["shop.example.com"],
        "service": "web",
        "application": "shop",
        "services": {"Process/shop/web": None},
    }


def test_a_site_that_names_a_certificate_waits_for_that() -> None:
    own = SITE.replace("kind: Site", "kind: Certificate").replace("name: web", "name: own").replace("  service: web\n", "")
    found = rendered(PROCESS, own, SITE + "  certificate: own\n")
    part = by_kind(found)["SitePart"]
    assert ResourceId(HOST, "Certificate", "shop", "own") in part.needs
    assert [str(each.id) for each in found if each.id.kind == "Certificate"] == ["Certificate/shop/own"]


@pytest.mark.parametrize(("how", "kinds"), [("none", {"Process", "SitePart"}), ("selfSigned", {"Process", "SitePart", "Certificate"})])
def test_a_site_says_how_it_is_encrypted(how: str, kinds: set[str]) -> None:
    found = by_kind(rendered(PROCESS, SITE + f"  certificate: {how}\n"))
    assert set(found) == kinds
    if "Certificate" in found:
        assert found["Certificate"].state.fields["issuer"] == how


def test_what_serves_files_follows_the_release_and_nothing_else_does() -> None:
    files = SITE.replace("service: web", "static: {root: public}")
    assert isinstance(by_kind(rendered(files))["SitePart"].state.fields["release"], str)
    assert "release" not in by_kind(rendered(PROCESS, SITE))["SitePart"].state.fields


def test_the_part_reads_back() -> None:
    facts = Facts(values={"slots:Process/shop/web": ["127.0.0.1:4001"]})
    part = part_of(by_kind(rendered(PROCESS, SITE, facts=facts))["SitePart"])
    assert (part.label, part.application, part.spec.hosts) == ("shop/web", "shop", ("shop.example.com",))
    assert part.slots == {"Process/shop/web": ("127.0.0.1:4001",)}
    assert part.origin is not None


def test_two_applications_cannot_have_one_path_of_a_host() -> None:
    first = rendered(PROCESS, SITE)
    second = Repository({"s.yaml": PROCESS + "---\n" + SITE}).render(Renderer(KINDS), application="other", namespace="other")
    found = fold_exclusive([first, second], {})
    assert list(found) == ["shop"]
    (error,) = found["shop"]
    assert "shop.example.com" in error.message
    apart = Repository({"s.yaml": PROCESS + "---\n" + SITE.replace("service: web", "paths: [{path: /api, service: web}]")})
    assert fold_exclusive([first, apart.render(Renderer(KINDS), application="other", namespace="other")], {}) == {}


def test_two_sites_of_one_application_cannot_either() -> None:
    site = SITE.replace("service: web", "targets: ['a:1']")
    (error,) = Repository({"s.yaml": f"{site}---\n{site.replace('name: web', 'name: b')}"}).errors(Renderer(KINDS))
    assert error.startswith("HF1205 ")


@pytest.mark.parametrize(
    ("handle", "status", "message"),
    [
        ({"phase": "serving"}, Status.HEALTHY, ""),
        ({"phase": "serving", "maintenance": True}, Status.SUSPENDED, "in maintenance"),
        ({"phase": "kept", "message": "x is taken"}, Status.DEGRADED, "x is taken"),
        ({"phase": "waiting", "message": "reload in 1s"}, Status.PROGRESSING, "reload in 1s"),
        (None, Status.PROGRESSING, ""),
    ],
)
def test_a_part_is_judged_by_what_nginx_serves(handle: dict[str, str | bool] | None, status: Status, message: str) -> None:
    part = by_kind(rendered(PROCESS, SITE))["SitePart"]
    seen = SitePartKind().health(part, Observation(state=part.state, handle=handle), 0.0)
    assert (seen.status, seen.message) == (status, message)
    assert SiteKind().health(part, Observation(state=None), 0.0).status is Status.MISSING


@pytest.mark.parametrize(
    ("now", "status"), [(10.0, Status.HEALTHY), (59.0, Status.HEALTHY), (61.0, Status.DEGRADED), (90.0, Status.DEGRADED)]
)
def test_a_certificate_in_its_last_third_is_late(now: float, status: Status) -> None:
    resource = by_kind(rendered(PROCESS, SITE))["Certificate"]
    handle = {"not_before": 0.0, "not_after": 90.0}
    assert CertificateKind().health(resource, Observation(state=State.of({}), handle=handle), now).status is status


@pytest.mark.parametrize(("now", "serves"), [(10.0, True), (61.0, True), (89.0, True), (90.0, False)])
def test_a_certificate_serves_as_long_as_it_is_valid_however_late(now: float, serves: bool) -> None:
    resource = by_kind(rendered(PROCESS, SITE))["Certificate"]
    kind = CertificateKind()
    assert isinstance(kind, Serving)
    handle: dict[str, float | str] = {"not_before": 0.0, "not_after": 90.0, "overdue": "not for a.example yet: first: it is down"}
    assert kind.serves(resource, Observation(state=State.of({}), handle=handle), now) is serves
    assert not kind.serves(resource, Observation(state=None, handle=handle), now)
    assert not kind.serves(resource, Observation(state=State.of({})), now)


def test_a_star_stands_for_one_label() -> None:
    names = ("*.example.com", "example.com")
    assert [covers(names, host) for host in ("a.example.com", "example.com", "a.b.example.com", "*.example.com", "b.org")] == [
        True,
        True,
        False,
        True,
        False,
    ]


def test_an_edge_holds_its_ports_alone() -> None:
    edge = "apiVersion: holdfast.dev/v1alpha1\nkind: Edge\nmetadata: {name: edge}\nspec: {http: 8080}\n"
    process = PROCESS.replace("sockets: [{name: http}]", "port: 8080")
    (error,) = Repository({"e.yaml": edge, "p.yaml": process}).errors(Renderer(KINDS))
    assert error.startswith("HF1205 ")
    assert "port" in error
