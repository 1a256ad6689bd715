"""The table of `status`: synced, healthy, proven; then what a person should know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from holdfast.cli.ink import Ink, table
from holdfast.cli.times import show_instant
from holdfast.cli.words import revision

AXES: Sequence[str] = ("Ready", "Reconciling", "Stalled")
"""Conditions that the table tells in other words."""
LIVE: Sequence[str] = ("pid", "slot", "container", "uid")
"""Facts of what is live that a person asks for first."""
NOTHING = "nothing is known here yet; start with `holdfast up -f application.yaml`"


def status_lines(data: Mapping[str, Any], ink: Ink, width: int | None, *, is_long: bool, is_screen: bool) -> Iterator[str]:
    """Yield the lines for a `Status`. Short, resources are shown of a single Application and of those that are not well."""
    applications = data["applications"]
    if not applications:
        yield NOTHING
        return
    yield from table([APPLICATION_HEADING, *(_application(each) for each in applications)], ink, width)
    for each in applications:
        resources = each["resources"]
        shown = resources if is_long or len(applications) == 1 else [it for it in resources if not _is_well(it)]
        if shown:
            yield ""
            yield from table([RESOURCE_HEADING, *(_resource(it) for it in shown)], ink, width, indent="  ")
        notes = list(_notes(each, ink, is_screen))
        if notes:
            yield ""
            yield from notes


APPLICATION_HEADING: Sequence[str] = ("APPLICATION", "REVISION", "SYNC", "HEALTH", "PROOFS", "MESSAGE")
RESOURCE_HEADING: Sequence[str] = ("RESOURCE", "SYNC", "HEALTH", "PROOFS", "LIVE", "MESSAGE")


def _application(it: Mapping[str, Any]) -> Sequence[str]:
    at, wanted = revision(it["revision"]), revision(it["desired_revision"])
    shown = at if at == wanted or not wanted else f"{at or 'none'} → {wanted}"
    proofs = [proof for resource in it["resources"] for proof in resource["proofs"]]
    sync = it["sync"] + (" (pinned)" if it["pinned"] else "")
    return (it["name"], shown, sync, it["health"], proof_words(proofs), it["message"] or _operation(it["operation"]))


def _operation(operation: Mapping[str, Any] | None) -> str:
    return "" if operation is None else f"{operation['trigger']} {operation['phase']}"


def _resource(it: Mapping[str, Any]) -> Sequence[str]:
    live = it["live"] or {}
    facts = " ".join(f"{name} {live[name]}" for name in LIVE if live.get(name) is not None)
    return (it["id"], it["sync"], it["health"], proof_words(it["proofs"]), facts, it["message"])


def proof_words(proofs: Sequence[Mapping[str, Any]]) -> str:
    """Return `2 proven, 1 stale`, and nothing where nothing was claimed."""
    counts: dict[str, int] = {}
    for proof in proofs:
        counts[proof["verdict"]] = counts.get(proof["verdict"], 0) + 1
    return ", ".join(f"{number} {verdict}" for verdict, number in sorted(counts.items()))


def _is_well(resource: Mapping[str, Any]) -> bool:
    return resource["sync"] == "Synced" and resource["health"] == "Healthy" and all(it["verdict"] == "proven" for it in resource["proofs"])


def _notes(application: Mapping[str, Any], ink: Ink, is_screen: bool) -> Iterator[str]:
    operation = application["operation"]
    if operation is not None and operation["phase"] == "Running":
        since = show_instant(operation["started_at"], is_screen)
        yield f"  {ink.word('Running')}: operation {operation['id']} ({operation['trigger']}) since {since}"
    for each in application.get("sources", ()):
        yield f"  Source: {revision(each['revision']) or 'nothing yet'} of {each['repository']}, {each['target_revision']}{_path(each)}"
    for it in application["conditions"]:
        if it["status"] and it["type"] not in AXES:
            place = f" ({it['origin']})" if it["origin"] else ""
            colour = "red" if it["type"] in ("RenderError", "Refused", "Exposed", "StoreError", "Contended", "RetryExhausted") else "yellow"
            yield f"  {ink.paint(it['type'], colour)}: {it['message']}{place}"


def _path(source: Mapping[str, Any]) -> str:
    return f", path {source['path']}" if source["path"] else ""
