"""`holdfast edge status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.certificate_text import until
from holdfast.cli.edge_closing import closed_words
from holdfast.cli.ink import Ink, plain, table
from holdfast.cli.page import page

LEVELS = ("files", "memory", "wire")
WRONG = 3
"""Exit code."""


@page(
    "edge status",
    document="EdgeStatus",
    examples=(
        ("holdfast edge status", "Every Site of this host, and the nginx that serves them."),
        ("holdfast edge status --exit-code --quiet > /dev/null || echo 'look at it'", "In a script or a timer."),
        ("holdfast edge status --json | jq '.data.sites[] | {id, serves, drift}'", "For programs."),
    ),
    exits={0: "shown; with --exit-code: all serve as they were applied", 3: "with --exit-code: a Site does not, or drifted"},
    see=("edge test", "edge explain", "edge maintenance", "certificate list", "status"),
)
@click.option("--exit-code", "is_strict", is_flag=True, help="Tell by the exit code how it stands.")
@click.pass_obj
def command(call: Call, is_strict: bool) -> int:
    """Show each Site: what serves, with which certificate, who is behind it, what is not as it was applied, and what was proven.

    Drift has three levels: files (what lies there for the next reload), memory (what nginx holds) and wire (what visitors get). A port
    that is free is kept for a replica to come. Without a daemon is told what lies on disk and what was recorded last; drift is unknown.

    Document: EdgeStatus {nginx {phase, message, version, pid, workers, draining, generation, linked, reloads, http, https, folder, drift},
    sites[] {id, application, hosts[], phase, message, serves, revision, sync, health, certificate {name, issuer, source, serial, not_after,
    names[]}, peers[] {of, address, state}, drift {files, memory, wire}, closed {how, by, at, until, message}, waiting, failing[], broken[],
    notes[], proofs[]}}; null is unknown, or nothing.
    """
    if (daemon := call.daemon()) is not None:
        document = daemon.get("/v1/edge")
        data, warnings = document["data"], tuple(document["warnings"])
    else:
        from holdfast.app.edge_glance import edge_status

        data = edge_status(call.state_dir)
        warnings = (f"no daemon runs in {call.state_dir}: this is what lies there and what was recorded last",)
    terminal = call.terminal
    terminal.answer("EdgeStatus", data, lambda: _lines(data, terminal.ink, terminal.width, terminal.is_screen, call.now()), warnings)
    return WRONG if is_strict and any(map(is_wrong, data["sites"])) else 0


def is_wrong(site: Mapping[str, Any]) -> bool:
    """Say whether a Site does not serve as it was applied."""
    refuted = any(proof["verdict"] == "refuted" for proof in site["proofs"])
    return site["phase"] != "serving" or any(site["drift"].values()) or bool(site["failing"] or site["broken"]) or refuted


def _lines(data: Mapping[str, Any], ink: Ink, width: int | None, is_screen: bool, now: float) -> Iterator[str]:
    nginx = data["nginx"]
    if nginx is None:
        yield "there is no edge: no Site was applied"
        return
    yield from _nginx(nginx, ink)
    for site in data["sites"]:
        yield ""
        yield from _site(site, ink, width, is_screen, now)


def _nginx(it: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    if it["pid"] is None:
        yield f"{ink.heading('nginx')} does not run{': ' + plain(it['message']) if it['message'] else ''}"
        return
    version = f" {it['version']}," if it["version"] else ""
    ports = f", ports {it['http']} and {it['https']}" if it["http"] else ""
    generation = f", generation {it['generation'][:12]}" if it["generation"] else ""
    yield f"{ink.heading('nginx')}{version} pid {it['pid']}{ports}{generation}"
    if it["generation"] and it["linked"] != it["generation"]:
        yield ink.paint(f"  a reload would read another generation: {(it['linked'] or 'none')[:12]}", "yellow")
    if it["draining"]:
        yield f"  {it['draining']} workers finish what they had begun"
    if it["drift"]:
        yield ink.paint(f"  {plain(it['drift'])}", "yellow")


def _site(it: Mapping[str, Any], ink: Ink, width: int | None, is_screen: bool, now: float) -> Iterator[str]:
    stands = " ".join(ink.word(word) for word in (it.get("sync"), it.get("health")) if word)
    yield f"{ink.heading(it['id'])}  {', '.join(map(plain, it['hosts']))}  {stands}".rstrip()
    if it["phase"] != "serving":
        yield ink.paint(f"  {it['phase']}: {plain(it['message'])}".rstrip(": "), "red")
    if it["closed"] is not None:
        waiting = f"; {it['waiting']} wait" if it["waiting"] else ""
        yield ink.paint(f"  {closed_words(it['closed'], is_screen, now)}{waiting}", "yellow")
    certificate = it["certificate"]
    if certificate is None:
        yield "  no certificate: plain HTTP"
    else:
        ends, by = until(certificate.get("not_after"), now), certificate.get("issuer") or certificate.get("source")
        yield f"  certificate {certificate['name']}{f' by {by}' if by else ''}{f', expires {ends}' if ends else ''}"
    if it["peers"]:
        yield from table([(peer["of"], peer["address"], ink.word(peer["state"])) for peer in it["peers"]], ink, width, "  ")
    yield from (ink.paint(f"  drift of {level}: {plain(it['drift'][level])}", "yellow") for level in LEVELS if it["drift"].get(level))
    yield from (ink.paint(f"  the breaker is open: {plain(each)}", "red") for each in it["broken"])
    yield from (f"  {plain(note)}" for note in it["notes"])
    for proof in it["proofs"]:
        yield f"  {ink.word(proof['verdict'])}: {plain(proof['claim'])}"
