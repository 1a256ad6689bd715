"""What every test relies on: what it needs is there, its examples are repeatable, and nothing it started is left behind.

`@pytest.mark.needs("nginx", "root")` names what a test cannot do without. Where that is missing the test is skipped by name; under
`CI=true` it fails, because a check that quietly does not run is no check.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from tests.engines.docker_stage import Dockerd
from tests.real.cluster import Cluster, running

from holdfast.host.keeper_client import MAIN

# Debian keeps nginx and ip here; an ordinary user's PATH does not.
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
MARK = "HOLDFAST_TEST_RUN"
LEFTOVER_GRACE_S = 5.0

IS_CI = os.environ.get("CI") == "true"
IS_SOAK = bool(os.environ.get("HOLDFAST_SOAK"))

# Machines are shared, so no example is judged by its duration; in CI the examples are the same on every run.
settings.register_profile("dev", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=200, derandomize=True, print_blob=True, database=None)
settings.register_profile("soak", parent=settings.get_profile("dev"), max_examples=5_000, print_blob=True)
# One example that fails is enough to end a mutant, and shrinking it tells nobody anything.
settings.register_profile(
    "mutate", parent=settings.get_profile("dev"), derandomize=True, database=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("soak" if IS_SOAK else "ci" if IS_CI else "dev")


def missing(names: tuple[str, ...]) -> list[str]:
    """Return the names that this machine lacks: `root`, or programs."""
    return [name for name in names if not is_present(name)]


def is_present(name: str) -> bool:
    return os.geteuid() == 0 if name == "root" else shutil.which(name, path=SEARCH_PATH) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    lacking = missing(tuple(name for mark in item.iter_markers("needs") for name in mark.args))
    if not lacking:
        return
    reason = f"needs {', '.join(lacking)}: not on this machine; tools/setup says how"
    if IS_CI:
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_configure(config: pytest.Config) -> None:
    """Mark this run, so that what its tests start can be told from everything else on the machine."""
    if not hasattr(config, "workerinput"):
        os.environ[MARK] = secrets.token_hex(8)
        config.stash[KEEPERS] = frozenset(keepers())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that leaves processes behind; they are named, not killed, since the defect is in a test."""
    if hasattr(session.config, "workerinput"):
        return
    before = session.config.stash[KEEPERS]
    left = leftovers(before)
    deadline = time.monotonic() + LEFTOVER_GRACE_S
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = leftovers(before)
    if left:
        session.config.stash[LEFT] = left
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def engine_of_the_session() -> Iterator[Dockerd]:
    """One dockerd for all tests of a run."""
    found = Dockerd()
    try:
        found.start()
        found.busybox()
        yield found
    finally:
        found.remove()


@pytest.fixture
def dockerd(engine_of_the_session: Dockerd) -> Iterator[Dockerd]:
    """A real Docker Engine; the test is in its network.

    One test at a time on a machine: each looks from every network namespace there is, those of another's containers among them.
    """
    with (Path(tempfile.gettempdir()) / "holdfast-docker-tests.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with engine_of_the_session.inside():
            yield engine_of_the_session


LEFT = pytest.StashKey[list[str]]()
KEEPERS = pytest.StashKey[frozenset[str]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(LEFT, []):
        terminalreporter.write_line(f"LEFT BEHIND {line}", red=True)


def leftovers(keepers_before: Collection[str]) -> list[str]:
    """Return `pid command` of every process that carries this run's mark and is not this one.

    A keeper carries nothing of whoever started it. In CI, where the program under test is nobody else's, one that was not there before is
    ours.
    """
    mark = f"{MARK}={os.environ[MARK]}".encode()
    marked = [f"{pid} {command}" for pid, command, environ in processes() if pid != os.getpid() and mark in environ]
    return [*marked, *(keeper for keeper in keepers() if IS_CI and keeper not in keepers_before)]


def keepers() -> list[str]:
    """Return `pid command` of every keeper of the program under test: a run of a mutated copy, beside this one, has its own."""
    return [f"{pid} {command}" for pid, command, _ in processes() if str(MAIN) in command]


def processes() -> Iterator[tuple[int, str, list[bytes]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # ended meanwhile, or another user's
        yield int(folder.name), command, environ


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Kubernetes control plane of the module's own; with its controllers, and nodes, where it is marked so."""
    with running(tmp_path_factory.mktemp("cluster"), controllers=request.node.get_closest_marker("controllers") is not None) as started:
        yield started
