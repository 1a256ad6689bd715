"""Replicas with sockets of their own behind the edge: nobody is sent to one that is about to go, whether it is replaced or taken away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.house import WEB, house
from tests.real.test_edge_up import HOST, Edge, Visitors

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
spec: {{ hosts: [{host}], service: web }}
"""
PROCESSES = """\
apiVersion: holdfast.dev/v1alpha1
kind: Process
metadata: {{ name: web }}
spec:
  command: [python3, web.py]
  replicas: {replicas}
  sockets: [{{ name: http }}]
  probes: {{ readiness: {{ http: {{ path: / }} }} }}
"""


@pytest.fixture
def edge() -> Iterator[Edge]:
    with house() as it:
        yield Edge(it)


def commit(edge: Edge, version: str, replicas: int) -> str:
    site = SITE.format(http=edge.http, https=edge.https, host=HOST)
    processes = PROCESSES.format(replicas=replicas)
    return edge.house.commit(f"version {version}", web_py=WEB.format(version=version), processes_yaml=processes, site_yaml=site)


def test_nobody_is_sent_to_a_replica_that_is_about_to_go(edge: Edge) -> None:
    it = edge.house
    it.well_at(commit(edge, "1", 2))
    assert edge.ask()["version"] == "1"
    with Visitors(edge) as visitors:
        it.well(commit(edge, "2", 2))
        it.well(commit(edge, "3", 3))
        it.well(commit(edge, "3", 1))
    assert visitors.failures == []
    assert visitors.answers > 0
    assert edge.ask()["version"] == "3"
