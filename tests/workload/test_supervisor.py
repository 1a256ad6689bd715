"""The supervisor by playbooks: what happens (`>>`) and what is done about it (`<<`), under a virtual clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workload import supervisor
from holdfast.workload.probe import ProbeKind
from holdfast.workload.process_spec import HttpProbe, LimitsSpec, Probes, ProbeSpec, ProcessSpec, RestartSpec, StopSpec
from holdfast.workload.supervisor import (
    ENDED,
    TABLE,
    Adopted,
    Cause,
    Command,
    CronDue,
    Emit,
    Exited,
    Incident,
    Kill,
    Machine,
    MemoryOver,
    Notified,
    Phase,
    Probed,
    Promoted,
    Replace,
    Revised,
    Signal,
    Spawn,
    Spawned,
    SpawnFailed,
    Start,
    Stop,
    Timer,
    Wake,
    advance,
    diagram,
)

UNIT = 0.5


class Playbook:
    """A machine, its clock, and what it said since the last `>>`."""

    def __init__(self, spec: ProcessSpec, *, is_candidate: bool = False) -> None:
        self.machine = Machine(spec=spec, is_candidate=is_candidate)
        self.now = 1000.0
        self.said: tuple[Command, ...] = ()

    def __rshift__(self, event: Incident) -> Playbook:
        self.machine, self.said = advance(self.machine, event, self.now, UNIT)
        return self

    def after(self, seconds: float) -> Playbook:
        self.now += seconds
        return self

    @property
    def phase(self) -> Phase:
        return self.machine.phase

    def spawns(self) -> list[int]:
        return [command.attempt for command in self.said if isinstance(command, Spawn)]

    def told(self) -> list[str]:
        return [command.type for command in self.said if isinstance(command, Emit)]

    def up(self) -> Playbook:
        """Start it and see it ready."""
        self >> Start() >> Spawned(self.machine.attempt, 10)
        if self.phase is Phase.WARMING:
            self.after(self.machine.spec.min_ready) >> Timer()
        assert self.phase is Phase.READY
        return self


def spec(**fields: object) -> ProcessSpec:
    return replace(ProcessSpec(command=("web",)), **fields)  # type: ignore[arg-type]


PROBED = spec(probes=Probes(readiness=ProbeSpec(http=HttpProbe(), period=5.0)))


def test_the_diagram_in_the_docstring_is_the_table() -> None:
    assert supervisor.__doc__ is not None
    assert diagram() in supervisor.__doc__


def test_without_probes_it_is_ready_after_min_ready() -> None:
    play = Playbook(spec()) >> Start()
    assert play.spawns() == [1]
    play >> Spawned(1, 10)
    assert (play.phase, play.told()) == (Phase.WARMING, ["process.started"])
    assert Wake(play.now + 1.0) in play.said
    play.after(1.0) >> Timer()
    assert (play.phase, play.told()) == (Phase.READY, ["process.ready"])


def test_the_first_restart_is_immediate_and_the_spawn_comes_before_the_words() -> None:
    play = Playbook(spec()).up()
    play >> Exited(1, signal=9)
    assert play.phase is Phase.STARTING
    assert isinstance(play.said[0], Spawn)
    assert play.told() == ["process.exited"]


def test_repeated_exits_back_off_with_jitter_and_never_give_up() -> None:
    play = Playbook(spec(restart=RestartSpec(backoff=1.0, max_delay=8.0, crash_looping_after=3))).up()
    play >> Exited(1, code=1)
    delays = []
    for attempt in range(2, 12):
        play >> Spawned(attempt, 10 + attempt) >> Exited(attempt, code=1)
        assert play.phase is Phase.BACKOFF
        assert play.machine.wake_at is not None
        delays.append(play.machine.wake_at - play.now)
        play.after(delays[-1]) >> Timer()
        assert play.spawns() == [attempt + 1]
    assert delays == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    assert play.machine.is_crash_looping


def test_a_crash_loop_is_told_once_and_ends_when_it_is_stable() -> None:
    play = Playbook(spec(restart=RestartSpec(backoff=0.0, crash_looping_after=2, stable_after=10.0))).up()
    play >> Exited(1, code=1)
    assert "process.crash_looping" not in play.told()
    play >> Spawned(2, 11) >> Exited(2, code=1)
    assert "process.crash_looping" in play.told()
    play >> Spawned(3, 12) >> Exited(3, code=1)
    assert "process.crash_looping" not in play.told()
    play >> Spawned(4, 13)
    play.after(1.0) >> Timer()
    assert play.phase is Phase.READY
    assert play.machine.is_crash_looping
    play.after(9.0) >> Timer()
    assert (play.machine.restarts, play.machine.is_crash_looping) == (0, False)


def test_a_stable_run_forgets_its_restarts() -> None:
    play = Playbook(spec(restart=RestartSpec(backoff=1.0))).up()
    play >> Exited(1, code=1) >> Spawned(2, 11)
    play.after(11.0) >> Exited(2, code=1)
    assert play.phase is Phase.STARTING, "a first restart again: immediate"


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [
        ("no", 0, Phase.COMPLETED),
        ("no", 1, Phase.FAILED),
        ("no", 7, Phase.COMPLETED),
        ("on-failure", 0, Phase.COMPLETED),
        ("on-failure", 7, Phase.COMPLETED),
        ("on-failure", 1, Phase.STARTING),
        ("always", 0, Phase.STARTING),
        ("unless-stopped", 0, Phase.STARTING),
    ],
)
def test_policies(policy: str, code: int, phase: Phase) -> None:
    play = Playbook(spec(restart=RestartSpec(policy=policy, success_codes=(7,)))).up()  # type: ignore[arg-type]
    play >> Exited(1, code=code)
    assert play.phase is phase


def test_a_candidate_is_never_restarted() -> None:
    play = Playbook(spec(), is_candidate=True) >> Start() >> Spawned(1, 10) >> Exited(1, code=0)
    assert (play.phase, play.spawns()) == (Phase.FAILED, [])
    assert play.machine.message == "exit code 0"


def test_a_candidate_that_is_done_by_its_policy_has_completed() -> None:
    play = Playbook(spec(restart=RestartSpec(policy="no")), is_candidate=True) >> Start() >> Spawned(1, 10) >> Exited(1, code=0)
    assert play.phase is Phase.COMPLETED


def test_a_promoted_candidate_is_restarted() -> None:
    play = Playbook(spec(), is_candidate=True).up()
    play >> Promoted() >> Exited(1, code=1)
    assert play.spawns() == [2]


def test_what_cannot_be_executed_backs_off_where_it_serves_and_fails_where_it_does_not() -> None:
    play = Playbook(spec(restart=RestartSpec(backoff=1.0))) >> Start() >> SpawnFailed(1, "no such file")
    assert play.phase is Phase.BACKOFF
    assert play.machine.ending is not None
    assert play.machine.ending.cause is Cause.START
    play = Playbook(spec(), is_candidate=True) >> Start() >> SpawnFailed(1, "no such file")
    assert (play.phase, play.machine.message) == (Phase.FAILED, "no such file")


def test_stop_signals_then_kills_after_the_grace() -> None:
    play = Playbook(spec(stop=StopSpec(signal="SIGINT", timeout=3.0))).up()
    play >> Stop()
    assert (play.phase, play.said[0]) == (Phase.STOPPING, Signal("SIGINT"))
    assert Wake(play.now + 3.0) in play.said
    play.after(3.0) >> Timer()
    assert Kill() in play.said
    play >> Exited(1, signal=9)
    assert play.phase is Phase.STOPPED
    assert play.machine.ending is not None
    assert play.machine.ending.cause is Cause.STOP


def test_stop_during_a_start_ends_it_when_it_is_there() -> None:
    play = Playbook(spec()) >> Start() >> Stop()
    assert play.phase is Phase.ABORTING
    play >> Spawned(1, 10)
    assert (play.phase, Signal("SIGTERM") in play.said) == (Phase.STOPPING, True)


def test_stop_during_backoff_and_after_the_end_is_done_at_once() -> None:
    play = Playbook(spec(restart=RestartSpec(first_delay=5.0))).up()
    play >> Exited(1, code=1) >> Stop()
    assert play.phase is Phase.STOPPED
    assert play.machine.wake_at is None


def test_readiness_gates_and_failing_it_is_degraded_without_a_restart() -> None:
    play = Playbook(PROBED) >> Start() >> Spawned(1, 10)
    play >> Probed(ProbeKind.READINESS, False, "connection refused")
    assert (play.phase, play.machine.message) == (Phase.WARMING, "readiness probe: connection refused")
    play >> Probed(ProbeKind.READINESS, True)
    assert (play.phase, play.told()) == (Phase.READY, ["process.ready"])
    for _ in range(3):
        play.after(5.0) >> Probed(ProbeKind.READINESS, False, "503")
    assert (play.phase, play.told()) == (Phase.UNREADY, ["process.unready"])
    play >> Probed(ProbeKind.READINESS, True)
    assert play.phase is Phase.READY


def test_a_failing_liveness_probe_recycles_it() -> None:
    play = Playbook(spec(probes=Probes(liveness=ProbeSpec(http=HttpProbe(), failure_threshold=2, period=1.0)))).up()
    play.after(1.0) >> Probed(ProbeKind.LIVENESS, False, "timed out")
    assert play.phase is Phase.READY
    play.after(1.0) >> Probed(ProbeKind.LIVENESS, False, "timed out")
    assert (play.phase, Signal("SIGTERM") in play.said) == (Phase.RECYCLING, True)
    play >> Exited(1, signal=15)
    assert play.spawns() == [2]
    assert play.machine.ending is not None
    assert (play.machine.ending.cause, "liveness" in play.machine.ending.message) == (Cause.HEALTH, True)


def test_a_startup_probe_that_never_passes_recycles_it_after_its_periods() -> None:
    probe = ProbeSpec(http=HttpProbe(), failure_threshold=3, period=1.0)
    play = Playbook(spec(probes=Probes(startup=probe))) >> Start() >> Spawned(1, 10)
    for _ in range(8):
        play >> Probed(ProbeKind.STARTUP, False, "refused")
        assert play.phase is Phase.WARMING
        play.after(0.25)
    play >> Probed(ProbeKind.STARTUP, False, "refused")
    assert play.phase is Phase.RECYCLING


def test_notify_makes_ready_and_a_missing_watchdog_recycles() -> None:
    probes = Probes(readiness=ProbeSpec(notify=True), liveness=ProbeSpec(notify=True, period=2.0, failure_threshold=1))
    play = Playbook(spec(probes=probes)) >> Start() >> Spawned(1, 10)
    play >> Notified({"READY": "1"})
    assert play.told() == ["process.ready"]
    play.after(1.9) >> Notified({"WATCHDOG": "1"})
    play.after(1.9) >> Timer()
    assert Signal("SIGTERM") not in play.said
    play.after(0.1) >> Timer()
    assert play.phase is Phase.RECYCLING


def test_the_word_stopping_ends_readiness() -> None:
    play = Playbook(spec(probes=Probes(readiness=ProbeSpec(notify=True)))) >> Start() >> Spawned(1, 10) >> Notified({"READY": "1"})
    play >> Notified({"STOPPING": "1"})
    assert play.phase is Phase.UNREADY


def test_an_adopted_instance_goes_on_where_it_was() -> None:
    play = Playbook(PROBED) >> Adopted(attempt=3, pid=30, up_s=100.0, is_ready=True)
    assert (play.phase, play.machine.attempt, play.spawns()) == (Phase.READY, 3, [])
    play >> Exited(3, code=1)
    assert play.spawns() == [4]


def test_an_exit_that_nobody_saw_is_restarted_and_said_so() -> None:
    play = Playbook(spec()).up()
    play >> Exited(1)
    assert play.machine.ending is not None
    assert (play.machine.ending.cause, play.spawns()) == (Cause.UNKNOWN, [2])


def test_memory_and_cron_ask_for_a_rolling_replacement() -> None:
    play = Playbook(spec(limits=LimitsSpec(memory=100))).up()
    play >> MemoryOver(120)
    assert (Replace("memory") in play.said, play.told(), play.phase) == (True, ["process.oom"], Phase.READY)
    play >> CronDue()
    assert (Replace("cron") in play.said, play.phase) == (True, Phase.READY)


def test_cron_starts_again_what_has_completed() -> None:
    play = Playbook(spec(restart=RestartSpec(policy="no"))).up()
    play >> Exited(1, code=0) >> CronDue()
    assert play.spawns() == [2]


def test_new_probes_in_place_do_not_take_readiness_away() -> None:
    play = Playbook(spec()).up()
    play >> Revised(PROBED)
    assert play.phase is Phase.READY
    assert play.machine.probing is not None


def test_what_comes_too_late_changes_nothing() -> None:
    play = Playbook(spec()).up()
    play >> Exited(1, code=1)
    before = play.machine
    play >> Exited(1, code=1) >> SpawnFailed(1, "late") >> Probed(ProbeKind.READINESS, True)
    assert (play.machine, play.said) == (before, ())


def test_an_exit_heard_before_its_spawn_still_counts() -> None:
    play = Playbook(spec(restart=RestartSpec(backoff=1.0))) >> Start() >> Exited(1, code=1)
    assert play.spawns() == [2]
    play >> Spawned(1, 10)
    assert play.phase is Phase.STARTING


EVENTS = st.one_of(
    st.sampled_from([Start(), Stop(), Timer(), Promoted(), CronDue(), MemoryOver(1), Notified({"READY": "1"}), Revised(PROBED)]),
    st.builds(Spawned, st.integers(1, 4), st.just(7)),
    st.builds(SpawnFailed, st.integers(1, 4), st.just("no")),
    st.builds(Exited, st.integers(1, 4), st.sampled_from([None, 0, 1])),
    st.builds(Probed, st.sampled_from(list(ProbeKind)), st.booleans(), st.just("said")),
)
SPECS = st.sampled_from(
    [
        spec(),
        PROBED,
        spec(restart=RestartSpec(policy="no")),
        spec(restart=RestartSpec(policy="on-failure", backoff=0.0)),
        spec(probes=Probes(startup=ProbeSpec(notify=True), liveness=ProbeSpec(http=HttpProbe(), failure_threshold=1))),
    ]
)


@given(SPECS, st.booleans(), st.lists(st.tuples(EVENTS, st.floats(0, 20)), max_size=40))
def test_every_story_keeps_to_the_table_and_leaves_nobody_asleep(
    spec: ProcessSpec, is_candidate: bool, story: list[tuple[Incident, float]]
) -> None:
    machine, now, wake_at = Machine(spec=spec, is_candidate=is_candidate), 0.0, None
    for event, gap in story:
        now += gap
        before = machine
        machine, commands = advance(machine, event, now, UNIT)
        if machine.phase is not before.phase:
            assert machine.phase in TABLE[before.phase, type(event)]
        wake_at = next((command.at for command in commands if isinstance(command, Wake)), wake_at)
        if machine.wake_at is not None:
            assert machine.wake_at == wake_at, "the engine knows when to wake it"
        if machine.phase in (Phase.BACKOFF, Phase.STOPPING, Phase.RECYCLING) and not any(isinstance(it, Kill) for it in commands):
            assert machine.wake_at is not None or before.phase is machine.phase or before.wake_at is None
        assert (machine.pid is not None) == machine.is_running
        assert [it.attempt for it in commands if isinstance(it, Spawn)] == ([machine.attempt] if machine.attempt > before.attempt else [])


@given(SPECS, st.lists(st.tuples(EVENTS, st.floats(0, 20)), max_size=25))
def test_a_stop_ends_every_story(spec: ProcessSpec, story: list[tuple[Incident, float]]) -> None:
    machine, now = Machine(spec=spec), 0.0
    for event, gap in story:
        now += gap
        machine, _ = advance(machine, event, now, UNIT)
    for event in (Stop(), Spawned(machine.attempt, 7), Exited(machine.attempt, code=0)):
        machine, _ = advance(machine, event, now, UNIT)
    assert machine.phase in ENDED
