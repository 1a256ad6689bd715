"""Write docs/reference/cli.md, exit-codes.md and errors.md from the commands, the error tree and the catalogue.

`.venv/bin/python tools/reference_cli.py`. Running it again changes nothing; tests/docs/test_cli_reference.py fails when the pages are not
what this would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from holdfast.cli.commands import SECTIONS
from holdfast.cli.explain import catalogue
from holdfast.cli.page import EXITS, Page, common
from holdfast.cli.root import PROGRAM, root
from holdfast.errors import EngineError, HoldfastError

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTE = "`tools/reference_cli.py` writes this page; do not edit it by hand."

COMMANDS_INTRODUCTION = f"""# Commands

{NOTE} The same text is on each command's own page: `holdfast COMMAND --help`.

Data goes to stdout and everything else to stderr. With `--json` stdout is exactly one document
`{{"apiVersion": "holdfast.dev/v1", "kind": …, "data": …, "warnings": []}}`, for errors too (kind `Error`), and the
[exit code](exit-codes.md) tells the same. Streams take `--jsonl`: one document a line, an error as the last. Colour is for terminals only
and off with `NO_COLOR`; nobody is asked anything without a terminal.
"""

EXITS_INTRODUCTION = f"""# Exit codes

{NOTE} A command says on its own page what a code means there.

| code | meaning |
|---|---|
"""

CLASSES = """
An error leaves with the code of its class, whoever found it. The daemon tells the class by its HTTP status, and the command line leaves as
if it had found the error itself.

| class | exit code | tried again |
|---|---|---|
"""

ERRORS_INTRODUCTION = f"""# Errors

{NOTE} `holdfast explain CODE` says the same, and with `--json` for programs.
"""


def pages() -> dict[Path, str]:
    """Return every page and its text."""
    made = {"cli.md": commands_page(), "exit-codes.md": exits_page(), "errors.md": errors_page()}
    return {REFERENCE / name: "\n".join(lines).rstrip() + "\n" for name, lines in made.items()}


def commands_page() -> Iterator[str]:
    yield COMMANDS_INTRODUCTION
    for section, commands in SECTIONS.items():
        yield f"- {section}: " + ", ".join(link(name) for name in commands)
    yield from ("", "Every command has these options; they may stand before its name too.", "", *options(common()), "")
    for commands in SECTIONS.values():
        for name in commands:
            yield from command_lines(page_of(name))


def page_of(name: str) -> Page:
    found: click.Command | None = root()
    for word in name.split():
        assert isinstance(found, click.Group), name
        found = found.get_command(click.Context(found), word)
    assert isinstance(found, Page), name
    return found


def link(name: str) -> str:
    return f"[{name}](#holdfast-{name.replace(' ', '-')})"


def command_lines(command: Page) -> Iterator[str]:
    ctx = click.Context(command, info_name=f"{PROGRAM} {command.name}")
    yield from (f"## {PROGRAM} {command.name}", "", f"{command.summary}.", "")
    yield from ("```", " ".join([f"{PROGRAM} {command.name}", *command.collect_usage_pieces(ctx)]), "```", "")
    for paragraph in (command.help or "").split("\n\n"):
        yield from (" ".join(paragraph.split()), "")
    yield f"Document: `{command.document}`."
    own = [option for option in command.params if isinstance(option, click.Option) and option.name not in {each.name for each in common()}]
    if own:
        yield from ("", *options(own))
    yield from ("", "| example | what for |", "|---|---|")
    yield from (f"| `{escaped(line)}` | {escaped(words)} |" for line, words in command.examples)
    yield from ("", "| exit code | meaning |", "|---|---|")
    yield from (f"| {code} | {escaped(words)} |" for code, words in command.exits.items())
    if command.see:
        yield from ("", "See also " + ", ".join(link(name) for name in command.see) + ".")
    yield ""


def options(found: list[click.Option] | tuple[click.Option, ...]) -> Iterator[str]:
    yield "| option | what |"
    yield "|---|---|"
    for option in found:
        names = ", ".join(sorted([*option.opts, *option.secondary_opts], key=len))
        metavar = f" {option.metavar}" if option.metavar else ""
        default = f" Default {option.default}." if option.show_default else ""
        yield f"| `{escaped(names + metavar)}` | {escaped(option.help or '')}{default} |"


def exits_page() -> Iterator[str]:
    yield EXITS_INTRODUCTION + "\n".join(f"| {code} | {words} |" for code, words in EXITS.items())
    yield CLASSES + "\n".join(
        f"| `{kind.__name__}` | {'as its kind' if kind is EngineError else kind.exit_code} | {kind.retry.value} |" for kind in tree()
    )


def tree() -> Iterator[type[HoldfastError]]:
    """Yield the classes of errors.py, as its tree stands."""
    for kind in HoldfastError.__subclasses__():
        if kind.__module__ == HoldfastError.__module__:
            yield kind
            yield from (each for each in kind.__subclasses__() if each.__module__ == HoldfastError.__module__)


def errors_page() -> Iterator[str]:
    yield ERRORS_INTRODUCTION
    for code, it in catalogue().items():
        yield from (f"## {code}: {it.title}", "", f"{it.meaning} *Cause:* {it.cause} *Next:* {it.next_step}", "")


def escaped(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    for path, text in pages().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
