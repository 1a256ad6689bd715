"""Progress: what a person who waits is told of an event, in a line; most events say nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from holdfast.core.policy import Kind
from holdfast.host.options import ProgressLine
from holdfast.model.event import Event
from holdfast.model.source import short


def lines_of(event: Event) -> Iterator[ProgressLine]:
    """Yield the lines for one event."""
    say = _WORDS.get(event.type)
    said = say(event, event.data) if say else None
    name = event.data.get("application")
    for text in (said,) if isinstance(said, str) else said or ():
        yield ProgressLine(text=text, application=name if isinstance(name, str) else None, severity=event.severity.value)


def _counted(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{count} to {verb}" for verb, count in sorted(changes.items())) or "nothing to change"


def _started(event: Event, data: Mapping[str, Any]) -> str:
    deletes = data["deletes"]
    of = f" of {short(event.revision)}" if event.revision else ""
    words = f"{data['trigger']}{of}: {_counted(data['changes'])}"
    return f"{words}; deletes {', '.join(deletes)}" if deletes else words


def _failure(event: Event, data: Mapping[str, Any]) -> str:
    failure = data.get("failure") or {}
    message, log = failure.get("message", "failed"), failure.get("log") or []
    if not log or message.endswith(f"its last line: {log[-1].strip()[:200]}"):
        return str(message)
    return f"{message}; last line: {log[-1]}"


def _errors(event: Event, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every error of a tree, each with its place and advice."""
    return tuple(_error(error) for error in data["errors"])


def _error(error: Mapping[str, Any]) -> str:
    at = next((":".join(str(place[part]) for part in ("path", "line", "column") if place.get(part)) for place in error["where"]), "")
    return f"{at}{': ' if at else ''}{error['message']}" + (f" ({error['hint']})" if error.get("hint") else "")


def _held(event: Event, data: Mapping[str, Any]) -> str:
    hint = f"; `holdfast resume {data['application']}` lets it go on" if data["kind"] == Kind.SUSPENDED else ""
    return f"held: {data['reason']}{hint}"


def _exited(event: Event, data: Mapping[str, Any]) -> str | None:
    if data["expected"]:
        return None
    how = f"signal {data['signal']}" if data["signal"] else "nobody saw how"
    how = how if data["exit_code"] is None else f"exit code {data['exit_code']}"
    return f"{event.subject} ended after {data['seconds']:.1f} s: {how}"


def _issued(event: Event, data: Mapping[str, Any]) -> str:
    days = (data["not_after"] - event.at) / 86_400
    return f"{event.subject} has a certificate of {data['issuer'] or 'itself'} for {', '.join(data['names'])}, valid for {days:.1f} d"


_WORDS: Mapping[str, Callable[[Event, Any], str | tuple[str, ...] | None]] = MappingProxyType(
    {
        "revision.fetched": lambda event, data: f"revision {data['commit'][:12]} {data['subject_line']!r} by {data['author']}",
        "render.failed": _errors,
        "source.failed": lambda event, data: tuple(_error(error) for error in data["error"].get("errors") or (data["error"],)),
        "source.recovered": lambda event, data: "the repository answers again",
        "store.failed": lambda event, data: data["error"]["message"],
        "store.recovered": lambda event, data: "the store can be written again",
        "operation.started": _started,
        "operation.succeeded": lambda event, data: f"{data['trigger']} done: {data['message']}",
        "operation.failed": lambda event, data: f"{data['trigger']} failed: {data['message']}",
        "operation.held": _held,
        "change.failed": _failure,
        "plan.refused": lambda event, data: "; ".join(f"{it['id']} {it['reason']}" for it in data["blocked"]) or None,
        "rollback.started": lambda event, data: f"goes back from {short(data['from'])} to {short(data['to'])}: {data['reason']}",
        "resource.drifted": lambda event, data: f"{event.subject} drifted{': ' + ', '.join(data['fields']) if data['fields'] else ''}",
        "resource.healed": lambda event, data: f"{event.subject} healed in {data['seconds'] * 1000:.0f} ms",
        "resource.contended": lambda event, data: f"{event.subject} is changed again and again by somebody else",
        "resource.pruned": lambda event, data: f"{event.subject} is gone ({data['reason']})",
        "resource.moved": lambda event, data: f"{event.subject} is of {data['to']} now",
        "resource.orphaned": lambda event, data: f"{event.subject} stays: {data['reason']}",
        "process.started": lambda event, data: f"{event.subject} started, pid {data['pid']}",
        "process.exited": _exited,
        "process.crash_looping": lambda event, data: f"{event.subject} crash-loops: {data['restarts']} restarts in a row",
        "process.unready": lambda event, data: f"{event.subject} is not ready: {data['message']}",
        "image.chosen": lambda event, data: f"{event.subject} chooses {data['image']}",
        "image.failed": lambda event, data: f"{event.subject}: {data['message']}",
        "image.recovered": lambda event, data: f"the registry of {event.subject} answers again",
        "image.committed": lambda event, data: tuple(
            f"{each['path']}:{each['line']}: {each['after']} committed to {data['branch']}" for each in data["changes"]
        ),
        "image.commit_failed": lambda event, data: data["message"],
        "image.unmarked": lambda event, data: tuple(f"{each['where']}: {each['message']}" for each in data["problems"]) or None,
        "claim.proven": lambda event, data: f"{event.subject} proven: {data['claim']}",
        "claim.refuted": lambda event, data: f"{event.subject} refuted: {data['claim']}: {data['evidence']}",
        "claim.unknown": lambda event, data: f"{event.subject}: nobody knows whether {data['claim']}: {data['evidence']}",
        "certificate.issued": _issued,
        "certificate.failed": lambda event, data: f"{event.subject}: issuer {data['issuer']} gave none: {data['message']}",
        "certificate.expiring": lambda event, data: (
            f"visitors of {data['host']} get a certificate that expires in {data['left_s'] / 86_400:.1f} d"
        ),
        "certificate.fresh": lambda event, data: f"visitors of {data['host']} get a fresh certificate",
        "certificate.revoked": lambda event, data: (
            f"{event.subject}: serial {data['serial']} is revoked at {data['issuer']} ({data['reason']})"
        ),
        "certificate.taken_over": lambda event, data: f"{event.subject} is no longer {data['issuer']}'s to renew",
        "application.suspended": lambda event, data: f"suspended by {data['by']}",
        "application.resumed": lambda event, data: f"resumed by {data['by']}",
        "application.removed": lambda event, data: "its file was taken away",
        "objects.followed": lambda event, data: f"follows {data['place']}: {data['applications']} Applications",
        "objects.held": lambda event, data: _error(data["error"]),
        "objects.status_failed": lambda event, data: _error(data["error"]),
        "action.ran": lambda event, data: f"{data['action']} of {event.subject} by {data['by']}{data['reason'] and ': '}{data['reason']}",
        "daemon.crashed": lambda event, data: f"a defect in {data['part']}: {data['error']}",
    }
)
