"""Terminal: where a command answers. Data on stdout, everything else on stderr.

Law: with `--json` stdout holds exactly one document, whatever happens; with `--jsonl` one document a line, and an error is the last.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, TextIO

from holdfast.cli.failure import lines
from holdfast.cli.ink import Ink, clean
from holdfast.errors import HoldfastError

API_VERSION = "holdfast.dev/v1"
LEAST_WIDTH = 40


class Form(Enum):
    TEXT = "text"
    JSON = "json"
    LINES = "jsonl"


class Terminal:
    """Both streams of one run. `form` says what stdout is to hold."""

    def __init__(self, environ: Mapping[str, str], form: Form = Form.TEXT) -> None:
        self.form = form
        self.is_quiet = False
        self.is_colour_off = False
        self.warnings: list[str] = []
        """What the configuration warns of: in every document, and told once where text is asked for."""
        self._environ = environ
        self._is_answered = False

    # What there is to write on

    @property
    def is_text(self) -> bool:
        return self.form is Form.TEXT

    @property
    def is_screen(self) -> bool:
        """Whether a person looks at stdout."""
        return sys.stdout.isatty()

    @property
    def can_ask(self) -> bool:
        """Whether a person can be asked: both ways lead to a terminal, and no script reads the answer."""
        return self.is_text and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    @property
    def width(self) -> int | None:
        """Columns of the screen; None where stdout is none, and nothing is shortened."""
        if not self.is_screen:
            return None
        try:
            columns = int(self._environ.get("COLUMNS") or os.get_terminal_size(sys.stdout.fileno()).columns)
        except (OSError, ValueError):
            return 80
        return max(LEAST_WIDTH, columns or 80)

    @property
    def ink(self) -> Ink:
        return Ink(self._has_colour(sys.stdout))

    def _has_colour(self, stream: TextIO) -> bool:
        """Say whether to paint: no-color.org, `--no-color`, TERM=dumb, FORCE_COLOR, else whether it is a terminal."""
        if self.is_colour_off or self._environ.get("NO_COLOR"):
            return False
        if self._environ.get("FORCE_COLOR"):
            return True
        return stream.isatty() and self._environ.get("TERM") != "dumb"

    # Data

    def answer(self, kind: str, data: Any, text: Callable[[], Iterable[str]], warnings: Iterable[str] = ()) -> None:
        """Write the one answer of a command: a document, or what `text` makes of it."""
        if not self.is_text:
            self.document(kind, data, warnings)
            return
        self._tell_warnings(warnings)
        for line in text():
            self.say(line)

    def document(self, kind: str, data: Any, warnings: Iterable[str] = ()) -> None:
        self._is_answered = True
        document = {"apiVersion": API_VERSION, "kind": kind, "data": data, "warnings": [*self.warnings, *warnings]}
        indent = 2 if self.form is Form.JSON and self.is_screen else None
        print(json.dumps(document, indent=indent), flush=True)

    def say(self, line: str = "") -> None:
        print(clean(line), flush=True)

    # Everything else

    def tell(self, line: str, severity: str = "info") -> None:
        """Tell a person who waits one step."""
        if not self.is_quiet:
            colour = {"warning": ("yellow",), "error": ("red",)}.get(severity, ())
            self._write(Ink(self._has_colour(sys.stderr)).paint(clean(line), *colour))

    def note(self, line: str) -> None:
        """Tell what a person should know even where progress is not asked for."""
        self._write(clean(line))

    def ask(self, question: str) -> bool:
        """Ask yes or no; anything but yes is no."""
        print(f"{clean(question)} [y/N] ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip().casefold() in ("y", "yes")

    def fail(self, error: HoldfastError) -> int:
        """Tell an error the way it was asked for, and return its exit code."""
        if self.form is Form.LINES or (self.form is Form.JSON and not self._is_answered):
            self.document("Error", error.to_json())
        else:
            self._tell_warnings(())
            for line in lines(error, Ink(self._has_colour(sys.stderr))):
                self._write(line)
        return error.exit_code

    def _tell_warnings(self, more: Iterable[str]) -> None:
        for warning in (*self.warnings, *more):
            self._write(f"warning: {clean(warning)}")
        self.warnings.clear()

    @staticmethod
    def _write(line: str) -> None:
        print(line, file=sys.stderr, flush=True)
