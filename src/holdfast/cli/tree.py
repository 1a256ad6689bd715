"""`holdfast tree`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import Ink, plain
from holdfast.cli.page import application, page
from holdfast.cli.status_text import NOTHING, proof_words
from holdfast.cli.words import revision

Branches = Sequence[str]
FINE: Branches = ("├─ ", "└─ ", "│  ", "   ")
ROUGH: Branches = ("|- ", "`- ", "|  ", "   ")


@page(
    "tree",
    document="Tree",
    examples=(
        ("holdfast tree", "Everything on this host."),
        ("holdfast tree shop", "One Application."),
    ),
    exits={},
    see=("status", "render"),
)
@application(is_required=False)
@click.pass_obj
def command(call: Call, application: str | None) -> int:
    """Show which resource came of which: an Application, what its files declare, and what was derived from that.

    With APPLICATION, an object of a cluster shows what stands beneath it as well: what it owns, down to its pods, with the conditions that
    are not met and what the cluster warned of. The cluster is asked for that; where it does not answer, that is said. Where its project
    monitors orphaned resources, those of its namespace follow.

    Beside each stand its axes (synced, healthy, proven), what it needs, and the place that declares it. Without a daemon the last that
    was recorded is shown.
    """
    if (client := call.daemon()) is not None:
        document = client.get("/v1/tree", application=application)
    else:
        from holdfast.app.offline import Offline

        document = {"data": Offline(call.state_dir).tree(application), "warnings": []}
        call.terminal.tell(f"no daemon is running on {call.state_dir}: this is what was last recorded", "warning")
    data, terminal = document["data"], call.terminal
    branches = FINE if (sys.stdout.encoding or "").lower().startswith("utf") else ROUGH
    warnings = [*document["warnings"], *data.get("unseen", ())]
    terminal.answer("Tree", data, lambda: tree_lines(data, terminal.ink, branches), warnings)
    return 0


def tree_lines(data: Mapping[str, Any], ink: Ink, branches: Branches) -> Iterator[str]:
    """Yield the lines of a tree: a resource stands beneath the one that it was derived from."""
    if not data["applications"]:
        yield NOTHING
    for it in data["applications"]:
        at = revision(it["revision"]) or "nothing applied yet"
        yield f"{ink.heading(plain(it['name']))}  {ink.word(it['sync'])}  {ink.word(it['health'])}  {at}"
        yield from _branch(list(it["resources"]), branches, ink)
        yield from _orphans(it.get("orphans"), branches, ink)


def _orphans(it: Mapping[str, Any] | None, branches: Branches, ink: Ink) -> Iterator[str]:
    """Yield what no Application has in the namespace, and what is not known of it."""
    if it is None or not (it["count"] or it["unknown"]):
        return
    yield f"{ink.paint('orphaned', 'yellow')}  no Application has it in namespace {plain(it['namespace'])}"
    inner, last, _, _ = branches
    lines = [plain(each["id"]) for each in it["found"]]
    lines += [f"and {it['count'] - len(lines)} more"] if it["count"] > len(lines) else []
    lines += [
        ink.paint(f"{'anything' if each['kind'] == '*' else each['kind']}: unknown, {plain(each['reason'])}", "dim")
        for each in it["unknown"]
    ]
    for number, line in enumerate(lines, 1):
        yield f"{last if number == len(lines) else inner}{line}"


def _branch(resources: Sequence[Mapping[str, Any]], branches: Branches, ink: Ink) -> Iterator[str]:
    ids = {it["id"] for it in resources}
    beneath: dict[str | None, list[Mapping[str, Any]]] = {None: []}
    for it in resources:
        parent = it.get("declared")
        if parent and parent != it["id"]:
            if parent not in ids:
                ids.add(parent)
                beneath[None].append({"id": parent, "is_name": True})
            beneath.setdefault(parent, []).append(it)
        else:
            beneath[None].append(it)
    yield from _level(beneath, None, "", branches, ink)


def _level(
    beneath: Mapping[str | None, list[Mapping[str, Any]]], parent: str | None, lead: str, branches: Branches, ink: Ink
) -> Iterator[str]:
    inner, last, through, after = branches
    items = sorted(beneath.get(parent, ()), key=lambda it: str(it["id"]))
    for number, it in enumerate(items, 1):
        is_last = number == len(items)
        yield f"{lead}{last if is_last else inner}{_leaf(it, ink)}"
        further = lead + (after if is_last else through)
        yield from _objects(it, further, branches, ink, is_open=bool(beneath.get(it["id"])))
        yield from _level(beneath, it["id"], further, branches, ink)


def _objects(it: Mapping[str, Any], lead: str, branches: Branches, ink: Ink, *, is_open: bool = False) -> Iterator[str]:
    """Yield what an object of a cluster says of itself, and what stands beneath it. `is_open`: more follows below."""
    inner, last, through, after = branches
    below = list(it.get("beneath") or ())
    bar = through if below or is_open else after
    for each in it.get("conditions") or ():
        if each["status"] != "True" and (each["reason"] or each["message"]):
            why = ": ".join(filter(None, (each["reason"], each["message"])))
            told = plain(f"{each['type']}={each['status']}  {why}")
            yield f"{lead}{bar}{ink.paint(told, 'dim')}"
    for each in it.get("warnings") or ():
        times = f" ({each['count']} times)" if each["count"] > 1 else ""
        told = plain(f"{each['reason']}: {each['message']}{times}")
        yield f"{lead}{bar}{ink.paint(told, 'yellow')}"
    for number, each in enumerate(below, 1):
        is_last = number == len(below) and not is_open
        health = each["health"]
        words = [plain(f"{each['kind']}/{each['name']}"), ink.word(health) if health else ""]
        words.append(plain(each["message"]) if health not in (None, "Healthy") else "")
        yield f"{lead}{last if is_last else inner}{'  '.join(filter(None, words))}"
        yield from _objects(each, lead + (after if is_last else through), branches, ink)


def _leaf(it: Mapping[str, Any], ink: Ink) -> str:
    if it.get("is_name"):
        return plain(it["id"])
    needs = f"needs {', '.join(it['needs'])}" if it.get("needs") else ""
    words = [
        plain(it["id"]),
        ink.word(it["sync"]),
        ink.word(it["health"]),
        proof_words(it.get("proofs") or ()),
        plain(needs),
        ink.paint(plain(it["origin"]), "dim") if it.get("origin") else "",
        plain(it["message"]) if it["health"] != "Healthy" else "",
    ]
    return "  ".join(filter(None, words))
