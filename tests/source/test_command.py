"""What Git gets to know: one configuration of ours, an environment of ours, and one protocol."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from holdfast.source.command import GitSettings, configuration, environment
from holdfast.source.repository import Repository, parse


def read(text: str) -> Repository:
    return parse(text, allow_local=lambda path: True, allow_http=lambda address: True)


HTTPS = read("https://host/shop.git")
LOCAL = read('/srv/a "quoted\\shop')
CALLERS = {
    "PATH": "/usr/bin",
    "HOME": "/home/ada",
    "SSH_AUTH_SOCK": "/run/agent",
    "https_proxy": "http://proxy",
    "GIT_DIR": "/elsewhere",
    "GIT_SSH_COMMAND": "evil",
    "GIT_CONFIG_COUNT": "1",
    "GIT_EXEC_PATH": "/evil",
    "LD_PRELOAD": "/evil.so",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def parsed(text: str, tmp_path: Path) -> dict[str, list[str]]:
    """Return the configuration as Git itself reads it."""
    file = tmp_path / "config"
    file.write_text(text)
    told = subprocess.run(["git", "config", "--file", str(file), "--list", "-z"], capture_output=True, check=True).stdout.decode()
    found: dict[str, list[str]] = {}
    for pair in filter(None, told.split("\0")):
        key, _, value = pair.partition("\n")
        found.setdefault(key, []).append(value)
    return found


def test_nothing_of_the_callers_environment_reaches_git_but_what_is_named() -> None:
    found = environment(HTTPS, "/m.git", "/m.config", GitSettings(environment=CALLERS))
    assert {name: found[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK", "https_proxy")} == {
        name: CALLERS[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK", "https_proxy")
    }
    assert found["GIT_DIR"] == "/m.git"
    assert found["GIT_CONFIG_GLOBAL"] == "/m.config"
    assert found["GIT_SSH_COMMAND"].startswith("ssh -o BatchMode=yes")
    assert found["GIT_ALLOW_PROTOCOL"] == "https"
    assert {found["GIT_CONFIG_NOSYSTEM"], found["GIT_NO_REPLACE_OBJECTS"]} == {"1"}
    assert found["GIT_TERMINAL_PROMPT"] == "0"
    assert not {"GIT_CONFIG_COUNT", "GIT_EXEC_PATH", "LD_PRELOAD", "AWS_SECRET_ACCESS_KEY"} & found.keys()


@pytest.mark.needs("git")
def test_git_reads_the_configuration_as_it_was_meant(tmp_path: Path) -> None:
    found = parsed(configuration(HTTPS, "/state/m.git", GitSettings(credential_helper="store --file /x")), tmp_path)
    assert found["core.hookspath"] == ["/dev/null"]
    assert found["protocol.allow"] == ["never"]
    assert found["protocol.https.allow"] == ["always"]
    assert found["protocol.ext.allow"] == ["never"]
    assert found["transfer.fsckobjects"] == found["fetch.fsckobjects"] == ["true"]
    assert found["http.followredirects"] == ["false"]
    assert found["credential.helper"] == ["", "store --file /x"]
    assert found["safe.directory"] == ["/state/m.git"]
    assert found["fetch.fsck.badtimezone"] == ["ignore"]


@pytest.mark.needs("git")
def test_a_local_path_with_odd_letters_is_one_value(tmp_path: Path) -> None:
    found = parsed(configuration(LOCAL, "/state/m.git", GitSettings()), tmp_path)
    assert found["safe.directory"] == ["/state/m.git", '/srv/a "quoted\\shop', '/srv/a "quoted\\shop/.git']
    assert found["protocol.file.allow"] == ["always"]
