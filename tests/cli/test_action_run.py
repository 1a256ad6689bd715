"""`holdfast action list` and `run`: what is asked of the daemon, and what a person reads of the answer."""

from __future__ import annotations

import pytest
from tests.cli.daemon import Daemon, Runner

from holdfast.errors import Rejected


def test_the_list_shows_parameters_and_what_is_disabled(daemon: Daemon, holdfast: Runner) -> None:
    assert holdfast("action", "list", "web").out.splitlines() == [
        "restart",
        "scale    Scale it  --param replicas=2  --param step=VALUE  disabled now",
    ]
    data = holdfast("action", "list", "web", "--json").data
    assert [each["name"] for each in data["actions"]] == ["restart", "scale"]


def test_an_action_says_who_and_why_and_what_changed(daemon: Daemon, holdfast: Runner) -> None:
    daemon.service.objects.done |= {
        "changed": ["spec.replicas"],
        "created": ["batch/Job/shop/x"],
        "drift": ["spec.replicas"],
        "heals": True,
    }
    ended = holdfast("action", "run", "web", "scale", "--param", "replicas=3", "-p", "why=a=b", "--reason", "more load")
    ((_, name, action, params, person, reason),) = [each for each in daemon.service.asked if each[0] == "act"]
    assert (name, action, params, reason) == ("web", "scale", {"replicas": "3", "why": "a=b"}, "more load")
    assert person, "the kernel says who"
    assert ended.out.splitlines() == [
        "scale done on web",
        "changed: spec.replicas",
        "made: batch/Job/shop/x",
        "Git declares spec.replicas: that is drift now, and it is put back. To keep it, commit it.",
    ]


def test_drift_that_nobody_heals_is_named_with_the_next_command(daemon: Daemon, holdfast: Runner) -> None:
    daemon.service.objects.done |= {"changed": ["spec.replicas"], "drift": ["spec.replicas"]}
    assert "`holdfast sync shop` puts it back" in holdfast("action", "run", "web", "scale").out


def test_nothing_to_change_is_said(daemon: Daemon, holdfast: Runner) -> None:
    assert "nothing had to be changed" in holdfast("action", "run", "web", "restart").out


@pytest.mark.parametrize("param", ["replicas", "=3"])
def test_a_parameter_is_a_name_and_a_value(param: str, daemon: Daemon, holdfast: Runner) -> None:
    ended = holdfast("action", "run", "web", "scale", "--param", param)
    assert ended.code == 64
    assert "no NAME=VALUE" in ended.err


def test_a_refusal_passes_through(daemon: Daemon, holdfast: Runner) -> None:
    daemon.service.fail["act"] = Rejected("HF3343", "cannot scale web: there is no such action", hint="it has restart")
    ended = holdfast("action", "run", "web", "scale")
    assert ended.code == 1
    assert "it has restart" in ended.err
