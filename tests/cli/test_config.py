"""Settings, and which place set them."""

from __future__ import annotations

from pathlib import Path

from tests.cli.daemon import Runner

from holdfast.host.config import KEYS


def test_every_setting_is_listed_and_explained(holdfast: Runner) -> None:
    assert [each["key"] for each in holdfast("config", "list", "--json").data["settings"]] == list(KEYS)
    for name in KEYS:
        told = holdfast("config", "explain", name, "--json").data
        assert (told["help"], told["variable"]) == (KEYS[name].help, KEYS[name].variable)
        assert holdfast("config", "get", name, "--json").data == {"key": name, "value": told["value"]}
        assert KEYS[name].help in holdfast("config", "explain", name).out


def test_the_winner_stands_first_and_the_others_are_said_to_be_overruled(holdfast: Runner, tmp_path: Path) -> None:
    (tmp_path / "holdfast").mkdir()
    (tmp_path / "holdfast" / "holdfast.yaml").write_text("poll_interval: 10s\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "HOLDFAST_POLL_INTERVAL": "5s"}
    lines = holdfast("config", "explain", "poll_interval", environ=environ).out.splitlines()
    assert [line.split()[:2] for line in lines[-3:]] == [["wins", "5s"], ["overruled", "10s"], ["overruled", "30s"]]
    assert holdfast("config", "get", "poll_interval", environ=environ).out == "5s\n"


def test_paths_say_what_is_read(holdfast: Runner, state: Path) -> None:
    told = holdfast("config", "path", "--json").data
    assert told["state"] == str(state)
    assert {each["source"] for each in told["files"]} == {"project file", "user file", "system file"}
    assert str(state) in holdfast("config", "path").out


def test_a_path_may_begin_at_home(holdfast: Runner) -> None:
    environ = {"HOLDFAST_KUBERNETES_KUBECONFIG": "~/.kube/config"}
    assert holdfast("config", "get", "kubernetes.kubeconfig", environ=environ).out == f"{Path.home()}/.kube/config\n"
    refused = holdfast("config", "get", "kubernetes.kubeconfig", environ={**environ, "HOLDFAST_KUBERNETES_KUBECONFIG": "~else/x"})
    assert refused.code == 64
    assert "one that begins with ~/" in refused.err
