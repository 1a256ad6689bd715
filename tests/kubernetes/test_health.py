"""Which of several opinions about an object counts."""

from __future__ import annotations

import pytest

from holdfast.kit.canonical import Json
from holdfast.kubernetes.health import HealthRules, judged
from holdfast.kubernetes.kstatus import Kstatus, compute, needs_status
from holdfast.model.live import Health, Status

FILES = {
    "example.com": b"Own: [Suspended]\n",
    "_.example.com": b"_: [Degraded]\n",
    "core": b"Pod: [Progressing]\n",
    "broken.com": b"_: [Nonsense]\n",
}


def rules() -> HealthRules:
    return HealthRules(read=FILES.get, wide=("example.com",))


def thing(group: str, kind: str, **more: Json) -> dict[str, Json]:
    return {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": {}, **more}


def test_the_groups_own_file_counts_before_one_for_many_groups() -> None:
    assert rules().judge(thing("example.com", "Own"), 0.0) == Health(Status.SUSPENDED)
    assert rules().judge(thing("a.example.com", "Own"), 0.0) == Health(Status.DEGRADED)
    assert rules().judge(thing("", "Pod"), 0.0) == Health(Status.PROGRESSING)


def test_what_is_going_away_is_in_progress() -> None:
    assert rules().judge(thing("example.com", "Own", metadata={"deletionTimestamp": "now"}), 0.0) == Health(
        Status.PROGRESSING, "Pending deletion"
    )


def test_without_a_rule_its_own_status_speaks() -> None:
    stalled: Json = {"conditions": [{"type": "Stalled", "status": "True", "reason": "R", "message": "stuck"}]}
    assert rules().judge(thing("other.io", "Thing", status=stalled), 0.0) == Health(Status.DEGRADED, "stuck")
    assert rules().judge(thing("other.io", "Thing"), 0.0) is None
    seen: Json = {"observedGeneration": 1}
    behind = thing("other.io", "Thing", metadata={"generation": 2}, status=seen)
    assert rules().judge(behind, 0.0) == Health(Status.PROGRESSING, "Thing generation is 2, but latest observed generation is 1")


@pytest.mark.parametrize(
    ("group", "kind", "waits"),
    [
        ("", "ConfigMap", False),
        ("", "Service", True),
        ("apps", "Deployment", True),
        ("batch", "CronJob", False),
        ("batch", "Job", True),
        ("other.io", "Thing", False),
    ],
)
def test_only_some_kinds_are_waited_for_where_nobody_wrote_a_status(group: str, kind: str, waits: bool) -> None:
    """What `needs_status` leaves out, kstatus would call Current."""
    assert needs_status(group, kind) == waits
    for live in (thing(group, kind), thing(group, kind, status={}), thing(group, kind, metadata={"generation": 7})):
        assert waits or compute(live, 0.0).status is Kstatus.CURRENT
        assert (rules().judge(live, 0.0) is None) == (compute(live, 0.0).status is Kstatus.CURRENT)


def test_a_file_that_cannot_be_read_is_told_once() -> None:
    judge = rules()
    for _ in range(2):
        assert judge.judge(thing("broken.com", "Thing"), 0.0) is None
    assert len(judge.errors) == 1


@pytest.mark.parametrize(
    ("answer", "health"),
    [
        ({"status": "Healthy", "message": "mine"}, Health(Status.HEALTHY, "mine")),
        ({"status": "Degraded"}, Health(Status.DEGRADED)),
        ({"status": "Degraded", "message": 3}, Health(Status.DEGRADED)),
        (None, None),
    ],
)
def test_a_script_answers_a_status_and_a_message(answer: Json, health: Health | None) -> None:
    assert judged(answer) == health


@pytest.mark.parametrize("answer", [{}, [], "Healthy", {"status": "healthy"}, {"status": None}, {"status": ["Healthy"]}, 1, True])
def test_any_other_answer_is_unknown_never_healthy(answer: Json) -> None:
    health = judged(answer)
    assert health is not None
    assert health.status is Status.UNKNOWN


def test_a_users_own_rules_are_asked_first_and_need_not_say_everything() -> None:
    own = {"example.com": b"Own: [{when: status.mine, is: Degraded}]\n", "_.example.com": b"_: [Suspended]\n"}
    rules = HealthRules(read=FILES.get, own=own.get, wide=("example.com",))
    assert rules.judge(thing("example.com", "Own", status={"mine": True}), 0.0) == Health(Status.DEGRADED)
    assert rules.judge(thing("example.com", "Own", status={"mine": False}), 0.0) == Health(Status.SUSPENDED)
    assert rules.judge(thing("a.example.com", "Own"), 0.0) == Health(Status.SUSPENDED)
    assert rules.judge(thing("", "Pod"), 0.0) == Health(Status.PROGRESSING)
