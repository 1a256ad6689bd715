"""Running a command: its code, its last lines, its limit, and nothing of it left behind."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from holdfast.errors import Rejected
from holdfast.host.command import LINES, Ended, end_group, run

PYTHON = sys.executable


def ran(*command: str, timeout_s: float = 20.0, folder: str = "/", **environment: str) -> Ended:
    marked = {name: value for name, value in os.environ.items() if name == "HOLDFAST_TEST_RUN"}
    return asyncio.run(run(command, folder=folder, environment={"PATH": "/usr/bin:/bin", **marked, **environment}, timeout_s=timeout_s))


def test_both_streams_and_the_code_come_back() -> None:
    assert ran("sh", "-c", "echo one; echo two >&2; exit 3") == Ended(code=3, lines=("one", "two"))


def test_it_gets_the_given_environment_and_folder_only(tmp_path: Path) -> None:
    ended = ran("sh", "-c", "pwd; env | grep -vE '^(_|PWD|SHLVL|PATH|HOLDFAST_TEST_RUN)='", folder=str(tmp_path), GREETING="hello")
    assert ended.lines == (str(tmp_path), "GREETING=hello")


def test_only_the_last_lines_are_kept() -> None:
    assert ran("seq", "1000").lines == tuple(str(number) for number in range(1001 - LINES, 1001))


def test_out_of_time_its_whole_group_is_ended() -> None:
    ended = ran("sh", "-c", "echo begun; sleep 60 & sleep 60", timeout_s=0.3)
    assert ended == Ended(code=None, lines=("begun",))


def test_what_it_leaves_behind_holds_nobody_up() -> None:
    assert ran("sh", "-c", "sleep 60 & echo done") == Ended(code=0, lines=("done",))


def test_a_signal_is_a_negative_code() -> None:
    assert ran("sh", "-c", "kill -9 $$").code == -9


def test_what_cannot_start_is_said() -> None:
    with pytest.raises(Rejected, match="cannot run no-such-program") as refused:
        ran("no-such-program")
    assert refused.value.code == "HF3020"


@pytest.mark.needs("root")
def test_it_runs_as_another_user() -> None:
    environment = {"PATH": "/usr/bin:/bin"}
    ended = asyncio.run(run(["id"], folder="/", environment=environment, timeout_s=20.0, uid=61234, gid=61234))
    assert ended.code == 0
    assert ended.lines[0].startswith("uid=61234 gid=61234 groups=61234")


@pytest.mark.parametrize(
    "script",
    ["while echo 0123456789; do :; done", "setsid sleep 60 & echo begun"],
    ids=["it says more than is read", "another holds its pipe"],
)
def test_the_end_waits_for_no_pipe(script: str) -> None:
    """Had it waited for the end of what is said, it would have waited as long as the grace is."""

    async def ended() -> int | None:
        process = await asyncio.create_subprocess_exec("sh", "-c", script, stdout=asyncio.subprocess.PIPE, start_new_session=True, limit=1)
        assert process.stdout is not None
        await process.stdout.read(1)
        async with asyncio.timeout(20.0):
            await end_group(process, 60.0)
        return process.returncode

    assert asyncio.run(ended()) in (0, -15)
