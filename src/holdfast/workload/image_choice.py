"""Which tag of an image is chosen: filter, then the newest by version, number or alphabet, as Flux's image-reflector does.

Pure; tags come from the registry, so nothing is believed of them. Laws: the answer is one of the tags that were given, the order in which
they were given does not matter, and a tag that the filter does not let in is never chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from holdfast.kit.constraint import Constraint
from holdfast.kit.linear_pattern import LinearPattern
from holdfast.workload.image_policy_spec import Choice, FilterTags, ImagePolicySpec

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)


def choose(spec: ImagePolicySpec, tags: Iterable[str]) -> str:
    """Return the tag that a policy chooses; ValueError says why there is none."""
    given = sorted(set(tags))
    if not given:
        raise ValueError("the image has no tags")
    compared = filtered(spec.filter_tags, given)
    if not compared:
        raise ValueError(f"none of {len(given)} tags fits filterTags.pattern")
    return compared[newest(spec.policy, compared)]


def filtered(rule: FilterTags | None, tags: Iterable[str]) -> Mapping[str, str]:
    """Return what is compared → the tag that it stands for; of two that are compared by the same text the later one in the alphabet."""
    if rule is None:
        return {tag: tag for tag in tags}
    pattern = LinearPattern(rule.pattern)
    found = ((tag, pattern.search(tag)) for tag in tags)
    return {(at.expand(rule.extract) if rule.extract else tag): tag for tag, at in found if at is not None}


def newest(choice: Choice, values: Iterable[str]) -> str:
    """Return the value that is wanted most; ValueError where none is allowed."""
    ordered = sorted(values)
    if choice.semver is not None:
        best = Constraint.parse(choice.semver.range).highest(ordered)
        if best is None:
            raise ValueError(f"none of {len(ordered)} tags is a version in {choice.semver.range}")
        return best
    if choice.numerical is not None:
        numbers = {value: _number(value) for value in ordered}
        pick = max if choice.numerical.order == "asc" else min
        return pick(ordered, key=lambda value: numbers[value])
    order = choice.alphabetical.order if choice.alphabetical is not None else "asc"
    return ordered[-1] if order == "asc" else ordered[0]


def _number(value: str) -> Decimal:
    if _NUMBER.fullmatch(value) is None:
        raise ValueError(f"{value!r} is no number: let filterTags take only tags that are, or extract the number")
    return Decimal(value)
