"""Stories of seeds, and a kill at every boundary of every scenario: nothing is broken, and the same seed is the same story everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest

from holdfast.testing import sim
from holdfast.testing.campaign import Tally, campaign, chunks, crash_everywhere, play_seeds
from holdfast.testing.generate import COMMITS, LEAST_EFFECTS, LEAST_RESOURCES, story_of
from holdfast.testing.house import REAL
from holdfast.testing.play import play
from holdfast.testing.scenario import SCENARIOS
from holdfast.testing.shrink import shrink
from holdfast.testing.simulated_engine import SimulatedEngine
from holdfast.testing.story import Deed, Story

pytestmark = pytest.mark.simulation
IS_SOAK = bool(os.environ.get("HOLDFAST_SOAK"))
IS_CI = os.environ.get("CI") == "true"
SEEDS = 10_000 if IS_SOAK else 1_000
EVERY = 1 if IS_SOAK or IS_CI else 5
"""On a busy desk only each fifth boundary; all of them wherever it counts."""
JOBS = 2


def broken(tally: Tally) -> list[str]:
    return [f"holdfast-sim {failure.where} --trace: {failure.violations[0]}" for failure in tally.failures]


def test_no_seed_breaks_a_property() -> None:
    tally, _ = campaign(play_seeds, chunks(0, SEEDS), JOBS)
    assert broken(tally) == []
    assert tally.seeds == SEEDS
    leasts = (tally.least_resources, tally.least_commits, tally.least_faults, tally.least_effects, tally.least_crashes)
    assert all(found is not None and found >= least for found, least in zip(leasts, (8, 3, 5, 100, 1), strict=True)), leasts


def test_a_kill_at_any_boundary_of_any_scenario_comes_to_the_same_end() -> None:
    work = partial(crash_everywhere, pairs=100 if IS_SOAK else 5, every=EVERY)
    tally, _ = campaign(work, list(SCENARIOS), JOBS)
    assert broken(tally) == []
    assert tally.scenarios >= 40
    assert tally.crash_points >= 10_000 / EVERY
    assert tally.crash_pairs >= 5 * tally.scenarios


def test_every_story_is_as_rich_as_promised() -> None:
    stories = [story_of(seed) for seed in range(300)]
    assert all(len(story.ids) >= LEAST_RESOURCES and story.faults >= 5 and story.commits >= COMMITS for story in stories)
    assert all(any(act.deed is Deed.CRASH for act in story.acts) for story in stories)
    assert LEAST_EFFECTS >= 100
    deeds = {act.deed for story in stories for act in story.acts}
    assert deeds == set(Deed)


def test_faults_do_not_end_in_the_order_in_which_they_came() -> None:
    stories = [story_of(seed) for seed in range(50)]
    ends = [[act.until for act in story.acts if act.until is not None] for story in stories]
    assert any(times != sorted(times) for times in ends)


@pytest.mark.parametrize("asked", [["--seed", "11"], ["--seed", "26"], ["--scenario", "a bad commit dies", "--deaths", "60"]])
def test_a_trace_is_the_same_byte_for_byte_under_any_hash_seed(asked: list[str]) -> None:
    traces = {trace(asked, hash_seed) for hash_seed in ("0", "1", "4242")}
    assert len(traces) == 1
    assert b"write event operation.started" in traces.pop()


def trace(asked: list[str], hash_seed: str) -> bytes:
    command = [sys.executable, "-m", "holdfast.testing.sim", *asked, "--trace"]
    return subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, check=True, timeout=120).stdout


class TakesWhatIsThere(SimulatedEngine):
    """An engine that does not ask whose a thing is."""

    __slots__ = ()

    def _may_touch(self, step: object, old: object) -> bool:
        return True


def test_a_failing_story_is_shrunk_to_what_it_takes_and_one_command_replays_it() -> None:
    careless = replace(REAL, engine=TakesWhatIsThere)

    def fails(story: Story) -> bool:
        return any("somebody else's" in violation for violation in play(story, parts=careless).violations)

    story = next(story for story in map(story_of, range(600)) if fails(story))
    cut = shrink(story, fails)
    assert cut is not None
    smallest = cut.of(story)
    assert fails(smallest)
    assert {act.deed for act in smallest.acts} == {Deed.PUSH, Deed.SQUAT}
    assert len(smallest.acts) <= 3
    parsed = sim._story(sim._parser().parse_args(cut.command(story).split()[1:]))
    assert parsed == smallest


def test_a_campaign_is_told_as_json_and_by_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert sim.main(["--seeds", "4", "--crash-points", "--every", "200", "--pairs", "0", "--jobs", "1", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["seeds"], told["violations"], told["scenarios"], told["failures"]) == (4, 0, len(SCENARIOS), [])
    assert told["crash_points"] >= told["scenarios"]
    assert told["seconds"] > 0


def test_one_seed_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert sim.main(["--seed", "3"]) == 0
    assert "crashes" in capsys.readouterr().out
    assert sim.main([]) == 64
