"""`holdfast config`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

from holdfast.cli.call import Call
from holdfast.cli.ink import Ink, plain, table
from holdfast.cli.page import page
from holdfast.errors import UsageError
from holdfast.host.config import KEYS, Candidate, files, key

WHAT = ("list", "get", "explain", "path")


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name, help=known.help) for name, known in KEYS.items() if name.startswith(incomplete)]


@page(
    "config",
    document="Config",
    examples=(
        ("holdfast config list", "Every setting, its value and which place set it."),
        ("holdfast config get poll_interval", "One value, and nothing else."),
        ("holdfast config explain allow.javascript", "What it means, and all that was said of it, the winner first."),
        ("holdfast config path", "Which files are looked for, and the state folder."),
    ),
    exits={},
    see=("doctor",),
)
@click.argument("what", metavar="list|get|explain|path", type=click.Choice(WHAT), default="list")
@click.argument("name", metavar="[KEY]", required=False, shell_complete=_complete)
@click.pass_obj
def command(call: Call, what: str, name: str | None) -> int:
    """Show settings. The first that names a key wins: flags, HOLDFAST_* variables, `holdfast.yaml` in this folder, the user's file, the
    system's file, the default.

    What widens the power of Git is never taken from the file in this folder, because it may have come with a checkout; `explain` says
    which keys those are. Documents: Config {settings[] {key, value, source, at, help}}, ConfigValue {key, value}, ConfigKey {key, help,
    value, widens, variable, said[] {source, at, value, is_heard}} and ConfigPath {state, files[] {path, source, exists}}.
    """
    if (name is None) != (what in ("list", "path")):
        problem = "names no key" if name is None else "takes no key"
        raise UsageError("HF8001", f"cannot read the command line: config {what} {problem}", hint="holdfast config --help")
    {"list": _list, "get": _get, "explain": _explain, "path": _path}[what](call, name or "")
    return 0


def _shown(name: str, value: Any) -> Any:
    """Return a value as a file would say it."""
    return KEYS[name].show(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _list(call: Call, _: str) -> None:
    config, terminal = call.config, call.terminal
    settings = []
    for name, known in KEYS.items():
        winner = config.winner(name)
        settings.append(
            {"key": name, "value": _shown(name, winner.value), "source": winner.source.value, "at": winner.at, "help": known.help}
        )
    rows = [(each["key"], _text(each["value"]), each["at"]) for each in settings]
    terminal.answer("Config", {"settings": settings}, lambda: table([("KEY", "VALUE", "SET BY"), *rows], terminal.ink, terminal.width))


def _get(call: Call, name: str) -> None:
    value = _shown(key(name).name, call.config.get(name))
    call.terminal.answer("ConfigValue", {"key": name, "value": value}, lambda: [_text(value)])


def _explain(call: Call, name: str) -> None:
    known, config = key(name), call.config
    winner = config.winner(name)
    said = [_said(name, each) for each in config.candidates[name]]
    data = {
        "key": name,
        "help": known.help,
        "value": _shown(name, winner.value),
        "widens": known.widens,
        "variable": known.variable,
        "said": said,
    }
    call.terminal.answer("ConfigKey", data, lambda: _explained(data, said, call.terminal.ink))


def _said(name: str, each: Candidate) -> dict[str, Any]:
    return {"source": each.source.value, "at": each.at, "value": _shown(name, each.value), "is_heard": each.is_heard}


def _explained(data: Mapping[str, Any], said: Sequence[Mapping[str, Any]], ink: Ink) -> Iterator[str]:
    yield f"{ink.heading(data['key'])}: {data['help']}"
    if data["widens"]:
        yield "It widens what Git may do, so the file in this folder cannot set it."
    yield f"Variable: {data['variable']}"
    is_won = False
    for each in said:
        word = "not heard" if not each["is_heard"] else "overruled" if is_won else "wins"
        is_won = is_won or each["is_heard"]
        yield f"  {ink.paint(f'{word:9}', 'green' if word == 'wins' else 'dim')}  {plain(_text(each['value']))}  ({plain(each['at'])})"


def _path(call: Call, _: str) -> None:
    places = [{"path": path, "source": source.value, "exists": os.path.lexists(path)} for source, path in files(call.environ, call.folder)]
    state = call.state_dir
    rows = [(str(each["path"]), str(each["source"]), "read" if each["exists"] else "not there") for each in places]
    data = {"state": state, "files": places}
    call.terminal.answer("ConfigPath", data, lambda: [f"state: {state}", *table([("FILE", "IS THE", ""), *rows], call.terminal.ink, None)])
