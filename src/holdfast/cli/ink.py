"""Ink: colour, columns and clean text. State is never told by colour alone; what Git or a process wrote cannot steer the terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

COLOURS: Mapping[str, str] = MappingProxyType(
    {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36"}
)
SOURCES: Sequence[str] = ("cyan", "magenta", "yellow", "blue", "green")
"""Colours that tell the sources of log lines apart."""
WORD_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "Synced": "green",
        "Healthy": "green",
        "proven": "green",
        "ok": "green",
        "Succeeded": "green",
        "OutOfSync": "yellow",
        "Progressing": "yellow",
        "Suspended": "yellow",
        "stale": "yellow",
        "warn": "yellow",
        "warning": "yellow",
        "Running": "yellow",
        "Superseded": "yellow",
        "Missing": "yellow",
        "Unknown": "magenta",
        "Degraded": "red",
        "refuted": "red",
        "fail": "red",
        "Failed": "red",
        "error": "red",
        "create": "green",
        "update": "yellow",
        "replace": "magenta",
        "delete": "red",
    }
)
_COLOUR_CODE = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return text that cannot steer a terminal: control characters, and those that turn its direction, are shown as escapes.

    Colours stay, tabs and line breaks too.
    """
    if not _CONTROL.search(text):
        return text
    parts: list[str] = []
    at = 0
    for code in _COLOUR_CODE.finditer(text):
        parts += [_CONTROL.sub(_escape, text[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*parts, _CONTROL.sub(_escape, text[at:])])


def plain(text: str) -> str:
    """Return clean text of one line without colours."""
    return clean(_COLOUR_CODE.sub("", text)).replace("\n", " ").replace("\t", " ")


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def width_of(text: str) -> int:
    """Return how many columns a text takes on a terminal."""
    bare = _COLOUR_CODE.sub("", text)
    if bare.isascii():
        return len(bare)
    return sum(0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in bare)


def shorten(text: str, width: int | None) -> str:
    """Return a text of at most `width` columns, its end replaced where it is longer; None leaves it whole."""
    if width is None or width_of(text) <= width:
        return text
    kept = text[: max(0, width - 1)]
    while kept and width_of(kept) > width - 1:
        kept = kept[:-1]
    return kept + "…"


class Ink:
    """Paints, or does not."""

    def __init__(self, is_on: bool) -> None:
        self.is_on = is_on

    def paint(self, text: str, *colours: str) -> str:
        if not self.is_on or not colours or not text:
            return text
        return f"\x1b[{';'.join(COLOURS[each] for each in colours)}m{text}\x1b[0m"

    def word(self, word: str) -> str:
        """Return a word of the field in its own colour."""
        return self.paint(word, WORD_COLOURS[word]) if word in WORD_COLOURS else word

    def heading(self, text: str) -> str:
        return self.paint(text, "bold")


def table(rows: Sequence[Sequence[str]], ink: Ink, width: int | None, indent: str = "") -> Iterator[str]:
    """Yield aligned lines; the first row is the heading. An empty cell is `-`; only the last column is shortened, and only to `width`."""
    cells = [[plain(cell) or "-" for cell in row] for row in rows]
    widths = [max(width_of(row[column]) for row in cells) for column in range(len(cells[0]))]
    for number, row in enumerate(cells):
        *front, last = row
        space = None if width is None else max(12, width - len(indent) - sum(widths[:-1]) - 2 * len(front))
        shown = [*front, shorten(last, space)]
        inked = [ink.heading(cell) if number == 0 else ink.word(cell) for cell in shown]
        padded = [cell + " " * (widths[column] - width_of(shown[column]) + 2) for column, cell in enumerate(inked[:-1])]
        yield (indent + "".join(padded) + inked[-1]).rstrip()
