"""One run: the words of a command line in, an exit code out. Every failure ends here, told as it was asked for."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence

from holdfast.cli.call import Call
from holdfast.cli.failure import interrupted
from holdfast.cli.quick import read_status, show_status
from holdfast.cli.terminal import Form, Terminal
from holdfast.errors import Bug, HoldfastError

DEBUG = "HOLDFAST_DEBUG"
BROKEN_PIPE = 141
"""As a shell says of a program that SIGPIPE ended."""


def run(words: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run one command and return its exit code. Nothing is raised."""
    _open_streams()
    terminal = Terminal(environ, _form(words))
    try:
        return _run(words, Call(terminal, environ, _folder()))
    except HoldfastError as error:
        return terminal.fail(error)
    except KeyboardInterrupt:
        return terminal.fail(interrupted())
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains of it once more at its end
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the outermost door: a defect is told as one
        return terminal.fail(_bug(error, environ))


def _run(words: Sequence[str], call: Call) -> int:
    if (request := read_status(words)) is not None:
        return show_status(call, request)
    from holdfast.cli.root import invoke

    return invoke(words, call)


def _open_streams() -> None:
    """Have both streams take any text: a path of any bytes must not end the answer, nor a stream that the caller closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as long as the process
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _folder() -> str:
    """Return where the command runs; the root where that folder is gone."""
    try:
        return os.getcwd()
    except OSError:
        return "/"


def _form(words: Sequence[str]) -> Form:
    """Return what stdout is to hold even where the rest of the words is not understood."""
    options = words[: words.index("--")] if "--" in words else words
    return Form.LINES if "--jsonl" in options else Form.JSON if "--json" in options else Form.TEXT


def _bug(error: Exception, environ: Mapping[str, str]) -> Bug:
    """Return what is told of a defect: its kind and place, its text only on request, since that may hold anything."""
    if environ.get(DEBUG):
        traceback.print_exception(error)
    last = traceback.extract_tb(error.__traceback__)[-1:]
    at = "".join(f" at {os.path.basename(each.filename)}:{each.lineno}" for each in last)
    hint = f"{DEBUG}=1 shows all of it; please report it with that"
    return Bug("HF9001", f"cannot go on: an unexpected {type(error).__name__}{at}", hint=hint)
