"""The table of status."""

from __future__ import annotations

from tests.cli.daemon import Daemon, Runner, declared, observed, proven, rendered

from holdfast.core import events
from holdfast.core.view import OUT_OF_SYNC
from holdfast.errors import DeclarationError, Where
from holdfast.model.ids import ResourceId
from holdfast.model.live import Status

WORKER = ResourceId("host", "Process", "shop", "worker")


def test_the_three_axes_stand_beside_each_other(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"), rendered("shop"), observed("shop"), proven("shop"))
    assert holdfast("status").out.splitlines() == [
        "APPLICATION  REVISION           SYNC    HEALTH   PROOFS    MESSAGE",
        "shop         none → aaaaaaaaaa  Synced  Healthy  1 proven  -",
        "",
        "  RESOURCE          SYNC    HEALTH   PROOFS    LIVE      MESSAGE",
        "  Process/shop/web  Synced  Healthy  1 proven  pid 4242  -",
    ]


def test_of_several_applications_only_what_is_not_well_is_shown_whole(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"), rendered("shop"), observed("shop"), declared("blog"), rendered("blog"))
    daemon.put(observed("blog", WORKER, sync=OUT_OF_SYNC, status=Status.DEGRADED, message="exit code 3"))
    out = holdfast("status").out
    assert "Process/shop/worker  OutOfSync  Degraded" in out
    assert "exit code 3" in out
    assert "Process/shop/web" not in out
    assert "Process/shop/web" in holdfast("status", "--resources").out
    assert "Process/shop/web" in holdfast("status", "shop").out


def test_what_keeps_it_from_moving_is_told_with_its_place(daemon: Daemon, holdfast: Runner) -> None:
    error = DeclarationError("HF1010", "cannot read it", where=[Where(path="a.yaml", line=2, column=5)])
    daemon.put(declared("shop"), events.render_failed(at=2.0, application="shop", revision="a" * 40, error=error))
    assert "RenderError: cannot read it (a.yaml:2:5)" in holdfast("status").out


def test_nothing_known_says_how_to_start(daemon: Daemon, holdfast: Runner) -> None:
    assert "holdfast up -f application.yaml" in holdfast("status").out


def test_a_moment_of_the_past_is_shown_as_it_was(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(
        declared("shop", at=10.0), rendered("shop", at=10.0), observed("shop", at=10.0), observed("shop", at=90.0, status=Status.DEGRADED)
    )
    assert "Healthy" in holdfast("status", "--at", "1970-01-01T00:01:00+00:00").out
    assert "Degraded" in holdfast("status").out


def test_what_git_says_cannot_steer_the_terminal(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"), rendered("shop"), observed("shop", message="\x1b]0;title\x07\x1b[2Jred\nline"))
    out = holdfast("status", environ={"FORCE_COLOR": "1"}).out
    assert "\\x1b]0;title\\x07\\x1b[2Jred line" in out
    assert "\x1b]" not in out


def test_colour_is_for_terminals_and_for_who_asks(daemon: Daemon, holdfast: Runner) -> None:
    daemon.put(declared("shop"))
    assert "\x1b[" not in holdfast("status").out
    assert "\x1b[" in holdfast("status", environ={"FORCE_COLOR": "1"}).out
    assert "\x1b[" not in holdfast("status", environ={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out
    assert "\x1b[" not in holdfast("status", "--no-color", environ={"FORCE_COLOR": "1"}).out
