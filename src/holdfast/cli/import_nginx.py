"""`holdfast import nginx`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import plain
from holdfast.cli.nginx_files import read_files
from holdfast.cli.nginx_program import capability, nginx_options
from holdfast.cli.page import page
from holdfast.cli.words import count
from holdfast.cli.yaml_text import document
from holdfast.declare.schema import encode
from holdfast.edge.certificate_spec import CertificateSpec
from holdfast.edge.edge_spec import EdgeSpec
from holdfast.edge.import_nginx import import_nginx
from holdfast.edge.import_result import Imported, ImportedSite, Left, Remark
from holdfast.edge.site_spec import SiteSpec
from holdfast.edge.write import show
from holdfast.errors import HoldfastError, Refused, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the repository to be."""

    name: str
    kind: str
    """`Edge`, `Certificate`, `Site`, or `nginx` for what stays as it was."""
    title: str
    text: str
    remarks: tuple[Remark, ...]


@page(
    "import nginx",
    document="Import",
    examples=(
        ("holdfast import nginx app.conf", "Print the Sites that answer as the file does."),
        ("holdfast import nginx /etc/nginx --output edge/", "Write those of a whole host into a folder of a repository."),
        ("holdfast import nginx site.conf --files /var/www/shop=public", "Its files are in the repository, at public."),
    ),
    exits={
        0: "done; what stays as it was is named",
        1: "nginx could not read a file, or a file could not be written",
        5: "a file is there already",
    },
    see=("edge review", "edge diff", "edge render"),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--output", "-o", metavar="DIR", type=click.Path(), help="Write a file for each Site into this folder; without it all is printed."
)
@click.option(
    "--files", "folders", multiple=True, metavar="FOLDER=PATH", help="The files of this folder of the host are at PATH of the repository."
)
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="A host of a server that has no name; may be given more than once.")
@nginx_options
@click.pass_obj
def command(
    call: Call,
    files: tuple[str, ...],
    output: str | None,
    folders: tuple[str, ...],
    hosts: tuple[str, ...],
    version: str | None,
    program: str | None,
) -> int:
    """Turn nginx files into Sites that answer alike and mend what `holdfast edge review` finds.

    FILE is a file, or a folder: nginx's own, one that certbot has written into, or the data of Nginx Proxy Manager. Each Site says what is
    otherwise now: what was found and is mended, and the little that a Site does in its own way. A server that cannot be said whole stays
    as it was, in a file of its own with every reason. Nothing is overwritten, and nothing on this host is changed.

    Passwords and keys stay where they are: Sites name secrets, and what file each must be made of is told. Certificates of certbot are
    taken over as they are. Document: Import {files[] {name, kind, title, text, remarks[]}, secrets[] {name, path}, notes[], written[]}.
    """
    able = capability(call, version, program)
    found = read_files(call.folder, files)
    it = import_nginx(found.configs, able, folders=dict(map(_folder, folders)), hosts=hosts)
    made = tuple(documents(it))
    written = _write(os.path.join(call.folder, output), made) if output is not None else []
    data: dict[str, Any] = {
        "files": [{**_shown(each), "remarks": [remark.to_json() for remark in each.remarks]} for each in made],
        "secrets": [{"name": each.name, "path": each.path} for each in it.secrets],
        "notes": [each.to_json() for each in it.notes],
        "written": written,
    }
    warnings = [f"{each.title} stays as it was: {_reasons(each)}" for each in made if each.kind == "nginx"]
    call.terminal.answer("Import", data, lambda: _lines(made, written, output), warnings)
    if call.terminal.is_text:
        for line in _told(it):
            call.terminal.note(line)
    return 0


def _folder(text: str) -> tuple[str, str]:
    folder, sign, path = text.partition("=")
    if not sign or not folder.startswith("/") or path.startswith(("/", "..")):
        hint = "write --files /var/www/shop=public: a folder of the host, and where its files are in the repository"
        raise UsageError("HF8001", f"cannot read --files {text!r}", hint=hint)
    return folder, path or "."


