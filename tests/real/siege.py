"""A real house under siege: visitors, commits, heals and prunes go on while its daemon, its keeper or both are killed, run after run.

Every run is one activity, one kill (or two) at a moment that seeded dice choose, one restart, and then all laws of `Siege`. Real time
is not part of the seed: the same seed gives the same activities, victims and delays, not the same instruction.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from tests.ports import free_port
from tests.real.house import APPLICATION, House, house
from tests.real.siege_crowd import LOOK_AGAIN_S, Listener, Visitors
from tests.real.siege_programs import EXTRA_YAML, PROCESSES, SINGLE_PY, WEB_PY

from holdfast.errors import HoldfastError, Unavailable
from holdfast.host.keeper_client import peek
from holdfast.host.keeper_state import Child, KeeperInfo, KeeperState
from holdfast.store.reader import StoreReader

NAME = "shop"
WEB_VISITORS, SOLO_VISITORS = 2, 1
LIMIT_S = 60.0
"""How long a house may take to come to rest after a kill."""
ALONE = "the only one that serves dies"
AGAIN_S = (0.2, 1.5)
"""Within which time the successor of a keeper, or of a daemon, may be killed as well."""
DRIFTS = 3
"""How often somebody changes the file before it is declared anew (core.damping shows the fifth as a fight)."""
WEB, SOLO, SINGLE, EXTRA = (f"Process/shop/{name}" for name in ("web", "solo", "single", "extra"))

Span: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assault:
    """What one run does: an activity, who is killed after how long, and after how long the successor too (None: it may live)."""

    activity: str
    victims: tuple[str, ...]
    delay_s: float
    again_s: float | None

    def __str__(self) -> str:
        again = f", the successor after {self.again_s:.3f} s" if self.again_s is not None else ""
        return f"{self.activity}; {' and '.join(self.victims)} killed after {self.delay_s:.3f} s{again}"


@dataclass(slots=True, kw_only=True)
class Told:
    """What a siege came to."""

    runs: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    activities: dict[str, int] = field(default_factory=dict)
    answered: int = 0
    broken: int = 0
    """Requests that ended with the child that was answering them, which we had killed."""
    events: int = 0
    seconds: float = 0.0


class Siege:
    """One house, its visitors and the dice. `run` raises AssertionError where a law does not hold."""

    def __init__(self, it: House, seed: int) -> None:
        self._house = it
        self._dice = random.Random(seed)
        self._seed = seed
        self._solo = free_port()
        self._visitors = Visitors([it.port] * WEB_VISITORS + [self._solo] * SOLO_VISITORS)
        self._listener = Listener(it)
        self._words = {"web": "0", "single": "0", "words": "0"}
        self._has_extra = False
        self._is_bad = False
        self._drifts = 0
        self._good = ""
        self._number = 0
        self._killed: dict[int, Span] = {}
        """Children that we killed: pid → from when to when it died."""
        self._checked = 0
        """The newest event that was compared."""
        self._seen: dict[int, str] = {}
        """Pid → id of every child that ran when the house was at rest last."""
        self.told = Told()
        self._activities: Mapping[str, tuple[Callable[[], None], float, int]] = {
            "idle": (self._idle, 0.3, 2),
            "roll the web": (lambda: self._change("web"), 2.0, 6),
            "replace the single one": (lambda: self._change("single"), 0.6, 5),
            "roll everything to a new release": (self._release, 2.5, 3),
            "change a file": (lambda: self._change("words"), 0.3, 2),
            "somebody changes the file": (self._drift, 0.2, 2),
            "a child of the web dies": (lambda: self._kill_child(WEB), 0.06, 4),
            ALONE: (lambda: self._kill_child(SOLO), 0.06, 4),
            "the single one dies": (lambda: self._kill_child(SINGLE), 0.06, 5),
            "add or prune": (self._add_or_prune, 0.5, 4),
            "a bad commit": (self._mistake, 1.5, 3),
            "two commits at once": (self._hurry, 2.0, 3),
            "asked to sync": (self._ask, 0.2, 1),
        }
        """Name → what is done, within which time the kill comes, how often it is chosen."""

    # Life

    def begin(self) -> None:
        self._house.file.write_text(APPLICATION.format(name=NAME, repository=self._house.repository))
        self._house.commit("programs", web_py=WEB_PY, single_py=SINGLE_PY, words_txt="first\n")
        self._commit("the beginning")
        self._house.up()
        self._rest()
        self._visitors.begin()
        self._listener.begin()

    def end(self) -> None:
        """Take it all down, and see that nothing is left."""
        self._visitors.end()
        self._judge_visits()
        done = self._house.answer("down", NAME)
        assert done["data"]["operation"]["phase"] == "Succeeded", done
        assert self._living() == {}
        keeper, state = self._keeper() or (None, None)
        # That a child has ended is remembered until its record is written, which nobody who takes a house down waits for.
        assert state is None or (state.sockets == () and all(child.exit is not None for child in state.children)), state
        assert self._house.end() == 0
        self._listener.end()
        self._house.until("the keeper ends when it has nothing to keep", lambda: keeper is None or not is_alive(keeper.pid))
        assert self._living() == {}
        self._judge_events()
        with StoreReader.open(self._house.state / "store.sqlite") as store:
            assert len(store.inventory()) == 0
            assert store.operations(unfinished=True) == ()

    def close(self) -> None:
        self._visitors.end()
        self._listener.end()

    def run(self) -> None:
        """Do one assault and judge what came of it."""
        self._number += 1
        assault = self._choose()
        began = time.monotonic()
        try:
            self._do(assault)
            self._rest()
            self._judge()
        except AssertionError as error:
            raise AssertionError(f"run {self._number} of seed {self._seed}: {assault}\n{error}") from error
        finally:
            tell(f"run {self._number} of seed {self._seed}: {assault}; {time.monotonic() - began:.2f} s")
        self._count(assault, time.monotonic() - began)
        if self._is_bad:
            self._mend()

    def _choose(self) -> Assault:
        names = list(self._activities)
        activity = self._dice.choices(names, [self._activities[name][2] for name in names])[0]
        within_s = self._activities[activity][1]
        victims = self._dice.choices((("daemon",), ("keeper",), ("daemon", "keeper"), ("keeper", "daemon")), (6, 3, 1, 1))[0]
        if activity == ALONE:
            victims = ("daemon",)  # a socket that no living child has goes with the keeper
        again_s = self._dice.uniform(0.0, AGAIN_S["daemon" in victims]) if self._dice.random() < 0.15 else None
        return Assault(activity=activity, victims=victims, delay_s=self._dice.uniform(0.0, within_s), again_s=again_s)

    def _do(self, assault: Assault) -> None:
        self._activities[assault.activity][0]()
        time.sleep(assault.delay_s)  # the moment of the kill is what is tried here
        for victim in assault.victims:
            self._kill(victim)
        if "daemon" not in assault.victims:
            if assault.again_s is not None:
                time.sleep(assault.again_s)
                self._kill("keeper")
            return
        self._judge_store()
        if assault.again_s is not None:
            self._house.begin_up()
            time.sleep(assault.again_s)
            self._kill("daemon")
            self._judge_store()
        self._house.up()

    def _kill(self, victim: str) -> None:
        self.told.kills[victim] = self.told.kills.get(victim, 0) + 1
        if victim == "daemon":
            assert self._house.end(signal.SIGKILL) == -signal.SIGKILL, self._house.log.read_text()[-4000:]
        elif (found := self._keeper()) is not None:
            os.kill(found[0].pid, signal.SIGKILL)

    # Activities

    def _idle(self) -> None:
        return

    def _change(self, what: str) -> None:
        self._words[what] = str(self._number)
        if what == "words":
            self._drifts = 0
        self._commit(f"another {what}")

    def _release(self) -> None:
        self._house.commit("another release", words_txt=f"{self._number}\n")
        self._good = self._house.git("rev-parse", "HEAD")

    def _drift(self) -> None:
        """Change the file from outside; after a few times it is declared anew, since heal would show a fight instead of fighting on."""
        self._drifts += 1
        if self._drifts > DRIFTS:
            self._change("words")
        elif self._dice.random() < 0.5:
            self._file().write_text("somebody was here\n")
        else:
            self._file().unlink()

    def _kill_child(self, declared: str) -> None:
        child = self._dice.choice(sorted(self._children(declared), key=lambda child: child.spawn_id))
        assert child.pid is not None
        self._killed[child.pid] = kill(child.pid)

    def _add_or_prune(self) -> None:
        self._has_extra = not self._has_extra
        self._commit("with and without")

    def _mistake(self) -> None:
        good = self._words["web"]
        self._words["web"] = "bad"
        self._commit("a mistake", is_good=False)
        self._words["web"] = good
        self._is_bad = True

    def _hurry(self) -> None:
        self._change("web")
        self._words["single"] = str(self._number)
        self._commit("and at once another")

    def _ask(self) -> None:
        self._house.client.post("/v1/sync", application=NAME, wait=False)

    def _mend(self) -> None:
        """After a mistake comes a good commit, as people do."""
        self._is_bad = False
        self._change("words")
        self._rest()

    def _commit(self, subject: str, *, is_good: bool = True) -> None:
        mark = os.environ["HOLDFAST_TEST_RUN"]
        processes = PROCESSES.format(port=self._house.port, solo=self._solo, mark=mark, **self._words)
        extra = EXTRA_YAML.format(mark=mark) if self._has_extra else "# nothing\n"
        commit = self._house.commit(subject, processes_yaml=processes, extra_yaml=extra)
        if is_good:
            self._good = commit

    # Looks

    def _file(self) -> Path:
        return self._house.state / "data" / NAME / "words.txt"

    def _keeper(self) -> tuple[KeeperInfo, KeeperState] | None:
        try:
            return peek(self._house.state / "run")
        except Unavailable:
            return None  # it died while it was asked

    def _children(self, declared: str) -> list[Child]:
        found = self._keeper()
        assert found is not None
        return [child for child in found[1].children if child.alive and child.spawn_id.startswith((f"{declared}/", f"{declared}."))]

    def _living(self) -> dict[int, str]:
        """Return pid → command of every process of this house's children, by its environment: no matter who knows it."""
        mark = f"HOLDFAST_DATA_DIR={self._house.state}/data/{NAME}".encode()
        return {pid: command for pid, command, environ in processes() if mark in environ}

    def _wanted(self) -> set[str]:
        return {f"{WEB}.0", f"{WEB}.1", SOLO, SINGLE, *([EXTRA] if self._has_extra else [])}

    def _rest(self) -> None:
        """Wait until the house says that all is well at the newest good commit, and until that is so."""
        deadline = time.monotonic() + LIMIT_S
        while (lacking := self._lacking()) is not None:
            assert time.monotonic() < deadline, f"it did not come to rest: {lacking}\n{self._house.log.read_text()[-6000:]}"
            assert self._house.daemon is not None
            assert self._house.daemon.poll() is None, f"the daemon ended:\n{self._house.log.read_text()[-6000:]}"
            time.sleep(LOOK_AGAIN_S)

    def _lacking(self) -> str | None:
        """Return what keeps the house from being as it should be, None where nothing does."""
        try:
            it = self._house.application()
        except (HoldfastError, IndexError) as error:
            return f"no status: {error}"
        words = json.dumps(it, indent=1)
        if it["operation"] is not None and it["operation"]["phase"] == "Running":
            return f"an operation runs: {words}"
        if it["revision"] != self._good:
            return f"it is not at {self._good}: {words}"
        if it["health"] != "Healthy" or it["pinned"] is not self._is_bad or it["sync"] != ("OutOfSync" if self._is_bad else "Synced"):
            return f"it is not well: {words}"
        serving = {each["id"]: (each["live"] or {}).get("pid") for each in it["resources"] if each["id"].startswith("Process/")}
        if set(serving) != self._wanted():
            return f"it has other processes than {sorted(self._wanted())}: {words}"
        living = self._living()
        if sorted(living) != sorted(pid for pid in serving.values() if pid is not None) or None in serving.values():
            return f"these run: {living}, and these are told: {serving}"
        if self._keeper() is None:
            return "there is no keeper"
        content = self._file().read_text() if self._file().exists() else None
        if content != self._words["words"]:
            return f"the file says {content!r}"
        self._serving = {pid: id for id, pid in serving.items() if pid is not None}
        return None

    # Laws

    def _judge(self) -> None:
        self._judge_visits()
        doubled = self._house.state / "data" / NAME / "doubled"
        assert not doubled.exists(), f"a process was started twice: {doubled.read_text()}"
        self._judge_store()
        self._judge_events()

    def _judge_store(self) -> None:
        with StoreReader.open(self._house.state / "store.sqlite") as store:
            assert store.damage() == ()

    def _judge_visits(self) -> None:
        """No request is lost; only those that a child was answering when we killed it may break, at most one of each visitor."""
        failed = self._visitors.take_failed()
        unexcused = [it for it in failed if not any(it.began_at <= end and begin <= it.ended_at for begin, end in self._killed.values())]
        assert unexcused == [], f"requests were lost: {unexcused}"
        assert len(failed) <= max(WEB_VISITORS, SOLO_VISITORS) * len(self._killed)
        self.told.broken += len(failed)

    def _judge_events(self) -> None:
        """No gap, nothing twice, nothing lost that anybody heard; every process that runs or ended says so, and why."""
        heard = {seq: event for seq, event in self._listener.heard.copy().items() if seq > self._checked}
        assert self._listener.doubled == []
        with StoreReader.open(self._house.state / "store.sqlite") as store:
            events = store.events(after=self._checked)
        assert [event.seq for event in events] == list(range(self._checked + 1, self._checked + 1 + len(events)))
        stored = {event.seq: json.loads(json.dumps(event.to_json())) for event in events}
        lost = {seq: event for seq, event in heard.items() if stored.get(seq) != event}
        assert lost == {}, f"events were told and are not there: {lost}"
        crashes = [event.to_json() for event in events if event.type == "daemon.crashed"]
        assert crashes == [], f"parts of the daemon crashed: {crashes}"
        self._judge_processes([event.to_json() for event in events])
        self._checked += len(events)
        self.told.events = self._checked

    def _judge_processes(self, events: list[dict[str, Any]]) -> None:
        started = {event["data"]["pid"] for event in events if event["type"] == "process.started"}
        exited = {event["data"]["pid"]: event for event in events if event["type"] == "process.exited"}
        living = self._serving
        silent = {pid: id for pid, id in living.items() if pid not in started and pid not in self._seen}
        assert silent == {}, f"these run and no event says that they started: {silent}"
        gone = {pid: id for pid, id in self._seen.items() if pid not in living and pid not in exited}
        assert gone == {}, f"these are gone and no event says why: {gone}"
        odd = {
            pid: event
            for pid, event in exited.items()
            if not event["data"]["expected"] and pid not in self._killed and not event["data"]["candidate"]
        }
        assert odd == {}, f"these ended without being asked to: {odd}"
        self._seen = dict(living)

    _serving: Mapping[int, str] = {}

    def _count(self, assault: Assault, seconds: float) -> None:
        self.told.runs += 1
        self.told.activities[assault.activity] = self.told.activities.get(assault.activity, 0) + 1
        self.told.answered = self._visitors.answered
        self.told.seconds += seconds
        self._killed = {}


