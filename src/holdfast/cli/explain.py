"""`holdfast explain`."""

from __future__ import annotations

import importlib
import json
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
from holdfast.cli.ink import Ink, plain, table
from holdfast.cli.page import files, page, revision
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
        ("holdfast explain web.ports[0] -f .", "Where a value of the compose file in this folder was written."),
        ("holdfast explain", "Every code, with its title."),
    ),
    exits={},
    see=("doctor", "events"),
)
@click.argument("word", metavar="[CODE|KIND|KIND.FIELD|SERVICE.FIELD]", required=False, shell_complete=_complete)
@files
@revision
@click.pass_obj
def command(call: Call, word: str | None, files: tuple[str, ...], revision: str | None) -> int:
    """Explain an error code, a kind of resource or one of its fields; or with -f where a value of a compose file was written.

    Every error that Holdfast shows ends with its code. A value of a compose file is named from a service (web.ports[0]) or from the top
    (networks.back.name); FILE is an Application file, or a folder of a repository. What counts is what is committed, after all merges.
    Documents: Explanation {code, title, meaning, cause, next_step}; Explanations {entries[], kinds[]} without an argument; Schema {kind,
    path, type, description, default, fields[], schema} of a kind or field; Origin {application, path, value, where} of a value.
    """
    terminal = call.terminal
    if files:
        origin = _origin(call, word, files, revision)
        terminal.answer("Origin", origin, lambda: _origin_lines(origin, terminal.ink))
    elif word is None:
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


def _origin(call: Call, word: str | None, files: tuple[str, ...], revision: str | None) -> Mapping[str, Any]:
    """Return where a value of a compose file was written."""
    from holdfast.app.entry import locate

    hint = "name a service and a field: holdfast explain web.ports[0] -f ."
    if word is None:
        raise UsageError("HF8008", "cannot explain: no value is named", hint=hint)
    try:
        found = locate(word, files, state_dir=call.state_dir, config=call.config, revision=revision)
    except ValueError as error:
        raise UsageError("HF8008", f"cannot explain {word!r}: {error}", hint=hint) from error
    if found is None:
        raise UsageError(
            "HF8008", f"cannot explain {word!r}: no compose file there has such a value", hint="`holdfast render` shows them all"
        )
    return found


def _origin_lines(it: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    where = it["where"]
    yield ink.heading(f"{plain(it['path'])}: {plain(json.dumps(it['value'], ensure_ascii=False))}")
    yield f"  {ink.paint('-->', 'blue')} {plain(':'.join(str(where[part]) for part in ('path', 'line', 'column')))}"
    if where["snippet"]:
        yield f"      {plain(where['snippet'].strip())}"


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
