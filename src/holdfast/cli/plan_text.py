"""Plans in words. `plan` says verb, reason and fields in three densities, `diff` every field by itself; what goes is always named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any

from holdfast.cli.ink import Ink, plain, shorten
from holdfast.cli.words import count, revision, summary
from holdfast.core.policy import APPROVABLE
from holdfast.kit.duration import format_duration

MARKS: Mapping[str, str] = MappingProxyType({"create": "+", "update": "~", "replace": "±", "delete": "-"})
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "declared": "Git says it",
        "drifted": "it drifted from what was applied",
        "pruned": "Git no longer says it",
        "rolled-back": "the last healthy revision is wanted again",
    }
)
NOTHING = "nothing is declared: there is no Application to plan"
DIGEST = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


class Density(Enum):
    BRIEF = "brief"
    """A line for each change."""
    USUAL = "usual"
    """And the fields of what is there and changes."""
    FULL = "full"
    """And every field of everything, in whole."""


def exit_code(data: Mapping[str, Any]) -> int:
    """Return 75 where an engine did not say how things stand, 5 for any refusal, 2 for changes, done or held back, 0 for none."""
    applications = data["applications"]
    blocked = [it for each in applications for it in each["blocked"]]
    if any(it["unknown"] for it in blocked):
        return 75
    if any(it["refused"] for it in blocked) or (data.get("edge") or {}).get("refused"):
        return 5
    return 2 if blocked or any(each["changes"] or runs(each) for each in applications) else 0


def runs(application: Mapping[str, Any]) -> bool:
    """Say whether the operation runs a hook."""
    return any(hook["runs"] for hook in application["hooks"])


def plan_lines(data: Mapping[str, Any], density: Density, ink: Ink, width: int | None) -> Iterator[str]:
    """Yield the lines of a `Plan`."""
    if not data["applications"]:
        yield NOTHING
    for number, application in enumerate(data["applications"]):
        if number:
            yield ""
        yield _title(application, ink)
        yield from _changes(application["changes"], density, ink, width)
        yield from _hooks(application, density, ink)
        yield from _held(application, density, ink)
    if data.get("edge") is not None:
        yield from _edge(data["edge"], density, ink)


SHOWN = 40
"""Lines of a configuration's diff, unless all are asked for."""


def _edge(it: Mapping[str, Any], density: Density, ink: Ink) -> Iterator[str]:
    """Yield what the changes mean for nginx."""
    yield ""
    yield f"{ink.heading('the edge')}: {_edge_words(it)}"
    for each in it["refused"]:
        place = f" ({plain(each['where'])})" if each["where"] else ""
        yield f"  {ink.paint('!', 'red')} {plain(each['message'])}{place}; see `holdfast explain {each['code']}`"
        yield from [f"    {plain(each['hint'])}"] if each["hint"] else []
    if density is Density.BRIEF or not it["diff"]:
        return
    lines = it["diff"].splitlines()
    for line in lines if density is Density.FULL else lines[:SHOWN]:
        colour = {"+": ("green",), "-": ("red",), "@": ("cyan",)}.get(line[:1], ())
        yield f"  {ink.paint(plain(line), *colour)}"
    if density is not Density.FULL and len(lines) > SHOWN:
        yield f"  and {count(len(lines) - SHOWN, 'more line')}; --full shows all"


def _edge_words(it: Mapping[str, Any]) -> str:
    if it["start"]:
        return "nginx is started"
    if not it["reload"]:
        return "no reload of nginx"
    closes = it["closes"]
    if closes is None:
        return "nginx reads its configuration anew (a reload)"
    busy = f", and {closes['busy']} in use within {format_duration(closes['within_s'])}" if closes["busy"] else ""
    return f"nginx reads its configuration anew (a reload): {count(closes['idle'], 'idle connection')} closed at once{busy}"


def _title(application: Mapping[str, Any], ink: Ink) -> str:
    at = revision(application["revision"])
    kept = application["unchanged"]
    words = summary(application["changes"]) + (f" ({count(kept, 'resource')} unchanged)" if kept else "")
    return f"{ink.heading(plain(application['name']))}{f' at {plain(at)}' if at else ''}: {plain(words)}"


def _changes(changes: Sequence[Mapping[str, Any]], density: Density, ink: Ink, width: int | None) -> Iterator[str]:
    longest = max((len(change["id"]) for change in changes), default=0)
    waves = {change["wave"] for change in changes}
    for wave in sorted(waves):
        if len(waves) > 1:
            yield ink.paint(f"  wave {wave}", "dim")
        for change in (each for each in changes if each["wave"] == wave):
            yield _change(change, longest, ink)
            if change.get("forecast"):
                yield f"      {plain(change['forecast'])}"
            if density is not Density.BRIEF:
                yield from _fields(change, density, ink, width)


IN_THE_END: Mapping[str, str] = MappingProxyType(
    {"SyncFail": "only if the sync fails", "PreDelete": "when the Application goes", "PostDelete": "when the Application has gone"}
)
"""Phases that a sync that goes well does not come to."""
GOES: Mapping[str, str] = MappingProxyType(
    {"BeforeHookCreation": "before it runs again", "HookSucceeded": "when it succeeds", "HookFailed": "when it fails"}
)