def _shown(each: File) -> dict[str, Any]:
    return {"name": each.name, "kind": each.kind, "title": each.title, "text": each.text}


def documents(it: Imported) -> Iterator[File]:
    """Yield the files of the repository to be."""
    if it.edge is not None:
        yield File(name="edge.yaml", kind="Edge", title="edge", text=document("Edge", "edge", _spec(EdgeSpec, it.edge)), remarks=())
    for name, certificate in it.certificates:
        text = document("Certificate", name, _spec(CertificateSpec, certificate))
        yield File(name=f"certificate-{name}.yaml", kind="Certificate", title=name, text=text, remarks=())
    for site in it.sites:
        text = document("Site", site.name, _spec(SiteSpec, site.spec), tuple(_comments(site)))
        yield File(name=f"{site.name}.yaml", kind="Site", title=site.name, text=text, remarks=site.changes)
    for left in it.left:
        yield File(name=f"{left.name}.conf", kind="nginx", title=left.name, text="".join(_raw(left)), remarks=left.reasons)


def _spec(spec_type: type[Any], spec: Any) -> dict[str, Any]:
    encoded: Any = encode(spec_type, spec)
    found: dict[str, Any] = encoded
    return found


def _comments(site: ImportedSite) -> Iterator[str]:
    yield (
        f"Made of {site.where}. Requests are answered alike, but:"
        if site.changes
        else f"Made of {site.where}. Requests are answered alike."
    )
    for rule in dict.fromkeys(each.rule for each in site.changes):
        yield f"- {rule}: {'; '.join(dict.fromkeys(each.message for each in site.changes if each.rule == rule))}"


def _raw(left: Left) -> Iterator[str]:
    yield "# Stays as it was:\n"
    for each in left.reasons:
        yield f"# - {each.where}: {' '.join(each.message.split())}\n"
    for directive in left.directives:
        spelling = directive.spelling
        is_whole = spelling is not None and "include" not in {each.name for each in directive.block or ()}
        yield "\n"
        yield f"{spelling.file.text[spelling.at : spelling.end]}\n" if spelling is not None and is_whole else show([directive])


def _reasons(file: File) -> str:
    return "; ".join(f"{each.message} ({each.where})" for each in file.remarks)


def _lines(files: Sequence[File], written: Sequence[str], output: str | None) -> Iterator[str]:
    if output is not None:
        yield from (f"wrote {path}" for path in written)
        return
    texts = [each.text for each in files if each.kind != "nginx"]
    yield from "---\n".join(texts).splitlines()


def _told(it: Imported) -> Iterator[str]:
    kept = f", {len(it.left)} stay{'s' if len(it.left) == 1 else ''} as {'it was' if len(it.left) == 1 else 'they were'}" if it.left else ""
    yield f"{count(len(it.sites), 'Site')}{kept}"
    for each in it.notes:
        yield f"note: {plain(each.message)}" + (f" ({plain(str(each.where))})" if each.where is not None else "")
    for secret in it.secrets:
        yield f"secret {plain(secret.name)}: copy {plain(secret.path)} to secrets/{plain(secret.name)} of the state folder"


def _write(folder: str, files: Sequence[File]) -> list[str]:
    """Write files into a folder; Refused (HF8031) before anything is written where one is there."""
    paths = [os.path.join(folder, each.name) for each in files]
    for path in paths:
        if os.path.lexists(path):
            raise Refused("HF8031", f"cannot write {path}: it is there already", hint="remove it, or choose another folder with --output")
    try:
        os.makedirs(folder, exist_ok=True)
        for path, each in zip(paths, files, strict=True):
            with open(path, "x", encoding="utf-8", errors="surrogateescape") as file:
                file.write(each.text)
    except OSError as error:
        raise HoldfastError("HF8032", f"cannot write {error.filename}: {(error.strerror or '').lower()}") from error
    return paths
