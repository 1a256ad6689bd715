"""The simulator: seeds a minute on two cores, each at least 8 resources, 3 commits, 5 faults (a crash is one) and 100 effects.

Then a kill at every boundary of every scenario. Processor time stands beside the wall clock's, which a busy machine stretches most.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import asdict
from functools import partial

from holdfast.testing.campaign import Tally, campaign, chunks, crash_everywhere, play_seeds
from holdfast.testing.scenario import SCENARIOS

SEEDS = 2_000
TARGET_A_MINUTE = 10_000
CORES = 2
LEASTS = ("least_resources", "least_commits", "least_faults", "least_effects", "least_crashes")


def processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    before = processor_s()
    tally, seconds = campaign(play_seeds, chunks(0, SEEDS), CORES)
    of_seeds = processor_s() - before
    began = time.monotonic()
    crashed, _ = campaign(partial(crash_everywhere, pairs=10), list(SCENARIOS), CORES)
    print(json.dumps(document(tally, seconds, of_seeds, crashed, time.monotonic() - began), indent=2))
    return 1 if tally.violations or crashed.violations else 0


def document(tally: Tally, seconds: float, processor: float, crashed: Tally, crash_s: float) -> dict[str, object]:
    figures = asdict(tally)
    a_minute = SEEDS / seconds * 60
    return {
        "n": SEEDS,
        "seconds": round(seconds, 2),
        "processor_ms_per_seed": round(processor / SEEDS * 1000, 2),
        "seeds_per_minute": round(a_minute),
        "seeds_per_minute_on_two_idle_cores": round(CORES * 60 / (processor / SEEDS)),
        "target_per_minute": TARGET_A_MINUTE,
        "ratio": round(a_minute / TARGET_A_MINUTE, 2),
        **{name: figures[name] for name in LEASTS},
        "crashes": tally.crashes,
        "effects": tally.effects,
        "violations": tally.violations + crashed.violations,
        "scenarios": crashed.scenarios,
        "crash_points": crashed.crash_points,
        "crash_pairs": crashed.crash_pairs,
        "crash_seconds": round(crash_s, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
