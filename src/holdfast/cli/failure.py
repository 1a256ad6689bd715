"""How an error reads: what, where with the line and a caret, the next step, and the code to ask about. All of several, each whole."""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.cli.ink import Ink, plain
from holdfast.errors import HoldfastError, Where

LONGEST_SNIPPET = 100


class Interrupted(HoldfastError):
    """A person pressed Ctrl-C."""

    exit_code = 130


def interrupted() -> Interrupted:
    return Interrupted("HF8011", "cannot finish: interrupted", hint="what was begun is remembered; `holdfast status` shows where it stands")


def lines(error: HoldfastError, ink: Ink) -> Iterator[str]:
    """Yield the lines of an error for people."""
    parts = error.errors
    for part in parts:
        yield from _one(part, ink)
        yield ""
    if not parts:
        yield from _one(error, ink)
        return
    yield _headline(error, ink)
    yield from _steps(error, ink)


def _one(error: HoldfastError, ink: Ink) -> Iterator[str]:
    yield _headline(error, ink)
    for where in error.where:
        yield from _place(where, ink)
    yield from _steps(error, ink)
    for part in error.errors:
        yield from ("  " + line for line in _one(part, ink))


def _headline(error: HoldfastError, ink: Ink) -> str:
    first, *rest = error.message.splitlines() or [""]
    return "\n".join([f"{ink.paint('error:', 'red', 'bold')} {ink.paint(plain(first), 'bold')}", *(f"  {plain(line)}" for line in rest)])


def _steps(error: HoldfastError, ink: Ink) -> Iterator[str]:
    for line in getattr(error, "log", ()):
        yield f"  {ink.paint('log:', 'dim')} {plain(line)}"
    if error.hint:
        yield f"  {ink.paint('hint:', 'cyan')} {plain(error.hint)}"
    yield f"  {ink.paint('code:', 'dim')} {error.code}; see `holdfast explain {error.code}`"


def _place(where: Where, ink: Ink) -> Iterator[str]:
    yield f"  {ink.paint('-->', 'blue')} {plain(str(where))}"
    if where.snippet is None or where.line is None:
        return
    text, caret = excerpt(where.snippet, where.column)
    number = str(where.line)
    bar = ink.paint("|", "blue")
    yield f"  {' ' * len(number)} {bar}"
    yield f"  {ink.paint(number, 'blue')} {bar} {text}".rstrip()
    yield (
        f"  {' ' * len(number)} {bar} {' ' * caret}{ink.paint('^', 'red', 'bold')}" if caret is not None else f"  {' ' * len(number)} {bar}"
    )


def excerpt(snippet: str, column: int | None) -> tuple[str, int | None]:
    """Return the part of a line that shows `column` (from 1), and the offset of the caret beneath it."""
    at = None if column is None else min(max(column - 1, 0), len(snippet))
    begin = 0
    if len(snippet) > LONGEST_SNIPPET:
        begin = 0 if at is None else max(0, min(at - LONGEST_SNIPPET // 2, len(snippet) - LONGEST_SNIPPET))
    lead = "…" if begin else ""
    shown = snippet[begin : begin + LONGEST_SNIPPET]
    trail = "…" if begin + LONGEST_SNIPPET < len(snippet) else ""
    if at is None:
        return lead + plain(shown) + trail, None
    return lead + plain(shown) + trail, len(lead) + len(plain(snippet[begin:at]))
