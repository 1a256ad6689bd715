"""`holdfast import argocd`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import plain
from holdfast.cli.page import page
from holdfast.cli.words import count
from holdfast.errors import HoldfastError, Refused, UsageError, Where

if TYPE_CHECKING:
    from holdfast.app.argocd import Managed
    from holdfast.delivery.import_argocd import ImportedObject, Told

LARGEST = 32 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file to be. `state`: `new`, `same` or `changed` against what is there; None where none is written."""

    imported: ImportedObject
    text: str
    told: Told
    state: str | None

    @property
    def path(self) -> str:
        return self.imported.path

    def to_json(self) -> dict[str, Any]:
        it = self.imported
        return {
            "path": it.path,
            "kind": it.kind,
            "namespace": it.namespace,
            "name": it.name,
            "state": self.state,
            "text": self.text,
            "left": list(it.left),
            "flagged": list(it.flagged),
            "warnings": list(self.told.warnings),
            "problems": [each.to_json() for each in self.told.problems],
        }


@page(
    "import argocd",
    document="ImportedArgoCD",
    examples=(
        ("holdfast import argocd", "Print the Applications and projects of the cluster, and say what is not honoured."),
        ("holdfast import argocd --output apps/", "Write a file each into a folder for Git."),
        (
            "holdfast import argocd -f applications.yaml --output apps/ --dry-run",
            "From what kubectl printed; only say what would be written.",
        ),
    ),
    exits={
        0: "done; what is not honoured is told",
        1: "a file does not read or cannot be written, or the cluster said no",
        5: "a file is there already, and says something else",
        64: "there is no cluster, no Argo CD in it, or no such file",
        75: "the cluster does not answer",
    },
    see=("plan", "up", "config"),
)
@click.option(
    "--file",
    "-f",
    "given",
    multiple=True,
    metavar="FILE",
    type=click.Path(),
    help="What `kubectl get applications,appprojects -A -o yaml` printed, instead of the cluster; may be given more than once.",
)
@click.option("--namespace", "-n", default="argocd", metavar="NAME", help="Namespace of Argo CD in the cluster.", show_default=True)
@click.option("--output", "-o", metavar="DIR", type=click.Path(), help="Write into this folder; without it all is printed.")
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@click.option("--force", is_flag=True, help="Overwrite files that say something else.")
@click.pass_obj
def command(call: Call, given: tuple[str, ...], namespace: str, output: str | None, dry_run: bool, force: bool) -> int:
    """Take over what Argo CD manages: write its Applications and AppProjects as files for Git, and say what is not honoured of each.

    Status, what only the cluster writes, and what looks like a secret are left out; the last is told. A file that is there already
    is not overwritten without --force. Nothing in the cluster is changed: whether Argo CD's controller still runs is looked at, and the
    command that stops it is told, since two that keep the same objects would fight over them.

    Document: ImportedArgoCD {files[] {path, kind, namespace, name, state, text, left[], flagged[], warnings[], problems[]}, controllers[]
    {kind, namespace, name, wanted, running, stopped, stop}, passed_over[], written[]}.
    """
    from holdfast.app.argocd import managed, reached  # an HTTP library, only where it is asked
    from holdfast.delivery.import_argocd import import_argocd, read_objects, tell

    there: Managed | None = None
    if given:
        objects = [each for path in given for each in read_objects(path, _read(call.folder, path))]
    else:
        there = managed(call.config, call.environ, namespace)
        objects = [*there.objects]
    made, passed_over = import_argocd(objects)
    texts = {each.path: _text(each) for each in made}
    told = tell([(each.kind, each.path, texts[each.path].encode()) for each in made], reached(call.config, call.environ))
    folder = os.path.join(call.folder, output) if output is not None else None
    files = [
        File(imported=each, text=texts[each.path], told=told[each.path], state=_state(folder, each.path, texts[each.path])) for each in made
    ]
    written = _write(folder, files, force=force) if folder is not None and not dry_run else []
    data: dict[str, Any] = {
        "files": [each.to_json() for each in files],
        "controllers": [_shown(each) for each in there.controllers] if there is not None else [],
        "passed_over": list(passed_over),
        "written": written,
    }
    warnings = [plain(line) for line in (*_warnings(files), *(f"passed over: {each}" for each in passed_over), *_masters(there, namespace))]
    call.terminal.answer("ImportedArgoCD", data, lambda: _lines(files, written, folder, dry_run=dry_run), warnings)
    if call.terminal.is_text:
        refused = sum(bool(each.told.problems) for each in files)
        more = f", {count(refused, 'of them')} cannot be followed yet" if refused else ""
        call.terminal.note(f"{count(len(files), 'file')}{more}")
    return 0


