"""A story: what a team commits, what goes wrong and who meddles, as a value that can be told again and made shorter.

Everything happens at virtual seconds from the start. A crash is told as "at the n-th boundary from here", so that it strikes where work is
done. All that goes wrong has an end; the ends come in another order than the beginnings (FoundationDB's swizzled faults).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from holdfast.controllers.sync.lane import Managed
from holdfast.model.ids import ResourceId
from holdfast.model.resource import Resource
from holdfast.testing.fault import Fault


class Deed(StrEnum):
    """What somebody does, or what goes wrong."""

    PUSH = "push"
    """Push commit `number` of an application."""
    BREAK = "break"
    """Push a commit that does not render."""
    REWIND = "rewind"
    """Force-push the branch back to commit `number`."""
    SILENCE = "silence"
    """The repository does not answer."""
    WEATHER = "weather"
    """An engine, the store or Git meets a fault, with probability `chance` per call."""
    CRASH = "crash"
    """The daemon is killed at the `number`-th boundary from here, and starts again `chance` seconds later."""
    CLOCK = "clock"
    """The wall clock jumps by `number` seconds, and back at the end."""
    KILL = "kill"
    """Something of ours is gone."""
    FORK = "fork"
    """A process forks away from its main process: something else than what was started is there."""
    EDIT = "edit"
    RIVAL = "rival"
    """Somebody writes to it every two seconds."""
    SICKEN = "sicken"
    """It is not ready for a while."""
    SQUAT = "squat"
    """Somebody puts something of theirs where nothing stands yet."""
    SUSPEND = "suspend"
    """A person suspends an application, and resumes it at the end."""
    SYNC = "sync"
    ROLLBACK = "rollback"
    DOWN = "down"
    """A person takes an application down, and resumes it at the end."""


FAULTS = frozenset(Deed) - {Deed.PUSH, Deed.SUSPEND, Deed.SYNC, Deed.ROLLBACK, Deed.DOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    deed: Deed
    at: float
    until: float | None = None
    target: str = ""
    """An application, an engine, the store, Git; of what happens to a resource, its text."""
    number: int = 0
    chance: float = 1.0
    fault: Fault | None = None

    def __str__(self) -> str:
        end = f" until {self.until:g}" if self.until is not None else ""
        what = f" {self.fault}" if self.fault else ""
        return f"{self.at:g}{end}: {self.deed}{what} {self.target} {self.number or ''}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """One application and what its commits ask for, one after another."""

    managed: Managed
    commits: tuple[tuple[Resource, ...], ...]

    @property
    def name(self) -> str:
        return self.managed.name

    def without(self, id: ResourceId) -> Team:
        """Return the same without one resource, and without everybody's need of it."""
        return replace(self, commits=tuple(_without(commit, id) for commit in self.commits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    seed: int
    teams: tuple[Team, ...]
    acts: tuple[Act, ...]
    """In order of time."""
    least_effects: int = 0
    """Where fewer came of it, the last commit is touched again until there are as many."""
    ids: tuple[ResourceId, ...] = field(init=False)

    def __post_init__(self) -> None:
        found = {resource.id for team in self.teams for commit in team.commits for resource in commit}
        object.__setattr__(self, "ids", tuple(sorted(found)))

    @property
    def faults(self) -> int:
        return sum(act.deed in FAULTS for act in self.acts)

    @property
    def commits(self) -> int:
        return sum(act.deed is Deed.PUSH for act in self.acts)


def _without(commit: tuple[Resource, ...], id: ResourceId) -> tuple[Resource, ...]:
    return tuple(
        replace(
            resource,
            needs=resource.needs - {id},
            policy=replace(resource.policy, restart_with=resource.policy.restart_with - {id}),
        )
        for resource in commit
        if resource.id != id
    )
