"""What stands beneath the objects that Git declares: what they own, down to the pods, with what each says of itself and what was warned of.

Pure: objects and events of a namespace in, trees out. Law: an object stands beneath the first of its owners that is in the tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kubernetes.object_id import kind_name
from holdfast.model.live import Health

Object: TypeAlias = Mapping[str, Any]
Judge: TypeAlias = Callable[[Object], Health | None]
DEEPEST = 10
MOST_WARNINGS = 5
"""Of one object: the newest."""


def trees(
    roots: Mapping[str, Object | None], items: Iterable[Object], warnings: Iterable[Object], judge: Judge
) -> dict[str, dict[str, Json]]:
    """Return for each root (uid → the object, None where it is not known) {conditions[], warnings[], beneath[]}."""
    owned: dict[str, list[Object]] = {}
    for item in items:
        for owner in item["metadata"].get("ownerReferences") or ():
            owned.setdefault(str(owner.get("uid")), []).append(item)
    told: dict[str, list[Object]] = {}
    for event in warnings:
        told.setdefault(str((event.get("involvedObject") or {}).get("uid")), []).append(event)

    def node(item: Object, depth: int) -> dict[str, Json]:
        uid = str(item["metadata"]["uid"])
        health = judge(item)
        return {
            "kind": kind_name(item),
            "name": item["metadata"]["name"],
            "health": health.status.value if health else None,
            "message": health.message if health else "",
            **said(uid, item, depth),
        }

    def said(uid: str, item: Object | None, depth: int) -> dict[str, Json]:
        beneath = sorted(owned.get(uid, ()), key=_place) if depth < DEEPEST else []
        return {
            "conditions": _conditions(item),
            "warnings": _warnings(told.get(uid, ())),
            "beneath": [node(each, depth + 1) for each in beneath if not _is_retired(each, owned)],
        }

    return {uid: said(uid, item, 0) for uid, item in roots.items()}


def _place(item: Object) -> tuple[str, str]:
    return kind_name(item), str(item["metadata"]["name"])


def _is_retired(item: Object, owned: Mapping[str, list[Object]]) -> bool:
    """Say whether this is a ReplicaSet of an earlier revision, kept for a rollback only."""
    is_empty = kind_name(item) == "apps/ReplicaSet" and not (item.get("spec") or {}).get("replicas")
    return is_empty and not owned.get(str(item["metadata"]["uid"]))


def _conditions(item: Object | None) -> list[Json]:
    status = (item or {}).get("status")
    found = status.get("conditions") if isinstance(status, Mapping) else None
    return [
        {key: str(each.get(key) or "") for key in ("type", "status", "reason", "message")}
        for each in (found if isinstance(found, list) else ())
        if isinstance(each, Mapping)
    ]


def _warnings(events: Iterable[Object]) -> list[Json]:
    newest = sorted(events, key=_at, reverse=True)[:MOST_WARNINGS]
    return [
        {
            "reason": str(each.get("reason") or ""),
            "message": str(each.get("message") or each.get("note") or ""),
            "count": int((each.get("series") or {}).get("count") or each.get("count") or 1),
            "at": _at(each),
        }
        for each in newest
    ]


def _at(event: Object) -> str:
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return next((str(each) for each in times if each), "")
