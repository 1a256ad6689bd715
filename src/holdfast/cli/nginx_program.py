"""Which nginx files are looked at for: the one of this host, another program, or a version."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from typing import Any, TypeVar

import click

from holdfast.cli.call import Call
from holdfast.edge.capability import Capability, parse_version, read_capability
from holdfast.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
BESIDE = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where systems keep it, which is not on an ordinary user's PATH."""
ANY = "any"
LIMIT_S = 10.0


def nginx_options(function: F) -> F:
    """Give a command `--nginx` and `--capability-of`."""
    version = click.option(
        "--nginx", "version", metavar="VERSION", help=f"Judge for this version (1.30.4), or for `{ANY}`; without it for the nginx here."
    )
    program = click.option("--capability-of", "program", metavar="BIN", type=click.Path(), help="Judge for this nginx program, by its -V.")
    return version(program(function))


def capability(call: Call, version: str | None, program: str | None) -> Capability | None:
    """Return what the nginx can do; None: nothing is known, so that only what holds for every nginx is said. Raises UsageError."""
    if version is not None and program is not None:
        raise UsageError("HF8001", "cannot judge: --nginx and --capability-of each name an nginx", hint="give one of them")
    if version == ANY:
        return None
    if version is not None:
        return _of_version(version)
    path = call.environ.get("PATH", os.defpath)
    found = program or shutil.which("nginx", path=os.pathsep.join((path, *BESIDE)))
    return None if found is None else _of_program(os.path.join(call.folder, found) if os.path.dirname(found) else found, path)


def _of_version(text: str) -> Capability:
    try:
        return Capability(version=parse_version(text))
    except ValueError:
        hint = f"write one such as 1.30.4, or {ANY}"
        raise UsageError("HF8001", f"cannot judge for nginx {text!r}: it is no version", hint=hint) from None


def _of_program(program: str, path: str) -> Capability:
    try:
        return read_capability(_answer([program, "-V"]), _revision(program, path))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        reason = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        hint = "is it nginx? --nginx VERSION needs no program"
        raise UsageError("HF8030", f"cannot ask {program} what it can do: {reason}", hint=hint) from error


def _revision(program: str, path: str) -> str | None:
    """Return the revision of the Debian package, which mends faults without a new version; None where it is of none."""
    query = shutil.which("dpkg-query", path=path)
    if query is None:
        return None
    for name in dict.fromkeys((program, os.path.realpath(program))):
        package = _answer([query, "--search", "--", name]).partition(":")[0].split(",")[0].strip()
        if package:
            return _answer([query, "--show", "--showformat=${Version}", "--", package]).strip() or None
    return None


def _answer(command: list[str]) -> str:
    """Return all that a program says on either stream; nothing where it fails."""
    told = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT_S,
        check=False,
        text=True,
        errors="replace",
    )
    return told.stdout if told.returncode == 0 else ""
