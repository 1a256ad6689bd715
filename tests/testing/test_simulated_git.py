"""The simulated Git keeps what the real one keeps, and misbehaves when it is told to."""

from __future__ import annotations

import pytest

from holdfast.errors import SourceError
from holdfast.model.source import Git
from holdfast.testing.contracts.git import LAWS, SHOP
from holdfast.testing.fault import Fault, Weather
from holdfast.testing.simulated_git import Files, SimulatedGit
from holdfast.testing.simulated_loop import SimulatedClock, SimulatedRandom, run

REPOSITORY = "https://git.example.org/shop"


def simulated() -> SimulatedGit:
    return SimulatedGit(clock=SimulatedClock(), weather=Weather(SimulatedRandom(1)))


class SimulatedWorld:
    repository = REPOSITORY

    def __init__(self) -> None:
        self.simulated = simulated()
        self.git: Git = self.simulated

    async def commit(self, files: Files, *, branch: str = "main", subject: str = "work") -> str:
        return self.simulated.commit(REPOSITORY, files, branch=branch, subject=subject)

    async def point(self, branch: str, commit: str) -> None:
        self.simulated.point(REPOSITORY, branch, commit)

    async def tag(self, name: str, commit: str) -> None:
        self.simulated.tag(REPOSITORY, name, commit)

    async def vanish(self) -> None:
        self.simulated.vanish(REPOSITORY)


@pytest.mark.parametrize("law", LAWS)
def test_the_simulated_git_keeps_the_contract(law: str) -> None:
    async def story() -> None:
        await LAWS[law](SimulatedWorld())

    run(7, story())


def test_what_does_not_answer_answers_again_later() -> None:
    async def story() -> tuple[str, str, list[str]]:
        git = simulated()
        git.commit(REPOSITORY, SHOP)
        git.silent.add(REPOSITORY)
        with pytest.raises(SourceError) as silent:
            await git.resolve(REPOSITORY, "main")
        git.silent.clear()
        git.weather.begin(Fault.BLIND, 1.0)
        with pytest.raises(SourceError) as blind:
            await git.resolve(REPOSITORY, "main")
        git.weather.end(Fault.BLIND)
        await git.resolve(REPOSITORY, "main")
        return silent.value.code, blind.value.code, git.asked

    assert run(7, story()) == ("HF4013", "HF4013", [REPOSITORY] * 3)


def test_a_repository_that_vanished_can_come_back() -> None:
    async def story() -> str:
        git = simulated()
        git.commit(REPOSITORY, SHOP, subject="here")
        git.vanish(REPOSITORY)
        with pytest.raises(SourceError, match="no such repository"):
            await git.resolve(REPOSITORY, "main")
        git.appear(REPOSITORY)
        return (await git.resolve(REPOSITORY, "main")).subject

    assert run(7, story()) == "here"
