"""`holdfast sync` and `plan` with `--resource`: what the daemon is asked, and what is told."""

from __future__ import annotations

from tests.cli.daemon import Daemon, Runner

from holdfast.errors import UsageError

SAID = ("--resource", "apps:Deployment:prod/web", "--resource", "!Process/shop/worker")
ASKED = ("apps:Deployment:prod/web", "!Process/shop/worker")


def test_a_selective_sync_asks_for_its_part_and_says_that_no_hook_runs(daemon: Daemon, holdfast: Runner) -> None:
    ended = holdfast("sync", "shop", *SAID, "--approve", "4be1")
    ((_, name, _, approve, wait, *said),) = [each for each in daemon.service.asked if each[0] == "sync"]
    assert (name, approve, wait, tuple(said)) == ("shop", "4be1", True, ASKED)
    assert "hooks do not run in a selective sync" in ended.err
    assert "syncing a part of shop" in ended.err


def test_a_selective_sync_that_is_not_waited_for_asks_for_the_same(daemon: Daemon, holdfast: Runner) -> None:
    holdfast("sync", "shop", *SAID, "--no-wait", "--json")
    ((*_, wait, first, second),) = [each for each in daemon.service.asked if each[0] == "sync"]
    assert (wait, first, second) == (False, *ASKED)


def test_a_whole_sync_names_nothing_and_says_nothing_of_hooks(daemon: Daemon, holdfast: Runner) -> None:
    ended = holdfast("sync", "shop")
    assert [len(each) for each in daemon.service.asked if each[0] == "sync"] == [5]
    assert "hooks" not in ended.err


def test_a_selective_plan_asks_for_its_part(daemon: Daemon, holdfast: Runner) -> None:
    holdfast("plan", "shop", *SAID, "--json")
    assert [each for each in daemon.service.asked if each[0] == "plan"] == [("plan", "shop", None, *ASKED)]


def test_a_plan_of_files_is_of_all_of_them(holdfast: Runner) -> None:
    ended = holdfast("plan", "-f", "application.yaml", *SAID)
    assert ended.code == 64
    assert "cannot plan a part of Application files" in ended.err


def test_an_unknown_name_comes_with_what_is_near(daemon: Daemon, holdfast: Runner) -> None:
    daemon.service.fail["sync"] = UsageError("HF6010", "cannot select x: shop has no such resource", hint="did you mean y?")
    ended = holdfast("sync", "shop", "--resource", "x:y:z")
    assert ended.code == 64
    assert "did you mean y?" in ended.err
