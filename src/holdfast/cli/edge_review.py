"""`holdfast edge review`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import click

from holdfast.cli.call import Call
from holdfast.cli.ink import Ink, plain
from holdfast.cli.nginx_files import read_files, rewrite, texts
from holdfast.cli.nginx_program import capability, nginx_options
from holdfast.cli.page import page
from holdfast.cli.words import count
from holdfast.edge.review import Finding, review
from holdfast.edge.review_mend import mended
from holdfast.edge.review_subject import Severity

FINDINGS = 5
"""Exit code."""
COLOURS: Mapping[Severity, Sequence[str]] = MappingProxyType(
    {Severity.HIGH: ("red", "bold"), Severity.MEDIUM: ("red",), Severity.LOW: ("yellow",), Severity.INFO: ("blue",)}
)


@page(
    "edge review",
    document="Findings",
    examples=(
        ("holdfast edge review app.conf", "What is weak in a file, why, and the patch that mends it."),
        ("holdfast edge review /etc/nginx", "The whole configuration of this host, with all that it includes."),
        ("holdfast edge review app.conf --nginx 1.30.4 --json", "What a newer nginx would make of it, for a program."),
        ("holdfast edge review app.conf --fix", "Write every patch into the file; what no patch mends is shown."),
    ),
    exits={0: "nothing was found", 1: "nginx could not read a file", 5: "there are findings"},
    see=("edge explain", "edge diff", "edge fmt"),
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@nginx_options
@click.option("--rule", "rules", multiple=True, metavar="RULE", help="Look for this rule only; may be given more than once.")
@click.option("--fix", "is_fix", is_flag=True, help="Write the patches into the files, and show what is left.")
@click.pass_obj
def command(call: Call, files: tuple[str, ...], version: str | None, program: str | None, rules: tuple[str, ...], is_fix: bool) -> int:
    """Look for weaknesses in nginx files: what is weak, in which line, why, how bad it is, and where one is known the patch that mends it.

    FILE is a file, or a folder: then its nginx.conf, else every file in it that ends with .conf. What a file includes is looked at where
    it is included, as far as it lies in the folders that were named. A finding depends on the nginx that runs, by default the one of this
    host: what it cannot do, or does by itself, is not asked of the file. Patches are for `patch -p0`; nothing is written without --fix.

    Document: Findings {findings[] {rule, severity, file, line, message, fix}, nginx, fixed[]}.
    """
    able = capability(call, version, program)
    found = read_files(call.folder, files)
    wanted = frozenset(rules) or None
    fixed: list[str] = []
    if is_fix:
        shown = {path: name for path, name, _ in texts(found)}
        for path, new in mended(found.configs, able, wanted).items():
            rewrite(path, new)
            fixed.append(shown[path])
        found = read_files(call.folder, files)
    findings = [each for each in review(found.configs, able) if wanted is None or each.rule in wanted]
    data = {"findings": [each.to_json() for each in findings], "nginx": None if able is None else str(able), "fixed": sorted(fixed)}
    call.terminal.answer("Findings", data, lambda: _lines(findings, sorted(fixed), data["nginx"], call.terminal.ink), found.warnings)
    return FINDINGS if findings else 0


def _lines(findings: Sequence[Finding], fixed: Sequence[str], nginx: object, ink: Ink) -> Iterator[str]:
    yield from (f"wrote {path}" for path in fixed)
    for each in findings:
        yield f"{ink.heading(f'{plain(each.file)}:{each.line}')}  {ink.paint(each.severity.value, *COLOURS[each.severity])}  {each.rule}"
        yield f"  {plain(each.message)}"
        yield from (f"  {_painted(line, ink)}" for line in (each.fix or "").splitlines())
        yield ""
    judged = f"for {nginx}" if nginx else "for every nginx"
    if not findings:
        yield f"nothing was found, {judged}"
        return
    counts = Counter(each.severity for each in findings)
    yield f"{count(len(findings), 'finding')} {judged}: {', '.join(f'{counts[each]} {each.value}' for each in Severity if counts[each])}"


def _painted(line: str, ink: Ink) -> str:
    if line.startswith(("---", "+++", "@@")):
        return ink.paint(line, "dim")
    colour = {"+": ("green",), "-": ("red",)}.get(line[:1], ())
    return ink.paint(line, *colour)
