"""How far a log was told whose lines begin with their time (RFC 3339), as those of containers and of pods do.

A stream that breaks is asked again from the time of the last line; what comes once more is passed over. Law: wherever it breaks, and from
whatever earlier time it begins again, every line is told once.
"""

from __future__ import annotations

import re

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?")


class LogPosition:
    """Of one stream: the time of the last line that was told, and how many of that very time were."""

    def __init__(self) -> None:
        self._at = ""
        self._told = 0
        self._skipped = 0

    def begin(self) -> str:
        """Begin to read again; return the time to ask for, in UTC with nine digits behind the point, empty where nothing was told."""
        self._skipped = 0
        return self._at

    def take(self, line: str) -> str | None:
        """Return the text of a line that comes with its time, None where it was told before; one without a time is told as it is."""
        found = _STAMP.match(line)
        if found is None or found[3] not in ("Z", "+00:00"):
            return line[found.end() :] if found else line
        at = f"{found[1]}.{(found[2] or '').ljust(9, '0')}"
        if at < self._at:
            return None
        if at == self._at:
            if self._skipped < self._told:
                self._skipped += 1
                return None
            self._told += 1
            self._skipped = self._told
        else:
            self._at, self._told, self._skipped = at, 1, 1
        return line[found.end() :]
