"""Plans as Markdown, for a comment on a pull request. What comes from Git stands in code, which nothing in it can end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from holdfast.cli.ink import plain
from holdfast.cli.plan_text import MARKS, NOTHING, REASONS, hook_words, runs
from holdfast.cli.words import count, revision, summary
from holdfast.core.policy import APPROVABLE

_LONGEST = 400
"""Characters of a value that are shown; a comment holds 65,536 in all."""


def plan_markdown(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a `Plan`: a table of changes, their fields folded away, and what is held back."""
    if not data["applications"]:
        yield NOTHING
    for application in data["applications"]:
        at = revision(application["revision"])
        kept = f" ({count(application['unchanged'], 'resource')} unchanged)" if application["unchanged"] else ""
        yield f"### {code(application['name'])}{f' at {code(at)}' if at else ''}"
        yield ""
        changes = application["changes"]
        doomed = [change for change in changes if change["verb"] == "delete"]
        rest = [change for change in changes if change["verb"] != "delete"]
        words = [plain(summary(rest))] if rest else []
        words += [f"**{len(doomed)} to delete**: {', '.join(code(change['id']) for change in doomed)}"] if doomed else []
        yield f"{', '.join(words) or 'Nothing to do'}{kept}"
        yield ""
        yield from _table(changes)
        yield from _details(changes)
        yield from _hooks(application)
        yield from _held(application)


def code(text: str) -> str:
    """Return `text` as code within a line, also of a table, whatever it holds."""
    shown = plain(text).replace("\n", " ").replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {shown} {fence}" if longest else f"{fence}{shown}{fence}"


def _table(changes: list[Mapping[str, Any]]) -> Iterator[str]:
    if not changes:
        return
    yield "| | Resource | Why | Where |"
    yield "|---|---|---|---|"
    for change in changes:
        verb = change["verb"]
        where = code(change["origin"]) if change["origin"] else ""
        yield f"| {MARKS.get(verb, '?')} {verb} | {code(change['id'])} | {REASONS.get(change['reason'], change['reason'])} | {where} |"
    yield ""


def _hooks(application: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of the hooks that run."""
    if not runs(application):
        return
    yield "| Phase | Hook | | Where |"
    yield "|---|---|---|---|"
    for each in application["hooks"]:
        if each["runs"] or each["phase"] == "SyncFail":
            where = code(each["origin"]) if each["origin"] else ""
            yield f"| {each['phase']} | {code(each['id'])} | {'; '.join(hook_words(each, is_due=True))} | {where} |"
    yield ""


def _details(changes: list[Mapping[str, Any]]) -> Iterator[str]:
    lines: list[str] = []
    for change in changes:
        if change["verb"] in ("create", "delete") or not change["fields"]:
            continue
        lines.append(f"@ {plain(change['id'])}")
        for field in change["fields"]:
            for side, mark in (("before", "-"), ("after", "+")):
                if field[side] is not None:
                    lines.append(f"{mark} {plain(field['path'])}: {_value(field[side])}")
    if not lines:
        return
    fence = "`" * max(3, 1 + max(len(run) for line in lines for run in (*re.findall("`+", line), "")))
    yield "<details><summary>Fields</summary>"
    yield ""
    yield f"{fence}diff"
    yield from lines
    yield fence
    yield ""
    yield "</details>"
    yield ""


def _value(value: Any) -> str:
    text = plain(json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _held(application: Mapping[str, Any]) -> Iterator[str]:
    for it in application["blocked"]:
        word = "refused" if it["refused"] else "unknown" if it["unknown"] else "blocked"
        place = f" ({code(it['origin'])})" if it["origin"] else ""
        told = f", {it['code']}" if it["code"] else ""
        yield f"- **{word}** {code(it['id'])}: {code(it['reason'])}{place}{told}"
    for id in application.get("orphans", ()):
        yield f"- stays {code(id)}: Git no longer says it, and pruning is off for it"
    if application.get("digest") and any(it["code"] in APPROVABLE for it in application["blocked"]):
        yield ""
        approval = f"holdfast sync {application['name']} --approve {application['digest']}"
        yield f"Approve exactly this plan: {code(approval)}"
