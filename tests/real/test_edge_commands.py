"""The commands for the edge, end to end: a Site from Git, a real daemon and nginx, and what people see and do without a reload."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from tests.real.house import house
from tests.real.rolling import Patrons, processes_of
from tests.real.test_edge_slots import commit, edge_site, reloads
from tests.real.test_edge_up import HOST, Edge

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "nginx")]


@pytest.fixture
def edge() -> Iterator[Edge]:
    with house() as it:
        yield Edge(it)


def the_site(edge: Edge) -> dict[str, Any]:
    (site,) = edge.house.answer("edge", "status")["data"]["sites"]
    return dict(site)


def test_a_pause_loses_nobody_and_maintenance_outlives_the_daemon_both_without_a_reload(edge: Edge) -> None:
    it = edge.house
    it.well_at(commit(edge, "1", 2))
    master, before = it.resource("Edge/shop/edge")["live"]["pid"], reloads(edge)
    processes = processes_of(master)
    site = the_site(edge)
    assert (site["serves"], site["certificate"], site["drift"]) == ("application", None, {"files": None, "memory": None, "wire": None})
    assert [peer["state"] for peer in site["peers"]].count("serves") == 2
    assert [peer["state"] for peer in site["peers"]].count("free") == 2

    with Patrons(edge.http, HOST) as patrons:
        it.answer("edge", "pause", "shop", "on")
        it.until("requests wait", lambda: the_site(edge)["waiting"] == 4)
        answered = patrons.answers.total()
        assert the_site(edge)["serves"] == "pause"
        assert patrons.answers.total() == answered
        it.answer("edge", "pause", HOST, "off")
        it.until("they go on", lambda: patrons.answers.total() > answered + 20)
    assert patrons.failures == []

    it.answer("edge", "maintenance", "Site/shop/shop", "on", "--message", "Back soon")
    it.reach("suspended", lambda status: "Suspended" in [each["health"] for each in status["resources"]])
    with Patrons(edge.http, HOST, count=1, most=3) as turned_away:
        turned_away.join()
    assert turned_away.answers.total() == 0
    assert len(turned_away.failures) == 3
    it.end()
    offline = the_site(edge)
    assert (offline["serves"], offline["closed"]["message"]) == ("maintenance", "Back soon")
    it.up()
    it.reach("synced again", lambda status: status["sync"] == "Synced")
    assert the_site(edge)["closed"]["message"] == "Back soon"
    assert it.answer("edge", "pause", "shop", "off", expect=5)["data"]["code"] == "HF7011"
    assert it.answer("edge", "maintenance", "nobody", "off", expect=64)["data"]["code"] == "HF7010"
    assert it.answer("edge", "maintenance", "shop", "off")["data"]["closed"] is None
    with Patrons(edge.http, HOST, count=1, most=3) as back:
        back.join()
    assert back.failures == []
    assert processes_of(master) == processes
    assert reloads(edge) == before


def test_what_git_says_is_tested_and_what_is_served_is_visited(edge: Edge) -> None:
    it = edge.house
    commit(edge, "1", 1)
    tested = it.answer("edge", "test", "-f", str(it.file))["data"]
    assert (tested["looks"], tested["sites"]) == (None, [{"id": "Site/shop/shop", "hosts": [HOST]}])
    commit(edge, "2", 1, "service: web, raw: [{directive: limit_rate, args: [abc]}]")
    error = it.answer("edge", "test", "-f", str(it.file), expect=1)["data"]
    assert error["code"] == "HF3181"
    assert "limit_rate" in error["message"]
    assert error["where"][0]["path"].endswith("site.yaml")
    it.well_at(commit(edge, "3", 1))
    looks = it.answer("edge", "test")["data"]["looks"]
    assert [(look["site"], look["message"]) for look in looks] == [("Site/shop/shop", None)]


def test_a_plan_tells_what_nginx_reads_and_what_a_reload_would_close(edge: Edge) -> None:
    it = edge.house
    it.well_at(commit(edge, "1", 1))
    it.run("suspend", "shop", "--state", str(it.state))
    commit(edge, "1", 1, "service: web, maxBody: 7Mi")
    planned = it.answer("plan", "shop", "--revision", "main", expect=2)["data"]["edge"]
    assert (planned["start"], planned["reload"], planned["refused"]) == (False, True, [])
    assert any(line.startswith("+") and "client_max_body_size 7340032;" in line for line in planned["diff"].splitlines())
    assert set(planned["closes"]) == {"idle", "busy", "within_s"}
    assert planned["closes"]["within_s"] == 5.0
    text = it.run("plan", "shop", "--revision", "main", "--state", str(it.state), expect=2).stdout
    assert "nginx reads its configuration anew (a reload)" in text
    commit(edge, "1", 1, "service: web, maintenance: {enabled: true}")
    planned = it.answer("plan", "shop", "--revision", "main", expect=2)["data"]["edge"]
    assert (planned["reload"], planned["diff"]) == (False, "")
    commit(edge, "2", 1)
    assert it.answer("plan", "shop", "--revision", "main", expect=2)["data"]["edge"] is None


def test_a_plan_refuses_a_port_of_another_and_a_certificate_for_another_host_with_place_and_hint(edge: Edge) -> None:
    it = edge.house
    it.well_at(commit(edge, "1", 1))
    it.run("suspend", "shop", "--state", str(it.state))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        mine, edge.http = edge.http, other.getsockname()[1]
        commit(edge, "1", 1)
        (refused,) = it.answer("plan", "shop", "--revision", "main", expect=5)["data"]["edge"]["refused"]
        assert f"port {edge.http} is in use by pid {os.getpid()}" in refused["message"]
        assert (refused["where"].partition(":")[0], refused["hint"]) == ("site.yaml", "stop it, or write another http port")
        edge.http = mine
    other_host = """
---
apiVersion: holdfast.dev/v1alpha1
kind: Certificate
metadata: { name: other }
spec: { hosts: [other.example.test], issuer: selfSigned }
"""
    site = edge_site(edge, "service: web").replace("certificate: none", "certificate: other") + other_host
    it.commit("another certificate", site_yaml=site)
    (refused,) = it.answer("plan", "shop", "--revision", "main", expect=5)["data"]["edge"]["refused"]
    assert refused["code"] == "HF1322"
    assert refused["where"].startswith("site.yaml:")
