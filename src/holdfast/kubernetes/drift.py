"""Drift: what a live object has otherwise than a manifest says, of what is ours.

Ours is what the manifest says, and what it said before: the fields that the server's own record gives to our field manager, or kubectl's
last-applied annotation. What others added (defaults, replicas of an autoscaler, injected sidecars) is no drift. Laws: a manifest that was
applied, and nothing else, has no drift; what the manifest does not say and never said is none either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from holdfast.kit.canonical import Json
from holdfast.kubernetes.field_set import FieldSet, Path, field, find, item, read_fields, shown
from holdfast.kubernetes.list_key import DEFAULTS, key_of, list_keys
from holdfast.kubernetes.normal import LAST_APPLIED, normalize
from holdfast.kubernetes.structured_merge import same


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One field: a side that has nothing there is None."""

    path: Path
    desired: Json
    live: Json
    taken_by: str | None = None
    """The manager that owns the field now, where that is not ours."""

    def __str__(self) -> str:
        return shown(self.path)


_NAMESPACE = (field("metadata"), field("namespace"))


def drift(
    desired: Mapping[str, Json], live: Mapping[str, Json], *, manager: str | None = None, aggregated: bool = False
) -> tuple[Drift, ...]:
    """Return the fields of ours that are otherwise, in path order.

    `manager`: whose fields of `live.metadata.managedFields` count as said before; without it those of the last-applied annotation.
    `aggregated`: the rules of a ClusterRole that is put together of others are not compared.
    """
    wanted = normalize(desired, ignore_aggregated_roles=aggregated)
    there = normalize(live, ignore_aggregated_roles=aggregated)
    _settle_namespace(wanted, there)
    found = [*_differ(wanted, there, (), "")]
    before = owned(live, manager) if manager is not None else None
    if before is None:
        last = last_applied(live)
        said = normalize(last, ignore_aggregated_roles=aggregated) if last is not None else {}
        found += _gone(said, wanted, there, (), "")
    else:
        found += _forgotten(before, wanted, there)
    owners = field_owners(live)
    return tuple(
        Drift(path=each.path, desired=each.desired, live=each.live, taken_by=_taker(each.path, owners, manager))
        for each in sorted(found, key=lambda each: each.path)
    )


def _settle_namespace(wanted: dict[str, Json], there: dict[str, Json]) -> None:
    """A manifest may name no namespace, and one of a cluster-scoped object a namespace in vain."""
    ours, theirs = wanted.get("metadata"), there.get("metadata")
    if isinstance(ours, dict) and isinstance(theirs, dict) and ("namespace" not in ours or "namespace" not in theirs):
        ours.pop("namespace", None)
        theirs.pop("namespace", None)


def _differ(desired: Json, live: Json, at: Path, name: str) -> Iterator[Drift]:
    if isinstance(desired, dict) and isinstance(live, dict):
        for key, value in desired.items():
            yield from _differ(value, live.get(key), (*at, field(key)), key)
    elif isinstance(desired, list) and isinstance(live, list):
        yield from _differ_lists(desired, live, at, name)
    elif not (same(desired, live) or (_is_nothing(desired) and _is_nothing(live))):
        yield Drift(path=at, desired=desired, live=live)


def _is_nothing(value: Json) -> bool:
    return value is None or value in ("", {}, [])


def _differ_lists(desired: list[Json], live: list[Json], at: Path, name: str) -> Iterator[Drift]:
    keys = list_keys(name, desired)
    if keys and list_keys(name, live):
        by_key = {key_of(each, keys): each for each in live if isinstance(each, dict)}
        for each in desired:
            if isinstance(each, dict):
                step = item({key: each.get(key, DEFAULTS.get(key)) for key in keys})
                yield from _differ(each, by_key.get(key_of(each, keys)), (*at, step), "")
    elif len(desired) != len(live):
        yield Drift(path=at, desired=desired, live=live)
    else:
        for place, (ours, theirs) in enumerate(zip(desired, live, strict=True)):
            yield from _differ(ours, theirs, (*at, f"i:{place}"), "")


