"""`holdfast edge fmt`."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.nginx_files import content, read_files, rewrite, texts
from holdfast.cli.page import page
from holdfast.cli.words import count
from holdfast.edge.tidy import tidy

PENDING = 2
"""Exit code."""


@page(
    "edge fmt",
    document="Formatted",
    examples=(
        ("holdfast edge fmt app.conf", "Print the file in its one form."),
        ("holdfast edge fmt nginx/ --write", "Bring a configuration into it."),
        ("holdfast edge fmt nginx/ --check", "Whether anything is otherwise, with the lines; for the checks of a repository."),
    ),
    exits={0: "done; with --check: all is in its form", 1: "nginx could not read a file", 2: "--check: a file is otherwise"},
    see=("edge review", "edge diff"),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--check", "is_check", is_flag=True, help="Only say which files are otherwise.")
@click.option("--write", "is_write", is_flag=True, help="Write the files.")
@click.pass_obj
def command(call: Call, files: tuple[str, ...], is_check: bool, is_write: bool) -> int:
    """Put nginx files into one form: one directive a line, four spaces a level, at most one blank line. What nginx reads stays the same;
    comments stay where they are, and so does the spelling of every word.

    FILE is a file, or a folder as for `holdfast edge review`; what files include is formatted too. Without an option the text is printed.

    Document: Formatted {files[] {path, is_changed, written, diff, text}}.
    """
    rows: list[dict[str, Any]] = []
    for path, shown, config in texts(read_files(call.folder, files)):
        old, new = content(path), tidy(config)
        is_changed = old != new
        if is_changed and is_write and not is_check:
            rewrite(path, new)
        rows.append(
            {
                "path": shown,
                "is_changed": is_changed,
                "written": is_changed and is_write and not is_check,
                "diff": "".join(_diff(shown, old, new)),
                "text": _text(new),
            }
        )
    call.terminal.answer("Formatted", {"files": rows}, lambda: _lines(rows, is_check, is_write))
    return PENDING if is_check and any(row["is_changed"] for row in rows) else 0


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _diff(path: str, old: bytes, new: bytes) -> Iterator[str]:
    before, after = (_text(data).splitlines(keepends=True) for data in (old, new))
    for line in difflib.unified_diff(before, after, path, path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(rows: Sequence[dict[str, Any]], is_check: bool, is_write: bool) -> Iterator[str]:
    changed = [row for row in rows if row["is_changed"]]
    if is_check:
        yield from (line for row in changed for line in row["diff"].splitlines())
        yield f"{len(changed)} of {count(len(rows), 'file')} {'is' if len(changed) == 1 else 'are'} not in the form"
    elif is_write:
        yield from (f"wrote {row['path']}" for row in changed)
    else:
        yield from (line for row in rows for line in row["text"].splitlines())
