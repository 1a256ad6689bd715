"""Which of several opinions about an object counts."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.kit.canonical import Json
from holdfast.kubernetes.health import HealthRules
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


def test_a_file_that_cannot_be_read_is_told_once() -> None:
    judge = rules()
    for _ in range(2):
        assert judge.judge(thing("broken.com", "Thing"), 0.0) is None
    assert len(judge.errors) == 1


class Scripted:
    def __init__(self, answer: Health | ValueError | None) -> None:
        self.answer = answer

    def judge(self, live: Mapping[str, Json]) -> Health | None:
        if isinstance(self.answer, ValueError):
            raise self.answer
        return self.answer


def test_a_users_own_check_counts_first_and_its_failure_is_unknown() -> None:
    def judged(answer: Health | ValueError | None) -> Health | None:
        customs = {"example.com/Own": Scripted(answer)}
        return HealthRules(read=FILES.get, customs=customs).judge(thing("example.com", "Own"), 0.0)

    assert judged(Health(Status.HEALTHY, "mine")) == Health(Status.HEALTHY, "mine")
    assert judged(None) == Health(Status.SUSPENDED)
    assert judged(ValueError("no field x")) == Health(Status.UNKNOWN, "no field x")