def _hooks(application: Mapping[str, Any], density: Density, ink: Ink) -> Iterator[str]:
    """Yield the hooks that run; in full, those too that do not."""
    hooks, is_due = application["hooks"], runs(application)
    shown = [each for each in hooks if density is Density.FULL or (is_due and (each["runs"] or each["phase"] == "SyncFail"))]
    longest = max((len(each["id"]) for each in shown), default=0)
    for each in shown:
        mark = ink.paint("»", "blue") if each["runs"] else " "
        place = f" ({plain(each['origin'])})" if each["origin"] else ""
        yield f"  {mark} {each['phase']:10}{plain(each['id']):{longest}}  {'; '.join(hook_words(each, is_due=is_due))}{place}"
    if hooks and not (is_due or application["blocked"]) and density is not Density.BRIEF:
        yield ink.paint(f"  {count(len(hooks), 'hook')} not run: nothing to sync, but by hand they are (holdfast sync)", "dim")


def hook_words(hook: Mapping[str, Any], *, is_due: bool) -> Iterator[str]:
    """Yield when it runs, where its phase does not say it, and when its object goes."""
    if (when := IN_THE_END.get(hook["phase"])) is not None:
        yield when
    elif not is_due:
        yield "not now"
    if hook["wave"]:
        yield f"wave {hook['wave']}"
    if hook["generated"]:
        yield "under a new name"
    yield "deleted " + " and ".join(GOES.get(policy, policy) for policy in hook["delete"]) if hook["delete"] else "never deleted"


def _change(change: Mapping[str, Any], longest: int, ink: Ink) -> str:
    verb = change["verb"]
    mark = ink.paint(MARKS.get(verb, "?"), *_colour(verb))
    origin = change["origin"]
    why = REASONS.get(change["reason"], change["reason"])
    place = f" ({plain(origin)})" if origin else ""
    return f"  {mark} {ink.word(f'{verb}')}{' ' * (8 - len(verb))}{plain(change['id']):{longest}}  {why}{place}"


def _colour(verb: str) -> tuple[str, ...]:
    return {"create": ("green",), "update": ("yellow",), "replace": ("magenta",), "delete": ("red",)}.get(verb, ())


def _fields(change: Mapping[str, Any], density: Density, ink: Ink, width: int | None) -> Iterator[str]:
    fields = change["fields"]
    is_whole = density is Density.FULL
    if not is_whole and change["verb"] in ("create", "delete"):
        return
    space = None if is_whole or width is None else max(20, (width - 20) // 2)
    for field in fields:
        before, after = (_value(field[side], space, is_whole=is_whole) for side in ("before", "after"))
        shown = f"{ink.paint(before, 'red')} → {ink.paint(after, 'green')}" if before and after else ""
        if not before:
            shown = ink.paint(f"+ {after}", "green")
        elif not after:
            shown = ink.paint(f"- {before}", "red")
        yield f"      {ink.paint(plain(field['path']), 'cyan')}: {shown}"


def _value(value: Any, space: int | None, *, is_whole: bool) -> str:
    """Return a value as JSON, "" where there is none on this side. A digest says as much by its beginning."""
    if value is None:
        return ""
    if not is_whole and isinstance(value, str) and DIGEST.fullmatch(value):
        return value[:12]
    return shorten(plain(json.dumps(value, ensure_ascii=False)), space)


def _held(application: Mapping[str, Any], density: Density, ink: Ink) -> Iterator[str]:
    for it in application["blocked"]:
        word = "refused" if it["refused"] else "unknown" if it["unknown"] else "blocked"
        place = f" ({plain(it['origin'])})" if it["origin"] else ""
        code = f"; see `holdfast explain {it['code']}`" if it["code"] else ""
        yield f"  {ink.paint('!', 'red')} {ink.paint(word, 'red')} {plain(it['id'])}: {plain(it['reason'])}{place}{code}"
    for id in application.get("orphans", ()):
        yield f"  {ink.paint('·', 'yellow')} stays {plain(id)}: Git no longer says it, and pruning is off for it"
    if application.get("digest") and any(it["code"] in APPROVABLE for it in application["blocked"]):
        yield f"  approve exactly this plan: holdfast sync {plain(application['name'])} --approve {application['digest']}"
    elif density is Density.FULL and application.get("digest"):
        yield ink.paint(f"  digest {application['digest']}", "dim")


def diff_lines(data: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    """Yield every field of every change by itself: `-` as it is, `+` as Git says."""
    if not data["applications"]:
        yield NOTHING
    for application in data["applications"]:
        for change in application["changes"]:
            at = revision(application["revision"]) or "Git"
            yield ink.heading(f"--- {plain(change['id'])} ({'not there' if change['verb'] == 'create' else 'live'})")
            yield ink.heading(f"+++ {plain(change['id'])} ({'gone' if change['verb'] == 'delete' else plain(at)})")
            for field in change["fields"]:
                yield ink.paint(f"@ {plain(field['path'])}", "cyan")
                yield from _sides(field, ink)
            yield ""
        yield _title(application, ink)
        yield from _held(application, Density.USUAL, ink)


def _sides(field: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    for side, mark, colour in (("before", "-", "red"), ("after", "+", "green")):
        value = field[side]
        if value is None:
            continue
        text = value if isinstance(value, str) and "\n" in value else json.dumps(value, ensure_ascii=False)
        for line in text.split("\n"):
            yield ink.paint(f"{mark} {plain(line)}", colour)
