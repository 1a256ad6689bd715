"""A Site with checks and a breaker from Git, end to end: what a person sees when an application behind it fails, and that it comes back."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from tests.ports import free_port
from tests.real.edge_house import Application
from tests.real.house import house

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "nginx")]
SITE = """\
apiVersion: holdfast.dev/v1alpha1
kind: Edge
metadata: {{ name: edge }}
spec: {{ http: {http}, https: {https}, bind: [127.0.0.1] }}
---
apiVersion: holdfast.dev/v1alpha1
kind: Site
metadata: {{ name: shop }}
spec:
  hosts: [shop.example.test]
  targets: {targets}
  health: {{ path: /ready, interval: 300ms, fails: 2, expect: [200] }}
  breaker: {{ minRequests: 50 }}
"""


def test_a_person_sees_which_target_fails_and_the_edge_explains_who_is_asked() -> None:
    with house() as it, ExitStack() as stack:
        good, bad = (stack.enter_context(Application().serving()) for _ in range(2))
        http, https = free_port(), free_port()
        site = SITE.format(http=http, https=https, targets=json.dumps([good.address, bad.address]))
        it.well_at(it.commit("a site", site_yaml=site))
        after, generations = it.newest(), it.state / "edge" / "generations"
        before = sorted(generations.iterdir())
        bad.answers["/ready"] = (503, {}, "not yet")
        event = it.happened("edge.target_failed", after=after)
        assert (event["data"]["target"], event["data"]["message"], event["data"]["application"]) == (bad.address, "it answers 503", "shop")
        status = it.reach("a Site that is worse", lambda found: found["health"] == "Degraded")
        (part,) = (each for each in status["resources"] if each["id"] == "SitePart/shop/shop")
        assert part["message"] == f"1 of 2 targets failing, left out: {bad.address}: it answers 503"
        assert part["sync"] == "Synced"
        conf = it.state / "edge" / "current" / "nginx.conf"
        explained = it.run("edge", "explain", f"https://shop.example.test:{https}/", "-f", str(conf)).stdout
        assert good.address in explained
        bad.answers.clear()
        it.happened("edge.target_returned", after=after)
        it.well()
        assert sorted(generations.iterdir()) == before
