"""Scenarios: short stories by name, each of one thing that can happen. The daemon is killed at every boundary of each of them.

A scenario may have no random crash of its own, and after each kill it must come to the same end as without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from holdfast.controllers.sync.lane import Managed
from holdfast.core.policy import Settings
from holdfast.core.world import EXCLUSIVE
from holdfast.kit.canonical import Json
from holdfast.model.ids import HOST, ResourceId
from holdfast.model.resource import Derived, Resource, ResourcePolicy
from holdfast.testing.fault import Fault
from holdfast.testing.stage import UNIT, item, unit, wanted
from holdfast.testing.story import Act, Deed, Story, Team

AUTOMATED = Settings(automated=True, prune=True, self_heal=True)
SHOP = "shop"
WEB, API, WORKER, DB = unit("web"), unit("api"), unit("worker"), unit("db")
CONF, MOTD = item("conf"), item("motd")
OTHER = unit("portal", "other")
GROUP = ResourceId(HOST, UNIT, SHOP, "group")
Commit = tuple[Resource, ...]


def told(
    *acts: Act, commits: tuple[Commit, ...], other: tuple[Commit, ...] = (), settings: Settings = AUTOMATED, rollback: str | None = None
) -> Story:
    """Return a story of Application `shop`, and of `other` where it has commits; the n-th commit is pushed at n * 10 seconds."""
    teams = [Team(managed=Managed(name=SHOP, settings=settings, rollback=rollback), commits=commits)]
    if other:
        teams.append(Team(managed=Managed(name="other", settings=settings), commits=other))
    is_by_hand = any(act.deed is Deed.PUSH for act in acts)
    pushes = [push(number, 10.0 * number, team.name) for team in teams for number in range(len(team.commits)) if not is_by_hand]
    return Story(seed=7, teams=tuple(teams), acts=tuple(sorted((*pushes, *acts), key=lambda act: act.at)))


def push(number: int, at: float, application: str = SHOP) -> Act:
    return Act(deed=Deed.PUSH, at=at, target=application, number=number)


def weather(fault: Fault, target: str, at: float, until: float, chance: float = 1.0) -> Act:
    return Act(deed=Deed.WEATHER, at=at, until=until, target=target, fault=fault, chance=chance)


def meddle(deed: Deed, id: ResourceId, at: float, until: float | None = None) -> Act:
    return Act(deed=deed, at=at, until=until, target=str(id))


def person(deed: Deed, at: float, until: float | None = None, application: str = SHOP) -> Act:
    return Act(deed=deed, at=at, until=until, target=application)


def styled(id: ResourceId, version: int, style: str, **fields: Json) -> Resource:
    return wanted(id, version, style=style, **fields)


def fixed(id: ResourceId, version: int, *needs: ResourceId) -> Resource:
    return replace(wanted(id, version, *needs, fixed=version), policy=ResourcePolicy(replace_on=frozenset({"fixed"})))


def restarting(id: ResourceId, version: int, target: ResourceId) -> Resource:
    return replace(wanted(id, version, target), policy=ResourcePolicy(restart_with=frozenset({target})))


def replica(number: int, version: int, **fields: Json) -> Resource:
    return replace(wanted(unit(f"web.{number}"), version, **fields), owner=Derived((GROUP,)))


def holding(id: ResourceId, version: int = 1) -> Resource:
    return replace(wanted(id, version), labels={EXCLUSIVE: "tcp:80"})


def waved(resource: Resource, wave: int) -> Resource:
    return replace(resource, wave=wave)


def kept(resource: Resource) -> Resource:
    return replace(resource, policy=ResourcePolicy(prune=False))


def adopted(resource: Resource) -> Resource:
    return replace(resource, policy=ResourcePolicy(adopt=True))


def many(count: int, version: int = 1) -> Commit:
    return tuple(wanted(item(f"i{number}"), version) for number in range(count))


CHAIN: Commit = (wanted(WEB, 1, API), wanted(API, 1, CONF), wanted(CONF))
CHAIN_2: Commit = (wanted(WEB, 2, API), wanted(API, 2, CONF), wanted(CONF, 2))
BAD: Commit = (wanted(WEB, 2, API), wanted(API, 2, CONF, bad="dies"), wanted(CONF, 2))

SCENARIOS: Mapping[str, Story] = MappingProxyType(
    {
        # Coming up
        "create one": told(commits=((wanted(WEB),),)),
        "create a chain": told(commits=(CHAIN,)),
        "create in waves": told(commits=((waved(wanted(WEB), 1), wanted(API), waved(wanted(CONF), -1)),)),
        "create with a trial on a private socket": told(commits=((styled(WEB, 1, "start-first-private"), wanted(CONF)),)),
        "adopt what is there": told(
            meddle(Deed.SQUAT, CONF, 0.0, 60.0), push(0, 2.0), commits=((adopted(wanted(CONF)), wanted(WEB, 1, CONF)),)
        ),
        "a stranger in the way leaves": told(
            meddle(Deed.SQUAT, WEB, 0.0, 15.0), push(0, 2.0), commits=((wanted(WEB), wanted(API, 1, WEB)),)
        ),
        "many come and change at once": told(commits=(many(12), many(12, 2))),
        "slow starts": told(weather(Fault.SLOW_START, "units", 0.0, 30.0), commits=(CHAIN, CHAIN_2)),
        # Changing
        "update in place": told(commits=((wanted(CONF), wanted(MOTD)), (wanted(CONF, 2), wanted(MOTD, 2)))),
        "update a chain": told(commits=(CHAIN, CHAIN_2)),
        "update with a trial": told(commits=((styled(WEB, 1, "start-first-private"),), (styled(WEB, 2, "start-first-private"),))),
        "update by stopping first": told(commits=((styled(WEB, 1, "stop-first"),), (styled(WEB, 2, "stop-first"),))),
        "replace what is fixed": told(commits=((fixed(DB, 1), wanted(WEB, 1, DB)), (fixed(DB, 2), wanted(WEB, 1, DB)))),
        "replace and restart dependants": told(commits=((fixed(DB, 1), restarting(WEB, 1, DB)), (fixed(DB, 2), restarting(WEB, 1, DB)))),
        "roll replicas one by one": told(commits=(tuple(replica(n, 1) for n in range(3)), tuple(replica(n, 2) for n in range(3)))),
        "roll replicas two at once": told(
            commits=(tuple(replica(n, 1, surge=2) for n in range(4)), tuple(replica(n, 2, surge=2) for n in range(4)))
        ),
        "scale up": told(commits=((replica(0, 1),), tuple(replica(n, 1) for n in range(3)))),
        "other needs, same state": told(
            commits=((wanted(WEB, 1, CONF), wanted(CONF), wanted(MOTD)), (wanted(WEB, 1, MOTD), wanted(CONF), wanted(MOTD)))
        ),
        # Going
        "prune one": told(commits=(CHAIN, CHAIN[1:])),
        "prune a chain": told(commits=((*CHAIN, wanted(MOTD)), (wanted(MOTD),))),
        "prune in mirrored waves": told(
            commits=((waved(wanted(WEB), 2), waved(wanted(API), 1), wanted(CONF), wanted(MOTD)), (wanted(MOTD),))
        ),
        "rename what holds a port": told(commits=((holding(WEB), wanted(CONF)), (holding(API), wanted(CONF)))),
        "scale down": told(commits=(tuple(replica(n, 1) for n in range(3)), (replica(0, 1),))),
        "leave an orphan": told(commits=((wanted(WEB), kept(wanted(DB))), (wanted(WEB, 2),))),
        "pruning is off": told(commits=(CHAIN, CHAIN_2[1:]), settings=replace(AUTOMATED, prune=False)),
        "shrink past the limit and grow again": told(commits=(many(9), many(2), many(9, 2))),
        "gone before it is pruned": told(meddle(Deed.KILL, WEB, 9.99), commits=(CHAIN, CHAIN[1:])),
        # Failing
        "a bad commit dies": told(commits=(CHAIN, BAD)),
        "a bad commit hangs": told(commits=(CHAIN, (wanted(WEB, 2, API), wanted(API, 2, CONF, bad="hangs"), wanted(CONF, 2)))),
        "a bad commit is sick in place": told(
            commits=((wanted(CONF), wanted(WEB, 1, CONF)), (wanted(CONF, 2, bad="sick"), wanted(WEB, 2, CONF)))
        ),
        "a bad commit that stops first": told(commits=((styled(WEB, 1, "stop-first"),), (styled(WEB, 2, "stop-first", bad="dies"),))),
        "a bad commit that creates": told(
            commits=((wanted(CONF),), (wanted(CONF, 2), wanted(WEB, 1, CONF), wanted(API, 1, WEB, bad="dies")))
        ),
        "a bad commit that prunes": told(commits=(CHAIN, (wanted(API, 2, CONF, bad="dies"), wanted(CONF)))),
        "a bad first commit, then a good one": told(commits=((wanted(WEB, 1, bad="dies"), wanted(CONF)), (wanted(WEB, 2), wanted(CONF)))),
        "a bad commit, then a better one": told(commits=(CHAIN, BAD, CHAIN_2)),
        "a better commit while rolling back": told(push(0, 0.0), push(1, 10.0), push(2, 10.9), commits=(CHAIN, BAD, CHAIN_2)),
        "no rollback, then mended": told(commits=(CHAIN, BAD, CHAIN_2), rollback="off"),
        "a secret said aloud": told(
            commits=((wanted(WEB),), (wanted(WEB, 2, bad="dies", secret={"secret": "password", "fingerprint": "f" * 32}),))
        ),
        # Commits on commits
        "a commit during a commit": told(
            push(0, 0.0), push(1, 10.0), push(2, 10.3), commits=(CHAIN, CHAIN_2, (wanted(WEB, 3), wanted(CONF, 3)))
        ),
        "a commit ends a hanging gate": told(
            push(0, 0.0), push(1, 10.0), push(2, 14.0), commits=((wanted(WEB),), (wanted(WEB, 2, bad="hangs"),), (wanted(WEB, 3),))
        ),
        "rewound, then forward again": told(
            push(0, 0.0),
            push(1, 5.0),
            Act(deed=Deed.REWIND, at=10.0, target=SHOP, number=0),
            push(2, 20.0),
            commits=(CHAIN[1:], (*CHAIN, wanted(MOTD)), CHAIN_2),
        ),
        "a commit that does not render": told(Act(deed=Deed.BREAK, at=5.0, target=SHOP), commits=(CHAIN, CHAIN_2)),
        "a silent source": told(Act(deed=Deed.SILENCE, at=5.0, until=25.0, target=SHOP), commits=(CHAIN, CHAIN_2)),
        # Drift
        "killed and healed": told(meddle(Deed.KILL, API, 5.0), commits=(CHAIN,)),
        "edited and healed": told(meddle(Deed.EDIT, CONF, 5.0), commits=(CHAIN,)),
        "forked away and healed": told(meddle(Deed.FORK, WEB, 5.0), commits=(CHAIN,)),
        "sick for a while": told(meddle(Deed.SICKEN, WEB, 5.0, 15.0), commits=(CHAIN, CHAIN_2)),
        "all is killed": told(*(meddle(Deed.KILL, id, 5.0) for id in (WEB, API, CONF)), commits=(CHAIN,)),
        "drift during a commit": told(meddle(Deed.KILL, WEB, 10.1), meddle(Deed.EDIT, CONF, 10.2), commits=(CHAIN, CHAIN_2)),
        "drift while pinned": told(meddle(Deed.KILL, WEB, 20.0), commits=(CHAIN, BAD)),
        "a commit while a heal waits": told(
            meddle(Deed.KILL, WEB, 12.0), meddle(Deed.SICKEN, WEB, 12.2, 60.0), push(0, 0.0), push(1, 15.0), commits=(CHAIN, CHAIN_2)
        ),
        "down while a heal waits": told(
            meddle(Deed.KILL, API, 12.0), meddle(Deed.SICKEN, API, 12.2, 60.0), person(Deed.DOWN, 15.0, 40.0), commits=(CHAIN,)
        ),
        "killed while nobody watches": told(weather(Fault.WATCH_GAP, "units", 4.0, 12.0), meddle(Deed.KILL, WEB, 5.0), commits=(CHAIN,)),
        # Engines and the store
        "answers are lost": told(weather(Fault.LOST_REPLY, "units", 10.0, 25.0, 0.7), commits=(CHAIN, CHAIN_2)),
        "calls are lost": told(weather(Fault.LOST_CALL, "units", 10.0, 20.0), commits=(CHAIN, CHAIN_2)),
        "half is done": told(weather(Fault.HALF_DONE, "items", 10.0, 20.0), commits=(CHAIN, CHAIN_2)),
        "somebody was faster": told(weather(Fault.CONFLICT, "units", 10.0, 14.0), commits=(CHAIN, CHAIN_2)),
        "blind at first": told(weather(Fault.BLIND, "units", 0.0, 12.0), commits=(CHAIN,)),
        "looks that lag": told(weather(Fault.LAG, "units", 0.0, 40.0), commits=(CHAIN, CHAIN_2, CHAIN[1:])),
        "a full disk": told(weather(Fault.DISK_FULL, "store", 10.2, 25.0), commits=(CHAIN, CHAIN_2)),
        "many are entered and the store's answers are lost": told(
            weather(Fault.LOST_REPLY, "store", 0.0, 25.0, 0.3), commits=(many(8), many(8, 2))
        ),
        "many are entered on a full disk": told(weather(Fault.DISK_FULL, "store", 0.1, 8.0), commits=(many(8), (*many(8, 2), wanted(WEB)))),
        "the store's answers are lost": told(weather(Fault.LOST_REPLY, "store", 0.0, 25.0, 0.3), commits=(CHAIN, CHAIN_2)),
        "the clock jumps while a retry waits": told(
            weather(Fault.LOST_CALL, "units", 10.0, 14.0),
            Act(deed=Deed.CLOCK, at=15.0, until=60.0, number=-86_400),
            commits=(CHAIN, CHAIN_2),
        ),
        # Persons
        "suspended and resumed": told(person(Deed.SUSPEND, 5.0, 20.0), commits=(CHAIN, CHAIN_2)),
        "down and up again": told(person(Deed.DOWN, 5.0, 20.0), commits=(CHAIN, CHAIN_2)),
        "rolled back by hand": told(person(Deed.ROLLBACK, 20.0), commits=(CHAIN, CHAIN_2)),
        "synced by hand while pinned": told(person(Deed.SYNC, 20.0), commits=(CHAIN, BAD)),
        # Two applications
        "one needs the other": told(commits=(CHAIN, CHAIN_2), other=((wanted(OTHER, 1, WEB),), (wanted(OTHER, 2, WEB),))),
        "what others need stays": told(commits=(CHAIN, CHAIN[1:]), other=((wanted(OTHER, 1, WEB),), (wanted(OTHER, 2),))),
    }
)
