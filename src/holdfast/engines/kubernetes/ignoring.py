"""Ignoring: the rules of `ignoreDifferences` followed for one object, with the answers of jq that they need.

Each expression is asked once for one form of an object. One that had to be ended (no end, too much memory) is not asked again for a while:
it would take a second of each object at each look. Law: a rule that cannot be followed is a ValueError, never followed in part.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

from holdfast.host.jq import Jq
from holdfast.kit.canonical import Json, digest
from holdfast.kit.clock import Clock
from holdfast.kubernetes.field_set import FieldSet
from holdfast.kubernetes.ignore import JsonPath, Named, is_same_but, read_jq_paths, respecting
from holdfast.model.state import State
from holdfast.model.terms import IgnoredFields

KEPT = 20_000
"""Answers that are remembered, of the objects looked at last."""
SHOWN = 200
"""Letters of an expression in a message."""
REST_S = 600.0
"""How long an expression that had to be ended is not asked again."""


class Ignoring:
    """Close it when done."""

    def __init__(self, jq: Jq, clock: Clock) -> None:
        self._jq = jq
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[JsonPath, ...]] = OrderedDict()
        self._ended: dict[str, tuple[float, str]] = {}

    async def is_same_but(self, rules: Iterable[IgnoredFields], desired: State, live: State, theirs: Mapping[str, FieldSet]) -> bool:
        """Say whether both are the same but for what the rules name. ValueError names the rule that cannot be followed."""
        rules = [*rules]
        sides = (desired.digest, desired.fields), (live.digest, live.fields)
        return is_same_but(rules, desired.fields, live.fields, await self._named(rules, *sides), theirs)

    async def respecting(
        self, rules: Iterable[IgnoredFields], desired: Mapping[str, Json], live: Mapping[str, Json], theirs: Mapping[str, FieldSet]
    ) -> dict[str, Json]:
        """Return what to apply: `desired` with the live values of what the rules name. ValueError as `is_same_but`."""
        rules = [*rules]
        named: Named = {}
        if any(rule.jq_path_expressions for rule in rules):
            named = await self._named(rules, (digest(dict(desired)), desired), (digest(dict(live)), live))
        return respecting(rules, desired, live, named, theirs)

    async def _named(
        self, rules: Iterable[IgnoredFields], desired: tuple[str, Mapping[str, Json]], live: tuple[str, Mapping[str, Json]]
    ) -> Named:
        expressions = dict.fromkeys(expression for rule in rules for expression in rule.jq_path_expressions)
        return {each: (await self._paths(each, *desired), await self._paths(each, *live)) for each in expressions}

    async def _paths(self, expression: str, version: str, side: Mapping[str, Json]) -> tuple[JsonPath, ...]:
        key = expression, version
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        until, why = self._ended.get(expression, (0.0, ""))
        if why and self._clock.monotonic() < until:
            raise ValueError(f"jqPathExpressions {expression[:SHOWN]!r}: {why}")
        answer = await self._jq.paths(expression, dict(side))
        if answer.is_ended:
            now = self._clock.monotonic()
            self._ended = {name: kept for name, kept in self._ended.items() if now < kept[0]} | {expression: (now + REST_S, answer.error)}
        try:
            if answer.error:
                raise ValueError(answer.error)
            found = read_jq_paths(dict(side), answer.value)
        except ValueError as error:
            raise ValueError(f"jqPathExpressions {expression[:SHOWN]!r}: {error}") from error
        self._kept[key] = found
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    async def aclose(self) -> None:
        await self._jq.aclose()
