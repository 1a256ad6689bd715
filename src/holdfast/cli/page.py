"""Page: a command whose help is its manual page. One source for `--help`, the reference and completion.

A command module says `@page(...)` above its options; its function's docstring is the description, and it returns the exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import click
from click.shell_completion import CompletionItem

from holdfast.cli.call import Call
from holdfast.cli.commands import COMMANDS
from holdfast.cli.terminal import Form
from holdfast.errors import HoldfastError

F = TypeVar("F", bound=Callable[..., Any])
Examples: TypeAlias = Sequence[tuple[str, str]]
"""Command line and what it is for."""

EXITS: Mapping[int, str] = MappingProxyType(
    {
        0: "done, or nothing to do",
        1: "failed",
        2: "changes are pending",
        3: "degraded, or pinned after a rollback",
        4: "sign-in needed",
        5: "refused: policy, or a person, said no",
        64: "the command line or the configuration is wrong",
        70: "a defect of Holdfast",
        75: "temporary: no answer, busy, or the time limit",
        130: "interrupted",
    }
)
"""What every exit code means (architecture.md §5); a command may say it more exactly."""
ALWAYS = (0, 64, 70, 130)
WIDTH = 100


class Page(click.Command):
    """A command that explains itself in whole."""

    def __init__(
        self, *args: Any, examples: Examples, exits: Mapping[int, str | None], see: Sequence[str], summary: str, document: str, **extra: Any
    ) -> None:
        super().__init__(*args, **extra)
        self.examples = examples
        self.exits = {code: words or EXITS[code] for code, words in sorted({**dict.fromkeys(ALWAYS), **exits}.items())}
        self.see = see
        self.summary = summary
        self.document = document
        """The `kind` that `--json` answers with."""

    def get_short_help_str(self, limit: int = 45) -> str:
        return self.summary

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback, option.help = show_help, "Show this page."
        return option

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"{ctx.command_path}: {self.summary}\n\n")
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_options(ctx, formatter)
        with formatter.section("Examples"):
            for line, words in self.examples:
                formatter.write_text(f"$ {line}")
                with formatter.indentation():
                    formatter.write_text(words)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), words) for code, words in self.exits.items()])
        if self.see:
            with formatter.section("See also"):
                formatter.write_text(", ".join(f"holdfast {name}" for name in self.see))


def show_help(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    """Answer `--help`, as a document where one is asked for."""
    if not value or ctx.resilient_parsing:
        return
    text = ctx.get_help()
    call = ctx.find_object(Call)
    if call is None or call.terminal.is_text:
        click.echo(text)
    else:
        call.terminal.document("Help", {"command": ctx.command_path, "text": text})
    ctx.exit(0)


def page(
    name: str,
    *,
    document: str,
    examples: Examples,
    exits: Mapping[int, str | None] = MappingProxyType({}),
    see: Sequence[str] = (),
    summary: str | None = None,
) -> Callable[[Callable[..., int]], Page]:
    """Return a decorator that makes a function a command. `exits` names the codes beside those that every command has."""

    def decorate(function: Callable[..., int]) -> Page:
        build = click.command(
            name,
            cls=Page,
            document=document,
            examples=examples,
            exits=exits,
            see=see,
            summary=summary or COMMANDS[name],
            context_settings=SETTINGS,
        )
        made = build(function)
        assert isinstance(made, Page)
        made.params.extend(common())
        return made

    return decorate


SETTINGS: Mapping[str, Any] = MappingProxyType({"max_content_width": WIDTH, "help_option_names": ["-h", "--help"]})


# Options that every command has; they may stand before the command's name too


def common() -> tuple[click.Option, ...]:
    return (
        click.Option(["--state"], metavar="DIR", expose_value=False, callback=_state, help="The state folder."),
        click.Option(["--json"], is_flag=True, expose_value=False, callback=_json, help="Answer with one JSON document on stdout."),
        click.Option(["--quiet", "-q"], is_flag=True, expose_value=False, callback=_quiet, help="Tell no progress."),
        click.Option(["--no-color"], is_flag=True, expose_value=False, callback=_no_color, help="Use no colours (as NO_COLOR)."),
    )


def _json(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and (call := ctx.find_object(Call)):
        call.terminal.form = Form.JSON


def _state(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value is not None and (call := ctx.find_object(Call)):
        call.state = value


def _quiet(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and (call := ctx.find_object(Call)):
        call.terminal.is_quiet = True


def _no_color(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and (call := ctx.find_object(Call)):
        call.terminal.is_colour_off = True


def _lines(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and (call := ctx.find_object(Call)):
        call.terminal.form = Form.LINES


def jsonl(function: F) -> F:
    """Give a command that streams its `--jsonl`."""
    return click.option("--jsonl", is_flag=True, expose_value=False, callback=_lines, help="Answer with one JSON document a line.")(
        function
    )


def application(is_required: bool = True) -> Callable[[F], F]:
    """Give a command its APPLICATION, completed by what the daemon knows."""
    return click.argument("application", required=is_required, shell_complete=complete_application)


def certificate(function: F) -> F:
    """Give a command its CERTIFICATE, completed by what the daemon knows."""
    return click.argument("certificate", shell_complete=complete_certificate)(function)


def files(function: F) -> F:
    """Give a command `-f FILE`, once or more."""
    return click.option(
        "--file",
        "-f",
        "files",
        multiple=True,
        metavar="FILE",
        type=click.Path(),
        help="An Application file; may be given more than once.",
    )(function)


def resources(function: F) -> F:
    """Give a command `--resource`, once or more."""
    return click.option(
        "--resource",
        "resources",
        multiple=True,
        metavar="[!]RESOURCE",
        help="Only this: GROUP:KIND:[NAMESPACE/]NAME as Argo CD has it, `*` for any, or an id such as Process/shop/web; `!` excludes. "
        "May be given more than once.",
    )(function)


def revision(function: F) -> F:
    return click.option(
        "--revision",
        "-r",
        metavar="REVISION",
        help="Look at this branch, tag or commit instead of what the file names; "
        "of several sources the first is meant, or another as NAME=REVISION.",
    )(function)


def complete_application(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of Applications that begin so. Pressing TAB never fails, so without a daemon there are none."""
    call = ctx.find_object(Call)
    if call is None:
        return []
    try:
        told = call.client.get("/v1/status")["data"]["applications"]
    except HoldfastError:
        return []
    return [CompletionItem(each["name"], help=f"{each['sync']}, {each['health']}") for each in told if each["name"].startswith(incomplete)]


def complete_certificate(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the ids and hosts of Certificates that begin so, as `complete_application` does."""
    call = ctx.find_object(Call)
    if call is None:
        return []
    try:
        told = call.client.get("/v1/certificates")["data"]["certificates"]
    except HoldfastError:
        return []
    names = {name: each["id"] for each in told for name in (*each["hosts"], each["id"])}
    return [CompletionItem(name, help=id) for name, id in names.items() if name.startswith(incomplete)]
