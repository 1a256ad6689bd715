"""The error log of nginx: read as it grows, and what its lines mean. The master says there, and nowhere else, that it refused a reload."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

MOST = 256 * 1024
"""Bytes that are read at once; of more only the end."""
LONGEST_LINE = 2_000
LARGEST_ANSWERS = 4 << 20
"""Bytes of read answers that may lie on disk."""
_FATAL = re.compile(r"\[(?:emerg|alert|crit)\]")
_EMERG = re.compile(r"\[emerg\]")
_BIND = re.compile(r"bind\(\) to \S+ failed")
_GAVE_UP = "still could not bind()"
_PLACE = re.compile(r" in (?P<path>/\S+?):(?P<line>\d+)$")
_PREFIX = re.compile(r"^(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d |nginx: )?\[\w+\] (?:\d+#\d+: )?(?:\*\d+ )?")


class ErrorLog:
    """Gives each line once. What was there before it was opened is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._at = _where(path)
        self._rest = b""

    def more(self) -> tuple[str, ...]:
        """Return the lines that were completed since the last call; a file that was replaced or emptied is read from its beginning."""
        inode, size = _where(self._path)
        if inode != self._inode or size < self._at:
            self._inode, self._at, self._rest = inode, 0, b""
        if size == self._at:
            return ()
        if size - self._at > MOST:
            self._at, self._rest = size - MOST, b""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._at)
                data = file.read(MOST)
        except OSError:
            return ()
        self._at += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        return tuple(line[:LONGEST_LINE].decode(errors="replace") for line in whole)


class AnswersLog(ErrorLog):
    """The log that breakers are judged by. Nobody else reads it, so what was read is thrown away now and then."""

    def more(self) -> tuple[str, ...]:
        lines = super().more()
        if self._at > LARGEST_ANSWERS:
            with suppress(OSError):
                os.truncate(self._path, 0)  # nginx appends (O_APPEND), so it goes on at the beginning
        return lines


def _where(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_ino, found.st_size


def fatal(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the lines that tell of more than one request."""
    return tuple(line for line in lines if _FATAL.search(line))


def is_refusal(lines: Iterable[str]) -> bool:
    """Say whether the master has given a configuration up. A port in use it tries again for 2.5 s (ngx_init_cycle)."""
    return any(_EMERG.search(line) and (_GAVE_UP in line or not _BIND.search(line)) for line in lines)


def reason(lines: Iterable[str]) -> str:
    """Return what is wrong, as nginx put it, without time and process: its first fatal line, or the last one of all."""
    found = tuple(line for line in lines if line.strip())
    chosen = next((line for line in found if _EMERG.search(line)), found[-1] if found else "it said nothing")
    return _PREFIX.sub("", chosen)


def place(lines: Iterable[str]) -> tuple[str, int] | None:
    """Return the file and the line that nginx blames; None where it blames none."""
    for line in lines:
        if _EMERG.search(line) and (found := _PLACE.search(line)) is not None:
            return found["path"], int(found["line"])
    return None
