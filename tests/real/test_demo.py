"""`holdfast demo`: the whole story, unattended."""

from __future__ import annotations

import json
import subprocess

import pytest
from tests.real.house import HOLDFAST, LIMIT_S

pytestmark = [pytest.mark.real, pytest.mark.needs("git", "nginx")]


def test_the_story_goes_well_and_leaves_nothing() -> None:
    done = subprocess.run([*HOLDFAST, "demo", "--once", "--json"], capture_output=True, text=True, timeout=2 * LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["kind"] == "DemoReport"
    report = document["data"]
    assert (report["synced"], report["healthy"], report["bad_commit"]["rolled_back"]) == (True, True, True)
    assert report["deploy"]["failed"] == report["bad_commit"]["failed"] == 0
    assert report["deploy"]["requests"] > 0
    assert report["heal"]["new_pid_ms"] >= 0
    assert report["heal"]["http_ok_ms"] > 0
    edge = report["edge"]
    assert (edge["tls"], edge["failed"]) == (True, 0)
    assert edge["requests"] > 0
    assert 0 < edge["change_to_serving_ms"] < 1000 * LIMIT_S
    assert 0 < edge["manual_edit_healed_ms"] < 1000 * LIMIT_S


def test_without_a_person_it_ends_by_itself() -> None:
    done = subprocess.run([*HOLDFAST, "demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "rolled back" in done.stdout
