"""From a seed to a story: at least 8 resources, 3 commits and 5 faults, a crash among them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.core.world import EXCLUSIVE
from holdfast.kit.canonical import Json
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Declared, Derived, Resource, ResourcePolicy
from holdfast.model.state import State
from holdfast.testing.fault import Fault
from holdfast.testing.stage import GIT, ITEM, STORE, UNIT
from holdfast.testing.story import Act, Deed, Story, Team

LEAST_RESOURCES = 8
LEAST_EFFECTS = 100
COMMITS = 3
COMMIT_EVERY_S = 40.0
TOUCHED = 0.65
"""How much of a tree a commit changes."""
STYLES = ("start-first",) * 4 + ("start-first-private",) * 3 + ("stop-first",) * 2 + ("in-place",)
BADNESS = ("dies", "dies", "hangs", "sick")

WEATHER: Mapping[Fault, tuple[tuple[str, ...], float, float]] = MappingProxyType(
    {
        Fault.LOST_CALL: (("units", "items"), 0.2, 1.0),
        Fault.LOST_REPLY: (("units", "items"), 0.2, 1.0),
        Fault.HALF_DONE: (("items",), 0.3, 1.0),
        Fault.LATE: (("items",), 0.3, 1.0),
        Fault.BLIND: (("units", "items", GIT), 0.3, 1.0),
        Fault.LAG: (("units", "items"), 0.5, 1.0),
        Fault.SLOW: (("units", "items", GIT), 0.2, 0.6),
        Fault.SLOW_START: (("units",), 0.5, 1.0),
        Fault.CONFLICT: (("units", "items"), 0.1, 0.6),
        Fault.THROTTLED: (("units", "items"), 0.1, 0.5),
        Fault.MISSED_NEWS: (("units", "items"), 0.3, 1.0),
        Fault.REPEATED_NEWS: (("units", "items"), 0.5, 1.0),
        Fault.WATCH_GAP: (("units", "items"), 1.0, 1.0),
        Fault.DISK_FULL: ((STORE,), 0.5, 1.0),
    }
)
"""Whom each can meet, and the least and the greatest probability per call."""
MISFORTUNES = (Deed.WEATHER,) * 12 + (
    *(Deed.KILL, Deed.KILL, Deed.EDIT, Deed.EDIT, Deed.FORK, Deed.SICKEN, Deed.SQUAT, Deed.RIVAL),
    *(Deed.CLOCK, Deed.SILENCE, Deed.BREAK, Deed.REWIND, Deed.CRASH),
)
PERSONS = (Deed.SUSPEND, Deed.SYNC, Deed.ROLLBACK, Deed.DOWN)


def story_of(seed: int) -> Story:
    """Return the story of a seed; the same for the same seed, whatever the hash seed."""
    return _Author(random.Random(seed)).story(seed)


@dataclass(slots=True)
class _Author:
    dice: random.Random

    def story(self, seed: int) -> Story:
        teams = self.teams()
        return Story(seed=seed, teams=teams, acts=self.acts(teams), least_effects=LEAST_EFFECTS)

    def maybe(self, chance: float) -> bool:
        return self.dice.random() < chance

    # What is committed

    def teams(self) -> tuple[Team, ...]:
        count = self.dice.choice((1, 2, 2, 3))
        sizes = {1: (self.dice.randint(8, 12),), 2: (5, self.dice.randint(3, 5)), 3: (3, 3, self.dice.randint(2, 3))}[count]
        made: list[Team] = []
        for name, size in zip("abc", sizes, strict=False):
            made.append(self.team(name, size, [team.commits[0][0].id for team in made]))
        return tuple(made)

    def team(self, name: str, size: int, elsewhere: Sequence[ResourceId]) -> Team:
        settings = Settings(automated=True, prune=not self.maybe(0.1), self_heal=True)
        managed = Managed(name=name, settings=settings, rollback="off" if self.maybe(0.1) else None)
        first = self.tree(name, size, elsewhere)
        commits = [first]
        for number in range(2, COMMITS + 1):
            commits.append(self.next(name, commits[-1], number))
        return Team(managed=managed, commits=tuple(commits))

    def tree(self, name: str, size: int, elsewhere: Sequence[ResourceId]) -> tuple[Resource, ...]:
        """What stands first needs nothing and always stays, so that other applications can need it."""
        made: list[Resource] = []
        for number in range(size):
            made.append(self.resource(name, number, [other.id for other in made], elsewhere))
        if size >= 5 and self.maybe(0.3):
            group = ResourceId(HOST, UNIT, name, "group")
            made[-2:] = [replace(replica, owner=Derived((group,))) for replica in made[-2:]]
        return tuple(made)

    def resource(self, name: str, number: int, earlier: Sequence[ResourceId], elsewhere: Sequence[ResourceId] = ()) -> Resource:
        kind = UNIT if self.maybe(0.75) else ITEM
        needs = set(self.dice.sample(earlier, min(len(earlier), self.dice.choice((0, 0, 1, 1, 2)))))
        if elsewhere and self.maybe(0.15):
            needs.add(self.dice.choice(elsewhere))
        fields: dict[str, Json] = {"version": 1}
        if kind == UNIT:
            fields["style"] = self.dice.choice(STYLES)
            if self.maybe(0.2):
                fields["secret"] = {"secret": "password", "fingerprint": "f" * 32}
        is_fixed = number and self.maybe(0.15)
        if is_fixed:
            fields["fixed"] = 1
        may_stay = bool(number) and self.maybe(0.05)
        restarts = number and not may_stay and self.maybe(0.1)
        labels = {EXCLUSIVE: f"port:{name}"} if number == 1 and self.maybe(0.2) else {}
        return Resource(
            id=ResourceId(HOST, kind, name, f"r{number}"),
            state=State.of(fields),
            needs=frozenset(needs),
            wave=self.dice.choice((-1, 0, 0, 0, 0, 1)) if number else -1,
            owner=Declared(),
            policy=ResourcePolicy(
                adopt=self.maybe(0.05),
                prune=bool(labels) or not may_stay,
                replace_on=frozenset({"fixed"}) if is_fixed else frozenset(),
                restart_with=frozenset(sorted(needs & set(earlier))[:1]) if restarts else frozenset(),
            ),
            labels=labels,
        )

    def next(self, name: str, before: tuple[Resource, ...], number: int) -> tuple[Resource, ...]:
        kept = list(before)
        if len(kept) > 2 and self.maybe(0.4):
            gone = [kept.pop(self.dice.randrange(1, len(kept))) for _ in range(self.shrinkage(len(kept)))]
            kept = [_without_needs(resource, gone) for resource in kept]
        kept = [self.revised(resource, number) if self.maybe(TOUCHED) else resource for resource in kept]
        if self.maybe(0.4):
            fresh = self.resource(name, 10 * number, [resource.id for resource in kept])
            labels = next((resource.labels for resource in before if resource.labels and resource not in kept), {})
            is_free = labels and all(other.labels != labels for other in kept)
            kept.append(replace(fresh, labels=labels, policy=replace(fresh.policy, prune=True)) if is_free else fresh)
        if self.maybe(0.3):
            at = self.dice.randrange(len(kept))
            kept[at] = _with(kept[at], bad=self.dice.choice(BADNESS))
        else:
            kept = [_with(resource, bad=None) for resource in kept]
        return tuple(kept)

    def shrinkage(self, size: int) -> int:
        """Return how many go: mostly one, at times nearly all, which a person must confirm."""
        return size - 2 if self.maybe(0.1) else 1

    def revised(self, resource: Resource, number: int) -> Resource:
        revised = _with(resource, version=number)
        return _with(revised, fixed=number) if "fixed" in resource.state.fields and self.maybe(0.5) else revised

    # What happens

    def acts(self, teams: Sequence[Team]) -> tuple[Act, ...]:
        pushes = [
            Act(deed=Deed.PUSH, at=_near(number * COMMIT_EVERY_S + 2 * self.dice.random()), target=team.name, number=number)
            for team in teams
            for number in range(COMMITS)
        ]
        crash = Act(deed=Deed.CRASH, at=_near(self.dice.choice(pushes).at), number=self.dice.randint(1, 120), chance=self.seconds(0, 6))
        unlucky = [self.misfortune(teams, pushes) for _ in range(self.dice.randint(4, 6))]
        persons = [self.person(teams)] if self.maybe(0.2) else []
        acts = [*pushes, crash, *persons, *self.swizzled(unlucky)]
        return tuple(sorted(acts, key=lambda act: (act.at, act.deed, act.target, act.number)))

    def seconds(self, least: float, most: float) -> float:
        return _near(least + (most - least) * self.dice.random())

    def misfortune(self, teams: Sequence[Team], pushes: Sequence[Act]) -> Act:
        deed = self.dice.choice(MISFORTUNES)
        at = _near(self.dice.choice(pushes).at + self.seconds(-1, 8))
        team = self.dice.choice(teams)
        resource = self.dice.choice(self.dice.choice(team.commits))
        act = Act(deed=deed, at=max(0.0, at), until=_near(max(0.0, at) + self.seconds(2, 45)), target=str(resource.id))
        match deed:
            case Deed.WEATHER:
                fault = self.dice.choice(tuple(WEATHER))
                targets, least, most = WEATHER[fault]
                return replace(act, fault=fault, target=self.dice.choice(targets), chance=self.seconds(least, most))
            case Deed.CRASH:
                return replace(act, until=None, target="", number=self.dice.randint(1, 120), chance=self.seconds(0, 6))
            case Deed.CLOCK:
                return replace(act, target="", number=self.dice.choice((-90_000, -3600, -30, 30, 3600, 90_000)))
            case Deed.SILENCE | Deed.BREAK | Deed.REWIND:
                return replace(act, target=team.name, number=self.dice.randrange(COMMITS - 1))
        return act

    def person(self, teams: Sequence[Team]) -> Act:
        at = self.seconds(10, 90)
        return Act(deed=self.dice.choice(PERSONS), at=at, until=_near(at + self.seconds(2, 30)), target=self.dice.choice(teams).name)

    def swizzled(self, acts: list[Act]) -> list[Act]:
        """Let what went wrong be mended in another order than it came."""
        lengths = [act.until - act.at if act.until is not None else 0.0 for act in acts]
        self.dice.shuffle(lengths)
        return [
            replace(act, until=_near(act.at + max(1.0, length))) if act.until is not None else act
            for act, length in zip(acts, lengths, strict=True)
        ]


def _near(seconds: float) -> float:
    return round(max(0.0, seconds), 3)


def _with(resource: Resource, **fields: Json) -> Resource:
    """Return the same with other fields; None takes one away."""
    changed = {name: value for name, value in {**resource.state.fields, **fields}.items() if value is not None}
    return resource if changed == resource.state.fields else replace(resource, state=State.of(changed))


def _without_needs(resource: Resource, gone: Sequence[Resource]) -> Resource:
    ids = {other.id for other in gone}
    policy = replace(resource.policy, restart_with=resource.policy.restart_with - ids)
    return replace(resource, needs=resource.needs - ids, policy=policy)
