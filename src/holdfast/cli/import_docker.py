"""`holdfast import docker`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import plain
from holdfast.cli.page import page
from holdfast.cli.words import count
from holdfast.errors import HoldfastError, Refused
from holdfast.workload.compose.import_docker import ImportedProject, import_docker
from holdfast.workload.compose.write import write

SOCKET = "unix:///var/run/docker.sock"
FILE = "compose.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One compose file to be."""

    path: str
    text: str
    imported: ImportedProject


@page(
    "import docker",
    document="ImportedContainers",
    examples=(
        ("holdfast import docker", "Print a compose file of the containers that run here."),
        ("holdfast import docker --project shop --output shop/", "Write the one of a project that docker compose made."),
        ("holdfast import docker web db --name shop", "Make a project of two containers that docker run made."),
    ),
    exits={
        0: "done; what a compose file cannot say is told",
        1: "the engine said no, or a file could not be written",
        5: "a file is there already",
        75: "the engine does not answer",
    },
    see=("pin", "render", "plan"),
)
@click.argument("containers", metavar="[CONTAINER]...", nargs=-1)
@click.option("--project", "projects", multiple=True, metavar="NAME", help="Only this compose project; may be given more than once.")
@click.option("--name", default="imported", metavar="NAME", help="Project of containers that docker run made.", show_default=True)
@click.option("--host", metavar="ADDRESS", help=f"Docker host: unix://, tcp:// or ssh://; $DOCKER_HOST without it, else {SOCKET}.")
@click.option("--all", "with_stopped", is_flag=True, help="Containers that are stopped too.")
@click.option("--with-secrets", is_flag=True, help="Write the values of variables that look like secrets too.")
@click.option("--output", "-o", metavar="DIR", type=click.Path(), help="Write into this folder; without it all is printed.")
@click.pass_obj
def command(
    call: Call,
    containers: tuple[str, ...],
    projects: tuple[str, ...],
    name: str,
    host: str | None,
    with_stopped: bool,
    with_secrets: bool,
    output: str | None,
) -> int:
    """Write a compose file of running containers: services, networks, volumes. What the image says anyway is left out.

    CONTAINER is a name or the beginning of an id; without one all that run are taken. There is a file for each compose project, and one
    for what docker run made. Networks and volumes that compose did not make for the project are `external`: joined, never changed.

    What a compose file cannot say is told. A variable that looks like a secret is flagged and its value left out, unless --with-secrets
    says otherwise. Nothing on the Docker host is changed, and no file is overwritten.

    Document: ImportedContainers {files[] {path, project, containers[], text, left[], flagged[]}, passed_over[], written[]}.
    """
    from holdfast.app.containers import containers as asked  # an HTTP library, only where it is asked

    address = host or call.environ.get("DOCKER_HOST") or SOCKET
    found, passed_over = asked(address, names=containers, projects=projects, with_stopped=with_stopped)
    made = import_docker(found, name=name, with_secrets=with_secrets)
    files = [
        File(path=FILE if len(made) == 1 else os.path.join(each.project, FILE), text=write(each.model, [*_above(each)]), imported=each)
        for each in made
    ]
    written = _write(os.path.join(call.folder, output), files) if output is not None else []
    data: dict[str, Any] = {
        "files": [
            {
                "path": each.path,
                "project": each.imported.project,
                "containers": list(each.imported.containers),
                "text": each.text,
                "left": list(each.imported.left),
                "flagged": list(each.imported.flagged),
            }
            for each in files
        ],
        "passed_over": list(passed_over),
        "written": written,
    }
    warnings = [*_warnings(files, with_secrets), *(f"{each} is passed over: somebody else makes and removes it" for each in passed_over)]
    call.terminal.answer("ImportedContainers", data, lambda: _lines(files, written, output), warnings)
    if call.terminal.is_text:
        total = sum(len(each.imported.containers) for each in files)
        call.terminal.note(f"{count(total, 'container')} in {count(len(files), 'file')}")
    return 0


def _above(imported: ImportedProject) -> Iterator[str]:
    yield f"Made of {', '.join(imported.containers)}."
    yield from (f"Left out: {each}." for each in imported.left)


def _warnings(files: Sequence[File], with_secrets: bool) -> Iterator[str]:
    what = "its value is in the file, for everybody who reads it" if with_secrets else "its value was left out"
    for file in files:
        yield from (plain(each) for each in file.imported.left)
        yield from (f"{plain(each)} looks like a secret: {what}" for each in file.imported.flagged)


def _lines(files: Sequence[File], written: Sequence[str], output: str | None) -> Iterator[str]:
    if output is not None:
        yield from (f"wrote {path}" for path in written)
        return
    if not files:
        yield "# no container runs"
    yield from "---\n".join(each.text for each in files).splitlines()


def _write(folder: str, files: Sequence[File]) -> list[str]:
    """Write files; Refused (HF8054) before anything is written where one is there."""
    paths = [os.path.join(folder, each.path) for each in files]
    for path in paths:
        if os.path.lexists(path):
            raise Refused("HF8054", f"cannot write {path}: it is there already", hint="remove it, or choose another folder with --output")
    try:
        for path, each in zip(paths, files, strict=True):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(each.text)
    except OSError as error:
        raise HoldfastError("HF8051", f"cannot write {error.filename}: {(error.strerror or '').lower()}") from error
    return paths