def _gone(said: Json, desired: Json, live: Json, at: Path, name: str) -> Iterator[Drift]:
    """Yield what was said before, is not said any more, and still stands."""
    if isinstance(said, dict) and isinstance(desired, dict) and isinstance(live, dict):
        for key, value in said.items():
            if key not in live or _is_nothing(value) or (*at, field(key)) == _NAMESPACE:
                continue
            if key not in desired:
                yield Drift(path=(*at, field(key)), desired=None, live=live[key])
            else:
                yield from _gone(value, desired[key], live[key], (*at, field(key)), key)
    elif isinstance(said, list) and isinstance(desired, list) and isinstance(live, list) and (keys := list_keys(name, said)):
        ours = {key_of(each, keys): each for each in desired if isinstance(each, dict)}
        theirs = {key_of(each, keys): each for each in live if isinstance(each, dict)}
        for each in said:
            if isinstance(each, dict) and (known := key_of(each, keys)) in theirs:
                path = (*at, item({one: each.get(one, DEFAULTS.get(one)) for one in keys}))
                if known not in ours:
                    yield Drift(path=path, desired=None, live=theirs[known])
                else:
                    yield from _gone(each, ours[known], theirs[known], path, "")


def _forgotten(before: FieldSet, desired: Json, live: Json) -> Iterator[Drift]:
    """Yield the paths that are ours, that the manifest does not say, and that stand: the outermost of each branch."""
    reported: set[Path] = set()
    for path in sorted(before, key=lambda path: (len(path), path)):
        if any(path[:length] in reported for length in range(1, len(path))):
            continue
        for length in range(1, len(path) + 1):
            there, value = look(live, path[:length])
            if not there:
                break
            if not look(desired, path[:length])[0]:
                reported.add(path[:length])
                yield Drift(path=path[:length], desired=None, live=value)
                break


def look(root: Json, path: Path) -> tuple[bool, Json]:
    """Return whether `root` has something at `path`, and that."""
    value = root
    for step in path:
        there, value = find(value, step)
        if not there:
            return False, None
    return True, value


def last_applied(live: Mapping[str, Json]) -> dict[str, Json] | None:
    """Return what kubectl's annotation says was applied last."""
    there, text = look(dict(live), (field("metadata"), field("annotations"), field(LAST_APPLIED)))
    try:
        found = json.loads(text) if there and isinstance(text, str) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def managers(live: Mapping[str, Json]) -> Iterator[tuple[str, str, str, FieldSet]]:
    """Yield manager, operation, subresource and fields of each entry of `metadata.managedFields`."""
    metadata = live.get("metadata")
    entries = metadata.get("managedFields") if isinstance(metadata, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            words = [entry.get(key) for key in ("manager", "operation", "subresource")]
            name, operation, subresource = (word if isinstance(word, str) else "" for word in words)
            yield name, operation, subresource, read_fields(entry.get("fieldsV1"))


def owned(live: Mapping[str, Json], manager: str) -> FieldSet | None:
    """Return the fields that `manager` applied; None where it never applied this object."""
    return next((fields for name, operation, sub, fields in managers(live) if (name, operation, sub) == (manager, "Apply", "")), None)


def field_owners(live: Mapping[str, Json]) -> dict[Path, tuple[str, ...]]:
    """Return the managers of each field that anybody owns."""
    found: dict[Path, tuple[str, ...]] = {}
    for name, _, _, fields in managers(live):
        for path in fields:
            found[path] = (*found.get(path, ()), name)
    return found


def _taker(path: Path, owners: Mapping[Path, tuple[str, ...]], manager: str | None) -> str | None:
    names = owners.get(path, ())
    return next((name for name in names if name != manager), None) if manager is not None and manager not in names else None


def server_drift(
    live: Mapping[str, Json], predicted: Mapping[str, Json], *, manager: str, ignore_webhooks: bool = True
) -> tuple[Drift, ...]:
    """Return by what `predicted`, the server's answer to a dry run of our apply, differs from `live`.

    `ignore_webhooks`: only fields that are ours then, and what goes, count; what an admission webhook would write does not.
    """
    there, then = normalize(live), normalize(predicted)
    if not ignore_webhooks:
        return (*_differ(then, there, (), ""), *_gone(there, then, there, (), ""))
    after = owned(predicted, manager) or frozenset()
    found: list[Drift] = []
    for path in sorted(after):
        wanted, value = look(then, path)
        has, current = look(there, path)
        if wanted and not (has and _same_here(value, current, path, after)):
            found.append(Drift(path=path, desired=value, live=current))
    # What the answer lacks is removed by our apply: a server never leaves out what it keeps.
    found += _gone(there, then, there, (), "")
    return tuple(found)


def _same_here(value: Json, current: Json, path: Path, ours: FieldSet) -> bool:
    """Compare what stands at an owned path: whole where nothing beneath is told apart, else only that it is there."""
    is_split = any(len(other) > len(path) and other[: len(path)] == path for other in ours)
    return is_split or same(value, current)
