"""The real file engine and controllers on simulated files: whatever goes wrong, they become what Git says, and no other file is touched."""

from __future__ import annotations

import random
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pytest

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.testing.fault import Fault
from holdfast.testing.file_engine import DATA
from holdfast.testing.simulated_files import TEMPORARY, SimulatedFiles
from holdfast.testing.simulated_loop import run
from holdfast.testing.stage import FILES, Stage, unit, wanted

pytestmark = pytest.mark.simulation

SHOP = f"{DATA}/shop"
FOREIGN = f"{SHOP}/letters/from-somebody"
COMMITS: tuple[Mapping[str, str], ...] = (
    {"motd": "hello", "etc/app.conf": "one", "etc/old.conf": "old", "deep/er/note": "x" * 200},
    {"motd": "hello again", "etc/app.conf": "two", "deep/er/note": "x" * 200, "etc/new.conf": "new"},
    {"motd": "hello again", "etc/app.conf": "three", "etc/new.conf": "newer"},
)
UNLUCKY = (Fault.DISK_FULL, Fault.LOST_REPLY, Fault.BLIND, Fault.MISSED_NEWS)
SEEDS = 150


def shop() -> Managed:
    return Managed(name="shop", settings=Settings(automated=True, prune=True, self_heal=True))


def declared(files: Mapping[str, str]) -> list[Resource]:
    """Return a File for each path, and a program that needs the first."""
    made = [
        Resource(
            id=ResourceId(HOST, "File", "shop", path.replace("/", "-")),
            state=State.of({"path": path, "mode": "0640", "content": content}),
            labels={APPLICATION: "shop"},
        )
        for path, content in files.items()
    ]
    return [*made, wanted(unit("web"), 1, made[0].id)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of a story."""

    boundaries: int
    lives: int
    files: Mapping[str, tuple[bytes, int]]
    foreign: bytes
    writes_at_rest: int
    crashes: tuple[str, ...]


def tree(stage: Stage) -> SimulatedFiles:
    assert stage.files is not None
    return stage.files


async def story(stage: Stage, dice: random.Random | None) -> Told:
    """Push three commits; meanwhile somebody edits, plants a link, takes away, and with `dice` the disk has moods."""
    async with stage:
        files = tree(stage)
        files.put(FOREIGN, b"mine")
        files.folder(f"{SHOP}/letters")
        await stage.start()
        for number, commit in enumerate(COMMITS):
            mood = dice.choice(UNLUCKY) if dice is not None else None
            if dice is not None and mood is not None:
                stage.weather[FILES].begin(mood, dice.uniform(0.1, 0.9))
            stage.commit("shop", *declared(commit))
            await living(stage, 5.0)
            meddle(stage, number)
            await living(stage, 20.0)
            if mood is not None:
                stage.weather[FILES].end(mood)
        await stage.house.sweep.sweep()  # what nobody told of
        await living(stage, 900.0)
        assert await stage.rest()
        before = stage.disk.commits
        await stage.clock.sleep(60.0)
        return Told(
            boundaries=stage.fate.count,
            lives=stage.lives,
            files={
                path.removeprefix(f"{SHOP}/"): (entry.data, stat.S_IMODE(entry.st_mode))
                for path, entry in files.entries.items()
                if path.startswith(f"{SHOP}/") and stat.S_ISREG(entry.st_mode) and TEMPORARY not in path and path != FOREIGN
            },
            foreign=files.entries[FOREIGN].data,
            writes_at_rest=stage.disk.commits - before,
            crashes=tuple(stage.crashes),
        )


def meddle(stage: Stage, number: int) -> None:
    """Do what a person with a shell does, each time something else; what was never ours would be theirs to keep."""
    files = tree(stage)
    owned = stage.disk.owned.get(ResourceId(HOST, "File", "shop", "motd"))
    if number != 1 and (owned is None or not owned.is_applied):
        return
    match number:
        case 0:
            files.put(f"{SHOP}/motd", b"by hand", mode=0o600)
        case 1:
            files.take(f"{SHOP}/etc")
        case _:
            files.link(f"{SHOP}/motd", "/etc/passwd")


async def living(stage: Stage, seconds: float) -> None:
    """Let time pass; a daemon that dies is started again."""
    until = stage.clock.monotonic() + seconds
    while await stage.fate.bell.wait_until(until):
        await stage.restart()


def play(seed: int, deaths: Collection[int] = (), dice: random.Random | None = None) -> Told:
    return run(seed, story(Stage([shop()], seed=seed, deaths=set(deaths), has_files=True), dice))


def wanted_files() -> dict[str, tuple[bytes, int]]:
    return {path: (content.encode(), 0o640) for path, content in COMMITS[-1].items()}


def judge(told: Told) -> None:
    assert told.crashes == ()
    assert told.files == wanted_files()
    assert told.foreign == b"mine"
    assert told.writes_at_rest == 0


def test_files_become_what_git_says() -> None:
    told = play(1)
    judge(told)
    assert told.lives == 1
    assert told.boundaries > 60


def test_a_kill_at_any_boundary_comes_to_the_same_files() -> None:
    boundaries = play(1).boundaries
    for number in range(1, boundaries):
        told = play(1, [number])
        judge(told)
        assert told.lives == 2, number


def test_a_disk_with_moods_comes_to_the_same_files() -> None:
    lives = 0
    for seed in range(SEEDS):
        dice = random.Random(seed)
        told = play(seed, [dice.randint(1, 150)], dice)
        judge(told)
        lives += told.lives
    assert lives > SEEDS
