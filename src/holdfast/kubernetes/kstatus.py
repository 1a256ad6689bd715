"""kstatus: the general rule of what an object's own status says (sigs.k8s.io/cli-utils `pkg/kstatus`), without knowing its kind.

Called by health for kinds that no rule file knows, and for `wait`. Laws: a kind that is not built in is Current once its controller has
seen the latest generation and names neither Reconciling nor Stalled; an object is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

from holdfast.kit.canonical import Json
from holdfast.kit.clock import Instant
from holdfast.model.live import Condition

SCHEDULE_WINDOW_S = 15.0
"""How long a pod may be unschedulable before that is a failure (kstatus `ScheduleWindow`)."""

Object: TypeAlias = Mapping[str, Json]


class Kstatus(StrEnum):
    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Result:
    status: Kstatus
    message: str = ""
    reason: str = ""

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The standard conditions that say the same: Reconciling while in progress, Stalled once failed."""
        kind = {Kstatus.IN_PROGRESS: "Reconciling", Kstatus.FAILED: "Stalled"}.get(self.status)
        return (Condition(type=kind, status=True, reason=self.reason, message=self.message),) if kind else ()


def compute(live: Object, now: Instant) -> Result:
    """Return the generic status of a live object; `now` in seconds since the epoch."""
    if (found := _generic(live)) is not None:
        return found
    rule = _rule(_text(live, "apiVersion").rpartition("/")[0], _text(live, "kind"))
    return rule(live, now) if rule is not None else _by_ready(live)


def needs_status(group: str, kind: str) -> bool:
    """Say whether an object of a kind that stays and has no status may be anything but Current."""
    return _rule(group, kind) not in (None, _always)


def _rule(group: str, kind: str) -> Callable[[Object, Instant], Result] | None:
    return _BUILT_IN.get(f"{group}/{kind}" if group else kind)


def _generic(live: Object) -> Result | None:
    if _text(live, "metadata", "deletionTimestamp"):
        return Result(Kstatus.TERMINATING, "Resource scheduled for deletion")
    generation, observed = _at(live, "metadata", "generation"), _at(live, "status", "observedGeneration")
    if isinstance(generation, int) and isinstance(observed, int) and generation != observed:
        kind = _text(live, "kind")
        return _busy("LatestGenerationNotObserved", f"{kind} generation is {generation}, but latest observed generation is {observed}")
    for condition in _conditions(live):
        if condition.get("status") == "True" and condition.get("type") == "Reconciling":
            return _busy(_text(condition, "reason"), _text(condition, "message"))
        if condition.get("status") == "True" and condition.get("type") == "Stalled":
            return _failed(_text(condition, "reason"), _text(condition, "message"))
    return None


def _by_ready(live: Object) -> Result:
    """Any other kind: Current unless a Ready condition says otherwise (cli-utils `status.go`)."""
    for condition in _conditions(live):
        if condition.get("type") == "Ready":
            if condition.get("status") in ("False", "Unknown"):
                return _busy(_text(condition, "reason"), _text(condition, "message"))
            if condition.get("status") == "True":
                return Result(Kstatus.CURRENT, "Resource is Ready")
    return Result(Kstatus.CURRENT, "Resource is current")


def _stateful_set(live: Object, now: Instant) -> Result:
    if _text(live, "spec", "updateStrategy", "type") == "OnDelete":
        return Result(Kstatus.CURRENT, "StatefulSet is using the ondelete update strategy")
    wanted, all_, ready = (
        _int(live, "spec", "replicas", default=1),
        _int(live, "status", "replicas"),
        _int(live, "status", "readyReplicas"),
    )
    updated = _int(live, "status", "updatedReplicas")
    partition = _int(live, "spec", "updateStrategy", "rollingUpdate", "partition", default=-1)
    if wanted > all_:
        return _busy("LessReplicas", f"Replicas: {all_}/{wanted}")
    if wanted > ready:
        return _busy("LessReady", f"Ready: {ready}/{wanted}")
    if all_ > wanted:
        return _busy("ExtraPods", f"Pending termination: {all_ - wanted}")
    if partition != -1:
        if updated < wanted - partition:
            return _busy("PartitionRollout", f"updated: {updated}/{wanted - partition}")
        return Result(Kstatus.CURRENT, f"Partition rollout complete. updated: {updated}")
    if wanted > (current := _int(live, "status", "currentReplicas")):
        return _busy("LessCurrent", f"current: {current}/{wanted}")
    if _text(live, "status", "currentRevision") != _text(live, "status", "updateRevision"):
        return _busy("RevisionMismatch", "Waiting for updated revision to match current")
    return Result(Kstatus.CURRENT, f"All replicas scheduled as expected. Replicas: {all_}")


_NO_DEADLINE = (1 << 31) - 1