def tell(line: str) -> None:
    """Say what is tried; pytest shows it where a test fails."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def kill(pid: int) -> Span:
    """SIGKILL a process that is not our child, and wait until it has ended."""
    pidfd = os.pidfd_open(pid)
    try:
        begin = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        assert poll.poll(LIMIT_S * 1000), f"pid {pid} did not die"
        return begin, time.monotonic()
    finally:
        os.close(pidfd)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def processes() -> Iterator[tuple[int, str, list[bytes]]]:
    """Yield pid, command and environment of every process that has not ended."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environ = (folder / "environ").read_bytes().split(b"\0")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        yield int(folder.name), command, environ


@contextmanager
def siege(seed: int) -> Iterator[Siege]:
    """Lend a siege on a house of its own; nothing of it is left afterwards."""
    with house(NAME) as it:
        made = Siege(it, seed)
        try:
            yield made
        finally:
            made.close()


def chosen(seed: int) -> int:
    """Return the seed to take: HOLDFAST_CRASH_SEED where somebody tries one again."""
    return int(os.environ.get("HOLDFAST_CRASH_SEED", seed))


def besiege(seed: int, runs: int) -> Told:
    """Do `runs` assaults on one house and return what they came to; raises AssertionError where a law does not hold."""
    tell(f"HOLDFAST_CRASH_SEED={seed} tries the same again")
    with siege(seed) as it:
        it.begin()
        for _ in range(runs):
            it.run()
        it.end()
    tell(str(it.told))
    return it.told
