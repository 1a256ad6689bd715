"""The port guard engine: TCP ports of this host that only certain users may connect to, as rules in an nftables table of our own.

A guard is two rules, marked by a comment: from loopback, where every user's own connections come along, a connection by anybody but root
and the users is refused; from any other interface, every one is. Every change writes the whole table anew in one transaction, so a table
that somebody bent is straight again. Nothing of the host's other tables is read or touched.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.errors import Bug, EngineError, Rejected
from holdfast.host.nft import Nft, changes, news_socket
from holdfast.kit.canonical import Json
from holdfast.kit.clock import Clock
from holdfast.model.ids import ResourceId
from holdfast.model.labels import APPLICATION
from holdfast.model.live import Live, Observation
from holdfast.model.operation import Step, StepVerb
from holdfast.model.resource import Resource
from holdfast.model.state import State
from holdfast.workload.port_guard import KIND

CHAINS: Mapping[str, str] = {"output": "oifname", "input": "iifname"}
"""Chain → what its rules call the interface."""
LONGEST_COMMENT = 120
ROOT = 0
_MARK = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What the rules of one guard say. Without `is_whole` a rule is missing, or says something else."""

    mark: str
    label: str = field(compare=False)
    ports: frozenset[int]
    uids: frozenset[int]
    is_whole: bool = True


class PortGuardEngine:
    """Implements ports.Engine.

    `mark` tells the table of this installation from others'; `uid_of` gives the uid of a user's name for an Application, raising Rejected
    where it has none; `described` answers with what is known of an id: as last applied, then as Git says.
    """

    name = "port-guard"
    kinds = frozenset({KIND})

    def __init__(
        self,
        *,
        mark: str,
        nft: Nft,
        uid_of: Callable[[str, str], Awaitable[int]],
        described: Callable[[ResourceId], Iterable[Resource]],
        clock: Clock,
        news: Callable[[], socket.socket] = news_socket,
    ) -> None:
        self.table = f"holdfast_{mark}"
        self._nft = nft
        self._uid_of = uid_of
        self._described = described
        self._clock = clock
        self._news = news
        self._turn = asyncio.Lock()
        self._known: set[ResourceId] = set()

    async def observe(self, ids: Collection[ResourceId]) -> Live:
        try:
            found = {guarded.mark: guarded for guarded in await self._guarded()}
        except EngineError as error:
            return Live(unreachable=dict.fromkeys(ids, error.message))
        self._known |= set(ids)
        now = self._clock.now()
        return Live(
            observed={
                id: Observation(state=await self._state(id, found.get(mark_of(id))), handle={"table": self.table}, observed_at=now)
                for id in ids
            }
        )

    async def _state(self, id: ResourceId, found: Guarded | None) -> State | None:
        """Return what the rules say in the words of what is known; None where there are none."""
        if found is None:
            return None
        for resource in self._described(id) if found.is_whole else ():
            try:
                if await self._wanted(resource) == found:
                    return resource.state
            except EngineError:
                continue  # a user that is gone: the rules are of another time
        users: list[Json] = [f"uid {uid}" for uid in sorted(found.uids)]
        return State.of({"ports": list[Json](sorted(found.ports)), "users": users, **({} if found.is_whole else {"broken": True})})

    async def apply(self, step: Step) -> None:
        async with self._turn:
            others = [guarded for guarded in await self._guarded() if guarded.mark != mark_of(step.id)]
            if step.verb is StepVerb.DELETE:
                await self._write(others)
                self._known.discard(step.id)
            elif step.verb is StepVerb.APPLY and step.resource is not None:
                await self._write([*others, await self._wanted(step.resource)])
                self._known.add(step.id)
            else:
                raise Bug("HF9001", f"cannot {step.verb} {step.id}: a PortGuard is only applied and deleted")

    async def watch(self) -> AsyncIterator[ResourceId]:
        try:
            it = self._news()
        except OSError:
            return  # who is not root has no guards, and hears of none
        try:
            async for _ in changes(it):
                for id in sorted(self._known):
                    yield id
        finally:
            it.close()

    async def _wanted(self, resource: Resource) -> Guarded:
        ports, users = resource.state.fields.get("ports"), resource.state.fields.get("users")
        application = resource.labels.get(APPLICATION, resource.id.namespace)
        if not isinstance(ports, list) or not isinstance(users, list):
            raise Rejected("HF3133", f"cannot guard {resource.id}: its state names no ports and users")
        return Guarded(
            mark=mark_of(resource.id),
            label=str(resource.id),
            ports=frozenset(port for port in ports if isinstance(port, int)),
            uids=frozenset([ROOT, *[await self._uid_of(application, str(user)) for user in users]]),
        )

    async def _guarded(self) -> list[Guarded]:
        """Return what stands in our table; each guard once."""
        rules: dict[str, list[dict[str, Any]]] = {}
        is_bent, chains = False, set()
        for each in await self._nft.table(self.table) or ():
            if isinstance(table := each.get("table"), dict):
                is_bent = "flags" in table  # a dormant table; nft 1.0.6 writes its name where the flag should stand
            if isinstance(chain := each.get("chain"), dict) and chain.get("hook") == chain.get("name") and chain.get("type") == "filter":
                chains.add(chain["name"])
            if isinstance(rule := each.get("rule"), dict):
                rules.setdefault(str(rule.get("comment") or "").partition(" ")[0], []).append(rule)
        strange = [mark for mark in rules if not _MARK.fullmatch(mark)]
        is_working = not is_bent and chains >= CHAINS.keys() and not strange
        return [_read(mark, those, is_working=is_working) for mark, those in sorted(rules.items()) if mark not in strange]

    async def _write(self, guards: Iterable[Guarded]) -> None:
        """Write the whole table anew, in one transaction; none where nothing is guarded."""
        ordered = sorted(guards, key=lambda guarded: guarded.mark)
        commands = [f"add table inet {self.table}", f"delete table inet {self.table}"]
        if ordered:
            commands.append(f"add table inet {self.table}")
            commands += [
                f"add chain inet {self.table} {chain} {{ type filter hook {chain} priority filter; policy accept; }}" for chain in CHAINS
            ]
            commands += [command for guarded in ordered for command in self._commands(guarded)]
        await self._nft.do(commands)

    def _commands(self, guarded: Guarded) -> Iterator[str]:
        ports, uids = (", ".join(map(str, sorted(numbers))) for numbers in (guarded.ports, guarded.uids))
        comment = f"{guarded.mark} {guarded.label}"[:LONGEST_COMMENT]
        tail = f'reject with tcp reset comment "{comment}"'
        yield f'add rule inet {self.table} output oifname "lo" tcp dport {{ {ports} }} meta skuid != {{ {uids} }} {tail}'
        yield f'add rule inet {self.table} input iifname != "lo" tcp dport {{ {ports} }} {tail}'


