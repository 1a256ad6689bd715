"""What is claimed of databases in containers, of whom, and where nobody could look."""

from __future__ import annotations

import pytest

from holdfast.declare.registry import Registry
from holdfast.declare.render import Renderer
from holdfast.declare.request import RenderRequest
from holdfast.model.declaration import Ask
from holdfast.model.ids import ResourceId
from holdfast.model.proof import Claim
from holdfast.model.resource import Desired
from holdfast.testing.rendering import Repository
from holdfast.workload.compose.format import Compose
from holdfast.workload.container import ContainerKind
from holdfast.workload.ground import Ground
from holdfast.workload.network import NetworkKind
from holdfast.workload.volume import VolumeKind

UNIX = "unix:///var/run/docker.sock"
ABLE, UNABLE = Ground(), Ground(namespaces="only root can")
COMPOSE = """
name: shop
services:
  web: {{ image: "web:1", depends_on: [db], networks: [front, back], deploy: {{ replicas: {replicas} }} }}
  other: {{ image: "web:1", networks: [front] }}
  db: {{ image: "{image}", networks: [back]{more} }}
networks: {{ front: , back: }}
"""


def rendered(image: str = "postgres:16", more: str = "", *, ground: Ground | None = ABLE, at: str = UNIX, replicas: int = 1) -> Desired:
    kinds = (ContainerKind(is_reached=True, ground=ground), NetworkKind(is_reached=True, ground=ground), VolumeKind(is_reached=True))
    registry = Registry(kinds=kinds, formats=(Compose(is_reached=True),))
    text = COMPOSE.format(image=image, more=more, replicas=replicas)
    return Repository({"compose.yaml": text}).render(Renderer(registry), destination=at, allowed=frozenset({"waivers"}))


def claims(desired: Desired, name: str = "db", at: str = UNIX) -> tuple[Claim, ...]:
    found = desired.get(ResourceId(at, "Container", "shop", name))
    assert found is not None
    return found.claims


def test_a_database_is_claimed_to_be_closed_and_open_to_who_depends_on_it() -> None:
    closed, opened = claims(rendered())
    assert (closed.text, closed.method) == ("port 5432 is closed to other networks", "closed")
    assert closed.target == {"container": [UNIX, "Container", "shop", "db"], "ports": [5432]}
    assert (opened.text, opened.method) == ("port 5432 is open to Container/shop/web", "open")
    assert opened.target["client"] == [UNIX, "Container", "shop", "web"]
    assert claims(rendered(), "web") == ()


def test_of_several_who_depend_on_it_the_first_one_looks() -> None:
    assert claims(rendered(replicas=2))[1].target["client"] == [UNIX, "Container", "shop", "web.0"]


@pytest.mark.parametrize(
    ("image", "more", "port"),
    [
        ("redis:7", "", "port 6379"),
        ("bitnami/mongodb:7", "", "port 27017"),
        ("mariadb:11", "", "port 3306"),
        ("postgres:16", ', expose: ["5433"]', "port 5433"),
        ("redis:7", ', expose: ["6379", "6380/tcp"]', "ports 6379, 6380"),
    ],
)
def test_the_port_is_what_is_exposed_else_what_the_image_is_known_for(image: str, more: str, port: str) -> None:
    assert claims(rendered(image, more))[0].text.startswith(f"{port} ")


@pytest.mark.parametrize("image", ["web:1", "firebird:5"])
def test_what_is_no_database_or_has_no_known_port_claims_nothing(image: str) -> None:
    assert claims(rendered(image)) == ()


def test_claims_are_made_where_somebody_can_look() -> None:
    assert claims(rendered(ground=None)) == claims(rendered(ground=UNABLE)) == ()
    far = "ssh://ops@far"
    assert claims(rendered(at=far), at=far) == ()
    assert "NothingToProve" in {each.reason for each in rendered(ground=UNABLE).warnings}


def test_a_reviewed_waiver_is_no_secret_that_a_look_gives_away() -> None:
    waiver = "{rule: HF1440, owner: ann, reason: a replica, expires: 2999-01-01}"
    more = f', ports: ["5432:5432"], x-holdfast: {{ waivers: [{waiver}] }}'
    text = COMPOSE.format(image="postgres:16", more=more, replicas=1)
    kinds = (ContainerKind(is_reached=True, ground=ABLE), NetworkKind(is_reached=True), VolumeKind(is_reached=True))
    registry = Registry(kinds=kinds, formats=(Compose(is_reached=True),))

    class Dated(Repository):
        def answer(self, ask: Ask, request: RenderRequest) -> bytes | None:
            return b"2026-06-30" if ask.what == "today" else super().answer(ask, request)

    desired = Dated({"compose.yaml": text}).render(Renderer(registry), destination=UNIX, allowed=frozenset({"waivers"}))
    assert {each.method for each in claims(desired)}.isdisjoint({"closed", "open"})
