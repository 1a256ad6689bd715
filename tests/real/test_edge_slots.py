"""Replicas with sockets of their own behind the edge: replaced, added and taken away without a word to nginx, and nobody is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.house import house
from tests.real.rolling import POLITE, Patrons, processes_of
from tests.real.test_edge_up import HOST, Edge

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "nginx")]

SITE = """\
apiVersion: holdfast.dev/v1alpha1
kind: Edge
metadata: {{ name: edge }}
spec: {{ http: {http}, https: {https}, bind: [127.0.0.1], shutdownTimeout: 5s }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Site
metadata: {{ name: shop }}
spec: {{ hosts: [{host}], certificate: none, {answer} }}
"""
PROCESSES = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: web }}
spec:
  command: [python3, web.py]
  replicas: {replicas}
  sockets: [{{ name: http }}]
  probes: {{ readiness: {{ http: {{ path: / }}, period: 200ms }} }}
"""


@pytest.fixture
def edge() -> Iterator[Edge]:
    with house() as it:
        yield Edge(it)


def commit(edge: Edge, version: str, replicas: int, answer: str = "service: web") -> str:
    return edge.house.commit(
        f"version {version}, {replicas} replicas",
        web_py=POLITE.format(version=version),
        processes_yaml=PROCESSES.format(replicas=replicas),
        site_yaml=edge_site(edge, answer),
    )


def edge_site(edge: Edge, answer: str) -> str:
    return SITE.format(http=edge.http, https=edge.https, host=HOST, answer=answer)


def reloads(edge: Edge) -> int:
    events = edge.house.client.get("/v1/events", limit=10_000)["data"]["events"]
    return sum(event["type"] == "edge.reloaded" for event in events)


def test_replicas_are_replaced_added_and_taken_away_without_a_reload_and_nobody_is_lost(edge: Edge) -> None:
    it = edge.house
    it.well_at(commit(edge, "1", 2))
    master, before = it.resource("Edge/shop/edge")["live"]["pid"], reloads(edge)
    processes = processes_of(master)
    with Patrons(edge.http, HOST) as patrons:
        it.well(commit(edge, "2", 2))
        it.well(commit(edge, "2", 3))
        it.well(commit(edge, "3", 1))
        it.well(commit(edge, "3", 4))
    assert patrons.failures == []
    assert patrons.versions == {"1", "2", "3"}
    assert min(patrons.answers.values()) > 100
    assert processes_of(master) == processes
    assert reloads(edge) == before


def test_who_cannot_find_out_is_told_of_the_replicas_that_there_are(edge: Edge) -> None:
    it = edge.house
    it.well_at(commit(edge, "1", 1, "service: web, balance: {hash: uri}"))
    with Patrons(edge.http, HOST) as patrons:
        it.well(commit(edge, "2", 3, "service: web, balance: {hash: uri}"))
    assert [failure for failure in patrons.failures if "ValueError" in failure] == []
    assert patrons.versions >= {"1", "2"}
