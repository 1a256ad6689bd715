"""A Process's state says what its spec says, and no more than that."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from holdfast.kit.canonical import Json
from holdfast.workload.process_spec import (
    ExecProbe,
    HttpProbe,
    LimitsSpec,
    LogProbe,
    LogSpec,
    Probes,
    ProbeSpec,
    ProcessSpec,
    RestartSpec,
    SecretRef,
    SocketSpec,
    StopSpec,
)
from holdfast.workload.replicated import DEADLINE_S
from holdfast.workload.run import is_shared, read, write

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=6)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,4}[a-z0-9]", fullmatch=True)
TIMES = st.integers(0, 4_000).map(lambda quarter: quarter / 4)
PORTS = st.none() | st.integers(1, 65535)
PROBES = st.none() | st.builds(
    ProbeSpec,
    http=st.none() | st.builds(HttpProbe, path=WORDS, port=PORTS, headers=st.dictionaries(WORDS, WORDS, max_size=2)),
    exec=st.none() | st.builds(ExecProbe, command=st.lists(WORDS, min_size=1, max_size=2).map(tuple)),
    log=st.none() | st.builds(LogProbe, contains=WORDS),
    period=TIMES,
    failure_threshold=st.integers(1, 9),
)
SPECS = st.builds(
    ProcessSpec,
    command=st.lists(WORDS, min_size=1, max_size=3).map(tuple),
    working_dir=st.sampled_from([".", "app", "a/b"]),
    env=st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,4}", fullmatch=True), WORDS | st.builds(SecretRef, secret=NAMES), max_size=3),
    replicas=st.integers(1, 3),
    sockets=st.lists(st.builds(SocketSpec, name=NAMES, port=PORTS), max_size=2).map(tuple),
    probes=st.builds(Probes, startup=PROBES, liveness=PROBES, readiness=PROBES),
    restart=st.builds(
        RestartSpec, policy=st.sampled_from(["no", "always"]), success_codes=st.lists(st.integers(0, 255), max_size=2).map(tuple)
    ),
    stop=st.builds(StopSpec, timeout=TIMES),
    limits=st.builds(LimitsSpec, memory=st.none() | st.integers(1, 1 << 40), open_files=st.none() | st.integers(1, 9)),
    logs=st.builds(LogSpec, max_size=st.integers(1, 1 << 30)),
    cron_restart=st.none() | st.just("0 3 * * *"),
    suspended=st.booleans(),
)


@given(SPECS, st.none() | st.just("r" * 64), TIMES.filter(bool))
def test_reading_undoes_writing(spec: ProcessSpec, release: str | None, deadline_s: float) -> None:
    run = read(write(spec, release=release, deadline_s=deadline_s, fingerprints={}))
    assert run.spec == replace(spec, progress_deadline=deadline_s)
    assert (run.release, run.replica, run.progress_deadline_s) == (release, None, deadline_s)


def test_a_default_is_left_out_and_a_value_becomes_text() -> None:
    spec = ProcessSpec(command=("run",), env={"A": 1, "B": True, "C": SecretRef(secret="key"), "D": SecretRef(secret="new")})
    expected: dict[str, Json] = {
        "command": ["run"],
        "progressDeadline": "1m",
        "env": {"A": "1", "B": "true", "C": {"secret": "key", "fingerprint": "f"}, "D": {"secret": "new", "fingerprint": None}},
    }
    assert write(spec, release=None, deadline_s=60.0, fingerprints={"key": "f"}) == expected


def test_what_an_observation_added_is_passed_over() -> None:
    run = read({"command": ["run"], "replica": 2, "stopped": True, "unheard": {"of": 1}})
    assert (run.spec, run.replica, run.progress_deadline_s) == (ProcessSpec(command=("run",)), 2, DEADLINE_S)


def test_a_socket_without_a_place_of_its_own_is_each_slots() -> None:
    sockets = (SocketSpec(name="a"), SocketSpec(name="b", port=80), SocketSpec(name="c", path="s.sock"))
    assert [is_shared(socket) for socket in sockets] == [False, True, True]