def _read(folder: str, path: str) -> bytes:
    try:
        with open(os.path.join(folder, path), "rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError("HF8059", f"cannot read {path}: {(error.strerror or '').lower()}", where=[Where(path=path)]) from error


def _text(it: ImportedObject) -> str:
    import yaml

    class Dumper(yaml.SafeDumper):
        """Text of several lines as people write it."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    above = "".join(f"# {' '.join(line.split())}\n" for line in _above(it))
    return above + yaml.dump(it.manifest, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)


def _above(it: ImportedObject) -> Iterator[str]:
    yield from (f"Left out, since it looks like a secret: {each}." for each in it.flagged)


def _state(folder: str | None, path: str, text: str) -> str | None:
    if folder is None:
        return None
    try:
        with open(os.path.join(folder, path), "rb") as file:
            return "same" if file.read(LARGEST) == text.encode() else "changed"
    except FileNotFoundError:
        return "new"
    except OSError:
        return "changed"


def _write(folder: str, files: Sequence[File], *, force: bool) -> list[str]:
    """Write what is not there as it should be; Refused (HF8060) before anything is written where a file says something else."""
    if not force and (other := next((each for each in files if each.state == "changed"), None)) is not None:
        path = os.path.join(folder, other.path)
        hint = "--force overwrites it, --output chooses another folder, --dry-run shows what would be written"
        raise Refused("HF8060", f"cannot write {path}: it is there already, and says something else", hint=hint)
    try:
        os.makedirs(folder, exist_ok=True)
        return [_replace(os.path.join(folder, each.path), each.text) for each in files if each.state != "same"]
    except OSError as error:
        raise HoldfastError("HF8059", f"cannot write {error.filename}: {(error.strerror or '').lower()}") from error


def _replace(path: str, text: str) -> str:
    """Write a file whole or not at all; a link is replaced, not followed."""
    beside = f"{path}.{os.getpid()}.new"
    try:
        with open(beside, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except OSError:
        with suppress(OSError):
            os.unlink(beside)
        raise
    return path


def _warnings(files: Sequence[File]) -> Iterator[str]:
    for file in files:
        it = file.imported
        yield from (f"{it}: {each}" for each in it.left)
        yield from (f"{it}: {each} looks like a secret: its value was left out" for each in it.flagged)
        yield from file.told.warnings
        for each in file.told.problems:
            where = f" ({each.where[0].path}:{each.where[0].line})" if each.where else ""
            yield f"{each.message}{where}" + (f"; {each.hint}" if each.hint else "")


def _masters(there: Managed | None, namespace: str) -> Iterator[str]:
    """Say whether Argo CD still keeps what Holdfast is about to keep."""
    stop = f"kubectl -n {namespace} scale statefulset argocd-application-controller --replicas=0"
    before = "stop it before `holdfast up`, or two keep the same objects"
    if there is None:
        yield f"whether Argo CD's controller runs was not looked at; {before}: {stop}"
    elif there.unknown:
        yield f"whether Argo CD's controller runs is not known: {there.unknown}; {before}: {stop}"
    elif not there.controllers:
        yield f"no controller of Argo CD was found in namespace {namespace}; where it runs elsewhere, {before}"
    else:
        for each in there.controllers:
            if not each.is_stopped:
                runs = count(max(each.wanted, each.running), "replica")
                yield f"Argo CD's controller runs: {each.kind} {each.namespace}/{each.name}, {runs}; {before}: {each.stop}"


def _shown(controller: Any) -> Mapping[str, Any]:
    names = ("kind", "namespace", "name", "wanted", "running")
    return {**{name: getattr(controller, name) for name in names}, "stopped": controller.is_stopped, "stop": controller.stop}


def _lines(files: Sequence[File], written: Sequence[str], folder: str | None, *, dry_run: bool) -> Iterator[str]:
    if folder is None:
        yield from "---\n".join(each.text for each in files).splitlines() or ["# there is no Application and no project"]
        return
    if dry_run:
        words = {"new": "would be written", "same": "is there as it should be", "changed": "is there, and says something else: --force"}
        yield from (f"{os.path.join(folder, each.path)} {words[each.state or 'new']}" for each in files)
        return
    yield from (f"wrote {path}" for path in written)
    yield from (f"{os.path.join(folder, each.path)} is there as it should be" for each in files if each.state == "same")
