"""Markers: comments that say which policy a value follows, as Flux has them.

    image: ghcr.io/acme/web:1.2.3 # {"$imagepolicy": "shop:web"}
    tag: 1.2.3 # {"$imagepolicy": "shop:web:tag"}

Behind namespace and name stands `tag`, `name` or `digest` where only a part is meant. Law: what is written differs from what was read in
the marked values alone, byte for byte; what follows no policy, or one that has chosen nothing yet, stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from holdfast.declare.yaml_scalar import Scalar, replaced, scalars
from holdfast.errors import Where
from holdfast.kit.image_reference import ImageReference

KEY = "$imagepolicy"
PARTS = ("tag", "name", "digest")
YAML = (".yaml", ".yml")
Policy: TypeAlias = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """One value that is another now."""

    path: str
    line: int
    policy: Policy
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class MarkerProblem:
    """A marker that nothing is made of, and why."""

    message: str
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A file with its marked values as the policies want them; `data` is what was read where nothing changed."""

    data: bytes
    rewrites: tuple[Rewrite, ...] = ()
    problems: tuple[MarkerProblem, ...] = ()


def may_have_markers(path: str, data: bytes) -> bool:
    return path.endswith(YAML) and KEY.encode() in data


def rewrite(path: str, data: bytes, chosen: Mapping[Policy, ImageReference | None]) -> Rewritten:
    """Return a YAML file with what `chosen` says in its marked values; a policy with None has chosen nothing yet. Never raises."""
    try:
        text = data.decode()
        found = scalars(text)
    except UnicodeDecodeError:
        return Rewritten(data=data, problems=(_problem("it is no UTF-8", path, 1, 1),))
    except ValueError as error:
        reason, line, column = error.args
        return Rewritten(data=data, problems=(_problem(f"it is no YAML: {reason}", path, line, column),))
    values: dict[Scalar, str] = {}
    rewrites: list[Rewrite] = []
    problems: list[MarkerProblem] = []
    for scalar in found:
        if KEY not in scalar.comment:
            continue
        marker = read_marker(scalar.comment)
        if marker is None:
            hint = f'expected {{"{KEY}": "namespace:name"}}, with :tag, :name or :digest behind it where a part is meant'
            problems.append(_problem(f"the marker cannot be read: {hint}", path, scalar.line, scalar.column))
            continue
        policy, part = marker
        if policy not in chosen:
            message = f"no ImagePolicy {policy[1]} in namespace {policy[0]} is there"
            problems.append(_problem(message, path, scalar.line, scalar.column))
            continue
        image = chosen[policy]
        new = None if image is None else _written(image, part)
        if new is not None and new != scalar.value:
            values[scalar] = new
            rewrites.append(Rewrite(path=path, line=scalar.line, policy=policy, old=scalar.value, new=new))
    if not values:
        return Rewritten(data=data, problems=tuple(problems))
    return Rewritten(data=replaced(text, values).encode(), rewrites=tuple(rewrites), problems=tuple(problems))


def read_marker(comment: str) -> tuple[Policy, str | None] | None:
    """Return whose value a marker says this is, and which part of it; None where it says nothing that can be read."""
    try:
        found = json.loads(comment)
    except (ValueError, RecursionError):
        return None
    written = found.get(KEY) if isinstance(found, dict) else None
    parts = written.split(":") if isinstance(written, str) else []
    if not 2 <= len(parts) <= 3 or not all(parts) or (len(parts) == 3 and parts[2] not in PARTS):
        return None
    return (parts[0], parts[1]), parts[2] if len(parts) == 3 else None


def _written(image: ImageReference, part: str | None) -> str | None:
    match part:
        case "tag":
            return image.tag
        case "digest":
            return image.digest
        case "name":
            return image.familiar_name
    return image.familiar


def _problem(message: str, path: str, line: int, column: int) -> MarkerProblem:
    return MarkerProblem(message, Where(path=path, line=line, column=column))
