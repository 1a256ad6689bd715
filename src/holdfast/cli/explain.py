"""`holdfast explain`."""

from __future__ import annotations

import importlib
import pkgutil
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

import holdfast.catalogue
from holdfast.catalogue.entry import Explanation
from holdfast.cli.call import Call
from holdfast.cli.explain_kind import describe, kinds, schema_lines
from holdfast.cli.ink import Ink, table
from holdfast.cli.page import page
from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean

CODE = re.compile(r"(?:HF)?([0-9]{4})", re.IGNORECASE)
PARTS = ("meaning", "cause", "next_step")


def catalogue() -> Mapping[str, Explanation]:
    """Return every explanation, by code, in order."""
    entries: dict[str, Explanation] = {}
    for module in pkgutil.iter_modules(holdfast.catalogue.__path__, "holdfast.catalogue."):
        entries |= getattr(importlib.import_module(module.name), "ENTRIES", {})
    return dict(sorted(entries.items()))


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    found = [CompletionItem(code, help=it.title) for code, it in catalogue().items() if code.startswith(incomplete.upper())]
    return found + [CompletionItem(name) for name in kinds() if name.casefold().startswith(incomplete.casefold())]


@page(
    "explain",
    document="Explanation",
    examples=(
        ("holdfast explain HF1000", "What an error code means, why it comes and what to do next."),
        ("holdfast explain Process", "The fields of a kind."),
        ("holdfast explain Process.probes.readiness", "One field, with what it holds."),
        ("holdfast explain", "Every code, with its title."),
    ),
    exits={},
    see=("doctor", "events"),
)
@click.argument("word", metavar="[CODE|KIND|KIND.FIELD]", required=False, shell_complete=_complete)
@click.pass_obj
def command(call: Call, word: str | None) -> int:
    """Explain an error code, a kind of resource or one of its fields.

    Every error that Holdfast shows ends with its code. Documents: Explanation {code, title, meaning, cause, next_step}; Explanations
    {entries[], kinds[]} without an argument; Schema {kind, path, type, description, default, fields[], schema} of a kind or field.
    """
    terminal = call.terminal
    if word is None:
        entries = catalogue()
        data = {"entries": [_data(code, it) for code, it in entries.items()], "kinds": list(kinds())}
        rows = [("CODE", "TITLE"), *((code, it.title) for code, it in entries.items())]
        terminal.answer("Explanations", data, lambda: table(rows, terminal.ink, terminal.width))
    elif (match := CODE.fullmatch(word)) is not None:
        found = _data(*_entry(f"HF{match[1]}"))
        terminal.answer("Explanation", found, lambda: _lines(found, terminal.ink, terminal.width or 100))
    else:
        described = describe(word)
        if described is None:
            raise _unknown(word)
        terminal.answer("Schema", described, lambda: schema_lines(described, terminal.ink, terminal.width or 100))
    return 0


def _entry(code: str) -> tuple[str, Explanation]:
    entries = catalogue()
    if code not in entries:
        raise _unknown(code)
    return code, entries[code]


def _unknown(word: str) -> UsageError:
    guess = did_you_mean(word, [*catalogue(), *kinds()])
    hint = f"did you mean {guess}?" if guess else "`holdfast explain` lists every code"
    return UsageError("HF8008", f"cannot explain {word!r}: it is neither a code nor a kind", hint=hint)


def _data(code: str, it: Explanation) -> dict[str, Any]:
    return {"code": code, "title": it.title, **{part: getattr(it, part) for part in PARTS}}


def _lines(it: Mapping[str, Any], ink: Ink, width: int) -> Iterator[str]:
    yield ink.heading(f"{it['code']}: {it['title']}")
    for part in PARTS:
        yield ""
        yield ink.paint(part.replace("_", " ").capitalize(), "cyan")
        yield textwrap.fill(it[part], width=min(width, 100), initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