def _deployment(live: Object, now: Instant) -> Result:
    is_progressing = _int(live, "spec", "progressDeadlineSeconds", default=_NO_DEADLINE) == _NO_DEADLINE
    is_available = False
    for condition in _conditions(live):
        if condition.get("type") == "Progressing":
            if condition.get("reason") == "ProgressDeadlineExceeded":
                return _failed("ProgressDeadlineExceeded", "Progress deadline exceeded")
            is_progressing |= condition.get("status") == "True" and condition.get("reason") == "NewReplicaSetAvailable"
        elif condition.get("type") == "Available":
            is_available |= condition.get("status") == "True"
    wanted, all_ = _int(live, "spec", "replicas", default=1), _int(live, "status", "replicas")
    updated, ready = _int(live, "status", "updatedReplicas"), _int(live, "status", "readyReplicas")
    available = _int(live, "status", "availableReplicas")
    if wanted > all_:
        return _busy("LessReplicas", f"Replicas: {all_}/{wanted}")
    if wanted > updated:
        return _busy("LessUpdated", f"Updated: {updated}/{wanted}")
    if all_ > wanted:
        return _busy("ExtraPods", f"Pending termination: {all_ - wanted}")
    if updated > available:
        return _busy("LessAvailable", f"Available: {available}/{updated}")
    if wanted > ready:
        return _busy("LessReady", f"Ready: {ready}/{wanted}")
    if not is_progressing:
        return _busy("ReplicaSetNotAvailable", "ReplicaSet not Available")
    if not is_available:
        return _busy("DeploymentNotAvailable", "Deployment not Available")
    return Result(Kstatus.CURRENT, f"Deployment is available. Replicas: {all_}")


def _replica_set(live: Object, now: Instant) -> Result:
    if _has(live, "ReplicaFailure", "True"):
        return _busy("ReplicaFailure", "Replica Failure condition. Check Pods")
    wanted, all_ = _int(live, "spec", "replicas", default=1), _int(live, "status", "replicas")
    for field, reason, word in (
        ("fullyLabeledReplicas", "LessLabelled", "Labelled"),
        ("availableReplicas", "LessAvailable", "Available"),
        ("readyReplicas", "LessReady", "Ready"),
    ):
        if wanted > (count := _int(live, "status", field)):
            return _busy(reason, f"{word}: {count}/{wanted}")
    if all_ > wanted:
        return _busy("ExtraPods", f"Pending termination: {all_ - wanted}")
    return Result(Kstatus.CURRENT, f"ReplicaSet is available. Replicas: {all_}")


def _daemon_set(live: Object, now: Instant) -> Result:
    kind = _text(live, "kind")
    if _at(live, "metadata", "generation") is None:
        return _busy("NoGeneration", f"{kind} metadata.generation not found")
    if _at(live, "status", "observedGeneration") is None:
        return _busy("NoObservedGeneration", f"{kind} status.observedGeneration not found")
    wanted = _int(live, "status", "desiredNumberScheduled", default=-1)
    if wanted == -1:
        return _busy("NoDesiredNumber", "Missing .status.desiredNumberScheduled")
    for field, reason, word in (
        ("currentNumberScheduled", "LessCurrent", "Current"),
        ("updatedNumberScheduled", "LessUpdated", "Updated"),
        ("numberAvailable", "LessAvailable", "Available"),
        ("numberReady", "LessReady", "Ready"),
    ):
        if wanted > (count := _int(live, "status", field)):
            return _busy(reason, f"{word}: {count}/{wanted}")
    return Result(Kstatus.CURRENT, f"All replicas scheduled as expected. Replicas: {wanted}")


def _claim(live: Object, now: Instant) -> Result:
    phase = _text(live, "status", "phase") or "unknown"
    if phase != "Bound":
        return _busy("NotBound", f"PVC is not Bound. phase: {phase}")
    return Result(Kstatus.CURRENT, "PVC is Bound")


def _pod(live: Object, now: Instant) -> Result:
    match _text(live, "status", "phase"):
        case "Succeeded":
            return Result(Kstatus.CURRENT, "Pod has completed successfully")
        case "Failed":
            return Result(Kstatus.CURRENT, "Pod has completed, but not successfully")
        case "Running":
            if _has(live, "Ready", "True"):
                return Result(Kstatus.CURRENT, "Pod is Ready")
            if names := [*_crash_looping(live)]:
                return _failed("ContainerCrashLooping", f"Containers in CrashLoop state: {','.join(names)}")
            return _busy("PodRunningNotReady", "Pod is running but is not Ready")
        case "Pending":
            return _pending(live, now)
        case "":
            return _busy("PodNotObserved", "Pod phase not available")
        case phase:
            return Result(Kstatus.UNKNOWN, f"unknown phase {phase}")


