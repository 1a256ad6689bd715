"""Part: what a path takes over from its Site, and states that read back as what was declared."""

from __future__ import annotations

import json

from hypothesis import given
from tests.edge.generate import sites

from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.part import KIND, Part, fields_of, part_of, service_id
from holdfast.edge.route_spec import (
    Backend,
    CanarySpec,
    RateLimitSpec,
    SecretRef,
    StaticSpec,
    TimeoutsSpec,
)
from holdfast.edge.site_spec import PathSpec, SiteSpec
from holdfast.edge.typed import read, secrets, write
from holdfast.kit.canonical import canonical
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Resource
from holdfast.model.state import Facts, State
from holdfast.testing.sites import part

ID = ResourceId(HOST, KIND, "shop", "web")


def routes(spec: SiteSpec) -> dict[str, PathSpec | SiteSpec]:
    return {path.path: path.route for path in part(spec=spec).paths}  # type: ignore[misc]


def test_a_path_takes_over_what_it_does_not_say() -> None:
    site = SiteSpec(
        hosts=("a.b",),
        service="web",
        max_body=5,
        timeouts=TimeoutsSpec(read=60.0, connect=1.0),
        canary=CanarySpec(service="next", percent=5),
        rate_limit=(RateLimitSpec(rate="1r/s"),),
        paths=(
            PathSpec(path="/slow", timeouts=TimeoutsSpec(read=300.0)),
            PathSpec(path="/api", service="api"),
            PathSpec(path="/free", rate_limit=()),
            PathSpec(path="/files", static=StaticSpec()),
        ),
    )
    found = routes(site)
    assert list(found) == ["/slow", "/api", "/free", "/files", "/"]
    assert (found["/slow"].service, found["/slow"].timeouts, found["/slow"].max_body) == ("web", TimeoutsSpec(read=300.0, connect=1.0), 5)
    assert found["/slow"].canary == site.canary
    assert (found["/api"].canary, found["/api"].rate_limit) == (None, site.rate_limit)
    assert found["/free"].rate_limit == ()
    assert (found["/files"].service, found["/files"].targets) == (None, ())


def test_a_site_that_says_its_root_as_a_path_has_one_root() -> None:
    site = SiteSpec(hosts=("a.b",), service="web", paths=(PathSpec(path="/", static=StaticSpec()),))
    assert [(path.path, path.route.static is not None) for path in part(spec=site).paths] == [("/", True)]


def test_a_service_is_named_whole() -> None:
    for written, whole in (("web", "Process/shop/web"), ("Container/db", "Container/shop/db"), ("Process/other/web", "Process/other/web")):
        assert service_id(Backend(service=written), ID) == whole
    assert service_id(Backend(service="web", socket="admin"), ID) == "Process/shop/web#admin"
    assert service_id(Backend(targets=("a:1",)), ID) is None


def stored(spec: SiteSpec, facts: Facts = Facts(), release: str | None = None) -> Part:  # noqa: B008 - frozen
    """Return the part as it is read from a state that went through text."""
    fields = json.loads(canonical(fields_of(spec, facts, ID, "shop", release)))
    return part_of(Resource(id=ID, state=State.of(fields)))


@given(sites())
def test_a_state_reads_back_as_what_was_declared(spec: SiteSpec) -> None:
    found = stored(spec)
    assert (found.spec, found.application) == (spec, "shop")


def test_what_holdfast_allocated_stands_in_the_state() -> None:
    spec = SiteSpec(hosts=("a.b",), service="web", canary=CanarySpec(service="next"))
    known = Facts(values={"slots:Process/shop/web": ["unix:/run/web.0"]})
    found = stored(spec, known, release="abc")
    assert found.slots == {"Process/shop/web": ("unix:/run/web.0",)}
    assert found.release == "abc"
    assert found.digest != stored(spec, release="abc").digest


def test_a_secret_stands_with_its_fingerprint_and_changes_the_state() -> None:
    spec = EdgeSpec(client_ca=SecretRef(secret="ca"))
    one, two = write(EdgeSpec, spec, {}), write(EdgeSpec, spec, {"ca": "f1"})
    assert one == {"clientCa": {"secret": "ca", "fingerprint": None}}
    assert two == {"clientCa": {"secret": "ca", "fingerprint": "f1"}}
    assert list(secrets(two)) == ["ca"]
    assert read(EdgeSpec, two) == spec
