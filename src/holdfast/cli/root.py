"""The root of the command line: finds a command by its name, imports its module only then, and turns click's errors into ours."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem, shell_complete

from holdfast import __version__
from holdfast.cli.call import Call
from holdfast.cli.commands import COMMANDS, GROUPS, SECTIONS, module_of
from holdfast.cli.failure import interrupted
from holdfast.cli.page import SETTINGS, common, show_help
from holdfast.errors import UsageError
from holdfast.kit.suggest import did_you_mean

PROGRAM = "holdfast"
COMPLETE = "_HOLDFAST_COMPLETE"
"""Set by completion scripts: words are completed, nothing is run."""
TITLE = "Git is the only way to change production, and Holdfast holds it to that."
FIRST_STEPS = (
    ("holdfast demo", "see the whole story on this machine"),
    ("holdfast init", "write application.yaml for the repository in this folder"),
    ("holdfast up -f application.yaml", "run it; Ctrl-C leaves the processes running"),
    ("holdfast status", "what is synced, healthy and proven"),
)


class Commands(click.Group):
    """Commands that share their first words, each loaded when it is called."""

    words: str = ""
    """What stands before their names, with a blank at its end: nothing, or the word of a group."""

    def names(self) -> dict[str, str]:
        """Return the next word of each, with its summary."""
        found = {name.removeprefix(self.words): summary for name, summary in COMMANDS.items() if name.startswith(self.words)}
        return {name.split()[0]: GROUPS.get(name.split()[0], summary) if " " in name else summary for name, summary in found.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = self.words + cmd_name
        if name in GROUPS:
            return group(name)
        if name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(module_of(name)).command
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.names() and not ctx.resilient_parsing:
            guess = did_you_mean(args[0], self.names())
            program = f"{PROGRAM} {self.words}".strip()
            hint = f"did you mean `{program} {guess}`?" if guess else f"`{program} --help` lists the commands"
            raise UsageError("HF8002", f"cannot run {self.words + args[0]!r}: there is no such command", hint=hint)
        return super().resolve_command(ctx, args)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.callback, option.help = show_help, "Show this page."
        return option

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"{ctx.command_path}: {GROUPS[self.words.strip()]}\n\n")
        self.format_usage(ctx, formatter)
        with formatter.section("Commands"):
            formatter.write_dl(list(self.names().items()))
        click.Command.format_options(self, ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(f"`{ctx.command_path} COMMAND --help` is the page of a command.")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return commands and options that begin so, without importing a command."""
        found = [CompletionItem(name, help=summary) for name, summary in self.names().items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)


class Root(Commands):
    """All commands."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"{TITLE}\n\n")
        self.format_usage(ctx, formatter)
        with formatter.section("First steps"):
            formatter.write_dl(FIRST_STEPS)
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))
        click.Command.format_options(self, ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(
            f"`{PROGRAM} COMMAND --help` is the page of a command; `{PROGRAM} explain CODE` explains an error. Exit codes: 0 done, "
            "1 failed, 2 changes pending, 3 degraded, 5 refused, 64 usage, 75 temporary, 130 interrupted."
        )


def root() -> Root:
    """Return the whole command line."""
    made = Root(PROGRAM, no_args_is_help=False, invoke_without_command=True, context_settings=SETTINGS, callback=_without_command)
    made.params.extend(common())
    made.params.append(click.Option(["--version", "-V"], is_flag=True, expose_value=False, callback=_version, help="Show the version."))
    return made


def group(word: str) -> Commands:
    """Return the commands of a group."""
    made = Commands(word, no_args_is_help=False, invoke_without_command=True, context_settings=SETTINGS, callback=_without_command)
    made.words = f"{word} "
    made.params.extend(common())
    return made


@click.pass_context
def _without_command(ctx: click.Context) -> None:
    call = ctx.find_object(Call)
    if ctx.invoked_subcommand is not None or call is None:
        return
    if not call.terminal.is_text:
        raise UsageError("HF8001", "cannot read the command line: a command is missing", hint=f"{ctx.command_path} --help")
    click.echo(ctx.get_help())


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    call = ctx.find_object(Call)
    if call is not None:
        call.terminal.answer("Version", {"version": __version__}, lambda: [f"{PROGRAM} {__version__}"])
    ctx.exit(0)


def invoke(words: Sequence[str], call: Call) -> int:
    """Run the command that `words` name and return its exit code."""
    program = root()
    if instruction := call.environ.get(COMPLETE):
        return shell_complete(program, {"obj": call}, PROGRAM, COMPLETE, instruction)
    arguments = [*words[1:], "--help"] if list(words[:1]) == ["help"] else list(words)
    try:
        with program.make_context(PROGRAM, arguments, obj=call) as ctx:  # not click's main: it would end the process by itself
            code: Any = program.invoke(ctx)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.UsageError as error:
        raise _usage(error) from error
    except click.Abort:
        raise interrupted() from None
    except click.ClickException as error:
        raise UsageError("HF8001", f"cannot read the command line: {_lower(error.format_message())}") from error
    return code if isinstance(code, int) else 0


def _usage(error: click.exceptions.UsageError) -> UsageError:
    path = error.ctx.command_path if error.ctx is not None else PROGRAM
    hint = f"{path} --help"
    message = _lower(error.format_message())
    if isinstance(error, click.NoSuchOption):
        message = f"there is no option {error.option_name}"
        hint = f"did you mean {near}?" if (near := did_you_mean(error.option_name, error.possibilities or ())) else hint
    return UsageError("HF8001", f"cannot read the command line: {message}", hint=hint)


def _lower(sentence: str) -> str:
    """Return click's sentence as the end of one of ours."""
    words = re.sub(r"\s+", " ", sentence).strip().rstrip(".")
    return words[:1].lower() + words[1:]