def _pending(live: Object, now: Instant) -> Result:
    scheduled = next((each for each in _conditions(live) if each.get("type") == "PodScheduled" and each.get("status") == "False"), None)
    if scheduled is None or scheduled.get("reason") != "Unschedulable":
        return _busy("PodPending", "Pod is in the Pending phase")
    if now - _instant(_text(live, "metadata", "creationTimestamp")) < SCHEDULE_WINDOW_S:
        return _busy("PodNotScheduled", "Pod has not been scheduled")
    return _failed("PodUnschedulable", "Pod could not be scheduled")


def _crash_looping(live: Object) -> Iterator[str]:
    statuses = _at(live, "status", "containerStatuses")
    for each in statuses if isinstance(statuses, list) else ():
        if isinstance(each, dict) and _text(each, "state", "waiting", "reason") == "CrashLoopBackOff" and (name := _text(each, "name")):
            yield name


def _disruption_budget(live: Object, now: Instant) -> Result:
    return Result(Kstatus.CURRENT, "AllowedDisruptions has been computed.")


def _job(live: Object, now: Instant) -> Result:
    completions = _int(live, "spec", "completions", default=_int(live, "spec", "parallelism", default=1))
    succeeded, active, failed = (_int(live, "status", field) for field in ("succeeded", "active", "failed"))
    for condition in _conditions(live):
        if condition.get("status") == "True" and condition.get("type") == "Complete":
            return Result(Kstatus.CURRENT, f"Job Completed. succeeded: {succeeded}/{completions}")
        if condition.get("status") == "True" and condition.get("type") == "Failed":
            return _failed("JobFailed", f"Job Failed. failed: {failed}/{completions}")
    if not _text(live, "status", "startTime"):
        return _busy("JobNotStarted", "Job not started")
    return Result(Kstatus.CURRENT, f"Job in progress. success:{succeeded}, active: {active}, failed: {failed}")


def _service(live: Object, now: Instant) -> Result:
    if _text(live, "spec", "type") == "LoadBalancer" and not _text(live, "spec", "clusterIP"):
        return _busy("NoIPAssigned", "ClusterIP not set. Service type: LoadBalancer")
    return Result(Kstatus.CURRENT, "Service is ready")


def _definition(live: Object, now: Instant) -> Result:
    for condition in _conditions(live):
        reason, message = _text(condition, "reason"), _text(condition, "message")
        if condition.get("type") == "NamesAccepted" and condition.get("status") == "False":
            return _failed(reason, message)
        if condition.get("type") == "Established":
            if condition.get("status") == "False" and reason != "Installing":
                return _failed(reason, message)
            if condition.get("status") == "True":
                return Result(Kstatus.CURRENT, "CRD is established")
    return _busy("Installing", "Install in progress")


def _always(live: Object, now: Instant) -> Result:
    return Result(Kstatus.CURRENT, "Resource is always ready")


_BUILT_IN: Mapping[str, Callable[[Object, Instant], Result]] = MappingProxyType(
    {
        "Service": _service,
        "Pod": _pod,
        "Secret": _always,
        "ConfigMap": _always,
        "PersistentVolumeClaim": _claim,
        "apps/StatefulSet": _stateful_set,
        "apps/DaemonSet": _daemon_set,
        "apps/Deployment": _deployment,
        "apps/ReplicaSet": _replica_set,
        "policy/PodDisruptionBudget": _disruption_budget,
        "batch/CronJob": _always,
        "batch/Job": _job,
        "apiextensions.k8s.io/CustomResourceDefinition": _definition,
    }
)


def _busy(reason: str, message: str) -> Result:
    return Result(Kstatus.IN_PROGRESS, message, reason)


def _failed(reason: str, message: str) -> Result:
    return Result(Kstatus.FAILED, message, reason)


def _at(value: Json | Object, *path: str) -> Json:
    found: Json | Object = value
    for step in path:
        # Nearly everything is a dictionary, and to ask an abstract class is slow.
        found = found.get(step) if isinstance(found, dict) or isinstance(found, Mapping) else None  # noqa: SIM101
    result: Json = found if isinstance(found, dict) or not isinstance(found, Mapping) else dict(found)
    return result


def _text(value: Json | Object, *path: str) -> str:
    found = _at(value, *path)
    return found if isinstance(found, str) else ""


def _int(value: Json | Object, *path: str, default: int = 0) -> int:
    found = _at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else default


def _conditions(live: Object) -> list[dict[str, Json]]:
    found = _at(live, "status", "conditions")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _has(live: Object, kind: str, status: str) -> bool:
    return any(condition.get("type") == kind and condition.get("status") == status for condition in _conditions(live))


def _instant(text: str) -> Instant:
    """Return a Kubernetes time as seconds since the epoch; the epoch where it is none."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).timestamp()
    except ValueError:
        return 0.0
