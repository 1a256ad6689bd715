"""Runs `tests/cases/<room>/<case>.yaml`. Adding a case needs no Python; the head of each room's function here says how one is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.core.planner import plan
from holdfast.core.world import EXCLUSIVE
from holdfast.model.ids import ResourceId
from holdfast.model.live import Live, Observation
from holdfast.model.plan import Change, Owned, Plan, Policy, Verb
from holdfast.model.resource import Declared, Derived, Desired, Origin, Resource, ResourcePolicy
from holdfast.model.state import State

CASES = Path(__file__).parent / "cases"


def cases(room: str) -> list[Path]:
    return sorted((CASES / room).glob("*.yaml"))


@pytest.mark.parametrize("path", cases("planner"), ids=lambda path: path.stem)
def test_planner(path: Path) -> None:
    """`desired` and `inventory`: id → {state, needs, wave, of (the declared id of a replica), origin, exclusive, adopt, holds, protect,
    prune, replace_on, restart_with}, inventory also {application, revision}; or the word `desired`: as declared. `live`: id → a state,
    `desired` or `inventory` (as declared or as last applied), null (absent), {unreachable: why} or {foreign: state} (the engine says: not
    ours).
    `policy`: fields of Policy; `approved: "yes"` approves the digest that the plan has without. `plan`: the text, `nothing` where empty.
    """
    case = yaml.safe_load(path.read_text())
    assert case.keys() <= {"says", "desired", "live", "inventory", "policy", "plan"}
    declared = {ResourceId.parse(id): it for id, it in (case.get("desired") or {}).items()}
    desired = Desired.of("shop", "r2", tuple(resource(id, it) for id, it in declared.items()))
    owned = inventory(case.get("inventory") or {}, desired)
    live = seen(case.get("live") or {}, desired, owned)
    told: dict[str, Any] = dict(case.get("policy") or {})
    is_approved = told.pop("approved", None) is not None
    sets: dict[str, Any] = {name: ids(told.pop(name)) for name in ("only", "rolling_back") if name in told}
    policy = Policy(**told, **sets)
    found = plan(desired, live, owned, policy)
    if is_approved:
        found = plan(desired, live, owned, Policy(**{**fields_of(policy), "approved": found.digest}))
    assert text(found).splitlines() == case["plan"].splitlines()


def test_there_are_cases() -> None:
    assert len(cases("planner")) >= 25


def fields_of(policy: Policy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in Policy.__slots__}


def ids(texts: list[str]) -> frozenset[ResourceId]:
    return frozenset(ResourceId.parse(text) for text in texts)


def resource(id: ResourceId, it: Mapping[str, Any]) -> Resource:
    path, _, line = it.get("origin", "app.yaml:1").rpartition(":")
    return Resource(
        id=id,
        state=State.of(it.get("state", {})),
        needs=ids(it.get("needs", [])),
        wave=it.get("wave", 0),
        owner=Derived((ResourceId.parse(it["of"]),)) if "of" in it else Declared(),
        policy=ResourcePolicy(
            prune=it.get("prune", True),
            protect=it.get("protect", False),
            holds=it.get("holds", False),
            adopt=it.get("adopt", False),
            replace_on=frozenset(it.get("replace_on", [])),
            restart_with=ids(it.get("restart_with", [])),
        ),
        origin=Origin(path=path, line=int(line), revision="r2"),
        labels={EXCLUSIVE: it["exclusive"]} if "exclusive" in it else {},
    )


def inventory(data: Mapping[str, Any], desired: Desired) -> dict[ResourceId, Owned]:
    found = {}
    for name, it in data.items():
        id = ResourceId.parse(name)
        told = {} if it == "desired" else it
        remembered = desired.get(id) if it == "desired" else resource(id, it)
        assert remembered is not None, f"{name} is not declared"
        found[id] = Owned(
            application=told.get("application", "shop"), resource=remembered, revision=told.get("revision", "r1"), operation="op"
        )
    return found


def seen(data: Mapping[str, Any], desired: Desired, owned: Mapping[ResourceId, Owned]) -> Live:
    observed, unreachable = {}, {}
    for name, it in data.items():
        id = ResourceId.parse(name)
        match it:
            case None:
                observed[id] = Observation(state=None)
            case "desired":
                observed[id] = Observation(state=next(resource.state for resource in desired if resource.id == id))
            case "inventory":
                observed[id] = Observation(state=owned[id].resource.state)
            case {"unreachable": why}:
                unreachable[id] = why
            case {"foreign": state}:
                observed[id] = Observation(state=State.of(state), owned=False)
            case _:
                observed[id] = Observation(state=State.of(it))
    return Live(observed=observed, unreachable=unreachable)


def text(found: Plan) -> str:
    lines = [f"wave {at}: {line(change)}" for at, wave in enumerate(found.waves) for change in wave]
    lines += [f"blocked {id}: {blocked}{flags(blocked.refused, blocked.unknown)}" for id, blocked in found.blocked.items()]
    lines += [f"orphan {id}" for id in found.orphans]
    return "\n".join(lines) or "nothing"


def line(change: Change) -> str:
    half = ""
    if change.verb is Verb.REPLACE and change.before is None:
        half = ", coming up"
    elif change.verb is Verb.REPLACE and change.after is None:
        half = ", going down"
    return f"{change.verb} {change.id} ({change.reason}){half}"


def flags(refused: bool, unknown: bool) -> str:
    words = [word for word, is_set in (("refused", refused), ("unknown", unknown)) if is_set]
    return f" [{', '.join(words)}]" if words else ""