def mark_of(id: ResourceId) -> str:
    """Return what the comments of a guard's rules begin with: an id may be longer than a comment."""
    return hashlib.sha256(str(id).encode()).hexdigest()[:16]


def _read(mark: str, rules: list[dict[str, Any]], *, is_working: bool) -> Guarded:
    """Return what the rules of one guard say; it is whole only where they are exactly the two that it is made of."""
    by_chain = {rule.get("chain"): rule.get("expr") for rule in rules}
    leaving = by_chain.get("output")
    ports, uids = _ports(leaving), _uids(leaving)
    label = str(rules[0].get("comment")).partition(" ")[2]
    expected = {"output": _expressions(ports, uids, is_leaving=True), "input": _expressions(ports, uids, is_leaving=False)}
    is_whole = is_working and len(rules) == len(CHAINS) and by_chain == expected
    return Guarded(mark=mark, label=label, ports=frozenset(ports), uids=frozenset(uids), is_whole=is_whole)


def _expressions(ports: list[int], uids: list[int], *, is_leaving: bool) -> list[Any]:
    """Return a rule as nft -j writes it."""
    name, op = ("oifname", "==") if is_leaving else ("iifname", "!=")
    interface = {"match": {"op": op, "left": {"meta": {"key": name}}, "right": "lo"}}
    to = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": _set(ports)}}
    by = {"match": {"op": "!=", "left": {"meta": {"key": "skuid"}}, "right": _set(uids)}}
    refusal = {"reject": {"type": "tcp reset"}}
    return [interface, to, by, refusal] if is_leaving else [interface, to, refusal]


def _set(numbers: list[int]) -> Any:
    """Return an anonymous set as nft tells it: one of a single element is that element."""
    return numbers[0] if len(numbers) == 1 else {"set": numbers}


def _ports(expressions: Any) -> list[int]:
    return _numbers(expressions, lambda left: left.get("payload", {}).get("field") == "dport")


def _uids(expressions: Any) -> list[int]:
    return _numbers(expressions, lambda left: left.get("meta", {}).get("key") == "skuid")


def _numbers(expressions: Any, is_it: Callable[[dict[str, Any]], bool]) -> list[int]:
    """Return the numbers that a match compares with, in order; none where there is no such match, or it compares with something else."""
    for expression in expressions if isinstance(expressions, list) else ():
        match = expression.get("match", {}) if isinstance(expression, dict) else {}
        left = match.get("left") if isinstance(match, dict) else None
        if isinstance(left, dict) and is_it(left):
            right = match.get("right")
            found = right.get("set") if isinstance(right, dict) else [right]
            return [number for number in found if isinstance(number, int)] if isinstance(found, list) else []
    return []
