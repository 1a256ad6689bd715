"""Many stories on all cores: ranges of seeds, and a kill at every boundary of every scenario.

Each worker plays alone and tells only sums and what failed, so that a campaign of any length fits in memory.
"""

from __future__ import annotations

import gc
import multiprocessing
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from holdfast.testing.generate import story_of
from holdfast.testing.house import REAL, Parts
from holdfast.testing.play import Played, play
from holdfast.testing.scenario import SCENARIOS

CHUNK = 50
YOUNG = 50_000
"""Objects until Python looks for cycles among the young: a story makes many and keeps few, and looking costs a twentieth of its time."""
MOST_FAILURES = 20
"""Kept of a campaign; more say no more."""
SUMS = ("seeds", "violations", "scenarios", "crash_points", "crash_pairs", "crashes", "effects", "writes", "boundaries", "virtual_s")
LEASTS = ("least_effects", "least_faults", "least_resources", "least_commits", "least_crashes")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """`where`: the command that plays it again, but for `--trace`."""

    where: str
    seed: int | None
    violations: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What came of a campaign, or of a part of it."""

    seeds: int = 0
    violations: int = 0
    scenarios: int = 0
    crash_points: int = 0
    crash_pairs: int = 0
    crashes: int = 0
    effects: int = 0
    least_effects: int | None = None
    least_faults: int | None = None
    least_resources: int | None = None
    least_commits: int | None = None
    least_crashes: int | None = None
    writes: int = 0
    boundaries: int = 0
    virtual_s: float = 0.0
    failures: list[Failure] = field(default_factory=list)

    def add(self, played: Played) -> None:
        self.crashes += played.crashes
        self.effects += played.effects
        self.writes += played.writes
        self.boundaries += played.boundaries
        self.virtual_s += played.virtual_s

    def add_seed(self, played: Played) -> None:
        self.add(played)
        self.seeds += 1
        self.least_effects = _least(self.least_effects, played.effects)
        self.least_faults = _least(self.least_faults, played.faults)
        self.least_resources = _least(self.least_resources, played.resources)
        self.least_commits = _least(self.least_commits, played.commits)
        self.least_crashes = _least(self.least_crashes, played.crashes)

    def fail(self, failure: Failure) -> None:
        self.violations += 1
        self.failures = [*self.failures, failure][:MOST_FAILURES]

    def join(self, other: Tally) -> None:
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in LEASTS:
            if (least := getattr(other, name)) is not None:
                setattr(self, name, _least(getattr(self, name), least))
        self.failures = [*self.failures, *other.failures][:MOST_FAILURES]


def _least(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def play_seeds(seeds: Iterable[int], parts: Parts = REAL) -> Tally:
    tally = Tally()
    gc.set_threshold(YOUNG)
    for seed in seeds:
        played = play(story_of(seed), parts=parts)
        tally.add_seed(played)
        if played.violations:
            tally.fail(Failure(where=f"--seed {seed}", seed=seed, violations=played.violations))
    return tally


def crash_everywhere(name: str, parts: Parts = REAL, *, pairs: int = 0, every: int = 1) -> Tally:
    """Play a scenario, then once for each boundary with a kill there, and for some pairs of boundaries; all must come to the same end.

    `every`: only each so-many-th boundary.
    """
    story = SCENARIOS[name]
    reference = play(story, parts=parts)
    tally = Tally(scenarios=1)
    tally.add(reference)
    if reference.violations:
        tally.fail(Failure(where=f'--scenario "{name}"', seed=None, violations=reference.violations))
        return tally
    single = [(number,) for number in range(1, reference.busy_boundaries + 1, every)]
    dice = random.Random(name)
    double = [tuple(sorted(dice.sample(range(1, reference.busy_boundaries + 1), 2))) for _ in range(pairs)]
    tally.crash_points, tally.crash_pairs = len(single), len(double)
    for deaths in (*single, *double):
        played = play(story, parts=parts, deaths=deaths)
        tally.add(played)
        if wrong := (*played.violations, *_differences(reference, played)):
            where = f'--scenario "{name}" --deaths {",".join(map(str, deaths))}'
            tally.fail(Failure(where=where, seed=None, violations=wrong))
    return tally


def _differences(reference: Played, played: Played) -> Iterator[str]:
    if played.crashes == 0:
        yield "the daemon was not killed"
    yield from (f"without a kill there is {line}" for line in sorted(set(reference.final) - set(played.final)))
    yield from (f"without a kill there is no {line}" for line in sorted(set(played.final) - set(reference.final)))


def campaign(work: Callable[[T], Tally], parts_of_it: Sequence[T], jobs: int) -> tuple[Tally, float]:
    """Do all parts, on `jobs` cores; return the sum and the seconds that it took."""
    began = time.monotonic()
    tally = Tally()
    if jobs == 1:
        for part in parts_of_it:
            tally.join(work(part))
    else:
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("fork")) as pool:
            for done in pool.map(work, parts_of_it):
                tally.join(done)
    return tally, time.monotonic() - began


def chunks(first: int, count: int) -> list[range]:
    return [range(at, min(at + CHUNK, first + count)) for at in range(first, first + count, CHUNK)]
