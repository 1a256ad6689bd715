"""`holdfast init`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

import click

from holdfast.cli.call import Call
from holdfast.cli.page import files, page
from holdfast.cli.scaffold import Found, application_text, look
from holdfast.cli.service_unit import unit_text
from holdfast.errors import HoldfastError, Refused

FILE = "application.yaml"
STDOUT = "-"


@page(
    "init",
    document="Init",
    examples=(
        ("holdfast init", f"Write {FILE} for this folder."),
        ("holdfast init web --output -", "Print the one for the folder web."),
        ("sudo holdfast init --service -f application.yaml --output /etc/systemd/system/holdfast.service", "Have systemd run it."),
    ),
    exits={1: "the file could not be written", 5: "the file is there already; nothing is ever overwritten"},
    see=("up", "plan", "doctor"),
)
@click.argument("folder", default=".", type=click.Path())
@click.option("--name", metavar="NAME", help="The Application's name; without it the folder's.")
@click.option("--output", "-o", metavar="PATH", help=f"Where to write it, - for stdout. Without it FOLDER/{FILE}; a unit goes to stdout.")
@click.option("--service", "is_service", is_flag=True, help="Write the systemd unit of the daemon instead.")
@files
@click.pass_obj
def command(call: Call, folder: str, name: str | None, output: str | None, is_service: bool, files: tuple[str, ...]) -> int:
    """Look at a folder of a Git repository and write the Application file that runs what is in it: a Procfile, a PM2 ecosystem file,
    resources of Holdfast's own kinds, a compose file, which needs a Docker host, or the start script of a package.json, for which a
    Procfile is written too.

    With --service the systemd unit is written that runs `holdfast up` in FOLDER with the files of -f: the system's as root, else the
    user's. Files that are there are never overwritten. Documents: Init {written[], application, files[], notes[], text}; with --service
    Service {written, unit}.
    """
    root = os.path.normpath(os.path.join(call.folder, folder))
    if is_service:
        return _service(call, root, output, files)
    found = look(root, name)
    target = output if output == STDOUT else os.path.join(call.folder, output) if output else os.path.join(root, FILE)
    text = application_text(found, _repository(found, target))
    written = []
    if target != STDOUT:
        if found.procfile is not None:
            written.append(_write(os.path.join(root, "Procfile"), found.procfile))
        written.append(_write(target, text))
    notes = _notes(found, written)
    data = {"written": written, "application": found.name, "files": list(found.files), "notes": notes, "text": text}
    call.terminal.answer("Init", data, lambda: [text.rstrip("\n")] if target == STDOUT else [f"wrote {path}" for path in written])
    if call.terminal.is_text:
        for note in notes:
            call.terminal.note(note)
    return 0


def _repository(found: Found, target: str) -> str:
    """Return the repository as its file names it: relative, so that the file can be committed, where it is a file."""
    return found.repository if target == STDOUT else os.path.relpath(found.repository, os.path.realpath(os.path.dirname(target)))


def _notes(found: Found, written: Sequence[str]) -> list[str]:
    notes = [*found.notes]
    if found.procfile is not None and written:
        notes.append("a Procfile was written from the start script of package.json; commit it")
    if written:
        notes.append(f"see what it would do: holdfast plan -f {os.path.relpath(written[-1])}")
    return notes


def _service(call: Call, folder: str, output: str | None, files: tuple[str, ...]) -> int:
    is_system = os.geteuid() == 0
    named = [os.path.abspath(os.path.join(call.folder, file)) for file in files]
    default = os.path.abspath(os.path.join(folder, FILE))
    if not named and os.path.exists(default):
        named = [default]
    words = [_program(), "up", *(word for file in named for word in ("-f", file))]
    if call.state is not None:
        words += ["--state", call.state_dir]
    unit = unit_text(words, os.path.abspath(folder), is_system=is_system)
    written = None if output in (None, STDOUT) else _write(os.path.join(call.folder, str(output)), unit)
    call.terminal.answer(
        "Service", {"written": written, "unit": unit}, lambda: [unit.rstrip("\n") if written is None else f"wrote {written}"]
    )
    manager = "systemctl" if is_system else "systemctl --user"
    call.terminal.tell(f"next: {manager} daemon-reload && {manager} enable --now holdfast")
    if not is_system:
        call.terminal.tell("a user's services end with the session unless: loginctl enable-linger")
    return 0


def _program() -> str:
    """Return the absolute path of this program."""
    found = shutil.which("holdfast") if not os.path.isabs(sys.argv[0]) else sys.argv[0]
    return os.path.abspath(found or sys.argv[0])


def _write(path: str, text: str) -> str:
    """Write a file that is not there yet; Refused (HF8010) where it is."""
    try:
        with open(path, "x", encoding="utf-8", errors="surrogateescape") as file:
            file.write(text)
    except FileExistsError as error:
        hint = "remove it, or choose another place with --output"
        raise Refused("HF8010", f"cannot write {path}: it is there already", hint=hint) from error
    except OSError as error:
        raise HoldfastError("HF8013", f"cannot write {path}: {error.strerror}") from error
    return os.path.abspath(path)
