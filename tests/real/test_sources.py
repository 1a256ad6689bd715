"""An Application of two repositories, as a user has it: real repositories, the real program, real processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.real.house import PROCESSES, WEB, House, house, runs

from holdfast.testing.git_repository import GitRepository

pytestmark = [pytest.mark.real, pytest.mark.needs("git")]
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{ name: shop }}
spec:
  sources:
    - {{ repoURL: {config}, targetRevision: main, path: deploy, name: config }}
    - {{ repoURL: {code}, targetRevision: main, path: app, name: code }}
  destination: {{ server: "host://local" }}
  syncPolicy: {{ automated: {{ prune: true, selfHeal: true }} }}
"""
SETTINGS = """\
apiVersion: holdfast.dev/v1alpha1
kind: File
metadata: {{ name: settings }}
spec: {{ path: settings.toml, content: "{content}" }}
"""


class Shop:
    """A house whose Application has a file in one repository, and in another the program that needs it."""

    def __init__(self, it: House) -> None:
        self.house = it
        self.config, self.code = GitRepository(it.folder / "config"), GitRepository(it.folder / "code")
        it.file.write_text(APPLICATION.format(config=self.config.path, code=self.code.path))

    def settings(self, content: str) -> str:
        return self.config.commit({"deploy/settings.yaml": SETTINGS.format(content=content)})

    def program(self, version: str, branch: str = "main") -> str:
        return self.code.commit(self.files(WEB.format(version=version)), branch=branch, subject=f"version {version}")

    def files(self, program: str) -> dict[str, str]:
        declared = PROCESSES.format(port=self.house.port, replicas=1) + "  needs: [File/settings]\n"
        return {"app/web.py": program, "app/processes.yaml": declared, "docs/other.md": "not exported"}


@pytest.fixture
def shop() -> Iterator[Shop]:
    with house() as it:
        yield Shop(it)


def test_a_bad_commit_of_the_second_repository_goes_back_to_its_last_good_one_while_the_first_stays(shop: Shop) -> None:
    it = shop.house
    config, first = shop.settings("a = 1"), shop.program("1")
    it.up()
    it.well(f"{config}+{first}")
    assert it.ask()["version"] == "1"
    status = it.application()
    assert [each["revision"] for each in status["sources"]] == [config, first]
    assert [(each["repository"], each["path"], each["target_revision"], each["name"]) for each in status["sources"]] == [
        (str(shop.config.path), "deploy", "main", "config"),
        (str(shop.code.path), "app", "main", "code"),
    ]
    web = it.resource("Process/shop/web")
    assert web["needs"] == ["File/shop/settings"]

    second = shop.program("2")
    it.well(f"{config}+{second}")
    assert it.ask()["version"] == "2"

    bad = shop.code.commit(shop.files("raise SystemExit('no')\n"), subject="a mistake")
    pinned = it.reach("pinned", lambda each: each["pinned"] and each["desired_revision"] == f"{config}+{bad}" and not runs(each))
    assert (pinned["sync"], pinned["health"]) == ("OutOfSync", "Healthy")
    assert it.ask()["version"] == "2"
    pin = it.happened("revision.pinned")["data"]["pin"]
    assert (pin["failed_revision"], pin["revision"]) == (f"{config}+{bad}", f"{config}+{second}")

    moved = shop.settings("a = 2")
    still = it.reach("another first commit", lambda each: each["desired_revision"] == f"{moved}+{bad}" and not runs(each))
    assert it.ask()["version"] == "2", still

    third = shop.program("3")
    assert it.well(f"{moved}+{third}")["pinned"] is False
    assert it.ask()["version"] == "3"


def test_a_person_goes_back_with_both_and_looks_at_a_branch_of_either(shop: Shop) -> None:
    it = shop.house
    old, first = shop.settings("a = 1"), shop.program("1")
    it.up()
    it.well(f"{old}+{first}")
    new, second = shop.settings("a = 2"), shop.program("2")
    it.well(f"{new}+{second}")

    done = it.answer("rollback", "shop", "--to", f"{old[:12]}+{first[:12]}")
    assert done["data"]["operation"]["revision"] == f"{old}+{first}"
    assert it.ask()["version"] == "1"
    assert "a = 1" in (it.state / "data" / "shop" / "settings.toml").read_text()
    it.answer("resume", "shop")
    it.well(f"{new}+{second}")

    feature = shop.program("feature", branch="feature")
    [planned] = it.answer("plan", "shop", "--revision", "code=feature", expect=2)["data"]["applications"]
    assert planned["revision"] == f"{new}+{feature}"
    assert [change["id"] for change in planned["changes"]] == ["Process/shop/web"]
    rendered = it.answer_to("render", "--file", str(it.file), "--revision", "code=feature", "--json")["data"]
    assert [each["id"] for each in rendered["resources"]] == ["File/shop/settings", "Process/shop/web"]
    history = it.answer("history", "shop")["data"]["operations"]
    assert [each["revision"] for each in history if each["trigger"] == "rollback"] == [f"{old}+{first}"]
    text = it.run("status", "shop", "--state", str(it.state)).stdout
    assert f"{new[:7]}+{second[:7]}" in text
    assert f"Source: {second[:10]} of {shop.code.path}, main, path app" in text


def test_a_repository_that_does_not_answer_leaves_what_is_there_and_is_named(shop: Shop) -> None:
    it = shop.house
    config, first = shop.settings("a = 1"), shop.program("1")
    it.up()
    it.well(f"{config}+{first}")
    shop.code.path.rename(it.folder / "gone")
    new = shop.settings("a = 2")
    failed = it.happened("source.failed")
    assert str(shop.code.path) in failed["data"]["error"]["message"]
    assert it.ask()["version"] == "1"
    (it.folder / "gone").rename(shop.code.path)
    second = shop.program("2")
    it.well(f"{new}+{second}")
    assert "a = 2" in (it.state / "data" / "shop" / "settings.toml").read_text()
