"""Events in words: one line each, of their JSON form. What `app` tells of its own work reads the same; the rest is said here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from holdfast.app.progress import lines_of
from holdfast.cli.ink import Ink, plain
from holdfast.cli.times import show_instant, show_span
from holdfast.cli.words import outcomes, revision
from holdfast.model.event import Event

Said = Callable[[Mapping[str, Any], Mapping[str, Any]], str]
"""From an event and its data."""


def sentence(event: Mapping[str, Any]) -> str:
    """Return what an event says, without when and about whom. A type of a newer daemon is told by its name."""
    data = event["data"]
    try:
        if say := _WORDS.get(event["type"]):
            return say(event, data)
        told = [line.text for line in lines_of(Event.from_json(dict(event)))]
        if told:
            return "; ".join(told)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        pass  # a field of another version: the type still says the most
    return str(event["type"]).replace(".", " ").replace("_", " ")


def event_line(event: Mapping[str, Any], ink: Ink, is_screen: bool) -> str:
    """Return `SEQ TIME SUBJECT: words`."""
    severity = event["severity"]
    mark = "" if severity == "info" else ink.word(severity) + ": "
    when = show_instant(event["at"], is_screen)
    return f"{ink.paint(str(event['seq']), 'dim')}  {when}  {ink.paint(event['type'], 'cyan')}  {mark}{_about(event)}"


def _about(event: Mapping[str, Any]) -> str:
    words, subject = sentence(event), str(event["subject"])
    name = subject.removeprefix("Application/")
    return plain(words if words.startswith(subject) or subject == "Holdfast" else f"{name}: {words}")


def progress_line(event: Mapping[str, Any]) -> str | None:
    """Return what a person who waits is told of an event; None for what matters only afterwards."""
    if event["type"] in _QUIET:
        return None
    return _about(event)


_QUIET = frozenset({"resource.observed", "revision.rendered", "process.ready", "step.done"})


def failure_lines(operation: Mapping[str, Any]) -> Iterator[str]:
    """Yield what failed in an operation, with the last lines that it wrote."""
    for outcome in operation.get("outcomes") or ():
        failure = outcome.get("failure")
        if not failure:
            continue
        yield f"{outcome['id']}: {failure['message']} ({failure['code']})"
        if failure.get("hint"):
            yield f"  hint: {failure['hint']}"
        yield from (f"  log: {plain(line)}" for line in failure.get("log") or ())


def _applied(event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    took = event["at"] - data["started_at"]
    return f"{data['verb']} done in {show_span(max(0.0, took))} ({data['reason']})"


def _declared(event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    places = [f"{each['target_revision']} of {each['repository']}, path {each['path']}" for each in data.get("sources") or [data]]
    return f"declared: {'; '.join(places)}"


def _rendered(event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    return f"revision {revision(event['revision'])} asks for {len(data['resources'])} resources"


def _observed(event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    return f"seen as {data['sync']} and {data['status']}" + (f": {data['message']}" if data.get("message") else "")


def _finished(event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    phase = str(event["type"]).partition(".")[2]
    of = f" of {revision(event['revision'])}" if event["revision"] else ""
    told = outcomes(data.get("outcomes"))
    return f"{data['trigger']}{of} {phase}" + (f": {data['message']}" if data.get("message") else "") + (f" ({told})" if told else "")


def _exited(event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    if data["expected"]:
        return f"stopped as asked, pid {data['pid']}"
    how = f"signal {data['signal']}" if data["signal"] else "" if data["exit_code"] is None else f"exit code {data['exit_code']}"
    return f"ended by itself after {show_span(data['seconds'])}, pid {data['pid']}" + (f": {how}" if how else "")


def _container_exited(event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    how = "stopped as asked" if data["expected"] else f"ended by itself, exit code {data['exit_code']}"
    return f"{how}, container {data['container']}"


def _errors(event: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    return "; ".join(error["message"] for error in data["errors"])


_WORDS: Mapping[str, Said] = MappingProxyType(
    {
        "application.declared": _declared,
        "revision.rendered": _rendered,
        "render.failed": _errors,
        "operation.succeeded": _finished,
        "operation.failed": _finished,
        "operation.superseded": _finished,
        "plan.refused": lambda event, data: (
            "; ".join(f"{it['id']} {it['reason']}" for it in data["blocked"]) or "nothing is refused any more"
        ),
        "plan.approved": lambda event, data: f"plan {data['digest'][:12]} approved by {data['by']}",
        "step.done": lambda event, data: f"{data['verb']} done in {show_span(data['seconds'])}",
        "hook.ended": lambda event, data: f"{data['phase']} hook {data['failure'] or 'ended well'} after {show_span(data['seconds'])}",
        "step.undo_failed": lambda event, data: f"{data['verb']} could not be undone: {data['message']}",
        "change.applied": _applied,
        "change.skipped": lambda event, data: f"{data['verb']} left out: something that it needs failed",
        "resource.observed": _observed,
        "resource.forgiven": lambda event, data: "quiet again: it is healed at once as before",
        "revision.pinned": lambda event, data: f"pinned at {revision(data['pin']['revision'])}: {data['pin']['reason']}",
        "revision.unpinned": lambda event, data: f"no longer pinned: {data['reason']}",
        "revision.reached": lambda event, data: f"all of {revision(event['revision'])} stands and is healthy",
        "process.ready": lambda event, data: f"ready after {show_span(data['seconds'])}, pid {data['pid']}",
        "process.exited": _exited,
        "process.oom": lambda event, data: f"pid {data['pid']} passed its memory limit of {data['limit']} bytes",
        "container.exited": _container_exited,
        "daemon.started": lambda event, data: f"daemon {data['version']} started, pid {data['pid']}",
        "daemon.stopped": lambda event, data: f"daemon stopped: {data['reason']}",
    }
)
