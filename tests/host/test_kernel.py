"""The parts of /proc and cgroup files that tell who a process is and how it ended."""

from __future__ import annotations

import os

from holdfast.host.keeper import cgroup, kernel


def test_a_command_name_with_brackets_does_not_shift_the_fields() -> None:
    rest = " ".join(str(number) for number in range(4, 53))
    stat = kernel.parse_stat(f"42 (a) b (c)) Z {rest}\n")
    assert (stat.state, stat.start_time, stat.exit_status) == ("Z", 22, 52)


def test_our_own_start_time_is_told_and_a_missing_process_is_none() -> None:
    own = kernel.read_stat(os.getpid())
    assert own is not None
    assert kernel.start_time(os.getpid()) == own.start_time
    assert kernel.read_stat(2**31 - 1) is None


def test_oom_kills_are_read_from_both_versions() -> None:
    assert cgroup.parse_oom_kills("low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n") == 2
    assert cgroup.parse_oom_kills("oom_kill_disable 0\nunder_oom 1\noom_kill 4\n") == 4
    assert cgroup.parse_oom_kills("anything else") == 0
