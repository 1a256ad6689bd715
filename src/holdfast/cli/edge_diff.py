"""`holdfast edge diff`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import Ink, plain
from holdfast.cli.nginx_files import read_files
from holdfast.cli.page import page
from holdfast.cli.words import count
from holdfast.edge.difference import Difference, difference
from holdfast.edge.include import roots
from holdfast.errors import Where

DIFFERENT = 2
"""Exit code."""
SHOWN = 4
"""Requests that are shown of one difference, unless all are asked for."""


@page(
    "edge diff",
    document="EdgeDiff",
    examples=(
        ("holdfast edge diff old.conf new.conf", "What requests would meet otherwise."),
        ("holdfast edge diff /etc/nginx ./nginx --json", "Two whole configurations, for a program."),
    ),
    exits={0: "no request would meet anything else", 1: "nginx could not read a file", 2: "they differ"},
    see=("edge explain", "edge review", "edge fmt"),
)
@click.argument("before", metavar="A", type=click.Path())
@click.argument("after", metavar="B", type=click.Path())
@click.option("--full", "is_full", is_flag=True, help="Name every request that meets a difference.")
@click.pass_obj
def command(call: Call, before: str, after: str, is_full: bool) -> int:
    """Show what requests would meet otherwise in configuration B than in A, not how the text differs: order, spelling, comments and the
    files it is split into do not count.

    A and B are files or folders, as for `holdfast edge review`. Requests are made of both: every address, every name and one that nobody
    has, every location. For each is compared what is in force where nginx would lead it, with the upstream, the maps and the zones that
    this refers to. Scripts (Lua, njs) are compared as text.

    Document: EdgeDiff {differences[] {what, before[], after[], before_at, after_at, requests[]}}; no request: the whole nginx.
    """
    first, second = (read_files(call.folder, [name]) for name in (before, after))
    one, two = (tuple(each for whole in roots(files.configs) for each in whole.directives) for files in (first, second))
    found = difference(one, two)
    data = {"differences": [_data(each) for each in found]}
    call.terminal.answer("EdgeDiff", data, lambda: _lines(found, is_full, call.terminal.ink), (*first.warnings, *second.warnings))
    return DIFFERENT if found else 0


def _data(it: Difference) -> dict[str, object]:
    return {
        "what": it.what,
        "before": list(it.before),
        "after": list(it.after),
        "before_at": None if it.before_at is None else str(it.before_at),
        "after_at": None if it.after_at is None else str(it.after_at),
        "requests": list(it.requests),
    }


def _lines(found: Sequence[Difference], is_full: bool, ink: Ink) -> Iterator[str]:
    for each in found:
        places = " → ".join(plain(str(at)) for at in (each.before_at, each.after_at) if isinstance(at, Where))
        yield f"{ink.heading(each.what)}  {places}".rstrip()
        yield from (ink.paint(f"  - {plain(line)}", "red") for line in each.before)
        yield from (ink.paint(f"  + {plain(line)}", "green") for line in each.after)
        named = each.requests if is_full else each.requests[:SHOWN]
        yield from (f"  for {plain(request)}" for request in named)
        if len(named) < len(each.requests):
            yield f"  and {count(len(each.requests) - len(named), 'more request')}"
        yield ""
    yield f"{count(len(found), 'difference')}" if found else "no request would meet anything else"
