"""holdfast-sim: play stories of seeds, or kill the daemon at every boundary of every scenario, and say what was broken.

    holdfast-sim --seeds 10000 --json      many seeds, on all cores
    holdfast-sim --crash-points            a kill at every boundary of every scenario, and some pairs of kills
    holdfast-sim --seed 42 --trace         one story, told line by line; the same on every machine
    holdfast-sim --scenario "a bad commit dies" --deaths 31 --trace

Exit code 1 where a property was broken. A failing seed is made shorter, and the command that plays it again is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

from holdfast.model.ids import ResourceId
from holdfast.testing.campaign import Failure, Tally, campaign, chunks, crash_everywhere, play_seeds
from holdfast.testing.generate import story_of
from holdfast.testing.play import Played, play
from holdfast.testing.scenario import SCENARIOS
from holdfast.testing.shrink import Cut, shrink
from holdfast.testing.story import Story

PAIRS = 10
"""Of kills, sampled per scenario."""


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    if asked.seed is not None or asked.scenario is not None:
        return _one(asked)
    if asked.seeds is None and not asked.crash_points:
        _parser().print_help()
        return 64
    return _many(asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="holdfast-sim", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, metavar="N", help="play N seeds")
    parser.add_argument("--first", type=int, default=0, metavar="SEED", help="the first of them (0)")
    parser.add_argument("--crash-points", action="store_true", help="kill the daemon at every boundary of every scenario")
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N", help=f"pairs of kills sampled per scenario ({PAIRS})")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th boundary (1)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (all cores)")
    parser.add_argument("--json", action="store_true", help="say it as JSON")
    parser.add_argument("--seed", type=int, metavar="SEED", help="play one seed")
    parser.add_argument("--acts", metavar="0,3,…", help="of that seed, only these acts")
    parser.add_argument("--without", metavar="ID,…", help="of that seed, without these resources")
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), metavar="NAME", help="play one scenario")
    parser.add_argument("--deaths", default="", metavar="N,…", help="kill the daemon at these boundaries")
    parser.add_argument("--trace", action="store_true", help="print what happens, line by line")
    return parser


# One story


def _one(asked: argparse.Namespace) -> int:
    story = _story(asked)
    deaths = tuple(int(number) for number in asked.deaths.split(",") if number)
    played = play(story, deaths=deaths, is_traced=asked.trace)
    if asked.json:
        print(json.dumps(asdict(played), indent=2))
    else:
        _tell(story, played)
    return 1 if played.violations else 0


def _story(asked: argparse.Namespace) -> Story:
    if asked.scenario is not None:
        return SCENARIOS[asked.scenario]
    story = story_of(asked.seed)
    if asked.acts is None and asked.without is None:
        return story
    acts = range(len(story.acts)) if asked.acts is None else (int(number) for number in asked.acts.split(",") if number)
    without = (ResourceId.parse(text) for text in (asked.without or "").split(",") if text)
    return Cut(acts=tuple(acts), without=tuple(without)).of(story)


def _tell(story: Story, played: Played) -> None:
    for line in played.trace:
        print(line)
    for number, act in enumerate(story.acts):
        print(f"act {number}: {act}")
    print(
        f"{played.resources} resources, {played.commits} commits, {played.faults} faults, {played.crashes} crashes, "
        f"{played.effects} effects, {played.writes} writes, {played.virtual_s:.0f} virtual seconds"
    )
    for violation in played.violations:
        print(f"BROKEN {violation}")


# Many


def _many(asked: argparse.Namespace) -> int:
    tally, seconds, crash_seconds = Tally(), 0.0, 0.0
    if asked.seeds is not None:
        tally, seconds = campaign(play_seeds, chunks(asked.first, asked.seeds), asked.jobs)
    if asked.crash_points:
        work = partial(crash_everywhere, pairs=asked.pairs, every=asked.every)
        crashed, crash_seconds = campaign(work, list(SCENARIOS), asked.jobs)
        tally.join(crashed)
    replays = [_replay(failure) for failure in tally.failures]
    if asked.json:
        print(json.dumps(_document(tally, seconds, crash_seconds, replays), indent=2))
    else:
        _sum_up(tally, seconds, crash_seconds, replays)
    return 1 if tally.violations else 0


def _replay(failure: Failure) -> str:
    """Return the one command that plays it again, made shorter where it is a seed's."""
    if failure.seed is not None:
        story = story_of(failure.seed)
        cut = shrink(story, lambda shorter: bool(play(shorter).violations))
        if cut is not None:
            return cut.command(story)
    return f"holdfast-sim {failure.where} --trace"


def _document(tally: Tally, seconds: float, crash_seconds: float, replays: Sequence[str]) -> dict[str, object]:
    figures = asdict(tally)
    failures = [
        {"where": failure.where, "violations": list(failure.violations), "replay": replay}
        for failure, replay in zip(tally.failures, replays, strict=True)
    ]
    return {**figures, "seconds": round(seconds, 3), "crash_seconds": round(crash_seconds, 3), "failures": failures}


def _sum_up(tally: Tally, seconds: float, crash_seconds: float, replays: Sequence[str]) -> None:
    for failure, replay in zip(tally.failures, replays, strict=True):
        print(f"BROKEN {failure.where}: {failure.violations[0]}\n  {replay}")
    if tally.seeds:
        print(
            f"{tally.seeds} seeds in {seconds:.1f} s, each at least {tally.least_resources} resources, {tally.least_commits} commits, "
            f"{tally.least_faults} faults, {tally.least_effects} effects; {tally.crashes} crashes"
        )
    if tally.scenarios:
        print(
            f"{tally.scenarios} scenarios in {crash_seconds:.1f} s, killed at each of {tally.crash_points} boundaries "
            f"and at {tally.crash_pairs} pairs"
        )
    print(f"{tally.violations} violations")


if __name__ == "__main__":
    sys.exit(main())
