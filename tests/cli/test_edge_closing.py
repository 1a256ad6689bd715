"""`holdfast edge maintenance`, `pause` and `status`: what is asked of the daemon, and what a person reads of the answer."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.daemon import Daemon, Runner

from holdfast.cli.times import read_end
from holdfast.errors import UsageError

SITE: dict[str, Any] = {
    "id": "Site/shop/shop",
    "application": "shop",
    "hosts": ["shop.example.com"],
    "phase": "serving",
    "message": "",
    "serves": "application",
    "revision": "abc",
    "sync": "Synced",
    "health": "Healthy",
    "certificate": {"name": "shop/shop", "issuer": "pebble", "source": "issued", "serial": "1", "not_after": None, "names": []},
    "peers": [
        {"of": "Process/shop/web", "address": "127.0.0.1:4000", "state": "serves"},
        {"of": "Process/shop/web", "address": "127.0.0.1:4001", "state": "free"},
    ],
    "drift": {"files": None, "memory": None, "wire": None},
    "closed": None,
    "waiting": 0,
    "failing": [],
    "broken": [],
    "notes": [],
    "proofs": [{"claim": "serves a sound certificate", "verdict": "proven", "proven_at": 1.0, "evidence": ""}],
}
CLOSES = {"idle": 1, "busy": 2, "within_s": 30.0}
NGINX: dict[str, Any] = {
    "phase": "serving",
    "message": "",
    "version": "1.22.1",
    "pid": 7,
    "workers": 2,
    "draining": 0,
    "generation": "a" * 64,
    "linked": "a" * 64,
    "reloads": 1,
    "http": 80,
    "https": 443,
    "folder": "/s/edge",
    "drift": None,
}


@pytest.mark.parametrize(("text", "at"), [("30m", 2_800.0), ("in 2s", 1_002.0), ("1970-01-01T01:00:00+00:00", 3_600.0)])
def test_an_end_is_yet_to_come(text: str, at: float) -> None:
    assert read_end(text, 1_000.0, "--until") == at


@pytest.mark.parametrize("text", ["soon", "1970-01-01T00:00:00+00:00", "0s"])
def test_what_is_past_or_unread_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--until"):
        read_end(text, 1_000.0, "--until")


def test_a_site_is_closed_and_opened(daemon: Daemon, holdfast: Runner) -> None:
    ran = holdfast("edge", "maintenance", "shop", "on", "--message", "Back at noon")
    assert (ran.code, ran.out.startswith("Site/shop/shop is in maintenance, said by ")) == (0, True)
    assert ran.out.endswith(": Back at noon\n")
    assert holdfast("edge", "maintenance", "shop", "off").out == "Site/shop/shop answers\n"
    ran = holdfast("edge", "pause", "shop", "on", "--until", "1h", "--json")
    assert (ran.data["closed"]["how"], ran.data["closed"]["until"] > 3_600) == ("pause", True)
    assert [asked[:3] for asked in daemon.service.asked] == [
        ("close", "shop", "maintenance"),
        ("open", "shop", "maintenance"),
        ("close", "shop", "pause"),
    ]
    assert holdfast("edge", "pause", "shop", "maybe").code == 64


def test_how_each_site_stands_is_shown(daemon: Daemon, holdfast: Runner) -> None:
    assert holdfast("edge", "status").out == "there is no edge: no Site was applied\n"
    daemon.service.edge.status = {"nginx": NGINX, "sites": [SITE]}
    ran = holdfast("edge", "status", "--exit-code")
    assert ran.code == 0
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines == [
        "nginx 1.22.1, pid 7, ports 80 and 443, generation aaaaaaaaaaaa",
        "",
        "Site/shop/shop shop.example.com Synced Healthy",
        "certificate shop/shop by pebble",
        "Process/shop/web 127.0.0.1:4000 serves",
        "Process/shop/web 127.0.0.1:4001 free",
        "proven: serves a sound certificate",
    ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"drift": {"files": "nginx.conf was changed by somebody else", "memory": None, "wire": None}}, "drift of files: nginx.conf was"),
        ({"phase": "kept", "message": "nginx says: no"}, "kept: nginx says: no"),
        ({"broken": ["/api"]}, "the breaker is open: /api"),
    ],
)
def test_what_is_wrong_is_told_by_the_exit_code(daemon: Daemon, holdfast: Runner, change: dict[str, Any], line: str) -> None:
    daemon.service.edge.status = {"nginx": NGINX, "sites": [SITE | change]}
    ran = holdfast("edge", "status", "--exit-code")
    assert (ran.code, line in ran.out) == (3, True)


def test_a_visit_that_met_something_else_is_told(daemon: Daemon, holdfast: Runner) -> None:
    assert holdfast("edge", "test").out == "0 visits: all met what was applied\n"
    daemon.service.edge.looks += [
        {"site": "Site/shop/shop", "url": "https://a:443/", "message": None},
        {"site": "Site/shop/shop", "url": "https://b:443/", "message": "another certificate is shown"},
    ]
    ran = holdfast("edge", "test")
    assert (ran.code, "https://b:443/: another certificate is shown" in ran.out) == (3, True)
    assert ran.out.endswith("1 of 2 visits met something else than was applied\n")


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        ({"start": True, "reload": False, "diff": "", "closes": None, "refused": []}, "nginx is started"),
        ({"start": False, "reload": False, "diff": "", "closes": None, "refused": []}, "no reload of nginx"),
        (
            {
                "start": False,
                "reload": True,
                "diff": "@@ -1 +1 @@\n-a\n+b",
                "closes": {"idle": 1, "busy": 2, "within_s": 30.0},
                "refused": [],
            },
            "(a reload): 1 idle connection closed at once, and 2 in use within 30s",
        ),
    ],
)
def test_a_plan_tells_what_it_means_for_nginx(daemon: Daemon, holdfast: Runner, edge: dict[str, Any], words: str) -> None:
    application = {
        "name": "shop",
        "revision": "a" * 40,
        "digest": "",
        "changes": [],
        "blocked": [],
        "hooks": [],
        "orphans": [],
        "unchanged": 3,
    }
    daemon.service.plans = {"applications": [application], "edge": edge}
    lines = holdfast("plan", "shop").out.splitlines()
    (told,) = [at for at, line in enumerate(lines) if line.startswith("the edge: ")]
    assert lines[told].endswith(words)
    assert lines[told + 1 :] == [f"  {line}" for line in edge["diff"].splitlines()]
    assert holdfast("plan", "shop", "--brief").out.splitlines()[-1].endswith(words)
