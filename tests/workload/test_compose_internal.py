"""Networks of a compose file that nobody needs as a way out are made internal, and nobody loses the last way by it."""

from __future__ import annotations

import pytest
from tests.workload.compose_files import read, scope

from holdfast.model.labels import ADOPT


def internal(text: str, **annotations: str) -> set[str]:
    """Return the networks that are internal."""
    reading = read(f"name: shop\n{text}", where=scope(annotations=annotations))
    assert reading.errors == ()
    return {each.name for each in reading.declarations if each.kind == "Network" and each.spec.internal}


SERVICES = """
services:
  web: {{ image: "web:1", networks: [{web}], ports: ["127.0.0.1:8080:80"] }}
  db: {{ image: "postgres:16", networks: [back]{db} }}
networks: {{ front: {{}}, back: {{{back}}}, other: {{}} }}
"""


def test_the_network_of_a_database_is_shut_where_the_rest_has_another_way() -> None:
    text = SERVICES.format(web="front, back", db="", back="")
    assert internal(text) == {"back"}
    (warning,) = [each for each in read(f"name: shop\n{text}").warnings if each.reason == "MadeInternal"]
    assert "network back is made internal" in warning.message
    assert warning.origin is not None
    assert warning.origin.line == 6


@pytest.mark.parametrize(
    ("web", "db", "back", "why"),
    [
        ("back", "", "", "the web program has no other way out"),
        ("front, back", "", "internal: false", "the file says so"),
        ("front, back", "", "external: true", "it is somebody else's"),
        ("front, back", "", "driver: macvlan", "it is of another kind"),
        ("front, back", ', ports: ["127.0.0.1:5432:5432"]', "", "it publishes, which an internal network cannot"),
    ],
)
def test_what_somebody_needs_stays_open(web: str, db: str, back: str, why: str) -> None:
    assert internal(SERVICES.format(web=web, db=db, back=back)) == set(), why


def test_what_is_said_counts_and_is_no_news() -> None:
    text = SERVICES.format(web="front, back", db="", back="internal: true")
    assert internal(text) == {"back"}
    assert [each for each in read(f"name: shop\n{text}").warnings if each.reason == "MadeInternal"] == []


def test_a_database_on_two_networks_keeps_the_one_that_leads_out() -> None:
    services = '{db: {image: "redis:7", networks: [one, two]}, web: {image: "web:1", networks: [two]}}'
    assert internal(f"services: {services}\nnetworks: {{one: , two: }}\n") == set()


def test_two_inner_networks_are_no_way_out_of_each_other() -> None:
    services = (
        '{a: {image: "redis:7", networks: [one]}, b: {image: "postgres:16", networks: [two]}, web: {image: "web:1", networks: [one, two]}}'
    )
    assert internal(f"services: {services}\nnetworks: {{one: , two: }}\n") == set()


def test_who_lives_in_the_network_of_a_database_keeps_its_way_out() -> None:
    text = SERVICES.format(web="front, back", db="", back="").replace(
        "services:", 'services:\n  backup: { image: "backup:1", network_mode: "service:db" }'
    )
    assert internal(text) == set()


def test_what_is_taken_over_stays_as_it_is() -> None:
    text = SERVICES.format(web="front, back", db="", back="")
    assert internal(text, **{ADOPT: "true"}) == set()
